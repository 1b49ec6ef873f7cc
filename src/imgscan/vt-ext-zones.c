// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Where the file system's own structures lie. A file whose data would lie there is damaged, and the
 * kernel does not read it (its option block_validity).
 */
#include "vt-ext-private.h"

static gint
compare_zones (gconstpointer a, gconstpointer b)
{
  const VtExtZone *first = a;
  const VtExtZone *second = b;

  return (first->first > second->first) - (first->first < second->first);
}

static gboolean
add_zone (VtExt *self, guint64 first, guint64 length, GError **error)
{
  guint64 blocks = ext2fs_blocks_count (self->fs->super);
  VtExtZone zone = {first, length};

  if (length == 0)
    return TRUE;
  if (first < self->fs->super->s_first_data_block || first >= blocks || length > blocks - first)
    return vt_fs_refuse (error, "a group has blocks beyond the end of the file system");
  g_array_append_val (self->zones, zone);
  return TRUE;
}

/* Superblock and descriptors, with the room that is left for more of these. */
static gboolean
add_base (VtExt *self, dgrp_t group, GError **error)
{
  struct ext2_super_block *super = self->fs->super;
  guint64 old_blocks = ext2fs_has_feature_meta_bg (super)
                           ? super->s_first_meta_bg
                           : (guint64)self->fs->desc_blocks + super->s_reserved_gdt_blocks;
  blk64_t super_block, old_block, new_block;
  blk_t used;

  ext2fs_super_and_bgd_loc2 (self->fs, group, &super_block, &old_block, &new_block, &used);
  /* 0 means that there is none, but in the first group. */
  if ((super_block != 0 || (group == 0 && super->s_first_data_block == 0)) &&
      !add_zone (self, super_block, 1, error))
    return FALSE;
  return (old_block == 0 || add_zone (self, old_block, old_blocks, error)) &&
         (new_block == 0 || add_zone (self, new_block, 1, error));
}

static gboolean
sort_and_check (VtExt *self, GError **error)
{
  guint64 end = 0;

  g_array_sort (self->zones, compare_zones);
  for (guint i = 0; i < self->zones->len; i++) {
    const VtExtZone *zone = &g_array_index (self->zones, VtExtZone, i);

    if (zone->first < end)
      return vt_fs_refuse (
          error, "structures of the file system overlap at block %" G_GUINT64_FORMAT, zone->first);
    end = zone->first + zone->length;
  }
  return TRUE;
}

gboolean
vt_ext_zones_find (VtExt *self, GError **error)
{
  for (dgrp_t i = 0; i < self->fs->group_desc_count; i++)
    if (!add_base (self, i, error) ||
        !add_zone (self, ext2fs_block_bitmap_loc (self->fs, i), 1, error) ||
        !add_zone (self, ext2fs_inode_bitmap_loc (self->fs, i), 1, error) ||
        !add_zone (self, ext2fs_inode_table_loc (self->fs, i), self->fs->inode_blocks_per_group,
                   error))
      return FALSE;
  return sort_and_check (self, error);
}

gboolean
vt_ext_zones_add_runs (VtExt *self, GArray *runs, GError **error)
{
  for (guint i = 0; i < runs->len; i++) {
    const VtExtRun *run = &g_array_index (runs, VtExtRun, i);

    if (!add_zone (self, run->physical, run->length, error))
      return FALSE;
  }
  return sort_and_check (self, error);
}

gboolean
vt_ext_zones_allow (const VtExt *self, guint64 first, guint64 length)
{
  guint low = 0;
  guint high = self->zones->len;

  /* The first zone that ends behind FIRST. */
  while (low < high) {
    guint middle = low + (high - low) / 2;
    const VtExtZone *zone = &g_array_index (self->zones, VtExtZone, middle);

    if (zone->first + zone->length <= first)
      low = middle + 1;
    else
      high = middle;
  }
  return low == self->zones->len ||
         g_array_index (self->zones, VtExtZone, low).first >= first + length;
}
