// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-ext-private.h"

/* Inode bitmaps that are kept, in bytes. */
#define BITMAPS_SIZE_MAX ((gsize)8 * 1024 * 1024)

/* What the kernel takes for granted in a large inode when it does not say how far it goes: all the
 * fields that the kernel knows. */
#define EXTRA_DEFAULT 32

/* Below the seconds' sign there is room for dates from 1901 to 2446 (ext4's i_*time_extra). */
#define EPOCH_BITS 2
#define EPOCH_MASK 3U

/* The bitmap of GROUP, which the cache owns; NULL: see ERROR. */
static const guint8 *
get_bitmap (VtExt *self, dgrp_t group, GError **error)
{
  gsize size = self->fs->blocksize;
  g_autofree guint8 *bitmap = NULL;
  const guint8 *known = g_hash_table_lookup (self->bitmaps, GUINT_TO_POINTER (group));

  if (known != NULL)
    return known;
  bitmap = g_malloc (size);
  if (!vt_ext_read_block (self, ext2fs_inode_bitmap_loc (self->fs, group), bitmap, error))
    return NULL;
  if (!ext2fs_inode_bitmap_csum_verify (self->fs, group, (char *)bitmap,
                                        (int)(EXT2_INODES_PER_GROUP (self->fs->super) / 8))) {
    vt_fs_refuse (error, "the checksum of the inode bitmap of group %u is wrong", group);
    return NULL;
  }
  if ((g_hash_table_size (self->bitmaps) + 1) * size > BITMAPS_SIZE_MAX)
    g_hash_table_remove_all (self->bitmaps);
  known = bitmap;
  g_hash_table_insert (self->bitmaps, GUINT_TO_POINTER (group), g_steal_pointer (&bitmap));
  return known;
}

static gboolean
check_allocated (VtExt *self, guint32 number, GError **error)
{
  guint32 per_group = EXT2_INODES_PER_GROUP (self->fs->super);
  dgrp_t group = (number - 1) / per_group;
  guint32 index = (number - 1) % per_group;
  const guint8 *bitmap;

  if (ext2fs_has_group_desc_csum (self->fs) &&
      ((ext2fs_bg_flags (self->fs, group) & EXT2_BG_INODE_UNINIT) != 0 ||
       index >= per_group - MIN (per_group, ext2fs_bg_itable_unused (self->fs, group))))
    return vt_fs_refuse (error, "inode %u is named but was never used", number);
  bitmap = get_bitmap (self, group, error);
  if (bitmap == NULL)
    return FALSE;
  if ((bitmap[index / 8] & (1U << (index % 8))) == 0)
    return vt_fs_refuse (error, "inode %u is named but is not in use", number);
  return TRUE;
}

/* The kernel's own limits (ext4_iget). */
static gboolean
judge_extra (VtExt *self, VtExtInode *inode, GError **error)
{
  gsize inode_size = EXT2_INODE_SIZE (self->fs->super);
  gsize extra;

  if (inode_size == EXT2_GOOD_OLD_INODE_SIZE)
    return TRUE;
  extra = inode->raw.fields.i_extra_isize;
  if (extra % 4 != 0 || extra > inode_size - EXT2_GOOD_OLD_INODE_SIZE)
    return vt_fs_refuse (error, "inode %u says that it is longer than it is", inode->number);
  inode->extra = extra > 0 ? extra : EXTRA_DEFAULT;
  return TRUE;
}

static gboolean
judge_flags (VtExt *self, const VtExtInode *inode, GError **error)
{
  guint32 flags = inode->flags;
  guint32 kinds = EXT4_EXTENTS_FL | EXT4_INLINE_DATA_FL;

  if ((flags & (EXT4_ENCRYPT_FL | EXT4_EA_INODE_FL | EXT4_CASEFOLD_FL)) != 0)
    return vt_fs_refuse (error, "inode %u has flags (0x%x) that do not belong here", inode->number,
                         flags);
  if ((flags & kinds) == kinds ||
      ((flags & EXT4_EXTENTS_FL) != 0 && !ext2fs_has_feature_extents (self->fs->super)) ||
      ((flags & EXT4_INLINE_DATA_FL) != 0 && !ext2fs_has_feature_inline_data (self->fs->super)))
    return vt_fs_refuse (error, "inode %u keeps its data in a way (0x%x) that is not used here",
                         inode->number, flags);
  return TRUE;
}

static gboolean
judge (VtExt *self, VtExtInode *inode, GError **error)
{
  if (inode->links == 0)
    return vt_fs_refuse (error, "inode %u is named but was deleted", inode->number);
  if (inode->size > G_MAXINT64)
    return vt_fs_refuse (error, "inode %u has an impossible size", inode->number);
  switch (inode->mode & LINUX_S_IFMT) {
  case LINUX_S_IFREG:
  case LINUX_S_IFDIR:
  case LINUX_S_IFLNK:
  case LINUX_S_IFCHR:
  case LINUX_S_IFBLK:
  case LINUX_S_IFIFO:
  case LINUX_S_IFSOCK:
    return judge_extra (self, inode, error) && judge_flags (self, inode, error);
  default:
    return vt_fs_refuse (error, "inode %u is of no known type", inode->number);
  }
}

/* Only files, and directories where the feature says so, have a size of 64 bits. */
static guint64
get_size (VtExt *self, const struct ext2_inode_large *fields)
{
  guint64 size = fields->i_size;

  if (LINUX_S_ISREG (fields->i_mode) || ext2fs_has_feature_largedir (self->fs->super))
    size |= (guint64)fields->i_size_high << 32;
  return size;
}

gboolean
vt_ext_inode_read_special (VtExt *self, guint32 number, VtExtInode *inode, GError **error)
{
  struct ext2_inode_large *fields = &inode->raw.fields;
  errcode_t code =
      ext2fs_read_inode_full (self->fs, number, (struct ext2_inode *)fields, sizeof inode->raw);

  if (!vt_ext_check (self, code, "inode", error)) {
    g_prefix_error (error, "%u: ", number);
    return FALSE;
  }
  inode->number = number;
  inode->mode = fields->i_mode;
  inode->links = fields->i_links_count;
  inode->flags = fields->i_flags;
  inode->size = get_size (self, fields);
  inode->extra = 0;
  return judge (self, inode, error);
}

static gboolean
is_reserved (VtExt *self, guint32 number)
{
  struct ext2_super_block *super = self->fs->super;

  return (number < EXT2_FIRST_INODE (super) && number != EXT2_ROOT_INO) ||
         (ext2fs_has_feature_orphan_file (super) &&
          number == GUINT32_FROM_LE (super->s_orphan_file_inum)) ||
         (ext2fs_has_feature_quota (super) &&
          (number == super->s_usr_quota_inum || number == super->s_grp_quota_inum ||
           number == super->s_prj_quota_inum));
}

gboolean
vt_ext_inode_read (VtExt *self, guint32 number, VtExtInode *inode, GError **error)
{
  vt_fs_say_alive (&self->base);
  if (number == 0 || number > self->fs->super->s_inodes_count || is_reserved (self, number))
    return vt_fs_refuse (error, "inode %u has a name but cannot", number);
  return check_allocated (self, number, error) &&
         vt_ext_inode_read_special (self, number, inode, error);
}

/* SECONDS are signed; EXTRA has two more bits of these and the nanoseconds. */
static gboolean
make_time (guint32 seconds, guint32 extra, gint64 *time_ns)
{
  gint64 s = (gint64)(gint32)seconds + ((gint64)(extra & EPOCH_MASK) << 32);
  gint64 ns = extra >> EPOCH_BITS;

  if (ns >= VT_FS_NS_PER_S || s >= G_MAXINT64 / VT_FS_NS_PER_S)
    return FALSE;
  *time_ns = s * VT_FS_NS_PER_S + ns;
  return TRUE;
}

/* In nanoseconds since 1970. */
static gboolean
get_times (const VtExtInode *inode, gint64 *mtime_ns, gint64 *ctime_ns, GError **error)
{
  const struct ext2_inode_large *fields = &inode->raw.fields;
  gsize end = EXT2_GOOD_OLD_INODE_SIZE + inode->extra;
  guint32 mtime_extra = 0;
  guint32 ctime_extra = 0;

  if (end >= G_STRUCT_OFFSET (struct ext2_inode_large, i_ctime_extra) + sizeof ctime_extra)
    ctime_extra = fields->i_ctime_extra;
  if (end >= G_STRUCT_OFFSET (struct ext2_inode_large, i_mtime_extra) + sizeof mtime_extra)
    mtime_extra = fields->i_mtime_extra;
  if (make_time (fields->i_mtime, mtime_extra, mtime_ns) &&
      make_time (fields->i_ctime, ctime_extra, ctime_ns))
    return TRUE;
  return vt_fs_refuse (error, "inode %u has a time that cannot be told", inode->number);
}

gboolean
vt_ext_inode_stat (const VtExtInode *inode, VtFsStat *stat, GError **error)
{
  *stat = (VtFsStat){
      .inode = inode->number,
      .size = inode->size,
      .links = inode->links,
      .generation = inode->raw.fields.i_generation,
  };
  return get_times (inode, &stat->mtime_ns, &stat->ctime_ns, error);
}
