// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-engine-zip.h"

#include <string.h>

#include "vt-bytes.h"
#include "vt-engine-attached.h"

/* The header of a member (APPNOTE.TXT 4.3.7), and that of its entry in the directory (4.3.12). */
#define LOCAL_MAGIC     "PK\3\4"
#define LOCAL_SIZE      30
#define CENTRAL_MAGIC   "PK\1\2"
#define CENTRAL_SIZE    46
#define END_MAGIC       "PK\5\6"
#define END_SIZE        22
#define END_LENGTH      12
#define END_OFFSET      16
#define LOCATOR_SIZE    20
#define END64_LENGTH    40
#define END64_OFFSET    48
#define END64_SIZE      56
#define EXTRA64         1
#define NUMBER_IN_EXTRA G_MAXUINT32

/* Of a header that is believed: the version and the system that is needed (4.4.3), its name. */
#define VERSION_MAX    63
#define SYSTEM_MAX     20
#define LOCAL_NAME_MAX 1024
/* Flags: encrypted; the sizes stand behind the data. */
#define FLAG_ENCRYPTED    0x01
#define FLAG_SIZES_BEHIND 0x08

typedef struct {
  gsize start;
  gsize end;
} Range;

struct _VtEngineZip {
  const guint8 *data;
  gsize size;
  GArray *covered; /* of Range, by start */
  guint next;      /* the range that ends the gap at hand */
  gsize at;        /* where to go on */
};

static gboolean
is_method (guint method)
{
  return method <= 20 || (method >= 93 && method <= 99);
}

/* Names have no control characters. */
static gboolean
is_name (const guint8 *name, gsize length)
{
  for (gsize i = 0; i < length; i++)
    if (name[i] < ' ' || name[i] == 0x7f)
      return FALSE;
  return length > 0 && length <= LOCAL_NAME_MAX;
}

/* The magic stands in programs by chance: what follows it must make sense. */
static gboolean
is_local (const guint8 *at, gsize left)
{
  if (left <= LOCAL_SIZE || at[4] > VERSION_MAX || at[5] > SYSTEM_MAX ||
      !is_method (vt_le16 (at + 8)) || left - LOCAL_SIZE < vt_le16 (at + 26))
    return FALSE;
  if (vt_le16 (at + 8) == 0 && (vt_le16 (at + 6) & (FLAG_ENCRYPTED | FLAG_SIZES_BEHIND)) == 0 &&
      vt_le32 (at + 18) != vt_le32 (at + 22))
    return FALSE;
  return is_name (at + LOCAL_SIZE, vt_le16 (at + 26));
}

/* The number in a directory's entry that is nowhere but in the extra field, the N-th there. */
static guint64
find_in_extra (const guint8 *extra, gsize size, guint n)
{
  while (size >= 4) {
    gsize length = MIN (vt_le16 (extra + 2), size - 4);

    if (vt_le16 (extra) == EXTRA64)
      return length >= 8 * ((gsize)n + 1) ? vt_le64 (extra + 4 + 8 * (gsize)n) : G_MAXUINT64;
    extra += 4 + length;
    size -= 4 + length;
  }
  return G_MAXUINT64;
}

/* Where the member of ENTRY lies, in an archive that begins at BASE. FALSE: outside. */
static gboolean
find_member (const VtEngineZip *self, gsize base, const guint8 *entry, Range *range)
{
  const guint8 *extra = entry + CENTRAL_SIZE + vt_le16 (entry + 28);
  gsize extra_size = vt_le16 (entry + 30);
  guint64 packed = vt_le32 (entry + 20);
  guint64 offset = vt_le32 (entry + 42);
  guint n = vt_le32 (entry + 24) == NUMBER_IN_EXTRA ? 1 : 0;
  guint64 length;

  if (packed == NUMBER_IN_EXTRA)
    packed = find_in_extra (extra, extra_size, n++);
  if (offset == NUMBER_IN_EXTRA)
    offset = find_in_extra (extra, extra_size, n);
  if (offset >= self->size - base || self->size - base - offset < LOCAL_SIZE)
    return FALSE;
  range->start = base + (gsize)offset;
  length = LOCAL_SIZE + (guint64)vt_le16 (self->data + range->start + 26) +
           vt_le16 (self->data + range->start + 28);
  length += MIN (packed, self->size);
  range->end = range->start + (gsize)MIN (length, self->size - range->start);
  return TRUE;
}

/* The directory is just before its end; BASE is where the archive begins by the place that it tells
 * of itself. FALSE: it is not there. */
static gboolean
find_directory (const VtEngineZip *self, gsize end, Range *directory, gsize *base)
{
  guint64 length = vt_le32 (self->data + end + END_LENGTH);
  guint64 offset = vt_le32 (self->data + end + END_OFFSET);

  directory->end = end;
  if (end >= LOCATOR_SIZE + END64_SIZE &&
      memcmp (self->data + end - LOCATOR_SIZE, "PK\6\7", 4) == 0) {
    const guint8 *end64 = self->data + end - LOCATOR_SIZE - END64_SIZE;

    directory->end = end - LOCATOR_SIZE - END64_SIZE;
    length = vt_le64 (end64 + END64_LENGTH);
    offset = vt_le64 (end64 + END64_OFFSET);
  }
  if (length > directory->end || offset > directory->end - length)
    return FALSE;
  directory->start = directory->end - (gsize)length;
  *base = directory->start - (gsize)offset;
  return TRUE;
}

static int
compare_starts (gconstpointer a, gconstpointer b)
{
  const Range *one = a;
  const Range *other = b;

  return one->start < other->start ? -1 : one->start > other->start;
}

static void
read_directory (VtEngineZip *self)
{
  gsize end = vt_engine_attached_find_zip_end (self->data, self->size);
  Range directory;
  gsize base;

  if (end == self->size || !find_directory (self, end, &directory, &base))
    return;
  for (gsize at = directory.start; directory.end - at >= CENTRAL_SIZE;) {
    const guint8 *entry = self->data + at;
    gsize length =
        CENTRAL_SIZE + (gsize)vt_le16 (entry + 28) + vt_le16 (entry + 30) + vt_le16 (entry + 32);
    Range range;

    if (memcmp (entry, CENTRAL_MAGIC, 4) != 0 || length > directory.end - at)
      break;
    if (find_member (self, base, entry, &range))
      g_array_append_val (self->covered, range);
    at += length;
  }
  directory.end = self->size;
  g_array_append_val (self->covered, directory);
  g_array_sort (self->covered, compare_starts);
}

VtEngineZip *
vt_engine_zip_new (const guint8 *data, gsize size)
{
  VtEngineZip *self = g_new0 (VtEngineZip, 1);

  self->data = data;
  self->size = size;
  self->covered = g_array_new (FALSE, FALSE, sizeof (Range));
  read_directory (self);
  return self;
}

void
vt_engine_zip_free (VtEngineZip *self)
{
  g_array_unref (self->covered);
  g_free (self);
}

/* Whether a header begins between where to go on and LIMIT; then that is where to go on. It ends
 * before END. */
static gboolean
find_local (VtEngineZip *self, gsize limit, gsize end)
{
  gsize stop = MIN (limit, end);

  while (self->at < stop) {
    const guint8 *at =
        memmem (self->data + self->at, stop - self->at, LOCAL_MAGIC, strlen (LOCAL_MAGIC));

    if (at == NULL)
      return FALSE;
    self->at = (gsize)(at - self->data);
    if (is_local (at, end - self->at))
      return TRUE;
    self->at++;
  }
  return FALSE;
}

/* Behind the end of the archive that begins at START, END if there is none. */
static gsize
find_end (const VtEngineZip *self, gsize start, gsize end)
{
  const guint8 *at = memmem (self->data + start, end - start, END_MAGIC, strlen (END_MAGIC));
  gsize offset = at != NULL ? (gsize)(at - self->data) : end;

  return end - offset > END_SIZE ? offset + END_SIZE : end;
}

gboolean
vt_engine_zip_next (VtEngineZip *self, gsize limit, gsize *start, gsize *end)
{
  for (;;) {
    gboolean is_last = self->next >= self->covered->len;
    Range range = {self->size, self->size};

    if (!is_last)
      range = g_array_index (self->covered, Range, self->next);
    if (find_local (self, limit, range.start)) {
      *start = self->at;
      *end = find_end (self, self->at, range.start);
      self->at = *end;
      return TRUE;
    }
    if (is_last)
      return FALSE;
    self->at = MAX (self->at, range.end);
    self->next++;
  }
}
