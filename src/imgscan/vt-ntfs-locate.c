// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Where the contents of files are. */
#include "vt-ntfs-private.h"

/* Bytes of a compressed file, which is unpacked into memory. */
#define COMPRESSED_SIZE_MAX ((guint64)256 * 1024 * 1024)

/* The data of a file that was listed. NULL, without an error: it has none. */
static gboolean
open_data (
    VtNtfs *self, const VtFsWanted *wanted, VtNtfsInode **inode, VtNtfsAttr **data, GError **error)
{
  GError *failure = NULL;
  VtNtfsKind kind;

  *data = NULL;
  *inode = vt_ntfs_inode_open (self, wanted->inode, error);
  if (*inode == NULL || !vt_ntfs_inode_kind (self, *inode, &kind, error))
    return FALSE;
  *data = vt_ntfs_attr_open (self, *inode, AT_DATA, &failure);
  if (failure != NULL) {
    g_propagate_error (error, failure);
    return FALSE;
  }
  return (kind == VT_NTFS_REGULAR &&
          wanted->size == (*data != NULL ? (guint64)(*data)->data_size : 0)) ||
         vt_fs_refuse (error, "inode %" G_GUINT64_FORMAT " is not as it was listed", wanted->inode);
}

static gboolean
take_run (
    const VtNtfs *self, const runlist_element *run, guint64 end, GArray *extents, GError **error)
{
  guint bits = self->volume->cluster_size_bits;
  VtFsExtent extent;

  if (run->lcn < LCN_HOLE || run->length > self->volume->nr_clusters ||
      run->lcn > self->volume->nr_clusters - run->length)
    return vt_fs_refuse (error, "data that is outside of the volume");
  extent.position = (guint64)run->vcn << bits;
  if (run->lcn == LCN_HOLE || extent.position >= end)
    return TRUE;
  extent.offset = self->base.start + ((guint64)run->lcn << bits);
  extent.size = MIN ((guint64)run->length << bits, end - extent.position);
  g_array_append_val (extents, extent);
  return TRUE;
}

/* What lies behind the initialized size reads as zeros. */
static gboolean
take_runs (VtNtfs *self, VtNtfsAttr *data, GArray *extents, GError **error)
{
  guint64 end = (guint64)MIN (data->data_size, data->initialized_size);
  s64 next = 0;

  if (end == 0)
    return TRUE;
  errno = EIO;
  if (!vt_ntfs_check (self, ntfs_attr_map_whole_runlist (data) == 0 && data->rl != NULL, error,
                      "runs of inode %" G_GUINT64_FORMAT, (guint64)data->ni->mft_no))
    return FALSE;
  for (const runlist_element *run = data->rl; run->length > 0; run++) {
    if (run->vcn != next)
      return vt_fs_refuse (error, "runs that do not follow each other");
    if (run->lcn == LCN_ENOENT)
      break;
    if (run->length > (s64)(G_MAXINT64 >> self->volume->cluster_size_bits) - next)
      return vt_fs_refuse (error, "a file of enormous size");
    next += run->length;
    if (!take_run (self, run, end, extents, error))
      return FALSE;
  }
  return (guint64)next << self->volume->cluster_size_bits >= end ||
         vt_fs_refuse (error, "inode %" G_GUINT64_FORMAT " is larger than its data",
                       (guint64)data->ni->mft_no);
}

static gboolean
take_resident (VtNtfs *self, VtNtfsAttr *data, VtFsLocation *location, GError **error)
{
  location->data = g_malloc0 ((gsize)data->data_size + 1);
  return vt_ntfs_attr_read (self, data, location->data, (gsize)data->data_size, error);
}

static gboolean
take_data (VtNtfs *self, VtNtfsAttr *data, VtFsLocation *location, GError **error)
{
  if (data->data_size == 0)
    return TRUE;
  if (!NAttrNonResident (data))
    return take_resident (self, data, location, error);
  if (NAttrEncrypted (data))
    return vt_fs_refuse (error, "inode %" G_GUINT64_FORMAT " is encrypted",
                         (guint64)data->ni->mft_no);
  if ((data->data_flags & ATTR_COMPRESSION_MASK) == 0)
    return take_runs (self, data, location->extents, error);
  if ((guint64)data->data_size > COMPRESSED_SIZE_MAX)
    return vt_fs_refuse (error, "inode %" G_GUINT64_FORMAT " is compressed and of %lld bytes",
                         (guint64)data->ni->mft_no, (long long)data->data_size);
  location->is_apart = TRUE;
  return TRUE;
}

gboolean
vt_ntfs_locate (VtFs *fs, const VtFsWanted *wanted, VtFsLocation *location, GError **error)
{
  VtNtfs *self = (VtNtfs *)fs;
  g_autoptr (VtNtfsInode) inode = NULL;
  g_autoptr (VtNtfsAttr) data = NULL;

  return open_data (self, wanted, &inode, &data, error) &&
         (data == NULL || take_data (self, data, location, error));
}

gboolean
vt_ntfs_load (VtFs *fs, const VtFsWanted *wanted, guint8 **data, GError **error)
{
  VtNtfs *self = (VtNtfs *)fs;
  g_autoptr (VtNtfsInode) inode = NULL;
  g_autoptr (VtNtfsAttr) attr = NULL;

  if (!open_data (self, wanted, &inode, &attr, error))
    return FALSE;
  *data = g_malloc0 (wanted->size + 1);
  return attr != NULL && vt_ntfs_attr_read (self, attr, *data, wanted->size, error);
}
