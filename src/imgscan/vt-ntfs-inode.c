// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Files, and as what ntfs-3g shows each. */
#include "vt-ntfs-private.h"

#include <limits.h>
#include <string.h>

void
vt_ntfs_inode_close (VtNtfsInode *inode)
{
  ntfs_inode_close (inode);
}

VtNtfsInode *
vt_ntfs_inode_open (VtNtfs *self, MFT_REF reference, GError **error)
{
  g_autoptr (VtNtfsInode) inode = NULL;

  vt_ntfs_begin_step (self);
  inode = ntfs_inode_open (self->volume, reference);
  return vt_ntfs_check (self, inode != NULL, error, "inode %" G_GUINT64_FORMAT,
                        (guint64)MREF (reference))
             ? g_steal_pointer (&inode)
             : NULL;
}

VtNtfsAttr *
vt_ntfs_attr_open (VtNtfs *self, VtNtfsInode *inode, ATTR_TYPES type, GError **error)
{
  g_autoptr (VtNtfsAttr) attr = NULL;

  errno = 0;
  attr = ntfs_attr_open (inode, type, AT_UNNAMED, 0);
  if (!vt_ntfs_check (self, attr != NULL || errno == ENOENT, error,
                      "attribute 0x%x of inode %" G_GUINT64_FORMAT, le32_to_cpu (type),
                      (guint64)inode->mft_no))
    return NULL;
  if (attr == NULL)
    return NULL;
  if (attr->data_size >= 0 && attr->initialized_size >= 0)
    return g_steal_pointer (&attr);
  vt_fs_refuse (error, "inode %" G_GUINT64_FORMAT " has a negative size", (guint64)inode->mft_no);
  return NULL;
}

gboolean
vt_ntfs_attr_read (VtNtfs *self, VtNtfsAttr *attr, void *buffer, gsize n, GError **error)
{
  guint64 done = 0;

  while (done < n) {
    s64 size;

    errno = EIO;
    size = ntfs_attr_pread (attr, (s64)done, (s64)(n - done), (guint8 *)buffer + done);
    if (!vt_ntfs_check (self, size > 0, error, "data of inode %" G_GUINT64_FORMAT,
                        (guint64)attr->ni->mft_no))
      return FALSE;
    done += (guint64)size;
  }
  return TRUE;
}

/* What services for Unix have made of a file with the attribute "system". */
static gboolean
find_interix_kind (VtNtfs *self, VtNtfsInode *inode, VtNtfsKind *kind, GError **error)
{
  const guint64 size_max = sizeof (INTX_FILE_TYPES) + sizeof (ntfschar) * PATH_MAX;
  GError *failure = NULL;
  g_autoptr (VtNtfsAttr) data = vt_ntfs_attr_open (self, inode, AT_DATA, &failure);
  guint64 size, magic;

  if (failure != NULL) {
    g_propagate_error (error, failure);
    return FALSE;
  }
  if (data == NULL)
    return TRUE;
  size = (guint64)data->data_size;
  if (size <= 1) {
    *kind = (inode->flags & FILE_ATTR_HIDDEN) ? VT_NTFS_REGULAR : VT_NTFS_OTHER;
    return TRUE;
  }
  if (size <= sizeof (INTX_FILE_TYPES) || size > size_max)
    return TRUE;
  if (!vt_ntfs_attr_read (self, data, &magic, sizeof magic, error))
    return FALSE;
  if (magic == INTX_SYMBOLIC_LINK ||
      (size == offsetof (INTX_FILE, device_end) &&
       (magic == INTX_BLOCK_DEVICE || magic == INTX_CHARACTER_DEVICE)))
    *kind = VT_NTFS_OTHER;
  return TRUE;
}

gboolean
vt_ntfs_inode_kind (VtNtfs *self, VtNtfsInode *inode, VtNtfsKind *kind, GError **error)
{
  if (inode->flags & FILE_ATTR_REPARSE_POINT)
    return vt_ntfs_reparse_kind (self, inode, kind, error);
  if (inode->mrec->flags & MFT_RECORD_IS_DIRECTORY) {
    *kind = VT_NTFS_DIRECTORY;
    return TRUE;
  }
  *kind = VT_NTFS_REGULAR;
  return !(inode->flags & FILE_ATTR_SYSTEM) || find_interix_kind (self, inode, kind, error);
}
