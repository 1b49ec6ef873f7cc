// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Data within an inode (the kernel's Documentation/filesystems/ext4, "Inline Data"): the first 60
 * bytes where the block numbers would be, the rest in the attribute system.data behind the fields.
 * The kernel looks for it there only; libext2fs would also take it from elsewhere.
 */
#include "vt-ext-private.h"

#include <string.h>

/* The kernel's xattr.h of ext4: "system." */
#define INDEX_SYSTEM 7
#define NAME         "data"

#define DIRECT_SIZE (sizeof (guint32) * EXT2_N_BLOCKS)

guint8 *
vt_ext_inline_read (const VtExt *self, const VtExtInode *inode, gsize *size, GError **error)
{
  VtExtAttributes all;
  const guint8 *value = NULL;
  gsize value_size = 0;
  guint8 *data;

  if (!vt_ext_attributes_in_inode (self, inode, &all) ||
      !vt_ext_attribute_find (&all, INDEX_SYSTEM, NAME, &value, &value_size)) {
    vt_fs_refuse (error, "inode %u: its inline data is damaged", inode->number);
    return NULL;
  }
  *size = DIRECT_SIZE + value_size;
  data = g_malloc (*size);
  memcpy (data, inode->raw.fields.i_block, DIRECT_SIZE);
  memcpy (data + DIRECT_SIZE, value, value_size);
  return data;
}
