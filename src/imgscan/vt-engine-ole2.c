// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-engine-ole2.h"

#include <string.h>

#include "vt-bytes.h"

/* The header ([MS-CFB] 2.2), 512 bytes that take the place of a sector. */
#define HEADER_SIZE        512
#define HEADER_SHIFT       30
#define HEADER_MINI_SHIFT  32
#define HEADER_DIRECTORY   48
#define HEADER_CUTOFF      56
#define HEADER_MINI_TABLE  60
#define HEADER_MORE_TABLES 68
#define HEADER_TABLES      76
#define HEADER_N_TABLES    109
#define MINI_SHIFT         6

/* An entry of the directory (2.6). */
#define ENTRY_SIZE      128
#define ENTRY_NAME_SIZE 64
#define ENTRY_NAME_END  64
#define ENTRY_KIND      66
#define ENTRY_START     116
#define ENTRY_LENGTH    120
#define KIND_STREAM     2
#define KIND_ROOT       5

/* Sector numbers from here on are none (2.1). */
#define LAST_SECTOR 0xfffffffaU

/* How much of a stream's beginning is looked at; all of it lies in one small sector. */
#define HEAD_SIZE 64

/* Records before the one that tells of a password, in a workbook ([MS-XLS] 2.1.7.20.1). */
#define XLS_RECORDS_MAX 4

typedef struct {
  const guint8 *data;
  gsize size;
  guint shift;       /* of the size of a sector */
  guint32 cutoff;    /* streams of fewer bytes are in small sectors */
  GArray *table;     /* of guint32: the sector after each */
  GArray *minis;     /* the same of small sectors */
  GArray *mini_data; /* of guint32: the sectors which the small ones are in */
  gsize budget;      /* sectors that may still be followed: no two streams share one */
} Ole2;

static gboolean
has_sector (const Ole2 *self, guint32 sector, gsize wanted)
{
  guint64 offset = ((guint64)sector + 1) << self->shift;

  return sector <= LAST_SECTOR && offset <= self->size && wanted <= self->size - offset;
}

static const guint8 *
sector_at (const Ole2 *self, guint32 sector)
{
  return self->data + (((guint64)sector + 1) << self->shift);
}

static gboolean
add_numbers (const Ole2 *self, GArray *numbers, guint32 sector, gsize count)
{
  if (!has_sector (self, sector, count * 4) || numbers->len > self->size)
    return FALSE;
  for (gsize i = 0; i < count; i++) {
    guint32 number = vt_le32 (sector_at (self, sector) + 4 * i);

    g_array_append_val (numbers, number);
  }
  return TRUE;
}

/* The sectors that the table is in: their numbers are in the header and in a chain of sectors. */
static gboolean
read_table (Ole2 *self)
{
  gsize per_sector = ((gsize)1 << self->shift) / 4;
  g_autoptr (GArray) where = g_array_new (FALSE, FALSE, sizeof (guint32));
  guint32 more = vt_le32 (self->data + HEADER_MORE_TABLES);
  gsize sectors = self->size >> self->shift;

  for (gsize i = 0; i < HEADER_N_TABLES; i++) {
    guint32 number = vt_le32 (self->data + HEADER_TABLES + 4 * i);

    g_array_append_val (where, number);
  }
  for (; more <= LAST_SECTOR; sectors--) {
    if (sectors == 0 || !add_numbers (self, where, more, per_sector))
      return FALSE;
    more = g_array_index (where, guint32, where->len - 1);
    g_array_set_size (where, where->len - 1);
  }
  for (guint i = 0; i < where->len; i++) {
    guint32 number = g_array_index (where, guint32, i);

    if (number <= LAST_SECTOR && !add_numbers (self, self->table, number, per_sector))
      return FALSE;
  }
  return TRUE;
}

/* Follows a chain for SIZE bytes in sectors of 1 << SHIFT; adds their numbers to SECTORS, if any.
 */
static gboolean
follow (Ole2 *self, const GArray *table, guint shift, guint32 sector, guint64 size, GArray *sectors)
{
  guint64 step = (guint64)1 << shift;

  for (; size > 0; size -= MIN (size, step)) {
    if (self->budget == 0 || sector > LAST_SECTOR || sector >= table->len)
      return FALSE;
    self->budget--;
    if (table == self->table && !has_sector (self, sector, MIN (size, step)))
      return FALSE;
    if (sectors != NULL)
      g_array_append_val (sectors, sector);
    sector = g_array_index (table, guint32, sector);
  }
  return TRUE;
}

/* All of a chain whose length is nowhere told. */
static gboolean
follow_to_end (Ole2 *self, guint32 sector, GArray *sectors)
{
  for (; sector <= LAST_SECTOR; sector = g_array_index (self->table, guint32, sector)) {
    if (self->budget == 0 || sector >= self->table->len ||
        !has_sector (self, sector, (gsize)1 << self->shift))
      return FALSE;
    self->budget--;
    g_array_append_val (sectors, sector);
  }
  return TRUE;
}

static guint64
entry_length (const Ole2 *self, const guint8 *entry)
{
  return self->shift == 9 ? vt_le32 (entry + ENTRY_LENGTH) : vt_le64 (entry + ENTRY_LENGTH);
}

static gboolean
is_mini (const Ole2 *self, const guint8 *entry)
{
  return entry[ENTRY_KIND] == KIND_STREAM && entry_length (self, entry) < self->cutoff;
}

/* The first HEAD_SIZE bytes of a stream that is whole; NULL if there are not as many. */
static const guint8 *
head_of (const Ole2 *self, const guint8 *entry)
{
  guint32 start = vt_le32 (entry + ENTRY_START);
  guint per_sector_shift = self->shift - MINI_SHIFT;
  guint32 outer;

  if (entry_length (self, entry) < HEAD_SIZE)
    return NULL;
  if (!is_mini (self, entry))
    return sector_at (self, start);
  if (start >> per_sector_shift >= self->mini_data->len)
    return NULL;
  outer = g_array_index (self->mini_data, guint32, start >> per_sector_shift);
  start = (start & ((1U << per_sector_shift) - 1)) << MINI_SHIFT;
  return has_sector (self, outer, (gsize)start + HEAD_SIZE) ? sector_at (self, outer) + start
                                                            : NULL;
}

static gboolean
is_named (const guint8 *entry, const char *name)
{
  gsize length = strlen (name);

  if (vt_le16 (entry + ENTRY_NAME_END) != 2 * (length + 1))
    return FALSE;
  for (gsize i = 0; i < length; i++)
    if (vt_le16 (entry + 2 * i) != (guint8)name[i])
      return FALSE;
  return TRUE;
}

/* A workbook begins with a record that says so; one with a password has that of its kind next. */
static gboolean
is_encrypted_workbook (const guint8 *head)
{
  gsize at = 0;

  for (guint i = 0; i < XLS_RECORDS_MAX && at + 4 <= HEAD_SIZE; i++) {
    if (vt_le16 (head + at) == 0x2f)
      return TRUE;
    at += 4 + (gsize)vt_le16 (head + at + 2);
  }
  return FALSE;
}

/* By [MS-OFFCRYPTO] 1.3.3, [MS-DOC] 2.5.2, [MS-XLS] 2.4.117, [MS-PPT] 2.3.2. */
static gboolean
is_encrypted (const Ole2 *self, const guint8 *entry)
{
  const guint8 *head = head_of (self, entry);

  if (is_named (entry, "EncryptedPackage") || is_named (entry, "EncryptedSummary"))
    return TRUE;
  if (head == NULL)
    return FALSE;
  if (is_named (entry, "WordDocument"))
    return (vt_le16 (head + 10) & 0x100) != 0;
  if (is_named (entry, "Workbook") || is_named (entry, "Book"))
    return is_encrypted_workbook (head);
  return is_named (entry, "Current User") && vt_le32 (head + 12) == 0xf3d1c4dfU;
}

static VtReason
check_entry (Ole2 *self, const guint8 *entry)
{
  gboolean mini = is_mini (self, entry);

  if (entry[ENTRY_KIND] != KIND_STREAM)
    return VT_REASON_NONE;
  if (!follow (self, mini ? self->minis : self->table, mini ? MINI_SHIFT : self->shift,
               vt_le32 (entry + ENTRY_START), entry_length (self, entry), NULL))
    return VT_REASON_DAMAGED;
  return is_encrypted (self, entry) ? VT_REASON_ENCRYPTED : VT_REASON_NONE;
}

static gboolean
read_minis (Ole2 *self, const guint8 *root)
{
  g_autoptr (GArray) sectors = g_array_new (FALSE, FALSE, sizeof (guint32));

  if (root[ENTRY_KIND] != KIND_ROOT ||
      !follow (self, self->table, self->shift, vt_le32 (root + ENTRY_START),
               entry_length (self, root), self->mini_data) ||
      !follow_to_end (self, vt_le32 (self->data + HEADER_MINI_TABLE), sectors))
    return FALSE;
  for (guint i = 0; i < sectors->len; i++)
    if (!add_numbers (self, self->minis, g_array_index (sectors, guint32, i),
                      ((gsize)1 << self->shift) / 4))
      return FALSE;
  return TRUE;
}

static VtReason
check_directory (Ole2 *self)
{
  g_autoptr (GArray) sectors = g_array_new (FALSE, FALSE, sizeof (guint32));
  VtReason worst = VT_REASON_NONE;

  if (!read_table (self) ||
      !follow_to_end (self, vt_le32 (self->data + HEADER_DIRECTORY), sectors) ||
      sectors->len == 0 ||
      !read_minis (self, sector_at (self, g_array_index (sectors, guint32, 0))))
    return VT_REASON_DAMAGED;
  /* Small sectors are followed beside those that they are in. */
  self->budget += self->minis->len;
  for (guint i = 0; i < sectors->len && worst != VT_REASON_ENCRYPTED; i++) {
    const guint8 *sector = sector_at (self, g_array_index (sectors, guint32, i));

    for (gsize at = 0; at < (gsize)1 << self->shift; at += ENTRY_SIZE) {
      VtReason reason = check_entry (self, sector + at);

      if (reason == VT_REASON_ENCRYPTED || worst == VT_REASON_NONE)
        worst = reason;
    }
  }
  return worst;
}

VtReason
vt_engine_ole2_check (const guint8 *data, gsize size)
{
  g_autoptr (GArray) table = g_array_new (FALSE, FALSE, sizeof (guint32));
  g_autoptr (GArray) minis = g_array_new (FALSE, FALSE, sizeof (guint32));
  g_autoptr (GArray) mini_data = g_array_new (FALSE, FALSE, sizeof (guint32));
  Ole2 ole2 = {.data = data, .size = size, .table = table, .minis = minis, .mini_data = mini_data};

  if (size < HEADER_SIZE)
    return VT_REASON_DAMAGED;
  ole2.shift = vt_le16 (data + HEADER_SHIFT);
  ole2.cutoff = vt_le32 (data + HEADER_CUTOFF);
  if ((ole2.shift != 9 && ole2.shift != 12) || vt_le16 (data + HEADER_MINI_SHIFT) != MINI_SHIFT)
    return VT_REASON_DAMAGED;
  ole2.budget = size >> ole2.shift;
  return check_directory (&ole2);
}
