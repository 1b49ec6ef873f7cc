// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * libblkid's prober for NTFS goes from the boot sector to the file table and to its mirror, for the
 * volume's label.
 */
#include "vt-partitions-private.h"

#include <string.h>

/* Of the boot sector, in bytes. */
#define SECTOR_SIZE         11
#define SECTORS_PER_CLUSTER 13
#define TABLE_CLUSTER       48
#define MIRROR_CLUSTER      56
#define RECORD_SIZE         64
#define BOOT_SIZE           512

/* Of both tables the first four records are read, of 4 KiB at most. */
#define RECORD_SHIFT_MAX 12
#define TABLE_SIZE       ((guint64)4 << RECORD_SHIFT_MAX)

/* In bytes; 0: none that is usual. */
static guint64
decode_cluster_size (const guint8 *boot)
{
  guint64 sector_size = vt_le16 (boot + SECTOR_SIZE);
  guint sectors = boot[SECTORS_PER_CLUSTER];

  if (sector_size < 512 || sector_size > 4096)
    return 0;
  if (sectors >= 244)
    return sector_size << (256 - sectors);
  return sectors <= 128 ? sector_size * sectors : 0;
}

static gboolean
has_usual_records (const guint8 *boot, guint64 cluster_size)
{
  gint8 value = (gint8)boot[RECORD_SIZE];

  if (value < 0)
    return -value <= RECORD_SHIFT_MAX;
  return (guint64)value * cluster_size <= 1 << RECORD_SHIFT_MAX;
}

static gboolean
add_table (VtWindow *window, guint64 cluster, guint64 cluster_size, GError **error)
{
  return cluster > window->size / cluster_size ||
         vt_window_add (window, cluster * cluster_size, TABLE_SIZE, error);
}

gboolean
vt_partition_add_ntfs (VtWindow *window, gboolean *whole, GError **error)
{
  guint8 boot[BOOT_SIZE];
  guint64 cluster_size;

  *whole = FALSE;
  if (window->size < sizeof boot)
    return TRUE;
  if (!vt_window_read (window, 0, boot, sizeof boot, error))
    return FALSE;
  cluster_size = decode_cluster_size (boot);
  if (memcmp (boot + 3, "NTFS    ", 8) != 0 || cluster_size == 0 ||
      !has_usual_records (boot, cluster_size))
    return TRUE;
  *whole = TRUE;
  return add_table (window, vt_le64 (boot + TABLE_CLUSTER), cluster_size, error) &&
         add_table (window, vt_le64 (boot + MIRROR_CLUSTER), cluster_size, error);
}
