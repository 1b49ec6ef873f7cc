// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Whether a file is as it was in an earlier state of the file system, told by its inode and by
 * where its blocks lie, and without a look at its content.
 */
#include "vt-ext-private.h"

#include <string.h>

/* A field of the inode. */
typedef struct {
  gsize offset;
  gsize size;
} Field;

#define FIELD(name)                                                                                \
  {                                                                                                \
    G_STRUCT_OFFSET (struct ext2_inode_large, name),                                               \
        sizeof (((struct ext2_inode_large *)NULL)->name)                                           \
  }

/*
 * What says nothing of the content and changes by itself: reading a file changes the time of
 * access, and with it the checksum; a new UUID of the file system changes all checksums; some
 * kernels count a version up with it.
 */
static const Field passing[] = {
    FIELD (i_atime),      FIELD (i_atime_extra),           FIELD (i_checksum_hi),
    FIELD (i_version_hi), FIELD (osd1.linux1.l_i_version), FIELD (osd2.linux2.l_i_checksum_lo),
};

/* Behind the fields there may be data of the file. */
static void
blank_passing (VtExtInode *inode)
{
  gsize end = EXT2_GOOD_OLD_INODE_SIZE + inode->extra;

  for (gsize i = 0; i < G_N_ELEMENTS (passing); i++)
    if (passing[i].offset + passing[i].size <= end)
      memset (inode->raw.bytes + passing[i].offset, 0, passing[i].size);
}

/* Where on the disk the inode lies, in bytes. */
static guint64
get_place (const VtExt *self, guint32 number)
{
  guint32 per_group = EXT2_INODES_PER_GROUP (self->fs->super);
  guint64 table = ext2fs_inode_table_loc (self->fs, (number - 1) / per_group);
  guint64 index = (number - 1) % per_group;

  return self->base.start + table * self->fs->blocksize + index * EXT2_INODE_SIZE (self->fs->super);
}

static gboolean
has_equal_shape (const VtExt *self, const VtExt *reference)
{
  return self->fs->blocksize == reference->fs->blocksize &&
         EXT2_INODE_SIZE (self->fs->super) == EXT2_INODE_SIZE (reference->fs->super) &&
         EXT2_INODES_PER_GROUP (self->fs->super) == EXT2_INODES_PER_GROUP (reference->fs->super);
}

/* Equal without reading the other one: the same place, at which nothing was written. */
static gboolean
is_in_place (const VtExt *self, const VtExt *reference, const VtDiskMap *changed, guint32 number)
{
  guint64 place = get_place (self, number);

  return place == get_place (reference, number) &&
         !vt_disk_map_has_any (changed, place, EXT2_INODE_SIZE (self->fs->super));
}

/* A reference that cannot be read is another one. FALSE: the disk is lost. */
static gboolean
read_reference (
    VtExt *reference, guint32 number, VtExtInode *inode, gboolean *is_there, GError **error)
{
  g_autoptr (GError) failure = NULL;

  *is_there = number <= reference->fs->super->s_inodes_count &&
              vt_ext_inode_read (reference, number, inode, &failure);
  if (failure == NULL || failure->domain == VT_FS_ERROR)
    return TRUE;
  g_propagate_prefixed_error (error, g_steal_pointer (&failure), "template: ");
  return FALSE;
}

/* INODE is blanked by this. */
static gboolean
is_equal_to_reference (
    VtExt *self, VtExt *reference, VtExtInode *inode, gboolean *equal, GError **error)
{
  VtExtInode other;
  gboolean is_there;

  *equal = FALSE;
  if (!read_reference (reference, inode->number, &other, &is_there, error))
    return FALSE;
  if (!is_there)
    return TRUE;
  blank_passing (inode);
  blank_passing (&other);
  *equal = memcmp (inode->raw.bytes, other.raw.bytes, EXT2_INODE_SIZE (self->fs->super)) == 0;
  return TRUE;
}

static gboolean
is_changed (const VtExt *self, const VtDiskMap *changed, guint64 first, guint64 length)
{
  guint64 block_size = self->fs->blocksize;

  return vt_disk_map_has_any (changed, self->base.start + first * block_size, length * block_size);
}

/* Whether neither the content nor what tells where it is lies where something was written. */
static gboolean
are_blocks_unchanged (VtExt *self,
                      const VtExtInode *inode,
                      const VtDiskMap *changed,
                      gboolean *unchanged,
                      GError **error)
{
  g_autoptr (GArray) runs = g_array_new (FALSE, FALSE, sizeof (VtExtRun));
  g_autoptr (GArray) nodes = g_array_new (FALSE, FALSE, sizeof (guint64));

  *unchanged = TRUE;
  if ((inode->flags & EXT4_INLINE_DATA_FL) != 0)
    return TRUE;
  if (!vt_ext_map (self, inode, runs, nodes, error))
    return FALSE;
  for (guint i = 0; i < nodes->len && *unchanged; i++)
    *unchanged = !is_changed (self, changed, g_array_index (nodes, guint64, i), 1);
  for (guint i = 0; i < runs->len && *unchanged; i++) {
    const VtExtRun *run = &g_array_index (runs, VtExtRun, i);

    *unchanged = !is_changed (self, changed, run->physical, run->length);
  }
  return TRUE;
}

gboolean
vt_ext_is_same (VtFs *fs,
                VtFs *reference_fs,
                const VtDiskMap *changed,
                guint64 number,
                gboolean *same,
                GError **error)
{
  VtExt *self = (VtExt *)fs;
  VtExt *reference = (VtExt *)reference_fs;
  VtExtInode inode;

  if (!has_equal_shape (self, reference) || number > G_MAXUINT32)
    return TRUE;
  if (!vt_ext_inode_read (self, (guint32)number, &inode, error))
    return FALSE;
  if (!LINUX_S_ISREG (inode.mode))
    return TRUE;
  if (!are_blocks_unchanged (self, &inode, changed, same, error))
    return FALSE;
  if (!*same || is_in_place (self, reference, changed, inode.number))
    return TRUE;
  return is_equal_to_reference (self, reference, &inode, same, error);
}

char *
vt_ext_get_uuid (VtFs *fs)
{
  const guint8 *u = ((VtExt *)fs)->fs->super->s_uuid;

  return g_strdup_printf ("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                          u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11],
                          u[12], u[13], u[14], u[15]);
}
