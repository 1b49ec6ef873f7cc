// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-seed-edits.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vt-template-open.h"

#define MODE_DIRECTORY 0755
#define MODE_FILE      0644

/* Directories within each other. */
#define DEPTH_MAX 32

static gboolean
add_directory (GPtrArray *edits, const char *source, const char *path, guint depth, GError **error);

static gboolean
fail_with_errno (const char *path, GError **error)
{
  int saved_errno = errno;

  g_set_error (error, G_IO_ERROR, (gint)g_io_error_from_errno (saved_errno), "%s: %s", path,
               g_strerror (saved_errno));
  return FALSE;
}

static gboolean
fail (const char *path, const char *what, GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "%s: %s", path, what);
  return FALSE;
}

/* SOURCE is on the host, PATH in the guest. */
static gboolean
add_entry (GPtrArray *edits, const char *source, const char *path, guint depth, GError **error)
{
  struct stat info;
  guint32 mode;

  if (lstat (source, &info) < 0)
    return fail_with_errno (source, error);
  if (edits->len >= VT_IMAGE_EDITS_MAX)
    return fail (source,
                 "too much to install: with the template's own, more than " G_STRINGIFY (
                     VT_IMAGE_EDITS_MAX) " files, directories and links",
                 error);
  if (!vt_image_path_is_plain (path))
    return fail (source, "its path in the guest is too long, or too deep", error);
  mode = info.st_mode & 07777;
  if (S_ISDIR (info.st_mode)) {
    g_ptr_array_add (edits, vt_image_edit_new_mkdir (path, mode));
    return add_directory (edits, source, path, depth + 1, error);
  }
  if (S_ISREG (info.st_mode)) {
    g_ptr_array_add (edits, vt_image_edit_new_upload (source, path, mode));
    return TRUE;
  }
  if (S_ISLNK (info.st_mode)) {
    g_autofree char *text = g_file_read_link (source, error);

    if (text != NULL)
      g_ptr_array_add (edits, vt_image_edit_new_symlink (text, path));
    return text != NULL;
  }
  return fail (source, "neither a file, a directory nor a symbolic link", error);
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

static gboolean
add_directory (GPtrArray *edits, const char *source, const char *path, guint depth, GError **error)
{
  g_autoptr (GDir) dir = g_dir_open (source, 0, error);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  if (dir == NULL)
    return FALSE;
  if (depth > DEPTH_MAX)
    return fail (source, "nested deeper than " G_STRINGIFY (DEPTH_MAX), error);
  while ((name = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++) {
    const char *entry = g_ptr_array_index (names, i);
    g_autofree char *entry_source = g_build_filename (source, entry, NULL);
    g_autofree char *entry_path = g_strconcat (path, "/", entry, NULL);

    if (!add_entry (edits, entry_source, entry_path, depth, error))
      return FALSE;
  }
  return TRUE;
}

static void
add_mkdirs (GPtrArray *edits)
{
  static const char *const directories[] = {
      "/etc", "/etc/vtemplater", "/var", "/var/lib", "/var/lib/vtemplater", VT_TEMPLATE_DIR,
  };

  for (gsize i = 0; i < G_N_ELEMENTS (directories); i++)
    g_ptr_array_add (edits, vt_image_edit_new_mkdir (directories[i], MODE_DIRECTORY));
}

gboolean
vt_seed_add_first_edits (GPtrArray *edits,
                         const char *public_key,
                         const char *agent,
                         GError **error)
{
  g_autofree char *directory = agent != NULL ? g_canonicalize_filename (agent, NULL) : NULL;

  add_mkdirs (edits);
  g_ptr_array_add (edits, vt_image_edit_new_remove (VT_TEMPLATE_ENVELOPE, TRUE));
  g_ptr_array_add (edits, vt_image_edit_new_remove (VT_TEMPLATE_DATABASE, TRUE));
  g_ptr_array_add (edits, vt_image_edit_new_upload (public_key, VT_SEED_PUBLIC_KEY, MODE_FILE));
  if (directory == NULL || add_directory (edits, directory, "", 1, error))
    return TRUE;
  g_prefix_error (error, "--agent: ");
  return FALSE;
}

void
vt_seed_add_last_edits (GPtrArray *edits, const VtMadeTemplate *made, const char *envelope)
{
  g_autofree char *database = g_strdup_printf ("/proc/%d/fd/%d", (int)getpid (), made->database.fd);

  g_ptr_array_add (edits, vt_image_edit_new_upload (database, VT_TEMPLATE_DATABASE, MODE_FILE));
  g_ptr_array_add (edits, vt_image_edit_new_upload (envelope, VT_TEMPLATE_ENVELOPE, MODE_FILE));
}
