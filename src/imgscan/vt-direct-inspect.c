// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What each file system is for, by the files that are in it, and who mounts it.
 */
#include <string.h>

#include "vt-direct-inspect-private.h"

/* Largest configuration file, in bytes. Larger ones are not usual, whoever made them. */
#define FILE_SIZE_MAX ((gsize)64 * 1024)

typedef enum {
  ROLE_OTHER,
  ROLE_LINUX_ROOT,
  ROLE_REFUSED,
} Role;

gboolean
vt_inspect_refuse (char **why, const char *text)
{
  *why = g_strdup (text);
  return FALSE;
}

void
vt_inspection_free (VtInspection *self)
{
  for (guint i = 0; i < self->n_claims; i++) {
    g_free (self->claims[i].mountpoint);
    g_free (self->claims[i].os);
  }
  g_free (self->claims);
  g_ptr_array_unref (self->systems);
  g_free (self);
}

gboolean
vt_inspect_is_own_file (const VtInspectContext *self, gpointer fs, const char *path)
{
  g_autofree char *target = self->reader->read_link (fs, path);

  return target == NULL && self->reader->is_file (fs, path);
}

static gboolean
is_own_dir (const VtInspectContext *self, gpointer fs, const char *path)
{
  g_autofree char *target = self->reader->read_link (fs, path);

  return target == NULL && self->reader->is_dir (fs, path);
}

static gboolean
is_text (const char *bytes, gsize n)
{
  for (gsize i = 0; i < n; i++)
    if ((guchar)bytes[i] == 0x7f || ((guchar)bytes[i] < 0x20 && strchr ("\n\t", bytes[i]) == NULL))
      return FALSE;
  return memchr (bytes, '\0', n) == NULL && g_utf8_validate (bytes, (gssize)n, NULL);
}

gboolean
vt_inspect_read_lines (
    const VtInspectContext *self, gpointer fs, const char *path, GStrv *lines, char **why)
{
  g_autoptr (GBytes) data = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  gsize n;

  *lines = NULL;
  if (!self->reader->is_file (fs, path))
    return TRUE;
  if (!self->reader->read_small (fs, path, FILE_SIZE_MAX + 1, &data, &error)) {
    *why = g_strdup_printf ("%s: %s", path, error->message);
    return FALSE;
  }
  n = g_bytes_get_size (data);
  text = g_strndup (n > 0 ? g_bytes_get_data (data, NULL) : "", n);
  if (n > FILE_SIZE_MAX || !is_text (text, n)) {
    *why = g_strdup_printf ("%s: large, or not plain text", path);
    return FALSE;
  }
  *lines = g_strsplit (text, "\n", -1);
  return TRUE;
}

/*
 * Files by which libguestfs takes a file system for the root of something else, whose description
 * is left to it; also separate /usr file systems, which it merges with their root. Windows and DOS
 * it looks for without regard to case: their directories are met in these spellings.
 */
static gboolean
is_foreign (const VtInspectContext *self, gpointer fs)
{
  static const char *const files[] = {
      "/etc/freebsd-update.conf", "/netbsd",   "/bsd",      "/hurd/console", "/service/vm",
      "/etc/coreos/update.conf",  "/boot.ini", "/BOOT.INI",
  };
  static const char *const directories[] = {
      "/windows", "/Windows", "/WINDOWS", "/winnt",   "/WINNT",   "/WinNT",   "/win32",
      "/Win32",   "/WIN32",   "/win",     "/Win",     "/WIN",     "/fdos",    "/FDOS",
      "/dos",     "/DOS",     "/Dos",     "/reactos", "/ReactOS", "/REACTOS", "/share/coreos",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    if (self->reader->is_file (fs, files[i]))
      return TRUE;
  for (gsize i = 0; i < G_N_ELEMENTS (directories); i++)
    if (self->reader->is_dir (fs, directories[i]))
      return TRUE;
  return self->reader->is_dir (fs, "/bin") && self->reader->is_dir (fs, "/share") &&
         (self->reader->is_dir (fs, "/local") || self->reader->is_dir (fs, "/src"));
}

static Role
find_role (const VtInspectContext *self, gpointer fs)
{
  g_autofree char *bin = self->reader->read_link (fs, "/bin");

  if (vt_inspect_is_own_file (self, fs, "/grub/menu.lst") ||
      vt_inspect_is_own_file (self, fs, "/grub/grub.conf") ||
      vt_inspect_is_own_file (self, fs, "/grub2/grub.cfg"))
    return ROLE_OTHER;
  if (is_foreign (self, fs))
    return ROLE_REFUSED;
  if (is_own_dir (self, fs, "/etc") &&
      (bin != NULL ? g_str_equal (bin, "usr/bin") : self->reader->is_dir (fs, "/bin")) &&
      (vt_inspect_is_own_file (self, fs, "/etc/fstab") ||
       vt_inspect_is_own_file (self, fs, "/etc/hosts")))
    return ROLE_LINUX_ROOT;
  return ROLE_OTHER;
}

static void
claim (const VtInspectContext *self,
       VtInspection *inspection,
       const char *device,
       const char *mountpoint,
       const VtOperatingSystem *system)
{
  for (guint i = 0; i < self->n_inputs; i++) {
    VtInspectClaim *claimed = &inspection->claims[i];

    if (!g_str_equal (self->inputs[i].partition->id, device) || claimed->mountpoint != NULL)
      continue;
    claimed->mountpoint = g_strdup (mountpoint);
    claimed->os = g_strdup (system->product);
    claimed->primary = inspection->systems->len == 0;
  }
}

static gboolean
add_root (const VtInspectContext *self,
          VtInspection *inspection,
          const VtInspectInput *input,
          char **why)
{
  g_autoptr (VtOperatingSystem) system = vt_operating_system_new ();
  g_autoptr (GPtrArray) fstab = vt_inspect_fstab (self, input, why);

  if (fstab == NULL || !vt_inspect_linux (self, input->fs, system, why))
    return FALSE;
  system->root = g_strdup (input->partition->id);
  /* A system that says of no file system where it belongs is on its root at least. */
  if (fstab->len == 0)
    claim (self, inspection, system->root, "/", system);
  for (guint i = 0; i < fstab->len; i++) {
    const VtFstabEntry *entry = g_ptr_array_index (fstab, i);
    if (entry->mountpoint[0] == '/')
      claim (self, inspection, entry->device, entry->mountpoint, system);
  }
  g_ptr_array_add (inspection->systems, g_steal_pointer (&system));
  return TRUE;
}

static gboolean
inspect_input (const VtInspectContext *self,
               VtInspection *inspection,
               const VtInspectInput *input,
               char **why)
{
  if (input->fs == NULL && input->partition->judgement == VT_PARTITION_REFUSED) {
    *why = g_strdup_printf ("%s: %s", input->partition->id, input->partition->why);
    return FALSE;
  }
  if (input->fs == NULL)
    return TRUE;
  switch (find_role (self, input->fs)) {
  case ROLE_LINUX_ROOT:
    /* Linux is on no other kind, whatever a hostile one looks like. */
    if (input->partition->judgement == VT_PARTITION_EXT)
      return add_root (self, inspection, input, why);
    G_GNUC_FALLTHROUGH;
  case ROLE_REFUSED:
    *why = g_strdup_printf ("%s: perhaps of a system other than the usual Linux ones",
                            input->partition->id);
    return FALSE;
  case ROLE_OTHER:
  default:
    return TRUE;
  }
}

VtInspection *
vt_direct_inspect (const VtInspectReader *reader,
                   const VtInspectInput *inputs,
                   guint n_inputs,
                   char **why)
{
  const VtInspectContext self = {reader, inputs, n_inputs};
  g_autoptr (VtInspection) inspection = g_new0 (VtInspection, 1);

  inspection->systems = g_ptr_array_new_with_free_func ((GDestroyNotify)vt_operating_system_free);
  inspection->claims = g_new0 (VtInspectClaim, n_inputs);
  inspection->n_claims = n_inputs;
  for (guint i = 0; i < n_inputs; i++)
    if (!inspect_input (&self, inspection, &inputs[i], why))
      return NULL;
  return g_steal_pointer (&inspection);
}
