// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-fs-tree.h"
#include "vt-ntfs-private.h"

/* "unsupported reparse tag 0x" and eight digits. */
#define UNREADABLE_SIZE 34

/* Times are counted from 1601, in units of 100 ns. */
#define UNITS_PER_S  G_GINT64_CONSTANT (10000000)
#define NS_PER_UNIT  100
#define TIME_OF_1970 (G_GINT64_CONSTANT (11644473600) * UNITS_PER_S)

typedef struct {
  VtNtfs *ntfs;
  VtFsNameFunc func;
  gpointer user_data;
  VtFsTree *tree; /* of directories by their numbers; the sequence is looked at with the name */
} Lister;

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
take_entry (Lister *self,
            const VtFsDirectory *place,
            const char *path,
            const VtNtfsEntry *entry,
            GError **error)
{
  g_autoptr (VtNtfsInode) inode = vt_ntfs_inode_open (self->ntfs, entry->reference, error);
  VtNtfsKind kind;

  if (inode == NULL || !vt_ntfs_inode_kind (self->ntfs, inode, &kind, error))
    return FALSE;
  if (kind == VT_NTFS_REGULAR || kind == VT_NTFS_UNREADABLE)
    return take_file (self, path, entry, inode, kind, error);
  return kind != VT_NTFS_DIRECTORY ||
         vt_fs_tree_push (self->tree, path, MREF (entry->reference), 0, place, error);
}

static gboolean
read_directory (Lister *self, const VtFsDirectory *place, GError **error)
{
  g_autoptr (VtNtfsInode) inode = vt_ntfs_inode_open (self->ntfs, place->id, error);
  g_autoptr (VtNtfsDirectory) directory = NULL;

  if (inode != NULL)
    directory = vt_ntfs_directory_read (self->ntfs, inode, error);
  if (directory == NULL)
    return FALSE;
  for (guint i = 0; i < directory->entries->len; i++) {
    const VtNtfsEntry *entry = &g_array_index (directory->entries, VtNtfsEntry, i);
    const char *path =
        vt_fs_tree_join (self->tree, place, directory->names->str + entry->name, error);

    if (path == NULL || !take_entry (self, place, path, entry, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
vt_ntfs_list (VtFs *fs, VtFsNameFunc func, gpointer user_data, GError **error)
{
  g_autoptr (VtFsTree) tree = vt_fs_tree_new (FILE_root);
  Lister lister = {(VtNtfs *)fs, func, user_data, tree};

  for (;;) {
    g_autoptr (VtFsDirectory) place = vt_fs_tree_pop (tree);

    if (place == NULL)
      return TRUE;
    if (!read_directory (&lister, place, error))
      return FALSE;
  }
}
