// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-ext-private.h"

#define SUPER_OFFSET 1024

gboolean
vt_ext_check (VtExt *self, errcode_t code, const char *what, GError **error)
{
  GError *failure = vt_ext_io_take_failure (self->io);

  if (failure != NULL)
    return vt_fs_fail_to_read (failure, what, error);
  return code == 0 || vt_fs_refuse (error, "%s: %s", what, error_message (code));
}

static void
ext_free (VtFs *fs)
{
  VtExt *self = (VtExt *)fs;

  g_clear_pointer (&self->fs, ext2fs_free);
  g_clear_pointer (&self->zones, g_array_unref);
  g_clear_pointer (&self->bitmaps, g_hash_table_unref);
  g_clear_pointer (&self->io, vt_ext_io_free);
  g_free (self);
}

/* Looks at the superblock first: libext2fs would allocate whatever it says. */
static gboolean
judge_first (VtExt *self, guint64 size, GError **error)
{
  struct ext2_super_block super;
  GError *failure = NULL;

  if (size < SUPER_OFFSET + sizeof super)
    return vt_fs_refuse (error, "%" G_GUINT64_FORMAT " bytes hold no file system", size);
  if (!vt_ext_io_read (self->io, SUPER_OFFSET, &super, sizeof super, &failure))
    return vt_fs_fail_to_read (failure, "superblock", error);
  return vt_ext_judge_superblock (&super, size, error);
}

static gboolean
open_and_judge (VtExt *self, guint64 size, GError **error)
{
  initialize_ext2_error_table ();
  return judge_first (self, size, error) &&
         vt_ext_check (self, vt_ext_io_open (self->io, EXT2_FLAG_64BITS, &self->fs), "file system",
                       error) &&
         vt_ext_zones_find (self, error) && vt_ext_judge_state (self, error);
}

static const VtFsClass ext_class = {
    .list = vt_ext_list,
    .locate = vt_ext_locate,
    .stat_path = vt_ext_stat_path,
    .identify = vt_ext_identify,
    .get_attributes = vt_ext_get_attributes,
    .read_head = vt_ext_read_head,
    .read_link = vt_ext_read_link,
    .open = vt_ext_open,
    .is_same = vt_ext_is_same,
    .get_uuid = vt_ext_get_uuid,
    .free = ext_free,
};

VtFs *
vt_ext_open (VtDisk *disk, guint64 start, guint64 size, char **refusal, GError **error)
{
  VtExt *self = g_new0 (VtExt, 1);
  g_autoptr (VtFs) fs = &self->base;
  GError *failure = NULL;

  *refusal = NULL;
  self->base = (VtFs){.class = &ext_class, .disk = disk, .start = start, .size = size};
  self->io = vt_ext_io_new (disk, start, size);
  self->bitmaps = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  self->zones = g_array_new (FALSE, FALSE, sizeof (VtExtZone));
  if (vt_fs_check_window (disk, start, size, &failure) && open_and_judge (self, size, &failure))
    return g_steal_pointer (&fs);
  vt_fs_settle (failure, refusal, error);
  return NULL;
}
