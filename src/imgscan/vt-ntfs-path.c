// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Single files by their paths, for the inspection. As libguestfs looks for a Windows system without
 * regard to case, so are names compared here. Links are not followed.
 */
#include "vt-ntfs-private.h"

#include <string.h>

#define DEPTH_MAX 100U

/* Of the top, which all paths go through, the names are kept. */
static gboolean
get_directory (VtNtfs *self,
               VtNtfsInode *inode,
               VtNtfsDirectory **owned,
               const VtNtfsDirectory **directory,
               GError **error)
{
  if (inode->mft_no == FILE_root && self->top != NULL) {
    *directory = self->top;
    return TRUE;
  }
  *directory = *owned = vt_ntfs_directory_read (self, inode, error);
  if (*owned != NULL && inode->mft_no == FILE_root)
    self->top = g_steal_pointer (owned);
  return *directory != NULL;
}

static gboolean
enter (VtNtfs *self, VtNtfsInode **inode, const char *name, GError **error)
{
  g_autoptr (VtNtfsDirectory) owned = NULL;
  const VtNtfsDirectory *directory;

  if (!get_directory (self, *inode, &owned, &directory, error))
    return FALSE;
  for (guint i = 0; i < directory->entries->len; i++) {
    const VtNtfsEntry *entry = &g_array_index (directory->entries, VtNtfsEntry, i);

    if (g_ascii_strcasecmp (directory->names->str + entry->name, name) != 0)
      continue;
    g_clear_pointer (inode, vt_ntfs_inode_close);
    *inode = vt_ntfs_inode_open (self, entry->reference, error);
    return *inode != NULL;
  }
  return vt_fs_set_missing (name, error);
}

static gboolean
resolve (VtNtfs *self, const char *path, VtNtfsInode **inode, VtNtfsKind *kind, GError **error)
{
  g_auto (GStrv) names = g_strsplit (path, "/", DEPTH_MAX);

  *inode = vt_ntfs_inode_open (self, FILE_root, error);
  *kind = VT_NTFS_DIRECTORY;
  if (*inode == NULL)
    return FALSE;
  for (guint i = 0; names[i] != NULL; i++) {
    if (names[i][0] == '\0')
      continue;
    if (*kind == VT_NTFS_REGULAR)
      return vt_fs_set_missing (names[i], error);
    if (*kind != VT_NTFS_DIRECTORY)
      return vt_fs_refuse (error, "a link or special file before %s", names[i]);
    if (!enter (self, inode, names[i], error) || !vt_ntfs_inode_kind (self, *inode, kind, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
vt_ntfs_stat_path (VtFs *fs, const char *path, VtFsType *type, GError **error)
{
  g_autoptr (VtNtfsInode) inode = NULL;
  VtNtfsKind kind;

  if (!resolve ((VtNtfs *)fs, path, &inode, &kind, error))
    return FALSE;
  if (kind != VT_NTFS_REGULAR && kind != VT_NTFS_DIRECTORY)
    return vt_fs_refuse (error, "it is a link or special file");
  *type = kind == VT_NTFS_REGULAR ? VT_FS_TYPE_REGULAR : VT_FS_TYPE_DIRECTORY;
  return TRUE;
}

gboolean
vt_ntfs_read_head (VtFs *fs, const char *path, gsize max, GBytes **bytes, GError **error)
{
  VtNtfs *self = (VtNtfs *)fs;
  g_autoptr (VtNtfsInode) inode = NULL;
  g_autoptr (VtNtfsAttr) data = NULL;
  g_autofree guint8 *buffer = NULL;
  GError *failure = NULL;
  VtNtfsKind kind;
  gsize n;

  if (!resolve (self, path, &inode, &kind, error))
    return FALSE;
  if (kind != VT_NTFS_REGULAR)
    return vt_fs_refuse (error, "it is no regular file");
  data = vt_ntfs_attr_open (self, inode, AT_DATA, &failure);
  if (failure != NULL) {
    g_propagate_error (error, failure);
    return FALSE;
  }
  n = data != NULL ? (gsize)MIN ((guint64)data->data_size, max) : 0;
  buffer = g_malloc0 (n + 1);
  if (data != NULL && !vt_ntfs_attr_read (self, data, buffer, n, error))
    return FALSE;
  *bytes = g_bytes_new_take (g_steal_pointer (&buffer), n);
  return TRUE;
}

gboolean
vt_ntfs_read_link (VtFs *fs, const char *path, char **target, GError **error)
{
  VtFsType type;

  return vt_ntfs_stat_path (fs, path, &type, error);
}
