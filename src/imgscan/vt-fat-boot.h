// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Where everything is in a FAT file system, by its boot sector. */
#pragma once

#include <glib.h>

#define VT_FAT_BOOT_SIZE ((gsize)512)

/* The first cluster; numbers below are no clusters. */
#define VT_FAT_CLUSTER_MIN 2U

/* A slot of a directory. */
#define VT_FAT_SLOT_SIZE 32U

/* Offsets and sizes are in bytes, from the start of the file system. All of it lies within the
 * window. */
typedef struct {
  guint bits; /* 12, 16 or 32 */
  guint32 sector_size;
  guint32 cluster_size;
  guint64 table_start; /* of the first copy of the table of clusters */
  guint64 table_size;  /* of a copy */
  guint copies;
  guint64 root_start; /* FAT12 and FAT16: of the top directory */
  guint64 root_size;
  guint32 root_cluster; /* FAT32: where the top directory starts; else 0 */
  guint64 info_start;   /* FAT32: of the sector with counts */
  guint64 data_start;   /* of the cluster VT_FAT_CLUSTER_MIN */
  guint32 cluster_end;  /* behind the last cluster */
} VtFatGeometry;

/* SECTOR has VT_FAT_BOOT_SIZE bytes, the file system at most SIZE. FALSE: refused
 * (VT_FS_ERROR). */
gboolean vt_fat_boot_parse (const guint8 *sector,
                            guint64 size,
                            VtFatGeometry *geometry,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* CLUSTER must be one. */
guint64 vt_fat_cluster_offset (const VtFatGeometry *geometry, guint32 cluster);
