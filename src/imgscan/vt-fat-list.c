// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The names of all files. Every cluster that a file or directory has is noted on the way, since it
 * may have but one owner.
 */
#include <string.h>

#include "vt-fat-private.h"

/* Directories within directories; a path's bytes; names in all; bytes of paths that wait. The
 * largest table takes 32 MiB of notes. */
#define DEPTH_MAX     2000U
#define PATH_SIZE_MAX ((gsize)60 * 1024)
#define NAMES_MAX     ((guint64)64 * 1024 * 1024)
#define WAITING_MAX   ((gsize)256 * 1024 * 1024)

/* Days before 1980, from which the years count, since 1970. */
#define DAYS_BEFORE 3652
/* The one year of the range that could be divided by four and is no leap year. */
#define YEAR_2100 120

/* A directory that is to be read. */
typedef struct {
  char *path;
  guint32 first;
  guint32 parent;
  guint depth;
} Waiting;

typedef struct {
  VtFat *fat;
  VtFsNameFunc func;
  gpointer user_data;
  GQueue waiting; /* of Waiting, owned */
  gsize waiting_size;
  guint8 *owned; /* a bit for each cluster */
  GArray *runs;  /* of the file that is looked at */
  guint64 names;
} Lister;

static void
waiting_free (gpointer data)
{
  Waiting *waiting = data;

  g_free (waiting->path);
  g_free (waiting);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Waiting, waiting_free)

static gboolean
push (Lister *self, const char *path, guint32 first, const Waiting *parent, GError **error)
{
  Waiting *waiting;

  if (parent != NULL && parent->depth >= DEPTH_MAX)
    return vt_fs_refuse (error, "directories are nested deeper than %u", DEPTH_MAX);
  self->waiting_size += strlen (path);
  if (self->waiting_size > WAITING_MAX)
    return vt_fs_refuse (error, "too many directories with long names");
  waiting = g_new0 (Waiting, 1);
  waiting->path = g_strdup (path);
  waiting->first = first;
  waiting->parent = parent != NULL ? parent->first : 0;
  waiting->depth = parent != NULL ? parent->depth + 1 : 0;
  g_queue_push_tail (&self->waiting, waiting);
  return TRUE;
}

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
take_entries (Lister *self, const Waiting *waiting, const VtFatDirectory *directory, GError **error)
{
  g_autoptr (GString) path = g_string_new (waiting->path);
  gsize length;

  g_string_append_c (path, '/');
  length = path->len;
  for (guint i = 0; i < directory->entries->len; i++) {
    const VtFatEntry *entry = &g_array_index (directory->entries, VtFatEntry, i);

    g_string_truncate (path, length);
    g_string_append (path, directory->names->str + entry->name);
    if (path->len > PATH_SIZE_MAX)
      return vt_fs_refuse (error, "a path is longer than %zu bytes", PATH_SIZE_MAX);
    if (++self->names > NAMES_MAX)
      return vt_fs_refuse (error, "there are more than %" G_GUINT64_FORMAT " names", NAMES_MAX);
    if (!(entry->is_directory ? push (self, path->str, entry->first, waiting, error)
                              : take_file (self, path->str, entry, error)))
      return FALSE;
  }
  return TRUE;
}

static gboolean
read_directory (Lister *self, const Waiting *waiting, GError **error)
{
  g_autoptr (VtFatDirectory) directory = vt_fat_directory_read (self->fat, waiting->first, error);

  if (directory == NULL || !own (self, directory->runs, error))
    return FALSE;
  if (directory->parent != waiting->parent)
    return vt_fs_refuse (error, "the directory at cluster %u has another parent", waiting->first);
  return take_entries (self, waiting, directory, error);
}

static gboolean
list (Lister *self, GError **error)
{
  if (!push (self, "", 0, NULL, error))
    return FALSE;
  while (!g_queue_is_empty (&self->waiting)) {
    g_autoptr (Waiting) waiting = g_queue_pop_tail (&self->waiting);

    self->waiting_size -= strlen (waiting->path);
    if (!read_directory (self, waiting, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
vt_fat_list (VtFs *fs, VtFsNameFunc func, gpointer user_data, GError **error)
{
  VtFat *self = (VtFat *)fs;
  g_autofree guint8 *owned = g_malloc0 (self->geometry.cluster_end / 8 + 1);
  g_autoptr (GArray) runs = g_array_new (FALSE, FALSE, sizeof (VtFatRun));
  Lister lister = {.fat = self, .func = func, .user_data = user_data, .owned = owned, .runs = runs};
  gboolean listed;

  g_queue_init (&lister.waiting);
  listed = list (&lister, error);
  g_queue_clear_full (&lister.waiting, waiting_free);
  return listed;
}
