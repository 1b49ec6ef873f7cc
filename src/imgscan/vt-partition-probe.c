// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What is on a partition, by libblkid with the settings that blkid(8) has, and whether that is all
 * there is to say of it.
 */
#include <string.h>

#include "vt-partitions-private.h"

/* Largest device, in bytes, that is read to the end to see whether it is blank. */
#define BLANK_SIZE_MAX ((guint64)256 * 1024 * 1024)
#define BLANK_STEP     ((gsize)1024 * 1024)
/* Where the header of a DDF array is, in bytes from the end. */
#define DDF_FROM_END     512
#define DDF_ADAPTEC_SIZE 0x20200
#define DDF_MAGIC        "\xde\x11\xde\x11"

static const char *const bare_types[] = {
    "21686148-6449-6E6F-744E-656564454649", /* BIOS boot */
    "E3C9E316-0B5C-4DB8-817D-F92DF00215AE", /* Microsoft reserved */
    "9E1A2D38-C612-4316-AA26-8B49521E5A8B", /* PowerPC PReP boot */
    NULL,
};

/* libguestfs passes these over: Windows dynamic disks and snapshots. */
static const char *const foreign_types[] = {
    "5808C8AA-7E8F-42E0-85D2-E1E90434CFB3",
    "AF9B60A0-1431-4F62-BC68-3311714A69AD",
    "CADDEBF1-4400-4DE8-B103-12117DCF3CCF",
    NULL,
};

static void
refuse (VtPartition *partition, const char *text)
{
  partition->judgement = VT_PARTITION_REFUSED;
  g_free (partition->why);
  partition->why = g_strdup (text);
}

/* blkid(8) writes some characters otherwise than they are; what is beyond ASCII may be anything. */
static gboolean
is_plain (const char *text)
{
  gsize n = strlen (text);

  for (gsize i = 0; i < n; i++)
    if (!g_ascii_isalnum (text[i]) && strchr (" ._:/+-@#=,()", text[i]) == NULL)
      return FALSE;
  return n == 0 || (text[0] != ' ' && text[n - 1] != ' ');
}

static char *
take_value (blkid_probe probe, const char *name)
{
  const char *value = NULL;
  size_t length = 0;

  return blkid_probe_lookup_value (probe, name, &value, &length) == 0 ? g_strndup (value, length)
                                                                      : g_strdup ("");
}

/*
 * Some probers, once they have found their mark at a known place, go on to where it leads, which
 * the window may not have. So what begins like one of these is in doubt; with IS_FAT or IS_NTFS the
 * window has what the prober for that goes on to.
 */
static gboolean
may_be_more (
    VtWindow *window, gboolean is_fat, gboolean is_ntfs, gboolean *doubtful, GError **error)
{
  guint8 head[1536] = {0};
  guint8 tail[4];
  const guint64 from_end[] = {DDF_FROM_END, DDF_ADAPTEC_SIZE};
  guint16 sector_size;

  if (!vt_window_read (window, 0, head, (gsize)MIN (window->size, sizeof head), error))
    return FALSE;
  sector_size = vt_le16 (head + 11);
  *doubtful =
      (!is_fat && !is_ntfs &&
       (sector_size == 512 || sector_size == 1024 || sector_size == 2048 || sector_size == 4096)) ||
      (!is_ntfs && memcmp (head + 3, "NTFS    ", 8) == 0) ||
      memcmp (head + 3, "EXFAT   ", 8) == 0 || memcmp (head + 3, "-FVE-FS-", 8) == 0 ||
      memcmp (head + 3, "MSWIN4.1", 8) == 0 || memcmp (head + 1024, "BD", 2) == 0 ||
      memcmp (head + 1024, "H+", 2) == 0 || memcmp (head + 1024, "HX", 2) == 0;
  for (gsize at = 32; at < 1024; at += 512)
    *doubtful =
        *doubtful || memcmp (head + at, "BFS1", 4) == 0 || memcmp (head + at, "1SFB", 4) == 0;
  for (gsize i = 0; i < G_N_ELEMENTS (from_end); i++) {
    if (window->size < from_end[i])
      continue;
    if (!vt_window_read (window, window->size - from_end[i], tail, sizeof tail, error))
      return FALSE;
    *doubtful = *doubtful || memcmp (tail, DDF_MAGIC, sizeof tail) == 0;
  }
  return TRUE;
}

static gboolean
check_blank (VtDisk *disk, VtPartition *partition, guint64 *zeros_left, GError **error)
{
  g_autofree guint8 *buffer = g_malloc (BLANK_STEP);

  if (partition->size > BLANK_SIZE_MAX || partition->size > *zeros_left) {
    refuse (partition, "nothing that is known, and too large to be read for that");
    return TRUE;
  }
  for (guint64 at = 0; at < partition->size; at += BLANK_STEP) {
    gsize n = (gsize)MIN (BLANK_STEP, partition->size - at);

    *zeros_left -= n;
    if (!vt_disk_read (disk, partition->start + at, buffer, n, error))
      return FALSE;
    if (!vt_is_zero (buffer, n)) {
      refuse (partition, "holds data, but no file system that is known");
      return TRUE;
    }
  }
  partition->judgement = VT_PARTITION_BLANK;
  return TRUE;
}

static void
judge_type (VtPartition *partition, blkid_probe probe, gboolean has_fat, gboolean has_ntfs)
{
  const char *type = partition->type;
  g_autofree char *table = take_value (probe, "PTTYPE");

  if (g_str_equal (type, "ext2") || g_str_equal (type, "ext3") || g_str_equal (type, "ext4"))
    partition->judgement = VT_PARTITION_EXT;
  else if (g_str_equal (type, "vfat") && has_fat)
    partition->judgement = VT_PARTITION_FAT;
  else if (g_str_equal (type, "ntfs") && has_ntfs)
    partition->judgement = VT_PARTITION_NTFS;
  else if (g_str_equal (type, "swap"))
    partition->judgement = VT_PARTITION_SWAP;
  else {
    partition->judgement = VT_PARTITION_REFUSED;
    partition->why = g_strdup_printf ("%s is not read directly", type);
  }
  if (table[0] != '\0')
    refuse (partition, "a partition table within a partition");
  else if (!is_plain (partition->label))
    refuse (partition, "a label of unusual characters");
}

static gboolean
judge_nothing (VtDisk *disk, VtPartition *partition, guint64 *zeros_left, GError **error)
{
  if (partition->gpt_type != NULL && g_strv_contains (bare_types, partition->gpt_type)) {
    partition->judgement = VT_PARTITION_EMPTY_BY_TYPE;
    return TRUE;
  }
  return check_blank (disk, partition, zeros_left, error);
}

/* 0: something, 1: nothing, negative: an error, or more than one thing. */
static int
run_probe (blkid_probe probe, int memfd)
{
  if (blkid_probe_set_device (probe, memfd, 0, 0) != 0)
    return -1;
  blkid_probe_enable_superblocks (probe, 1);
  blkid_probe_set_superblocks_flags (probe, BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID |
                                                BLKID_SUBLKS_TYPE | BLKID_SUBLKS_SECTYPE);
  blkid_probe_enable_partitions (probe, 1);
  blkid_probe_set_partitions_flags (probe, BLKID_PARTS_ENTRY_DETAILS);
  return blkid_do_safeprobe (probe);
}

static gboolean
probe_window (VtWindow *window, VtPartition *partition, guint64 *zeros_left, GError **error)
{
  g_autoptr (VtProbe) probe = blkid_new_probe ();
  gboolean has_fat;
  gboolean has_ntfs;
  gboolean doubtful;
  int result;

  if (!vt_partition_add_fat (window, &has_fat, error) ||
      !vt_partition_add_ntfs (window, &has_ntfs, error))
    return FALSE;
  result = probe != NULL ? run_probe (probe, window->memfd) : -1;
  if (result < 0) {
    refuse (partition, "more than one file system, or none that libblkid can tell");
    return TRUE;
  }
  g_free (partition->type);
  partition->type = take_value (probe, "TYPE");
  partition->uuid = take_value (probe, "UUID");
  partition->label = take_value (probe, "LABEL");
  if (result == 0 && partition->type[0] == '\0') {
    refuse (partition, "a partition table within a partition");
  } else if (result == 0) {
    judge_type (partition, probe, has_fat, has_ntfs);
  } else if (!judge_nothing (window->disk, partition, zeros_left, error)) {
    return FALSE;
  }
  if (partition->judgement == VT_PARTITION_REFUSED)
    return TRUE;
  if (!may_be_more (window, partition->judgement == VT_PARTITION_FAT,
                    partition->judgement == VT_PARTITION_NTFS, &doubtful, error))
    return FALSE;
  if (doubtful)
    refuse (partition, "perhaps more than one file system");
  else if (partition->gpt_type != NULL && g_strv_contains (foreign_types, partition->gpt_type))
    refuse (partition, "of a type that libguestfs passes over");
  return TRUE;
}

gboolean
vt_partition_probe (VtDisk *disk, VtPartition *partition, guint64 *zeros_left, GError **error)
{
  g_auto (VtWindow) window = {disk, partition->start, partition->size, -1};
  GError *local_error = NULL;
  g_autofree char *why = NULL;

  if (!vt_window_open (&window, &local_error) ||
      !probe_window (&window, partition, zeros_left, &local_error)) {
    vt_partition_cannot_read (local_error, &why, error);
    if (why == NULL)
      return FALSE;
    refuse (partition, why);
  }
  if (partition->uuid == NULL)
    partition->uuid = g_strdup ("");
  if (partition->label == NULL)
    partition->label = g_strdup ("");
  if (partition->type == NULL || partition->type[0] == '\0') {
    g_free (partition->type);
    partition->type = g_strdup ("unknown");
  }
  return TRUE;
}
