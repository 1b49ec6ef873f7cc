// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Where the contents of files are. */
#include "vt-ext-private.h"

static gboolean
read_inode (VtExt *self, const VtFsWanted *wanted, VtExtInode *inode, GError **error)
{
  if (wanted->inode > G_MAXUINT32)
    return vt_fs_refuse (error, "inode %" G_GUINT64_FORMAT " cannot be", wanted->inode);
  if (!vt_ext_inode_read (self, (guint32)wanted->inode, inode, error))
    return FALSE;
  return (LINUX_S_ISREG (inode->mode) && inode->size == wanted->size) ||
         vt_fs_refuse (error, "inode %u is not as it was listed", inode->number);
}

static gboolean
take_inline (VtExt *self, const VtExtInode *inode, VtFsLocation *location, GError **error)
{
  gsize size;

  location->data = vt_ext_inline_read (self, inode, &size, error);
  if (location->data == NULL)
    return FALSE;
  return size >= inode->size ||
         vt_fs_refuse (error, "inode %u is larger than its data", inode->number);
}

static gboolean
take_runs (VtExt *self, const VtExtInode *inode, GArray *extents, GError **error)
{
  g_autoptr (GArray) runs = g_array_new (FALSE, FALSE, sizeof (VtExtRun));
  guint64 block_size = self->fs->blocksize;

  if (!vt_ext_map (self, inode, runs, NULL, error))
    return FALSE;
  for (guint i = 0; i < runs->len; i++) {
    const VtExtRun *run = &g_array_index (runs, VtExtRun, i);
    VtFsExtent extent = {
        .position = run->logical * block_size,
        .offset = self->base.start + run->physical * block_size,
    };

    /* The kernel may set blocks aside behind a file's end. */
    if (extent.position >= inode->size)
      break;
    extent.size = MIN (run->length * block_size, inode->size - extent.position);
    g_array_append_val (extents, extent);
  }
  return TRUE;
}

gboolean
vt_ext_locate (VtFs *fs, const VtFsWanted *wanted, VtFsLocation *location, GError **error)
{
  VtExt *self = (VtExt *)fs;
  VtExtInode inode;

  if (!read_inode (self, wanted, &inode, error))
    return FALSE;
  if ((inode.flags & EXT4_INLINE_DATA_FL) != 0)
    return take_inline (self, &inode, location, error);
  return take_runs (self, &inode, location->extents, error);
}
