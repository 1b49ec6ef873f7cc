// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A root's fstab(5), by libguestfs's rules: names of devices in the guest become the appliance's,
 * and what it does not know stands as it is.
 */
#include <string.h>

#include "vt-direct-inspect-private.h"

#define ENTRIES_MAX 1000
/* Longest number in a name that is looked at. */
#define NUMBER_MAX 4

#define PLAIN_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_.:=+@%-"

typedef enum {
  SPEC_IGNORED,
  SPEC_TAKEN,
  SPEC_REFUSED,
} Spec;

void
vt_fstab_entry_free (VtFstabEntry *self)
{
  g_free (self->device);
  g_free (self->mountpoint);
  g_free (self);
}

static gboolean
is_number (const char *text)
{
  gsize n = strspn (text, "0123456789");

  return n > 0 && n <= NUMBER_MAX && text[n] == '\0';
}

/* The one device that has TEXT for its tag; NULL if none has. */
static Spec
find_by_tag (const VtInspectContext *self, gboolean is_uuid, const char *text, char **device)
{
  const char *found = NULL;

  if (text[0] == '\0')
    return SPEC_REFUSED;
  for (guint i = 0; i < self->n_inputs; i++) {
    const VtPartition *partition = self->inputs[i].partition;

    if (!g_str_equal (is_uuid ? partition->uuid : partition->label, text))
      continue;
    if (found != NULL)
      return SPEC_REFUSED;
    found = partition->id;
  }
  *device = g_strdup (found);
  return found != NULL ? SPEC_TAKEN : SPEC_IGNORED;
}

/*
 * "/dev/vda1": the first disk of the guest is the appliance's /dev/sda. Of names of other disks
 * libguestfs takes some for those of its own kernel, which changes from start to start.
 */
static Spec
find_disk (const char *spec, char **device)
{
  static const char *const kinds[] = {"/dev/hd", "/dev/sd", "/dev/vd", "/dev/xvd"};

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_str_has_prefix (spec, kinds[i])) {
      const char *rest = spec + strlen (kinds[i]);

      if (rest[0] != 'a' || !is_number (rest + 1))
        return SPEC_REFUSED;
      *device = g_strdup_printf ("/dev/sda%s", rest + 1);
      return SPEC_TAKEN;
    }
  return SPEC_IGNORED;
}

/* "/dev/disk/by-id/...-part1": there is but one disk. */
static char *
find_by_id (const char *spec)
{
  const char *part = g_strrstr (spec, "-part");

  if (!g_str_has_prefix (spec, "/dev/disk/by-id/") || part == NULL || !is_number (part + 5))
    return NULL;
  return g_strdup_printf ("/dev/sda%d", (int)g_ascii_strtoull (part + 5, NULL, 10));
}

static gboolean
is_removable (const char *spec)
{
  return ((g_str_has_prefix (spec, "/dev/fd") || g_str_has_prefix (spec, "/dev/cd")) &&
          g_ascii_isdigit (spec[7])) ||
         g_str_equal (spec, "/dev/floppy") || g_str_equal (spec, "/dev/cdrom") ||
         g_str_has_prefix (spec, "/dev/iso9660/");
}

/* Names that libguestfs knows of other systems or of volumes. */
static gboolean
is_refused (const char *spec)
{
  return g_str_has_prefix (spec, "/dev/mapper") || g_str_has_prefix (spec, "/dev/ad") ||
         g_str_has_prefix (spec, "/dev/vtbd") || g_str_has_prefix (spec, "/dev/md") ||
         g_str_has_prefix (spec, "/dev/dm-") ||
         (strspn (spec, "0123456789abcdef") >= 16 && strchr (spec, '.') != NULL);
}

static Spec
resolve (const VtInspectContext *self, const VtInspectInput *root, const char *spec, char **device)
{
  if (g_str_has_prefix (spec, "UUID="))
    return find_by_tag (self, TRUE, spec + 5, device);
  if (g_str_has_prefix (spec, "LABEL="))
    return find_by_tag (self, FALSE, spec + 6, device);
  if (is_refused (spec))
    return SPEC_REFUSED;
  /* PARTUUID= is among what libguestfs passes over. */
  if (!g_str_has_prefix (spec, "/dev/"))
    return SPEC_IGNORED;
  if (g_str_equal (spec, "/dev/root")) {
    *device = g_strdup (root->partition->id);
    return SPEC_TAKEN;
  }
  if (find_disk (spec, device) == SPEC_REFUSED)
    return SPEC_REFUSED;
  if (*device == NULL && (*device = find_by_id (spec)) == NULL)
    *device = g_strdup (spec);
  return SPEC_TAKEN;
}

/* "///usr//local//" is "/usr/local". */
static char *
make_canonical (const char *path)
{
  g_auto (GStrv) parts = g_strsplit (path, "/", -1);
  g_autoptr (GString) text = g_string_new (path[0] == '/' ? "/" : "");
  gboolean first = TRUE;

  for (guint i = 0; parts[i] != NULL; i++) {
    if (parts[i][0] == '\0')
      continue;
    if (!first)
      g_string_append_c (text, '/');
    g_string_append (text, parts[i]);
    first = FALSE;
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static gboolean
is_ignored_mountpoint (const char *path)
{
  static const char *const trees[] = {"/dev", "/proc", "/selinux", "/sys"};

  for (gsize i = 0; i < G_N_ELEMENTS (trees); i++) {
    gsize n = strlen (trees[i]);
    if (g_str_has_prefix (path, trees[i]) && (path[n] == '\0' || path[n] == '/'))
      return TRUE;
  }
  return g_str_has_prefix (path, "/media/");
}

/* Options as they are met: "a,b=c". */
static gboolean
are_usual_options (const char *text)
{
  g_auto (GStrv) options = g_strsplit (text, ",", -1);

  for (guint i = 0; options[i] != NULL; i++)
    if (strspn (options[i], PLAIN_CHARACTERS) != strlen (options[i]) || options[i][0] == '\0' ||
        options[i][0] == '=' || g_str_has_suffix (options[i], "="))
      return FALSE;
  return TRUE;
}

/* libguestfs's parser is Augeas, and fails on what it cannot take; usual fields it can. */
static gboolean
is_usual (char *const *fields, guint n)
{
  if (n < 4 || n > 6 || !are_usual_options (fields[2]) || !are_usual_options (fields[3]))
    return FALSE;
  for (guint i = 0; i < 2; i++)
    if (strspn (fields[i], PLAIN_CHARACTERS) != strlen (fields[i]))
      return FALSE;
  for (guint i = 4; i < n; i++)
    if (!is_number (fields[i]))
      return FALSE;
  return strchr (fields[2], '=') == NULL;
}

static GPtrArray *
split_fields (const char *line)
{
  GPtrArray *fields = g_ptr_array_new_with_free_func (g_free);

  for (const char *at = line + strspn (line, " \t"); *at != '\0'; at += strspn (at, " \t")) {
    gsize n = strcspn (at, " \t");
    g_ptr_array_add (fields, g_strndup (at, n));
    at += n;
  }
  return fields;
}

static gboolean
add_line (const VtInspectContext *self,
          const VtInspectInput *root,
          const char *line,
          GPtrArray *entries,
          char **why)
{
  g_autoptr (GPtrArray) fields = split_fields (line);
  char *const *field = (char *const *)fields->pdata;
  g_autofree char *mountpoint = NULL;
  g_autofree char *device = NULL;
  VtFstabEntry *entry;
  Spec spec;

  if (fields->len == 0 || field[0][0] == '#')
    return TRUE;
  if (!is_usual (field, fields->len) || entries->len == ENTRIES_MAX)
    return vt_inspect_refuse (why, "/etc/fstab: an unusual line");
  mountpoint = make_canonical (field[1]);
  if (is_removable (field[0]) || is_ignored_mountpoint (mountpoint))
    return TRUE;
  spec = resolve (self, root, field[0], &device);
  if (spec == SPEC_REFUSED || (spec == SPEC_TAKEN && g_str_equal (field[2], "btrfs")))
    return vt_inspect_refuse (why, "/etc/fstab: a device that is not told apart here");
  /* Of an entry with several types, Augeas gives none, and libguestfs passes it over. */
  if (spec == SPEC_IGNORED || strchr (field[2], ',') != NULL)
    return TRUE;
  entry = g_new0 (VtFstabEntry, 1);
  entry->device = g_steal_pointer (&device);
  entry->mountpoint = g_steal_pointer (&mountpoint);
  g_ptr_array_add (entries, entry);
  return TRUE;
}

/* Which of two entries counts depends on an order that is not the file's. */
static gboolean
check_unique (GPtrArray *entries, char **why)
{
  for (guint i = 0; i < entries->len; i++) {
    const VtFstabEntry *entry = g_ptr_array_index (entries, i);

    for (guint k = 0; k < i; k++) {
      const VtFstabEntry *other = g_ptr_array_index (entries, k);

      if (entry->mountpoint[0] == '/' && other->mountpoint[0] == '/' &&
          (g_str_equal (entry->mountpoint, other->mountpoint) ||
           g_str_equal (entry->device, other->device)))
        return vt_inspect_refuse (why, "/etc/fstab: a device or a directory stands there twice");
    }
  }
  return TRUE;
}

GPtrArray *
vt_inspect_fstab (const VtInspectContext *self, const VtInspectInput *input, char **why)
{
  g_autoptr (GPtrArray) entries =
      g_ptr_array_new_with_free_func ((GDestroyNotify)vt_fstab_entry_free);
  g_auto (GStrv) lines = NULL;

  /* These are parsed as well, and may be what cannot be. */
  if (self->reader->is_file (input->fs, "/etc/mdadm.conf") ||
      self->reader->is_file (input->fs, "/etc/mdadm/mdadm.conf")) {
    vt_inspect_refuse (why, "a system with arrays of disks");
    return NULL;
  }
  if (!vt_inspect_read_lines (self, input->fs, "/etc/fstab", &lines, why))
    return NULL;
  for (guint i = 0; lines != NULL && lines[i] != NULL; i++)
    if (!add_line (self, input, lines[i], entries, why))
      return NULL;
  return check_unique (entries, why) ? g_steal_pointer (&entries) : NULL;
}
