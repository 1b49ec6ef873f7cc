// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Extent trees (the kernel's Documentation/filesystems/ext4, "Extent Tree"), with the checks that
 * the kernel makes, and stricter: entries go up, stay within what their parent says and start where
 * it says. So no node can be visited twice, and the walk ends.
 */
#include "vt-ext-private.h"

#include <ext2fs/ext3_extents.h>
#include <string.h>

/* As deep as the kernel makes them. */
#define DEPTH_MAX 5

/* Extents of one file, those never written to among them. */
#define EXTENTS_MAX (4 * 1024 * 1024)

/* One more than the last block that a file can have. */
#define LOGICAL_END ((guint64)G_MAXUINT32)

typedef struct {
  VtExt *ext;
  const VtExtInode *inode;
  GArray *runs;
  GArray *nodes; /* of guint64, or NULL */
  guint extents;
} Walk;

/* A node of the tree, and what its parent says of it. */
typedef struct {
  guint8 *bytes;
  gsize size;
  guint depth;
  guint64 first; /* logical blocks that it may speak of */
  guint64 end;
  gboolean is_root;
} Node;

static gboolean walk_node (Walk *self, const Node *node, GError **error);

static struct ext3_extent_header
get_header (const Node *node)
{
  struct ext3_extent_header header;

  memcpy (&header, node->bytes, sizeof header);
  return header;
}

static void
get_entry (const Node *node, guint index, void *entry)
{
  memcpy (entry,
          node->bytes + sizeof (struct ext3_extent_header) + index * sizeof (struct ext3_extent),
          sizeof (struct ext3_extent));
}

/* The logical block is the first field of both kinds of entries. */
static guint64
get_logical (const Node *node, guint index)
{
  struct ext3_extent entry;

  get_entry (node, index, &entry);
  return GUINT32_FROM_LE (entry.ee_block);
}

static gboolean
judge_header (Walk *self, const Node *node, guint *entries, GError **error)
{
  struct ext3_extent_header header = get_header (node);
  guint room = (guint)((node->size - sizeof header) / sizeof (struct ext3_extent));
  guint max = GUINT16_FROM_LE (header.eh_max);

  *entries = GUINT16_FROM_LE (header.eh_entries);
  if (GUINT16_FROM_LE (header.eh_magic) != EXT3_EXT_MAGIC ||
      GUINT16_FROM_LE (header.eh_depth) != node->depth || max == 0 || max > room ||
      *entries > max || (*entries == 0 && !(node->is_root && node->depth == 0)))
    return vt_fs_refuse (error, "the extent tree is damaged");
  if (!node->is_root &&
      !ext2fs_extent_block_csum_verify (self->ext->fs, self->inode->number,
                                        (struct ext3_extent_header *)(void *)node->bytes))
    return vt_fs_refuse (error, "the checksum of an extent tree is wrong");
  if (!node->is_root && get_logical (node, 0) != node->first)
    return vt_fs_refuse (error, "a part of the extent tree does not start where it should");
  return TRUE;
}

static gboolean
take_extent (Walk *self, const Node *node, guint index, guint64 *next, GError **error)
{
  struct ext3_extent extent;
  VtExtRun run;
  guint length;

  get_entry (node, index, &extent);
  length = GUINT16_FROM_LE (extent.ee_len);
  run.logical = GUINT32_FROM_LE (extent.ee_block);
  run.physical = GUINT32_FROM_LE (extent.ee_start) | (guint64)GUINT16_FROM_LE (extent.ee_start_hi)
                                                         << 32;
  run.length = length > EXT_INIT_MAX_LEN ? length - EXT_INIT_MAX_LEN : length;
  if (run.length == 0 || run.logical < *next || run.logical + run.length > node->end)
    return vt_fs_refuse (error, "extents overlap or are out of order");
  if (++self->extents > EXTENTS_MAX)
    return vt_fs_refuse (error, "there are more than %d extents", EXTENTS_MAX);
  *next = run.logical + run.length;
  if (length <= EXT_INIT_MAX_LEN)
    return vt_ext_map_add (self->ext, self->runs, &run, error);
  return TRUE;
}

static gboolean
take_child (Walk *self, const Node *node, guint index, guint entries, GError **error)
{
  gsize block_size = self->ext->fs->blocksize;
  g_autofree guint8 *bytes = NULL;
  struct ext3_extent_idx entry;
  guint64 block;
  Node child = {.size = block_size, .depth = node->depth - 1};

  get_entry (node, index, &entry);
  child.first = GUINT32_FROM_LE (entry.ei_block);
  child.end = index + 1 < entries ? get_logical (node, index + 1) : node->end;
  block = GUINT32_FROM_LE (entry.ei_leaf) | (guint64)GUINT16_FROM_LE (entry.ei_leaf_hi) << 32;
  if (child.first < node->first || child.first >= child.end || child.end > node->end)
    return vt_fs_refuse (error, "the extent tree is out of order");
  if (block <= self->ext->fs->super->s_first_data_block ||
      !vt_ext_zones_allow (self->ext, block, 1))
    return vt_fs_refuse (error, "the extent tree goes to a block where none can be");
  bytes = g_malloc (block_size);
  child.bytes = bytes;
  vt_ext_map_note_node (self->nodes, block);
  return vt_ext_read_block (self->ext, block, bytes, error) && walk_node (self, &child, error);
}

static gboolean
walk_node (Walk *self, const Node *node, GError **error)
{
  guint64 next = node->first;
  guint entries;

  if (!judge_header (self, node, &entries, error))
    return FALSE;
  for (guint i = 0; i < entries; i++)
    if (!(node->depth == 0 ? take_extent (self, node, i, &next, error)
                           : take_child (self, node, i, entries, error)))
      return FALSE;
  return TRUE;
}

gboolean
vt_ext_map_extents (
    VtExt *self, const VtExtInode *inode, GArray *runs, GArray *nodes, GError **error)
{
  struct ext3_extent_header header;
  guint8 bytes[sizeof inode->raw.fields.i_block];
  Walk walk = {self, inode, runs, nodes, 0};
  Node root = {bytes, sizeof bytes, 0, 0, LOGICAL_END, TRUE};

  memcpy (bytes, inode->raw.fields.i_block, sizeof bytes);
  header = get_header (&root);
  root.depth = GUINT16_FROM_LE (header.eh_depth);
  if (root.depth > DEPTH_MAX)
    return vt_fs_refuse (error, "the extent tree is deeper than %d", DEPTH_MAX);
  if (inode->size / self->fs->blocksize >= LOGICAL_END)
    return vt_fs_refuse (error, "it is larger than extents can tell");
  return walk_node (&walk, &root, error);
}
