// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Extended attributes (the kernel's Documentation/filesystems/ext4, "Extended Attributes"), as far
 * as the reader needs any: behind an inode's fields, or in a block of their own.
 */
#include "vt-ext-private.h"

#include <ext2fs/ext2_ext_attr.h>
#include <string.h>

/* The kernel's xattr.h of ext4: "security." */
#define INDEX_SECURITY 6
#define NAME_SELINUX   "selinux"

/* Larger blocks are not those of ext. */
#define BLOCK_SIZE_MAX 65536

gboolean
vt_ext_attribute_find (const VtExtAttributes *all,
                       guint8 index,
                       const char *name,
                       const guint8 **value,
                       gsize *value_size)
{
  struct ext2_ext_attr_entry entry;
  guint32 end;

  for (gsize at = all->first; all->size - at >= sizeof entry;) {
    gsize length;

    memcpy (&end, all->base + at, sizeof end);
    if (end == 0)
      return FALSE;
    memcpy (&entry, all->base + at, sizeof entry);
    length = EXT2_EXT_ATTR_LEN (entry.e_name_len);
    if (length > all->size - at)
      return FALSE;
    if (entry.e_name_index == index && entry.e_name_len == strlen (name) &&
        memcmp (all->base + at + sizeof entry, name, strlen (name)) == 0) {
      if (entry.e_value_inum != 0 || entry.e_value_offs > all->size ||
          entry.e_value_size > all->size - entry.e_value_offs)
        return FALSE;
      *value = all->base + entry.e_value_offs;
      *value_size = entry.e_value_size;
      return TRUE;
    }
    at += length;
  }
  return FALSE;
}

gboolean
vt_ext_attributes_in_inode (const VtExt *self, const VtExtInode *inode, VtExtAttributes *all)
{
  gsize inode_size = EXT2_INODE_SIZE (self->fs->super);
  gsize at = EXT2_GOOD_OLD_INODE_SIZE + inode->extra + sizeof (guint32);
  guint32 magic = 0;

  if (inode->extra > 0 && at <= inode_size)
    memcpy (&magic, inode->raw.bytes + at - sizeof magic, sizeof magic);
  if (magic != EXT2_EXT_ATTR_MAGIC)
    return FALSE;
  *all = (VtExtAttributes){inode->raw.bytes + at, inode_size - at, 0};
  return TRUE;
}

static void
take_label (const VtExtAttributes *all, VtFileAttributes *attributes)
{
  const guint8 *value;
  gsize size;

  if (!vt_ext_attribute_find (all, INDEX_SECURITY, NAME_SELINUX, &value, &size) ||
      size > VT_FILE_LABEL_MAX)
    return;
  memcpy (attributes->label, value, size);
  attributes->label_size = size;
}

static gboolean
take_label_from_block (VtExt *self,
                       const VtExtInode *inode,
                       VtFileAttributes *attributes,
                       GError **error)
{
  guint64 block = ext2fs_file_acl_block (self->fs, (const struct ext2_inode *)&inode->raw.fields);
  gsize size = MIN (self->fs->blocksize, BLOCK_SIZE_MAX);
  g_autofree guint8 *bytes = NULL;
  VtExtAttributes all;
  guint32 magic;

  if (block == 0)
    return TRUE;
  if (block >= ext2fs_blocks_count (self->fs->super))
    return vt_fs_refuse (error, "inode %u: its attributes are nowhere", inode->number);
  bytes = g_malloc (self->fs->blocksize);
  if (!vt_ext_read_block (self, block, bytes, error))
    return FALSE;
  memcpy (&magic, bytes, sizeof magic);
  if (magic != EXT2_EXT_ATTR_MAGIC)
    return vt_fs_refuse (error, "inode %u: its attributes are damaged", inode->number);
  all = (VtExtAttributes){bytes, size, sizeof (struct ext2_ext_attr_header)};
  take_label (&all, attributes);
  return TRUE;
}

gboolean
vt_ext_attributes_read (VtExt *self,
                        const VtExtInode *inode,
                        VtFileAttributes *attributes,
                        GError **error)
{
  const struct ext2_inode_large *fields = &inode->raw.fields;
  VtExtAttributes all;

  *attributes = (VtFileAttributes){
      .mode = inode->mode & VT_FILE_MODE_MAX,
      .uid = fields->i_uid | (guint32)fields->osd2.linux2.l_i_uid_high << 16,
      .gid = fields->i_gid | (guint32)fields->osd2.linux2.l_i_gid_high << 16,
      .links = inode->links,
  };
  if (vt_ext_attributes_in_inode (self, inode, &all))
    take_label (&all, attributes);
  return attributes->label_size > 0 || take_label_from_block (self, inode, attributes, error);
}
