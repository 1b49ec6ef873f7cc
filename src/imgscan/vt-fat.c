// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-fat-private.h"

gboolean
vt_fat_read (VtFat *self, guint64 offset, void *buffer, gsize size, GError **error)
{
  GError *failure = NULL;

  return vt_disk_cache_read (self->cache, offset, buffer, size, &failure) ||
         vt_fs_fail_to_read (failure, "file system", error);
}

static void
fat_free (VtFs *fs)
{
  VtFat *self = (VtFat *)fs;

  g_clear_pointer (&self->table, vt_fat_table_free);
  vt_disk_cache_free (self->cache);
  g_free (self);
}

static gboolean
open_and_judge (VtFat *self, guint64 size, GError **error)
{
  guint8 sector[VT_FAT_BOOT_SIZE];

  if (size < sizeof sector)
    return vt_fs_refuse (error, "%" G_GUINT64_FORMAT " bytes hold no file system", size);
  if (!vt_fat_read (self, 0, sector, sizeof sector, error) ||
      !vt_fat_boot_parse (sector, size, &self->geometry, error))
    return FALSE;
  self->table = vt_fat_table_new (&self->geometry);
  return TRUE;
}

static const VtFsClass fat_class = {
    .list = vt_fat_list,
    .locate = vt_fat_locate,
    .stat_path = vt_fat_stat_path,
    .read_head = vt_fat_read_head,
    .read_link = vt_fat_read_link,
    .free = fat_free,
};

VtFs *
vt_fat_open (VtDisk *disk, guint64 start, guint64 size, char **refusal, GError **error)
{
  VtFat *self = g_new0 (VtFat, 1);
  g_autoptr (VtFs) fs = &self->base;
  GError *failure = NULL;

  *refusal = NULL;
  self->base = (VtFs){.class = &fat_class, .disk = disk, .start = start};
  self->cache = vt_disk_cache_new (disk, start, size);
  if (vt_fs_check_window (disk, start, size, &failure) && open_and_judge (self, size, &failure))
    return g_steal_pointer (&fs);
  vt_fs_settle (failure, refusal, error);
  return NULL;
}
