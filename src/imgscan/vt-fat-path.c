// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Single files: by their paths, and where the contents of those are that were listed. */
#include <string.h>

#include "vt-fat-private.h"

/* Directories on the way. */
#define DEPTH_MAX 2000U

/* What a path leads to. */
typedef struct {
  VtFat *fat;
  GArray *stack; /* of VtFatEntry: the directories from the top to here, and what was found */
} Resolver;

/* Names are compared without regard to the case of ASCII, and dots at their end are none. */
static gboolean
is_named (const VtFatDirectory *directory, const VtFatEntry *entry, const char *name)
{
  return g_ascii_strcasecmp (directory->names->str + entry->name, name) == 0 ||
         g_ascii_strcasecmp (directory->names->str + entry->alias, name) == 0;
}

static gboolean
enter (Resolver *self, const char *name, GError **error)
{
  const VtFatEntry *top = &g_array_index (self->stack, VtFatEntry, self->stack->len - 1);
  g_autoptr (VtFatDirectory) directory = NULL;
  g_autofree char *wanted = g_strdup (name);

  for (gsize n = strlen (wanted); n > 0 && wanted[n - 1] == '.'; n--)
    wanted[n - 1] = '\0';
  if (!top->is_directory || wanted[0] == '\0')
    return vt_fs_set_missing (name, error);
  if (self->stack->len > DEPTH_MAX)
    return vt_fs_refuse (error, "the path is too deep");
  directory = vt_fat_directory_read (self->fat, top->first, error);
  for (guint i = 0; directory != NULL && i < directory->entries->len; i++) {
    const VtFatEntry *entry = &g_array_index (directory->entries, VtFatEntry, i);

    if (!is_named (directory, entry, wanted))
      continue;
    g_array_append_vals (self->stack, entry, 1);
    return TRUE;
  }
  return directory != NULL && vt_fs_set_missing (name, error);
}

static gboolean
walk (Resolver *self, const char *path, GError **error)
{
  g_auto (GStrv) names = g_strsplit (path, "/", -1);

  for (guint i = 0; names[i] != NULL; i++) {
    if (strcmp (names[i], "..") == 0)
      g_array_set_size (self->stack, MAX (self->stack->len, 2) - 1);
    else if (names[i][0] != '\0' && strcmp (names[i], ".") != 0 && !enter (self, names[i], error))
      return FALSE;
  }
  return TRUE;
}

/* The names of FOUND are not there any more. */
static gboolean
resolve (VtFat *self, const char *path, VtFatEntry *found, GError **error)
{
  g_autoptr (GArray) stack = g_array_new (FALSE, FALSE, sizeof (VtFatEntry));
  const VtFatEntry top = {.is_directory = TRUE};
  Resolver resolver = {self, stack};

  g_array_append_val (stack, top);
  if (!walk (&resolver, path, error))
    return FALSE;
  *found = g_array_index (stack, VtFatEntry, stack->len - 1);
  return TRUE;
}

gboolean
vt_fat_stat_path (VtFs *fs, const char *path, VtFsType *type, GError **error)
{
  VtFatEntry found;

  if (!resolve ((VtFat *)fs, path, &found, error))
    return FALSE;
  *type = found.is_directory ? VT_FS_TYPE_DIRECTORY : VT_FS_TYPE_REGULAR;
  return TRUE;
}

static gboolean
copy_runs (VtFat *self, GArray *runs, guint8 *buffer, gsize n, GError **error)
{
  gsize done = 0;

  for (guint i = 0; i < runs->len && done < n; i++) {
    const VtFatRun *run = &g_array_index (runs, VtFatRun, i);
    gsize size = (gsize)MIN (run->size, n - done);

    if (!vt_fat_read (self, run->offset, buffer + done, size, error))
      return FALSE;
    done += size;
  }
  return TRUE;
}

gboolean
vt_fat_read_head (VtFs *fs, const char *path, gsize max, GBytes **data, GError **error)
{
  VtFat *self = (VtFat *)fs;
  g_autoptr (GArray) runs = g_array_new (FALSE, FALSE, sizeof (VtFatRun));
  g_autofree guint8 *buffer = NULL;
  VtFatEntry found;
  gsize n;

  if (!resolve (self, path, &found, error))
    return FALSE;
  if (found.is_directory)
    return vt_fs_refuse (error, "it is no regular file");
  if (!vt_fat_entry_runs (self, &found, runs, error))
    return FALSE;
  n = MIN (found.size, max);
  buffer = g_malloc (MAX (n, 1));
  if (!copy_runs (self, runs, buffer, n, error))
    return FALSE;
  *data = g_bytes_new_take (g_steal_pointer (&buffer), n);
  return TRUE;
}

/* There are no symbolic links. */
gboolean
vt_fat_read_link (VtFs *fs, const char *path, char **target, GError **error)
{
  *target = NULL;
  return TRUE;
}

/* A file's number is the place of its entry. */
static gboolean
read_wanted (VtFat *self, const VtFsWanted *wanted, VtFatEntry *entry, GError **error)
{
  guint8 slot[VT_FAT_SLOT_SIZE];

  if (wanted->inode > G_MAXUINT64 / VT_FAT_SLOT_SIZE)
    return vt_fs_refuse (error, "file %" G_GUINT64_FORMAT " cannot be", wanted->inode);
  if (!vt_fat_read (self, wanted->inode * VT_FAT_SLOT_SIZE, slot, sizeof slot, error))
    return FALSE;
  vt_fat_entry_parse (self, slot, entry);
  return (!entry->is_directory && entry->size == wanted->size) ||
         vt_fs_refuse (error, "file %" G_GUINT64_FORMAT " is not as it was listed", wanted->inode);
}

gboolean
vt_fat_locate (VtFs *fs, const VtFsWanted *wanted, VtFsLocation *location, GError **error)
{
  VtFat *self = (VtFat *)fs;
  g_autoptr (GArray) runs = g_array_new (FALSE, FALSE, sizeof (VtFatRun));
  guint64 position = 0;
  VtFatEntry entry;

  if (!read_wanted (self, wanted, &entry, error) || !vt_fat_entry_runs (self, &entry, runs, error))
    return FALSE;
  for (guint i = 0; i < runs->len; i++) {
    const VtFatRun *run = &g_array_index (runs, VtFatRun, i);
    VtFsExtent extent = {position, self->base.start + run->offset,
                         MIN (run->size, entry.size - position)};

    g_array_append_val (location->extents, extent);
    position += extent.size;
  }
  return TRUE;
}
