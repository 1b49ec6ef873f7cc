// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Whether a GPT is one that all programs read alike (UEFI specification, chapter 5): a protective
 * MBR with nothing else in it, two headers that say the same, no entry that leads outside.
 */
#include <string.h>

#include "vt-crc32.h"
#include "vt-partitions-private.h"

#define N_ENTRIES  128
#define ENTRY_SIZE 128

/* Offsets in a header, and its size. */
enum {
  HEADER_REVISION = 8,
  HEADER_SIZE = 12,
  HEADER_CRC = 16,
  HEADER_OWN = 24,
  HEADER_OTHER = 32,
  HEADER_FIRST = 40,
  HEADER_LAST = 48,
  HEADER_ENTRIES = 72,
  HEADER_N_ENTRIES = 80,
  HEADER_ENTRY_SIZE = 84,
  HEADER_ENTRIES_CRC = 88,
  HEADER_LENGTH = 92,
};

typedef struct {
  guint8 header[512];
  guint8 entries[N_ENTRIES * ENTRY_SIZE];
} Copy;

static gboolean
refuse (char **why, const char *text)
{
  *why = g_strdup (text);
  return FALSE;
}

static gboolean
is_header (const guint8 *header, guint64 own, guint64 other)
{
  guint8 copy[HEADER_LENGTH];

  memcpy (copy, header, sizeof copy);
  memset (copy + HEADER_CRC, 0, 4);
  return memcmp (header, "EFI PART", 8) == 0 && vt_le32 (header + HEADER_REVISION) == 0x10000 &&
         vt_le32 (header + HEADER_SIZE) == HEADER_LENGTH &&
         vt_le32 (header + HEADER_CRC) == vt_crc32 (copy, sizeof copy) &&
         vt_le64 (header + HEADER_OWN) == own && vt_le64 (header + HEADER_OTHER) == other &&
         vt_le32 (header + HEADER_N_ENTRIES) == N_ENTRIES &&
         vt_le32 (header + HEADER_ENTRY_SIZE) == ENTRY_SIZE;
}

static gboolean
read_copy (VtWindow *window, Copy *copy, guint64 own, guint64 other, char **why, GError **error)
{
  GError *local_error = NULL;
  guint64 entries;

  if (!vt_window_read (window, own * VT_SECTOR, copy->header, sizeof copy->header, &local_error))
    return vt_partition_cannot_read (local_error, why, error);
  if (!is_header (copy->header, own, other))
    return refuse (why, "a GPT header is damaged, missing or unusual");
  entries = vt_le64 (copy->header + HEADER_ENTRIES);
  if (entries >= window->size / VT_SECTOR)
    return refuse (why, "the GPT's entries are not on the disk");
  if (!vt_window_add (window, entries * VT_SECTOR, sizeof copy->entries, &local_error) ||
      !vt_window_read (window, entries * VT_SECTOR, copy->entries, sizeof copy->entries,
                       &local_error))
    return vt_partition_cannot_read (local_error, why, error);
  if (vt_le32 (copy->header + HEADER_ENTRIES_CRC) != vt_crc32 (copy->entries, sizeof copy->entries))
    return refuse (why, "the GPT's entries are damaged");
  return TRUE;
}

static gboolean
check_protective_mbr (VtWindow *window, char **why, GError **error)
{
  GError *local_error = NULL;
  guint8 mbr[512];
  guint used = 0;

  if (!vt_window_read (window, 0, mbr, sizeof mbr, &local_error))
    return vt_partition_cannot_read (local_error, why, error);
  for (guint i = 0; i < 4; i++) {
    const guint8 *entry = mbr + 446 + 16 * i;

    if (vt_is_zero (entry, 16))
      continue;
    used++;
    if (entry[4] != 0xee || vt_le32 (entry + 8) != 1)
      return refuse (why, "a GPT and an MBR at once");
  }
  if (vt_le16 (mbr + 510) != 0xaa55 || used != 1)
    return refuse (why, "a GPT without a protective MBR");
  return TRUE;
}

static gboolean
count_entries (const Copy *copy, guint *n, char **why)
{
  *n = 0;
  for (guint i = 0; i < N_ENTRIES; i++) {
    const guint8 *entry = copy->entries + (gsize)i * ENTRY_SIZE;
    guint64 first = vt_le64 (entry + 32);
    guint64 last = vt_le64 (entry + 40);

    if (vt_is_zero (entry, 16))
      continue;
    if (first > last || first < vt_le64 (copy->header + HEADER_FIRST) ||
        last > vt_le64 (copy->header + HEADER_LAST))
      return refuse (why, "a partition of the GPT is not where partitions may be");
    (*n)++;
  }
  return TRUE;
}

gboolean
vt_partition_check_gpt (VtWindow *window, guint *n, char **why, GError **error)
{
  g_autofree Copy *copies = g_new (Copy, 2);
  guint64 last = window->size / VT_SECTOR - 1;

  if (!check_protective_mbr (window, why, error) ||
      !read_copy (window, &copies[0], 1, last, why, error) ||
      !read_copy (window, &copies[1], last, 1, why, error))
    return FALSE;
  /* Beyond what is the same or was checked: the usable sectors and the disk's identifier. */
  if (memcmp (copies[0].header + HEADER_FIRST, copies[1].header + HEADER_FIRST,
              HEADER_ENTRIES - HEADER_FIRST) != 0 ||
      memcmp (copies[0].entries, copies[1].entries, sizeof copies[0].entries) != 0)
    return refuse (why, "the two copies of the GPT differ");
  return count_entries (&copies[0], n, why);
}
