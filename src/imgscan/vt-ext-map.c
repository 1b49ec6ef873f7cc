// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Where a file's blocks are. Own code in the place of libext2fs's, which takes a tree that is
 * damaged or goes in circles for good where the kernel does not.
 */
#include "vt-ext-private.h"

#include <ext2fs/ext3_extents.h>
#include <string.h>

/* Runs of one file: 24 MiB. */
#define RUNS_MAX (1024 * 1024)

#define INDIRECT_LEVELS 3

/* A walk through the indirect blocks of a file. */
typedef struct {
  VtExt *ext;
  GArray *runs;
  GArray *nodes;    /* of guint64, or NULL */
  GHashTable *seen; /* indirect blocks: a healthy file has none twice */
  guint64 logical;  /* next block of the file */
} Walk;

gboolean
vt_ext_read_block (VtExt *self, guint64 block, void *buffer, GError **error)
{
  if (block >= ext2fs_blocks_count (self->fs->super))
    return vt_fs_refuse (error, "block %" G_GUINT64_FORMAT " is beyond the end", block);
  return vt_ext_check (self, io_channel_read_blk64 (self->fs->io, block, 1, buffer), "block",
                       error);
}

gboolean
vt_ext_map_add (VtExt *self, GArray *runs, const VtExtRun *run, GError **error)
{
  VtExtRun *last = runs->len > 0 ? &g_array_index (runs, VtExtRun, runs->len - 1) : NULL;
  guint64 blocks = ext2fs_blocks_count (self->fs->super);

  if (run->physical <= self->fs->super->s_first_data_block || run->physical >= blocks ||
      run->length > blocks - run->physical ||
      !vt_ext_zones_allow (self, run->physical, run->length))
    return vt_fs_refuse (error,
                         "a file's data is where none can be: %" G_GUINT64_FORMAT
                         " blocks at %" G_GUINT64_FORMAT,
                         run->length, run->physical);
  if (last != NULL && last->logical + last->length == run->logical &&
      last->physical + last->length == run->physical) {
    last->length += run->length;
    return TRUE;
  }
  if (runs->len >= RUNS_MAX)
    return vt_fs_refuse (error, "a file is in more than %u pieces", RUNS_MAX);
  g_array_append_val (runs, *run);
  return TRUE;
}

void
vt_ext_map_note_node (GArray *nodes, guint64 block)
{
  if (nodes != NULL)
    g_array_append_val (nodes, block);
}

static gboolean
add_block (Walk *self, guint32 block, GError **error)
{
  VtExtRun run = {self->logical, block, 1};

  self->logical++;
  return block == 0 || vt_ext_map_add (self->ext, self->runs, &run, error);
}

/* Blocks of the file that an indirect block of LEVEL stands for. */
static guint64
count_covered (guint64 entries, guint level)
{
  guint64 covered = 1;

  for (guint i = 0; i < level; i++)
    covered *= entries;
  return covered;
}

/* BLOCK holds the numbers of others, LEVEL of them deep. */
static gboolean
walk_indirect (Walk *self, guint32 block, guint level, GError **error)
{
  guint64 entries = self->ext->fs->blocksize / sizeof (guint32);
  g_autofree guint32 *numbers = NULL;

  if (level == 0)
    return add_block (self, block, error);
  if (block == 0) {
    self->logical += count_covered (entries, level);
    return TRUE;
  }
  if (!g_hash_table_add (self->seen, GUINT_TO_POINTER (block)) ||
      !vt_ext_zones_allow (self->ext, block, 1))
    return vt_fs_refuse (error, "a file's list of blocks is damaged at block %u", block);
  numbers = g_new (guint32, entries);
  if (!vt_ext_read_block (self->ext, block, numbers, error))
    return FALSE;
  vt_ext_map_note_node (self->nodes, block);
  for (guint64 i = 0; i < entries; i++)
    if (!walk_indirect (self, GUINT32_FROM_LE (numbers[i]), level - 1, error))
      return FALSE;
  return TRUE;
}

static gboolean
map_indirect (VtExt *self, const VtExtInode *inode, GArray *runs, GArray *nodes, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  const guint32 *blocks = inode->raw.fields.i_block;
  Walk walk = {self, runs, nodes, seen, 0};

  if (ext2fs_has_feature_bigalloc (self->fs->super))
    return vt_fs_refuse (error, "a file has a list of blocks where there are clusters");
  for (guint i = 0; i < EXT2_NDIR_BLOCKS; i++)
    if (!add_block (&walk, blocks[i], error))
      return FALSE;
  for (guint level = 1; level <= INDIRECT_LEVELS; level++)
    if (!walk_indirect (&walk, blocks[EXT2_NDIR_BLOCKS + level - 1], level, error))
      return FALSE;
  if (inode->size / self->fs->blocksize > walk.logical)
    return vt_fs_refuse (error, "a file is larger than its list of blocks can be");
  return TRUE;
}

gboolean
vt_ext_map (VtExt *self, const VtExtInode *inode, GArray *runs, GArray *nodes, GError **error)
{
  gboolean mapped = FALSE;

  if ((inode->flags & EXT4_INLINE_DATA_FL) != 0)
    return vt_fs_refuse (error, "inode %u has no blocks", inode->number);
  if ((inode->flags & EXT4_EXTENTS_FL) != 0)
    mapped = vt_ext_map_extents (self, inode, runs, nodes, error);
  else
    mapped = map_indirect (self, inode, runs, nodes, error);
  if (!mapped)
    g_prefix_error (error, "inode %u: ", inode->number);
  return mapped;
}

guint64
vt_ext_map_guess (const VtExtInode *inode)
{
  struct {
    struct ext3_extent_header header;
    struct ext3_extent first;
  } root;

  if ((inode->flags & EXT4_INLINE_DATA_FL) != 0)
    return 0;
  if ((inode->flags & EXT4_EXTENTS_FL) == 0)
    return inode->raw.fields.i_block[0];
  memcpy (&root, inode->raw.fields.i_block, sizeof root);
  if (root.header.eh_depth != 0 || root.header.eh_entries == 0)
    return 0;
  return GUINT32_FROM_LE (root.first.ee_start) | (guint64)GUINT16_FROM_LE (root.first.ee_start_hi)
                                                     << 32;
}
