// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Data within an inode (the kernel's Documentation/filesystems/ext4, "Inline Data"): the first 60
 * bytes where the block numbers would be, the rest in the attribute system.data behind the fields.
 * The kernel looks for it there only; libext2fs would also take it from elsewhere.
 */
#include "vt-ext-private.h"

#include <ext2fs/ext2_ext_attr.h>
#include <string.h>

/* The kernel's xattr.h of ext4: "system." */
#define INDEX_SYSTEM 7
#define NAME         "data"

#define DIRECT_SIZE (sizeof (guint32) * EXT2_N_BLOCKS)

/* The value among the attributes, which are the SIZE bytes at START. FALSE: there is none. */
static gboolean
find_value (const guint8 *start, gsize size, const guint8 **value, gsize *value_size)
{
  struct ext2_ext_attr_entry entry;
  guint32 end;

  for (gsize at = 0; size - at >= sizeof entry;) {
    gsize length;

    memcpy (&end, start + at, sizeof end);
    if (end == 0)
      return FALSE;
    memcpy (&entry, start + at, sizeof entry);
    length = EXT2_EXT_ATTR_LEN (entry.e_name_len);
    if (length > size - at)
      return FALSE;
    if (entry.e_name_index == INDEX_SYSTEM && entry.e_name_len == strlen (NAME) &&
        memcmp (start + at + sizeof entry, NAME, strlen (NAME)) == 0) {
      if (entry.e_value_inum != 0 || entry.e_value_offs > size ||
          entry.e_value_size > size - entry.e_value_offs)
        return FALSE;
      *value = start + entry.e_value_offs;
      *value_size = entry.e_value_size;
      return TRUE;
    }
    at += length;
  }
  return FALSE;
}

guint8 *
vt_ext_inline_read (const VtExt *self, const VtExtInode *inode, gsize *size, GError **error)
{
  gsize inode_size = EXT2_INODE_SIZE (self->fs->super);
  gsize at = EXT2_GOOD_OLD_INODE_SIZE + inode->extra + sizeof (guint32);
  const guint8 *value = NULL;
  gsize value_size = 0;
  guint32 magic = 0;
  guint8 *data;

  if (inode->extra > 0 && at <= inode_size)
    memcpy (&magic, inode->raw.bytes + at - sizeof magic, sizeof magic);
  if (magic != EXT2_EXT_ATTR_MAGIC ||
      !find_value (inode->raw.bytes + at, inode_size - at, &value, &value_size)) {
    vt_fs_refuse (error, "inode %u: its inline data is damaged", inode->number);
    return NULL;
  }
  *size = DIRECT_SIZE + value_size;
  data = g_malloc (*size);
  memcpy (data, inode->raw.fields.i_block, DIRECT_SIZE);
  memcpy (data + DIRECT_SIZE, value, value_size);
  return data;
}
