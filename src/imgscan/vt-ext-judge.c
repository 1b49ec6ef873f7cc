// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Whether a file system is one that this code reads for certain as the kernel does: its features,
 * its state, and the checksums of what is read first. Lists say what is known; all else is refused.
 */
#include "vt-ext-private.h"

#include <string.h>

/* Groups of blocks: 32 TiB with the usual 128 MiB each. A descriptor of each is kept. */
#define GROUPS_MAX ((guint64)256 * 1024)

/*
 * Left out: compression, journal devices, data in directories, and encryption, which hides names;
 * case folding, as no kernel to compare with has it; RECOVER, which says that the journal has what
 * the file system does not have yet.
 */
#define INCOMPAT_KNOWN                                                                             \
  (EXT2_FEATURE_INCOMPAT_FILETYPE | EXT2_FEATURE_INCOMPAT_META_BG |                                \
   EXT3_FEATURE_INCOMPAT_EXTENTS | EXT4_FEATURE_INCOMPAT_64BIT | EXT4_FEATURE_INCOMPAT_MMP |       \
   EXT4_FEATURE_INCOMPAT_FLEX_BG | EXT4_FEATURE_INCOMPAT_EA_INODE |                                \
   EXT4_FEATURE_INCOMPAT_CSUM_SEED | EXT4_FEATURE_INCOMPAT_LARGEDIR |                              \
   EXT4_FEATURE_INCOMPAT_INLINE_DATA)

/* Left out: snapshots and replicas, shared blocks, and orphans that wait in their file. */
#define RO_COMPAT_KNOWN                                                                            \
  (EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE |                       \
   EXT4_FEATURE_RO_COMPAT_HUGE_FILE | EXT4_FEATURE_RO_COMPAT_GDT_CSUM |                            \
   EXT4_FEATURE_RO_COMPAT_DIR_NLINK | EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE |                         \
   EXT4_FEATURE_RO_COMPAT_QUOTA | EXT4_FEATURE_RO_COMPAT_BIGALLOC |                                \
   EXT4_FEATURE_RO_COMPAT_METADATA_CSUM | EXT4_FEATURE_RO_COMPAT_READONLY |                        \
   EXT4_FEATURE_RO_COMPAT_PROJECT | EXT4_FEATURE_RO_COMPAT_VERITY)

/* The kernel's journal (jbd2.h): big-endian, and in no header that is installed. */
#define JOURNAL_MAGIC    0xC03B3998U
#define JOURNAL_SUPER_V1 3
#define JOURNAL_SUPER_V2 4
#define JOURNAL_WORDS                                                                              \
  9 /* magic, type, sequence, block size, length, first, sequence, start, errno */

static gboolean
judge_features (const struct ext2_super_block *super, GError **error)
{
  guint32 incompat = GUINT32_FROM_LE (super->s_feature_incompat);
  guint32 ro_compat = GUINT32_FROM_LE (super->s_feature_ro_compat);
  guint32 compat = GUINT32_FROM_LE (super->s_feature_compat);

  if (GUINT32_FROM_LE (super->s_rev_level) > EXT2_DYNAMIC_REV)
    return vt_fs_refuse (error, "revision %u is unknown", GUINT32_FROM_LE (super->s_rev_level));
  if (GUINT32_FROM_LE (super->s_rev_level) == EXT2_GOOD_OLD_REV &&
      (incompat | ro_compat | compat) != 0)
    return vt_fs_refuse (error, "revision 0 has no features, but some are set");
  if ((incompat & EXT3_FEATURE_INCOMPAT_RECOVER) != 0)
    return vt_fs_refuse (error, "the journal has to be replayed");
  if ((incompat & EXT4_FEATURE_INCOMPAT_ENCRYPT) != 0)
    return vt_fs_refuse (error, "it has encrypted directories");
  if ((incompat & ~INCOMPAT_KNOWN) != 0 || (ro_compat & ~RO_COMPAT_KNOWN) != 0)
    return vt_fs_refuse (error, "features are not known for certain: incompat 0x%x, ro_compat 0x%x",
                         incompat & ~INCOMPAT_KNOWN, ro_compat & ~RO_COMPAT_KNOWN);
  if (GUINT32_FROM_LE (super->s_creator_os) != EXT2_OS_LINUX)
    return vt_fs_refuse (error, "it was not made for Linux");
  return TRUE;
}

static gboolean
judge_flags (const struct ext2_super_block *super, GError **error)
{
  guint state = GUINT16_FROM_LE (super->s_state);

  if (state != EXT2_VALID_FS)
    return vt_fs_refuse (error, "it was not unmounted cleanly, or has errors (state 0x%x)", state);
  if (super->s_error_count != 0)
    return vt_fs_refuse (error, "the kernel has noted %u errors in it",
                         GUINT32_FROM_LE (super->s_error_count));
  if (super->s_last_orphan != 0)
    return vt_fs_refuse (error, "deleted files wait to be cleaned up");
  if (super->s_journal_dev != 0 &&
      (super->s_feature_compat & GUINT32_TO_LE (EXT3_FEATURE_COMPAT_HAS_JOURNAL)) != 0)
    return vt_fs_refuse (error, "its journal is on another device");
  if ((GUINT32_FROM_LE (super->s_flags) & EXT2_FLAGS_IS_SNAPSHOT) != 0)
    return vt_fs_refuse (error, "it is a snapshot within a file system");
  return TRUE;
}

static gboolean
judge_geometry (const struct ext2_super_block *super, guint64 window, GError **error)
{
  gboolean is_64bit =
      (super->s_feature_incompat & GUINT32_TO_LE (EXT4_FEATURE_INCOMPAT_64BIT)) != 0;
  gboolean is_bigalloc =
      (super->s_feature_ro_compat & GUINT32_TO_LE (EXT4_FEATURE_RO_COMPAT_BIGALLOC)) != 0;
  guint64 blocks = GUINT32_FROM_LE (super->s_blocks_count);
  guint32 shift = GUINT32_FROM_LE (super->s_log_block_size);
  guint32 group = GUINT32_FROM_LE (super->s_blocks_per_group);

  if (is_64bit)
    blocks |= (guint64)GUINT32_FROM_LE (super->s_blocks_count_hi) << 32;
  if (shift > EXT2_MAX_BLOCK_LOG_SIZE - EXT2_MIN_BLOCK_LOG_SIZE || group == 0 || blocks == 0)
    return vt_fs_refuse (error, "the superblock is damaged");
  if (blocks > window >> (shift + EXT2_MIN_BLOCK_LOG_SIZE))
    return vt_fs_refuse (error,
                         "%" G_GUINT64_FORMAT
                         " blocks do not fit its partition of %" G_GUINT64_FORMAT " bytes",
                         blocks, window);
  if (blocks / group >= GROUPS_MAX)
    return vt_fs_refuse (error, "it has more than %" G_GUINT64_FORMAT " groups", GROUPS_MAX);
  if (GUINT32_FROM_LE (super->s_first_data_block) != (shift == 0 && !is_bigalloc ? 1 : 0))
    return vt_fs_refuse (error, "its first block is not where it should be");
  return TRUE;
}

/* What libext2fs leaves open: its bitmaps are of one block, and the first inodes are reserved. */
static gboolean
judge_inodes (const struct ext2_super_block *super, GError **error)
{
  guint32 bits = 8U << (GUINT32_FROM_LE (super->s_log_block_size) + EXT2_MIN_BLOCK_LOG_SIZE);
  guint32 per_group = GUINT32_FROM_LE (super->s_inodes_per_group);

  if (per_group == 0 || per_group > bits)
    return vt_fs_refuse (error, "%u inodes a group do not fit a bitmap of %u", per_group, bits);
  if (GUINT32_FROM_LE (super->s_rev_level) == EXT2_GOOD_OLD_REV)
    return TRUE;
  if (GUINT16_FROM_LE (super->s_inode_size) > VT_EXT_INODE_SIZE_MAX)
    return vt_fs_refuse (error, "inodes of %u bytes are larger than %u",
                         GUINT16_FROM_LE (super->s_inode_size), VT_EXT_INODE_SIZE_MAX);
  if (GUINT32_FROM_LE (super->s_first_ino) < EXT2_GOOD_OLD_FIRST_INO)
    return vt_fs_refuse (error, "the first inode is %u", GUINT32_FROM_LE (super->s_first_ino));
  return TRUE;
}

gboolean
vt_ext_judge_superblock (const struct ext2_super_block *super, guint64 window, GError **error)
{
  if (GUINT16_FROM_LE (super->s_magic) != EXT2_SUPER_MAGIC)
    return vt_fs_refuse (error, "there is no ext file system");
  return judge_features (super, error) && judge_flags (super, error) &&
         judge_geometry (super, window, error) && judge_inodes (super, error);
}

static gboolean
judge_groups (VtExt *self, GError **error)
{
  for (dgrp_t i = 0; i < self->fs->group_desc_count; i++)
    if (!ext2fs_group_desc_csum_verify (self->fs, i))
      return vt_fs_refuse (error, "the checksum of group %u is wrong", i);
  return TRUE;
}

/* The sequence number tells whether somebody has it mounted, or a check was interrupted. */
static gboolean
judge_mmp (VtExt *self, GError **error)
{
  g_autofree guint8 *block = NULL;
  struct mmp_struct mmp;

  if (!ext2fs_has_feature_mmp (self->fs->super))
    return TRUE;
  block = g_malloc (self->fs->blocksize);
  if (!vt_ext_read_block (self, self->fs->super->s_mmp_block, block, error))
    return FALSE;
  memcpy (&mmp, block, sizeof mmp);
  if (GUINT32_FROM_LE (mmp.mmp_magic) != EXT4_MMP_MAGIC ||
      GUINT32_FROM_LE (mmp.mmp_seq) != EXT4_MMP_SEQ_CLEAN ||
      !ext2fs_mmp_csum_verify (self->fs, &mmp))
    return vt_fs_refuse (error, "it may be mounted by another host (mmp)");
  return TRUE;
}

static gboolean
judge_journal_block (const guint8 *block, GError **error)
{
  guint32 words[JOURNAL_WORDS];

  memcpy (words, block, sizeof words);
  for (guint i = 0; i < JOURNAL_WORDS; i++)
    words[i] = GUINT32_FROM_BE (words[i]);
  if (words[0] != JOURNAL_MAGIC || (words[1] != JOURNAL_SUPER_V1 && words[1] != JOURNAL_SUPER_V2))
    return vt_fs_refuse (error, "the journal is none");
  if (words[7] != 0 || words[8] != 0)
    return vt_fs_refuse (error, "the journal is not empty, or has noted an error");
  return TRUE;
}

static gboolean
judge_journal (VtExt *self, GError **error)
{
  g_autoptr (GArray) runs = g_array_new (FALSE, FALSE, sizeof (VtExtRun));
  g_autofree guint8 *block = NULL;
  VtExtInode inode;

  if (!ext2fs_has_feature_journal (self->fs->super))
    return TRUE;
  if (self->fs->super->s_journal_inum != EXT2_JOURNAL_INO)
    return vt_fs_refuse (error, "its journal is inode %u", self->fs->super->s_journal_inum);
  if (!vt_ext_inode_read_special (self, EXT2_JOURNAL_INO, &inode, error) ||
      !vt_ext_map (self, &inode, runs, NULL, error))
    return FALSE;
  if (runs->len == 0 || g_array_index (runs, VtExtRun, 0).logical != 0)
    return vt_fs_refuse (error, "the journal has no first block");
  block = g_malloc (self->fs->blocksize);
  return vt_ext_read_block (self, g_array_index (runs, VtExtRun, 0).physical, block, error) &&
         judge_journal_block (block, error) && vt_ext_zones_add_runs (self, runs, error);
}

gboolean
vt_ext_judge_state (VtExt *self, GError **error)
{
  return judge_groups (self, error) && judge_mmp (self, error) && judge_journal (self, error);
}
