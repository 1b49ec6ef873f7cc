// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The names of all files. Every cluster that a file or directory has is noted on the way, since it
 * may have but one owner.
 */
#include "vt-fat-private.h"
#include "vt-fs-tree.h"

/* Days before 1980, from which the years count, since 1970. */
#define DAYS_BEFORE 3652
/* The one year of the range that could be divided by four and is no leap year. */
#define YEAR_2100 120

typedef struct {
  VtFat *fat;
  VtFsNameFunc func;
  gpointer user_data;
  VtFsTree *tree; /* of directories by their first clusters; the top's is 0 */
  guint8 *owned;  /* a bit for each cluster: 32 MiB for the largest table */
  GArray *runs;   /* of the file that is looked at */
} Lister;

/* The top directory of FAT12 and FAT16 has no clusters. */
static gboolean
own (Lister *self, GArray *runs, GError **error)
{
  const VtFatGeometry *geometry = &self->fat->geometry;

  for (guint i = 0; i < runs->len; i++) {
    const VtFatRun *run = &g_array_index (runs, VtFatRun, i);

    if (run->offset < geometry->data_start)
      continue;
    for (guint64 at = 0; at < run->size; at += geometry->cluster_size) {
      guint64 number = (run->offset + at - geometry->data_start) / geometry->cluster_size;
      guint8 bit = (guint8)(1U << number % 8);

      if ((self->owned[number / 8] & bit) != 0)
        return vt_fs_refuse (error, "cluster %" G_GUINT64_FORMAT " belongs to two files",
                             number + VT_FAT_CLUSTER_MIN);
      self->owned[number / 8] |= bit;
    }
  }
  return TRUE;
}

/* In seconds since 1970. What is no date counts as the kernel counts it. */
static gint64
to_seconds (guint date, guint time)
{
  static const guint16 days_before[16] = {0,   0,   31,  59,  90,  120, 151, 181,
                                          212, 243, 273, 304, 334, 0,   0,   0};
  gint64 year = date >> 9;
  guint month = MAX (date >> 5 & 0xf, 1);
  gint64 days = DAYS_BEFORE + year * 365 + (year + 3) / 4;

  if (year > YEAR_2100)
    days--;
  if (year % 4 == 0 && year != YEAR_2100 && month > 2)
    days++;
  days += days_before[month] + MAX (date & 0x1f, 1) - 1;
  return days * 86400 + (time >> 11) * 3600 + (time >> 5 & 0x3f) * 60 + (time & 0x1f) * 2;
}

/* Since Linux 6.0 the time of change of what is no content is that of the content. */
static gboolean
take_file (Lister *self, const char *path, const VtFatEntry *entry, GError **error)
{
  gint64 time_ns = to_seconds (entry->date, entry->time) * VT_FS_NS_PER_S;
  const VtFsStat stat = {
      .inode = entry->slot / VT_FAT_SLOT_SIZE,
      .size = entry->size,
      .links = 1,
      .mtime_ns = time_ns,
      .ctime_ns = time_ns,
  };

  g_array_set_size (self->runs, 0);
  return vt_fat_entry_runs (self->fat, entry, self->runs, error) && own (self, self->runs, error) &&
         self->func (path, &stat, self->user_data, error);
}

static gboolean
take_entries (Lister *self,
              const VtFsDirectory *place,
              const VtFatDirectory *directory,
              GError **error)
{
  for (guint i = 0; i < directory->entries->len; i++) {
    const VtFatEntry *entry = &g_array_index (directory->entries, VtFatEntry, i);
    const char *path =
        vt_fs_tree_join (self->tree, place, directory->names->str + entry->name, error);

    if (path == NULL ||
        !(entry->is_directory ? vt_fs_tree_push (self->tree, path, entry->first, 0, place, error)
                              : take_file (self, path, entry, error)))
      return FALSE;
  }
  return TRUE;
}

static gboolean
read_directory (Lister *self, const VtFsDirectory *place, GError **error)
{
  guint32 first = (guint32)place->id;
  g_autoptr (VtFatDirectory) directory = vt_fat_directory_read (self->fat, first, error);

  if (directory == NULL || !own (self, directory->runs, error))
    return FALSE;
  if (directory->parent != place->parent)
    return vt_fs_refuse (error, "the directory at cluster %u has another parent", first);
  return take_entries (self, place, directory, error);
}

gboolean
vt_fat_list (VtFs *fs, VtFsNameFunc func, gpointer user_data, GError **error)
{
  VtFat *self = (VtFat *)fs;
  g_autoptr (VtFsTree) tree = vt_fs_tree_new (0);
  g_autofree guint8 *owned = g_malloc0 (self->geometry.cluster_end / 8 + 1);
  g_autoptr (GArray) runs = g_array_new (FALSE, FALSE, sizeof (VtFatRun));
  Lister lister = {self, func, user_data, tree, owned, runs};

  for (;;) {
    g_autoptr (VtFsDirectory) place = vt_fs_tree_pop (tree);

    if (place == NULL)
      return TRUE;
    if (!read_directory (&lister, place, error))
      return FALSE;
  }
}
