// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The boot sector, by the kernel's rules or stricter ones. The marks of a file system that was not
 * unmounted are not among what is refused: there is no journal that would change anything, the
 * kernel mounts it as it is, and what was left half-done is found where it is.
 */
#include "vt-fat-boot.h"

#include "vt-bytes.h"
#include "vt-fs-private.h"

/* Most clusters of each kind, as the kernel draws the lines. */
#define CLUSTERS_12 0xff4U
#define CLUSTERS_16 0xfff4U
#define CLUSTERS_32 0xffffff6U

#define SECTOR_SIZE_MIN  512U
#define SECTOR_SIZE_MAX  4096U
#define CLUSTER_SIZE_MAX (512U * 1024)
#define COPIES_MAX       2U

/* In the flags of FAT32: only one of the copies is kept up to date. */
#define NOT_MIRRORED 0x80

/* The fields, in sectors as they stand there. */
typedef struct {
  guint32 sector_size;
  guint32 cluster_sectors;
  guint32 reserved;
  guint32 copies;
  guint32 root_entries;
  guint32 sectors;
  guint32 table_sectors;
  gboolean is_32;
} Fields;

static gboolean
damaged (const char *what, guint64 value, GError **error)
{
  return vt_fs_refuse (error, "boot sector: %s: %" G_GUINT64_FORMAT, what, value);
}

static gboolean
is_power_of_2 (guint32 value)
{
  return value != 0 && (value & (value - 1)) == 0;
}

static gboolean
read_fields (const guint8 *sector, Fields *fields, GError **error)
{
  guint32 short_sectors = vt_le16 (sector + 19);
  guint32 long_sectors = vt_le32 (sector + 32);

  fields->sector_size = vt_le16 (sector + 11);
  fields->cluster_sectors = sector[13];
  fields->reserved = vt_le16 (sector + 14);
  fields->copies = sector[16];
  fields->root_entries = vt_le16 (sector + 17);
  fields->sectors = short_sectors != 0 ? short_sectors : long_sectors;
  fields->table_sectors = vt_le16 (sector + 22);
  fields->is_32 = fields->table_sectors == 0;
  if (fields->is_32)
    fields->table_sectors = vt_le32 (sector + 36);
  return short_sectors == 0 || long_sectors == 0 || short_sectors == long_sectors ||
         damaged ("two numbers of sectors", long_sectors, error);
}

static gboolean
check_fields (const guint8 *sector, const Fields *fields, GError **error)
{
  guint media = sector[21];

  if (!is_power_of_2 (fields->sector_size) || fields->sector_size < SECTOR_SIZE_MIN ||
      fields->sector_size > SECTOR_SIZE_MAX)
    return damaged ("size of sectors", fields->sector_size, error);
  if (!is_power_of_2 (fields->cluster_sectors) ||
      fields->cluster_sectors * fields->sector_size > CLUSTER_SIZE_MAX)
    return damaged ("sectors a cluster", fields->cluster_sectors, error);
  if (fields->reserved == 0)
    return damaged ("reserved sectors", fields->reserved, error);
  if (fields->copies == 0 || fields->copies > COPIES_MAX)
    return damaged ("tables", fields->copies, error);
  if (media < 0xf8 && media != 0xf0)
    return damaged ("medium", media, error);
  if (fields->table_sectors == 0)
    return damaged ("sectors a table", fields->table_sectors, error);
  if (fields->root_entries * VT_FAT_SLOT_SIZE % fields->sector_size != 0 ||
      (fields->root_entries == 0) != fields->is_32)
    return damaged ("entries of the top directory", fields->root_entries, error);
  return TRUE;
}

static gboolean
check_fields_of_32 (const guint8 *sector, const Fields *fields, GError **error)
{
  if ((vt_le16 (sector + 40) & NOT_MIRRORED) != 0)
    return damaged ("a table that is not kept", vt_le16 (sector + 40), error);
  if (vt_le16 (sector + 42) != 0)
    return damaged ("version", vt_le16 (sector + 42), error);
  if (vt_le16 (sector + 48) >= fields->reserved)
    return damaged ("sector with counts", vt_le16 (sector + 48), error);
  return TRUE;
}

/* The kind follows from the number of clusters. */
static gboolean
count_clusters (const Fields *fields, guint64 data_sector, VtFatGeometry *geometry, GError **error)
{
  guint64 clusters;

  if (data_sector >= fields->sectors)
    return damaged ("sectors", fields->sectors, error);
  clusters = (fields->sectors - data_sector) / fields->cluster_sectors;
  geometry->bits = fields->is_32 ? 32 : clusters > CLUSTERS_12 ? 16 : 12;
  if (clusters == 0 || clusters > (fields->is_32 ? CLUSTERS_32 : CLUSTERS_16) ||
      (clusters + VT_FAT_CLUSTER_MIN) * geometry->bits > geometry->table_size * 8)
    return damaged ("clusters", clusters, error);
  geometry->cluster_end = (guint32)clusters + VT_FAT_CLUSTER_MIN;
  return TRUE;
}

gboolean
vt_fat_boot_parse (const guint8 *sector, guint64 size, VtFatGeometry *geometry, GError **error)
{
  Fields fields;
  guint64 tables;

  *geometry = (VtFatGeometry){0};
  if (!read_fields (sector, &fields, error) || !check_fields (sector, &fields, error) ||
      (fields.is_32 && !check_fields_of_32 (sector, &fields, error)))
    return FALSE;
  if (fields.sectors > size / fields.sector_size)
    return damaged ("its sectors do not fit", fields.sectors, error);
  tables = (guint64)fields.copies * fields.table_sectors;
  geometry->sector_size = fields.sector_size;
  geometry->cluster_size = fields.cluster_sectors * fields.sector_size;
  geometry->copies = fields.copies;
  geometry->table_start = (guint64)fields.reserved * fields.sector_size;
  geometry->table_size = (guint64)fields.table_sectors * fields.sector_size;
  geometry->root_start = geometry->table_start + tables * fields.sector_size;
  geometry->root_size = (guint64)fields.root_entries * VT_FAT_SLOT_SIZE;
  geometry->data_start = geometry->root_start + geometry->root_size;
  if (!count_clusters (&fields, geometry->data_start / fields.sector_size, geometry, error))
    return FALSE;
  if (!fields.is_32)
    return TRUE;
  geometry->info_start = (guint64)vt_le16 (sector + 48) * fields.sector_size;
  geometry->root_cluster = vt_le32 (sector + 44);
  return (geometry->root_cluster >= VT_FAT_CLUSTER_MIN &&
          geometry->root_cluster < geometry->cluster_end) ||
         damaged ("cluster of the top directory", geometry->root_cluster, error);
}

guint64
vt_fat_cluster_offset (const VtFatGeometry *geometry, guint32 cluster)
{
  return geometry->data_start + (guint64)(cluster - VT_FAT_CLUSTER_MIN) * geometry->cluster_size;
}
