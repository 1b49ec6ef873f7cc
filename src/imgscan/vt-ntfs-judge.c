// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Whether what the boot sector tells is such as Windows or mkntfs writes. Sizes are not checked by
 * the library, which shifts by them and allocates them.
 */
#include "vt-ntfs-private.h"

#include <string.h>

#define SECTOR_SIZE_MIN  512U
#define SECTOR_SIZE_MAX  4096U
#define CLUSTER_SIZE_MAX (2U * 1024 * 1024)
#define RECORD_SIZE_MIN  512U
#define RECORD_SIZE_MAX  4096U
#define INDEX_SIZE_MAX   (64U * 1024)

static gboolean
is_size (guint64 size, guint64 min, guint64 max)
{
  return size >= min && size <= max && (size & (size - 1)) == 0;
}

/* A number of clusters, or if negative that of the bits to shift one byte by; 0: neither. */
static guint64
decode_size (s8 value, guint64 cluster_size)
{
  if (value > 0)
    return (guint64)value * cluster_size;
  return value > -31 && value < 0 ? (guint64)1 << -value : 0;
}

static guint64
decode_cluster_size (const NTFS_BOOT_SECTOR *boot, guint sector_size)
{
  guint8 sectors = boot->bpb.sectors_per_cluster;

  if (sectors <= 128)
    return (guint64)sectors * sector_size;
  return 256 - sectors <= 12 ? (guint64)sector_size << (256 - sectors) : 0;
}

static gboolean
judge_sizes (VtNtfs *self, const NTFS_BOOT_SECTOR *boot, GError **error)
{
  guint sector_size = le16_to_cpu (boot->bpb.bytes_per_sector);
  guint64 cluster_size = decode_cluster_size (boot, sector_size);
  guint64 sectors = le64_to_cpu (boot->number_of_sectors);

  if (!is_size (sector_size, SECTOR_SIZE_MIN, SECTOR_SIZE_MAX) ||
      !is_size (cluster_size, sector_size, CLUSTER_SIZE_MAX))
    return vt_fs_refuse (error, "sectors of %u bytes in clusters of %" G_GUINT64_FORMAT,
                         sector_size, cluster_size);
  if (!is_size (decode_size (boot->clusters_per_mft_record, cluster_size), RECORD_SIZE_MIN,
                RECORD_SIZE_MAX) ||
      !is_size (decode_size (boot->clusters_per_index_record, cluster_size), RECORD_SIZE_MIN,
                INDEX_SIZE_MAX))
    return vt_fs_refuse (error, "records of an unusual size");
  if (sectors == 0 || sectors > self->size / sector_size)
    return vt_fs_refuse (error,
                         "%" G_GUINT64_FORMAT
                         " sectors do not fit its partition of %" G_GUINT64_FORMAT " bytes",
                         sectors, self->size);
  return TRUE;
}

gboolean
vt_ntfs_judge_boot (VtNtfs *self, GError **error)
{
  NTFS_BOOT_SECTOR boot;
  GError *failure = NULL;

  if (self->size < sizeof boot)
    return vt_fs_refuse (error, "%" G_GUINT64_FORMAT " bytes hold no file system", self->size);
  if (!vt_disk_cache_read (self->cache, 0, &boot, sizeof boot, &failure))
    return vt_fs_fail_to_read (failure, "boot sector", error);
  if (memcmp (&boot.oem_id, "NTFS    ", sizeof boot.oem_id) != 0)
    return vt_fs_refuse (error, "there is no NTFS boot sector");
  return judge_sizes (self, &boot, error);
}
