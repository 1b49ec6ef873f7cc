// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Whether an MBR, and the chain of extended boot records behind it, is one that all programs read
 * alike. The records of the chain are brought into the window, for libblkid.
 */
#include <string.h>

#include "vt-partitions-private.h"

/* Logical partitions are numbered from 5. */
#define LOGICAL_MAX (VT_PARTITIONS_MAX - 4)
/* What a table within a partition is looked for in, in bytes from its start. */
#define NESTED_SIZE ((guint64)16 * 1024)

/*
 * FAT, NTFS, swap, Linux, EFI system. Partitions of other types may hold tables of their own, or
 * are passed over by libguestfs.
 */
static const guint8 known_types[] = {0x01, 0x04, 0x06, 0x07, 0x0b, 0x0c, 0x0e, 0x82, 0x83, 0xef};

typedef struct {
  guint8 type;
  guint64 start; /* sectors */
  guint64 size;  /* sectors */
} Entry;

static gboolean
refuse (char **why, const char *text)
{
  *why = g_strdup (text);
  return FALSE;
}

static gboolean
is_extended (guint8 type)
{
  return type == 0x05 || type == 0x0f || type == 0x85;
}

static gboolean
is_known (guint8 type)
{
  return memchr (known_types, type, sizeof known_types) != NULL;
}

static gboolean
read_table (VtWindow *window, guint64 sector, Entry *entries, char **why, GError **error)
{
  GError *local_error = NULL;
  guint8 table[512];

  if (!vt_window_add (window, sector * VT_SECTOR, sizeof table, &local_error) ||
      !vt_window_read (window, sector * VT_SECTOR, table, sizeof table, &local_error))
    return vt_partition_cannot_read (local_error, why, error);
  if (vt_le16 (table + 510) != 0xaa55)
    return refuse (why, "a record of the MBR's chain is damaged or missing");
  if (sector == 0 && memcmp (table + 3, "NTFS    ", 8) == 0)
    return refuse (why, "an MBR that is the start of an NTFS as well");
  for (guint i = 0; i < 4; i++) {
    const guint8 *entry = table + 446 + 16 * i;

    if ((entry[0] & 0x7f) != 0)
      return refuse (why, "an entry of the MBR is damaged");
    entries[i] = (Entry){entry[4], vt_le32 (entry + 8), vt_le32 (entry + 12)};
    if ((entries[i].type == 0) != (entries[i].size == 0))
      return refuse (why, "an entry of the MBR is half empty");
  }
  return TRUE;
}

/* The usual record: one partition, and after it the next record, if there is one. */
static gboolean
check_record (const Entry *entries, const Entry *extended, guint64 at, char **why)
{
  guint64 end = extended->start + extended->size;

  if (entries[0].size == 0 || !is_known (entries[0].type) || entries[2].size != 0 ||
      entries[3].size != 0 || (entries[1].size != 0 && !is_extended (entries[1].type)))
    return refuse (why, "a record of the MBR's chain is unusual");
  if (entries[0].start == 0 || at + entries[0].start + entries[0].size > end)
    return refuse (why, "a logical partition is not within the extended one");
  if (entries[1].size != 0 && extended->start + entries[1].start <= at)
    return refuse (why, "the MBR's chain goes back");
  if (entries[1].size != 0 && entries[1].start >= extended->size)
    return refuse (why, "the MBR's chain leads out of the extended partition");
  return TRUE;
}

static gboolean
follow_chain (VtWindow *window, const Entry *extended, guint *n, char **why, GError **error)
{
  guint64 at = extended->start;
  Entry entries[4];

  for (guint i = 0; i < LOGICAL_MAX; i++) {
    if (!read_table (window, at, entries, why, error) || !check_record (entries, extended, at, why))
      return FALSE;
    (*n)++;
    if (entries[1].size == 0)
      return TRUE;
    at = extended->start + entries[1].start;
  }
  return refuse (why, "more logical partitions than are read");
}

gboolean
vt_partition_check_mbr (VtWindow *window, guint *n, char **why, GError **error)
{
  guint64 sectors = window->size / VT_SECTOR;
  const Entry *extended = NULL;
  Entry entries[4];

  *n = 0;
  if (!read_table (window, 0, entries, why, error))
    return FALSE;
  for (guint i = 0; i < 4; i++) {
    GError *local_error = NULL;

    if (entries[i].size == 0)
      continue;
    (*n)++;
    if (entries[i].start == 0 || entries[i].start + entries[i].size > sectors)
      return refuse (why, "a partition reaches beyond the disk");
    if (!is_extended (entries[i].type) && !is_known (entries[i].type))
      return refuse (why, "a partition of a type that may hold anything");
    if (is_extended (entries[i].type) && extended != NULL)
      return refuse (why, "two extended partitions");
    if (is_extended (entries[i].type))
      extended = &entries[i];
    if (!vt_window_add (window, entries[i].start * VT_SECTOR, NESTED_SIZE, &local_error))
      return vt_partition_cannot_read (local_error, why, error);
  }
  return extended == NULL || follow_chain (window, extended, n, why, error);
}
