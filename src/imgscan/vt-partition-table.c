// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The partitions of a disk, as libblkid lists them. It is more lenient than others are: the table
 * is held against stricter rules first, and the list against the count that these lead to.
 */
#include <string.h>

#include "vt-partitions-private.h"

static gboolean
refuse (char **why, const char *text)
{
  *why = g_strdup (text);
  return FALSE;
}

static VtPartition *
describe (blkid_partition part, gboolean is_gpt)
{
  VtPartition *partition = g_new0 (VtPartition, 1);
  const char *type = blkid_partition_get_type_string (part);
  int number = blkid_partition_get_partno (part);

  partition->number = number;
  partition->id = g_strdup_printf ("/dev/sda%d", number);
  partition->start = (guint64)blkid_partition_get_start (part) * VT_SECTOR;
  partition->size = (guint64)blkid_partition_get_size (part) * VT_SECTOR;
  partition->gpt_type = is_gpt && type != NULL ? g_ascii_strup (type, -1) : NULL;
  partition->mbr_type = is_gpt ? 0 : blkid_partition_get_type (part);
  partition->uuid_of_partition = g_strdup (blkid_partition_get_uuid (part) ?: "");
  return partition;
}

static gint
compare_numbers (gconstpointer a, gconstpointer b)
{
  const VtPartition *first = *(VtPartition *const *)a;
  const VtPartition *second = *(VtPartition *const *)b;

  return first->number - second->number;
}

static gboolean
overlap (guint64 start, guint64 size, guint64 other_start, guint64 other_size)
{
  return start < other_start + other_size && other_start < start + size;
}

/* PARTITION against the disk, the ones before it and, unless it is a logical one, EXTENDED. */
static gboolean
check_place (const VtPartition *partition,
             GPtrArray *before,
             blkid_partition extended,
             guint64 disk_size,
             char **why)
{
  if (partition->number < 1 || partition->number > VT_PARTITIONS_MAX)
    return refuse (why, "more partitions than are read");
  if (partition->size == 0 || partition->start == 0 || partition->start >= disk_size ||
      partition->size > disk_size - partition->start)
    return refuse (why, "a partition reaches beyond the disk");
  for (guint i = 0; i < before->len; i++) {
    const VtPartition *other = g_ptr_array_index (before, i);

    if (overlap (partition->start, partition->size, other->start, other->size))
      return refuse (why, "partitions overlap");
  }
  if (extended != NULL && partition->number <= 4 &&
      overlap (partition->start, partition->size,
               (guint64)blkid_partition_get_start (extended) * VT_SECTOR,
               (guint64)blkid_partition_get_size (extended) * VT_SECTOR))
    return refuse (why, "partitions overlap");
  return TRUE;
}

static blkid_partition
find_extended (blkid_partlist list)
{
  for (int i = 0; i < blkid_partlist_numof_partitions (list); i++) {
    blkid_partition part = blkid_partlist_get_partition (list, i);
    if (blkid_partition_is_extended (part))
      return part;
  }
  return NULL;
}

static gboolean
add_all (VtWindow *window, blkid_partlist list, gboolean is_gpt, GPtrArray *partitions, char **why)
{
  blkid_parttable table = blkid_partlist_get_table (list);
  blkid_partition extended = is_gpt ? NULL : find_extended (list);

  for (int i = 0; i < blkid_partlist_numof_partitions (list); i++) {
    blkid_partition part = blkid_partlist_get_partition (list, i);
    g_autoptr (VtPartition) partition = NULL;

    if (blkid_partition_get_table (part) != table)
      return refuse (why, "a partition table within a partition");
    if (part == extended)
      continue;
    partition = describe (part, is_gpt);
    if (!check_place (partition, partitions, extended, window->size, why))
      return FALSE;
    g_ptr_array_add (partitions, g_steal_pointer (&partition));
  }
  g_ptr_array_sort (partitions, compare_numbers);
  return TRUE;
}

static gboolean
check_table (VtWindow *window, const char *type, guint *n, char **why, GError **error)
{
  if (g_str_equal (type, "gpt"))
    return vt_partition_check_gpt (window, n, why, error);
  if (g_str_equal (type, "dos"))
    return vt_partition_check_mbr (window, n, why, error);
  *why = g_strdup_printf ("a partition table of a type that is not read: %s", type);
  return FALSE;
}

/* libblkid has seen no table: others must not see one either. */
static gboolean
check_no_table (VtWindow *window, char **why, GError **error)
{
  guint8 bytes[16 * 512];
  guint8 last[512];

  if (!vt_window_read (window, 0, bytes, sizeof bytes, error) ||
      !vt_window_read (window, window->size - sizeof last, last, sizeof last, error))
    return FALSE;
  if (!vt_is_zero (bytes, 1024) || memcmp (last, "EFI PART", 8) == 0)
    return refuse (why, "a boot sector, but no partition table that is known");
  /* Where an Amiga's table may be, which libblkid does not know. */
  for (gsize i = 0; i < sizeof bytes; i += VT_SECTOR)
    if (memcmp (bytes + i, "RDSK", 4) == 0)
      return refuse (why, "a partition table of a type that is not read");
  return TRUE;
}

static gboolean
read_list (VtWindow *window, GPtrArray *partitions, char **why, GError **error)
{
  g_autoptr (VtProbe) probe = blkid_new_probe ();
  blkid_partlist list;
  const char *type;
  guint n;

  if (probe == NULL || blkid_probe_set_device (probe, window->memfd, 0, 0) != 0) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "libblkid cannot be used");
    return FALSE;
  }
  blkid_probe_enable_superblocks (probe, 0);
  blkid_probe_enable_partitions (probe, 1);
  list = blkid_probe_get_partitions (probe);
  if (list == NULL || blkid_partlist_get_table (list) == NULL)
    return check_no_table (window, why, error);
  type = blkid_parttable_get_type (blkid_partlist_get_table (list));
  if (!check_table (window, type, &n, why, error))
    return FALSE;
  /* The check may have brought more into the window. */
  blkid_probe_reset_buffers (probe);
  list = blkid_probe_get_partitions (probe);
  if (list == NULL || n == 0 || n != (guint)blkid_partlist_numof_partitions (list))
    return refuse (why, "a partition table without partitions, or with unusual ones");
  return add_all (window, list, g_str_equal (type, "gpt"), partitions, why);
}

/* What stands on the disk as a whole makes libguestfs list it beside its partitions. */
static gboolean
check_whole_disk (VtWindow *window, char **why, GError **error)
{
  g_autoptr (VtProbe) probe = blkid_new_probe ();

  if (probe == NULL || blkid_probe_set_device (probe, window->memfd, 0, 0) != 0) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "libblkid cannot be used");
    return FALSE;
  }
  blkid_probe_set_superblocks_flags (probe, BLKID_SUBLKS_TYPE);
  if (blkid_do_safeprobe (probe) == 1)
    return TRUE;
  return refuse (why, "a file system beside the partitions");
}

gboolean
vt_partition_table_read (VtDisk *disk, GPtrArray *partitions, char **why, GError **error)
{
  g_auto (VtWindow) window = {disk, 0, vt_disk_get_size (disk), -1};
  GError *local_error = NULL;

  if (window.size % VT_SECTOR != 0 || window.size < 64 * VT_SECTOR)
    return refuse (why, "a disk of an unusual size");
  if (!vt_window_open (&window, &local_error))
    return vt_partition_cannot_read (local_error, why, error);
  return read_list (&window, partitions, why, error) &&
         (partitions->len == 0 || check_whole_disk (&window, why, error));
}
