// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Of a FAT file system libblkid wants the top directory, where the label is, and the sector with
 * counts. These may lie anywhere, and it follows the directory for some clusters.
 */
#include "vt-bytes.h"
#include "vt-fat-boot.h"
#include "vt-partitions-private.h"

/* Clusters of the top directory that libblkid looks at, at most, and bytes that are brought in. */
#define CLUSTERS_MAX 100
#define BYTES_MAX    ((guint64)16 * 1024 * 1024)

#define INFO_SIZE  512
#define ENTRY_SIZE 4

/* libblkid reads as much of the table as of the directory, though it needs one entry. */
static gboolean
add_cluster (VtWindow *window, const VtFatGeometry *geometry, guint32 cluster, GError **error)
{
  return vt_window_add (window, vt_fat_cluster_offset (geometry, cluster), geometry->cluster_size,
                        error) &&
         vt_window_add (window, geometry->table_start + (guint64)cluster * ENTRY_SIZE,
                        geometry->cluster_size, error);
}

/* Goes as far as libblkid does, which takes any entry of the table for a cluster. */
static gboolean
add_top_directory (VtWindow *window, const VtFatGeometry *geometry, gboolean *whole, GError **error)
{
  guint32 cluster = geometry->root_cluster;
  guint64 bytes = 0;

  for (guint i = 0; i < CLUSTERS_MAX; i++) {
    guint8 entry[ENTRY_SIZE];

    bytes += 2 * geometry->cluster_size;
    if (cluster < VT_FAT_CLUSTER_MIN || cluster >= geometry->cluster_end || bytes > BYTES_MAX)
      return TRUE;
    if (!add_cluster (window, geometry, cluster, error) ||
        !vt_window_read (window, geometry->table_start + (guint64)cluster * ENTRY_SIZE, entry,
                         sizeof entry, error))
      return FALSE;
    cluster = vt_le32 (entry) & 0xfffffff;
    *whole = cluster == 0 || cluster >= geometry->table_size / ENTRY_SIZE;
    if (*whole)
      return TRUE;
  }
  *whole = TRUE;
  return TRUE;
}

gboolean
vt_partition_add_fat (VtWindow *window, gboolean *whole, GError **error)
{
  guint8 sector[VT_FAT_BOOT_SIZE];
  g_autoptr (GError) none = NULL;
  VtFatGeometry geometry;

  *whole = FALSE;
  if (window->size < sizeof sector)
    return TRUE;
  if (!vt_window_read (window, 0, sector, sizeof sector, error))
    return FALSE;
  if (!vt_fat_boot_parse (sector, window->size, &geometry, &none))
    return TRUE;
  if (geometry.bits == 32)
    return vt_window_add (window, geometry.info_start, INFO_SIZE, error) &&
           add_top_directory (window, &geometry, whole, error);
  *whole = TRUE;
  return vt_window_add (window, geometry.root_start, geometry.root_size, error);
}
