// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-ntfs-private.h"

#include <string.h>

/* Directories within directories; a path's bytes; names in all; bytes of paths that wait. */
#define DEPTH_MAX     2000U
#define PATH_SIZE_MAX ((gsize)60 * 1024)
#define NAMES_MAX     ((guint64)64 * 1024 * 1024)
#define WAITING_MAX   ((gsize)256 * 1024 * 1024)

/* "unsupported reparse tag 0x" and eight digits. */
#define UNREADABLE_SIZE 34

/* Times are counted from 1601, in units of 100 ns. */
#define UNITS_PER_S  G_GINT64_CONSTANT (10000000)
#define NS_PER_UNIT  100
#define TIME_OF_1970 (G_GINT64_CONSTANT (11644473600) * UNITS_PER_S)

/* A directory that is to be read. */
typedef struct {
  char *path;
  MFT_REF reference;
  guint depth;
} Waiting;

typedef struct {
  VtNtfs *ntfs;
  VtFsNameFunc func;
  gpointer user_data;
  GQueue waiting; /* of Waiting, owned */
  gsize waiting_size;
  GHashTable *directories; /* numbers that were met */
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
push (Lister *self, const char *path, MFT_REF reference, guint depth, GError **error)
{
  guint64 number = MREF (reference);
  Waiting *waiting;

  if (!g_hash_table_add (self->directories, g_memdup2 (&number, sizeof number)))
    return vt_fs_refuse (error, "directory %" G_GUINT64_FORMAT " has two names", number);
  if (depth > DEPTH_MAX)
    return vt_fs_refuse (error, "directories are nested deeper than %u", DEPTH_MAX);
  self->waiting_size += strlen (path);
  if (self->waiting_size > WAITING_MAX)
    return vt_fs_refuse (error, "too many directories with long names");
  waiting = g_new0 (Waiting, 1);
  waiting->path = g_strdup (path);
  waiting->reference = reference;
  waiting->depth = depth;
  g_queue_push_tail (&self->waiting, waiting);
  return TRUE;
}

/* As ntfs-3g has it: before 1970 there are no parts of seconds. */
static gint64
decode_time (ntfs_time time)
{
  gint64 units;
  gint64 seconds;

  if (__builtin_sub_overflow ((gint64)sle64_to_cpu (time), TIME_OF_1970, &units))
    return G_MININT64;
  seconds = units / UNITS_PER_S;
  if (seconds < -VT_FS_SECONDS_MAX || seconds > VT_FS_SECONDS_MAX)
    return seconds < 0 ? G_MININT64 : G_MAXINT64;
  return seconds * VT_FS_NS_PER_S + MAX (0, units % UNITS_PER_S) * NS_PER_UNIT;
}

/* A file that has a DOS name beside its own has one name to be listed. */
static guint
count_links (const VtNtfsInode *inode, const VtNtfsEntry *entry)
{
  guint links = le16_to_cpu (inode->mrec->link_count);

  return entry->has_twin && links > 1 ? links - 1 : links;
}

static gboolean
take_file (Lister *self,
           const char *path,
           const VtNtfsEntry *entry,
           const VtNtfsInode *inode,
           VtNtfsKind kind,
           GError **error)
{
  const VtFsStat stat = {
      .inode = inode->mft_no,
      .size = kind == VT_NTFS_UNREADABLE ? UNREADABLE_SIZE : (guint64)inode->data_size,
      .links = count_links (inode, entry),
      .mtime_ns = decode_time (inode->last_data_change_time),
      .ctime_ns = decode_time (inode->last_mft_change_time),
      .generation = le16_to_cpu (inode->mrec->sequence_number),
      .unreadable = kind == VT_NTFS_UNREADABLE,
  };

  if (inode->data_size < 0)
    return vt_fs_refuse (error, "inode %" G_GUINT64_FORMAT " has a negative size", stat.inode);
  return self->func (path, &stat, self->user_data, error);
}

static gboolean
take_entry (
    Lister *self, const Waiting *parent, const char *path, const VtNtfsEntry *entry, GError **error)
{
  g_autoptr (VtNtfsInode) inode = NULL;
  VtNtfsKind kind;

  if (++self->names > NAMES_MAX)
    return vt_fs_refuse (error, "there are more than %" G_GUINT64_FORMAT " names", NAMES_MAX);
  inode = vt_ntfs_inode_open (self->ntfs, entry->reference, error);
  if (inode == NULL || !vt_ntfs_inode_kind (self->ntfs, inode, &kind, error))
    return FALSE;
  if (kind == VT_NTFS_REGULAR || kind == VT_NTFS_UNREADABLE)
    return take_file (self, path, entry, inode, kind, error);
  return kind != VT_NTFS_DIRECTORY || push (self, path, entry->reference, parent->depth + 1, error);
}

static gboolean
read_directory (Lister *self, const Waiting *waiting, GError **error)
{
  g_autoptr (VtNtfsInode) inode = vt_ntfs_inode_open (self->ntfs, waiting->reference, error);
  g_autoptr (VtNtfsDirectory) directory = NULL;
  g_autoptr (GString) path = g_string_new (waiting->path);
  gsize length;

  if (inode != NULL)
    directory = vt_ntfs_directory_read (self->ntfs, inode, error);
  if (directory == NULL)
    return FALSE;
  g_string_append_c (path, '/');
  length = path->len;
  for (guint i = 0; i < directory->entries->len; i++) {
    const VtNtfsEntry *entry = &g_array_index (directory->entries, VtNtfsEntry, i);

    g_string_truncate (path, length);
    g_string_append (path, directory->names->str + entry->name);
    if (path->len > PATH_SIZE_MAX)
      return vt_fs_refuse (error, "a path is longer than %zu bytes", PATH_SIZE_MAX);
    if (!take_entry (self, waiting, path->str, entry, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
list (Lister *self, GError **error)
{
  if (!push (self, "", FILE_root, 0, error))
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
vt_ntfs_list (VtFs *fs, VtFsNameFunc func, gpointer user_data, GError **error)
{
  g_autoptr (GHashTable) directories =
      g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  Lister lister = {.ntfs = (VtNtfs *)fs, .func = func, .user_data = user_data};
  gboolean listed;

  lister.directories = directories;
  g_queue_init (&lister.waiting);
  listed = list (&lister, error);
  g_queue_clear_full (&lister.waiting, waiting_free);
  return listed;
}
