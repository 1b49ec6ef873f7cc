// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-engine-zip.h"

#include <string.h>

#include "vt-bytes.h"

/* The header of a member (APPNOTE.TXT 4.3.7). */
#define LOCAL_MAGIC   "PK\3\4"
#define LOCAL_VERSION 4
#define LOCAL_FLAGS   6
#define LOCAL_METHOD  8
#define LOCAL_PACKED  18
#define LOCAL_REAL    22
#define LOCAL_NAME    26
#define LOCAL_EXTRA   28
#define LOCAL_SIZE    30

/* Of a header that is believed: the version and the system that is needed (4.4.3), its name. */
#define VERSION_MAX    63
#define SYSTEM_MAX     20
#define LOCAL_NAME_MAX 1024

/* Flags: encrypted, with so many bytes before the data; the sizes stand behind the data. */
#define FLAG_ENCRYPTED    0x01
#define ENCRYPTED_MIN     12
#define FLAG_SIZES_BEHIND 0x08

/* The entry of a member in the directory (4.3.12). */
#define CENTRAL_MAGIC   "PK\1\2"
#define CENTRAL_PACKED  20
#define CENTRAL_REAL    24
#define CENTRAL_NAME    28
#define CENTRAL_EXTRA   30
#define CENTRAL_COMMENT 32
#define CENTRAL_OFFSET  42
#define CENTRAL_SIZE    46

/* What ends the directory (4.3.16), and what is before it in archives above 4 GiB (4.3.14). */
#define END_MAGIC     "PK\5\6"
#define END_LENGTH    12
#define END_OFFSET    16
#define END_SIZE      22
#define COMMENT_MAX   65535
#define LOCATOR_MAGIC "PK\6\7"
#define LOCATOR_SIZE  20
#define END64_LENGTH  40
#define END64_OFFSET  48
#define END64_SIZE    56

/* A number of four bytes that stands in the extra field instead, and the part of that (4.5.3). */
#define NUMBER_IN_EXTRA G_MAXUINT32
#define EXTRA64         1

typedef struct {
  guint64 start;
  guint64 end;
} Range;

struct _VtEngineZip {
  VtEngineZipPeek peek;
  gpointer source;
  guint64 size;
  GArray *covered;                  /* of Range, by start */
  guint next;                       /* the range that ends the gap at hand */
  guint64 at;                       /* where to go on */
  guint8 entry[VT_ENGINE_ZIP_PEEK]; /* of the directory, the one at hand */
};

const guint8 *
vt_engine_zip_peek_memory (gpointer memory, guint64 offset, gsize n)
{
  return (const guint8 *)memory + offset;
}

static const guint8 *
look_at (const VtEngineZip *self, guint64 offset, gsize n)
{
  return offset <= self->size && n <= self->size - offset ? self->peek (self->source, offset, n)
                                                          : NULL;
}

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

/* Whether the sizes fit what is done with the member, as far as they are told before it. */
static gboolean
are_sizes_likely (const guint8 *local)
{
  guint flags = vt_le16 (local + LOCAL_FLAGS);
  guint32 packed = vt_le32 (local + LOCAL_PACKED);

  if ((flags & FLAG_SIZES_BEHIND) != 0)
    return TRUE;
  if ((flags & FLAG_ENCRYPTED) != 0)
    return packed >= ENCRYPTED_MIN;
  return vt_le16 (local + LOCAL_METHOD) != 0 || packed == vt_le32 (local + LOCAL_REAL);
}

/* The magic stands in programs by chance: what follows it must make sense. */
static gboolean
is_local (const guint8 *at, gsize left)
{
  gsize name_size;

  if (left <= LOCAL_SIZE || at[LOCAL_VERSION] > VERSION_MAX || at[LOCAL_VERSION + 1] > SYSTEM_MAX)
    return FALSE;
  name_size = vt_le16 (at + LOCAL_NAME);
  return is_method (vt_le16 (at + LOCAL_METHOD)) && name_size <= left - LOCAL_SIZE &&
         is_name (at + LOCAL_SIZE, name_size) && are_sizes_likely (at);
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
find_member (const VtEngineZip *self, guint64 base, const guint8 *entry, Range *range)
{
  const guint8 *extra = entry + CENTRAL_SIZE + vt_le16 (entry + CENTRAL_NAME);
  gsize extra_size = vt_le16 (entry + CENTRAL_EXTRA);
  guint64 packed = vt_le32 (entry + CENTRAL_PACKED);
  guint64 offset = vt_le32 (entry + CENTRAL_OFFSET);
  guint n = vt_le32 (entry + CENTRAL_REAL) == NUMBER_IN_EXTRA ? 1 : 0;
  const guint8 *local;

  if (packed == NUMBER_IN_EXTRA)
    packed = find_in_extra (extra, extra_size, n++);
  if (offset == NUMBER_IN_EXTRA)
    offset = find_in_extra (extra, extra_size, n);
  if (offset > self->size - base)
    return FALSE;
  range->start = base + offset;
  local = look_at (self, range->start, LOCAL_SIZE);
  if (local == NULL)
    return FALSE;
  range->end = range->start + LOCAL_SIZE + vt_le16 (local + LOCAL_NAME) +
               vt_le16 (local + LOCAL_EXTRA) + MIN (packed, self->size);
  range->end = MIN (range->end, self->size);
  return TRUE;
}

/* Whether the record that ends a directory is at END, and the directory before it; BASE gets where
 * the archive begins by the place that it tells of itself. */
static gboolean
find_directory (const VtEngineZip *self, guint64 end, Range *directory, guint64 *base)
{
  const guint8 *record = look_at (self, end, END_SIZE);
  const guint8 *more = NULL;
  guint64 length;
  guint64 offset;

  if (record == NULL)
    return FALSE;
  length = vt_le32 (record + END_LENGTH);
  offset = vt_le32 (record + END_OFFSET);
  directory->end = end;
  if (end >= LOCATOR_SIZE + END64_SIZE)
    more = look_at (self, end - LOCATOR_SIZE - END64_SIZE, LOCATOR_SIZE + END64_SIZE);
  if (more != NULL && memcmp (more + END64_SIZE, LOCATOR_MAGIC, 4) == 0) {
    directory->end -= LOCATOR_SIZE + END64_SIZE;
    length = vt_le64 (more + END64_LENGTH);
    offset = vt_le64 (more + END64_OFFSET);
  }
  if (length < CENTRAL_SIZE || length > directory->end || offset > directory->end - length)
    return FALSE;
  directory->start = directory->end - length;
  *base = directory->start - offset;
  more = look_at (self, directory->start, 4);
  return more != NULL && memcmp (more, CENTRAL_MAGIC, 4) == 0;
}

/* The last directory. What is appended to an archive does not hide it. */
static gboolean
find_last_directory (const VtEngineZip *self, Range *directory, guint64 *base)
{
  gsize n = (gsize)MIN (self->size, END_SIZE + COMMENT_MAX);
  guint64 first = self->size - n;

  for (gsize i = n; i >= END_SIZE; i--) {
    const guint8 *tail = look_at (self, first, n);

    while (tail != NULL && i >= END_SIZE && memcmp (tail + i - END_SIZE, END_MAGIC, 4) != 0)
      i--;
    if (tail == NULL || i < END_SIZE)
      break;
    if (find_directory (self, first + i - END_SIZE, directory, base))
      return TRUE;
  }
  return FALSE;
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
  Range directory;
  guint64 base;

  if (!find_last_directory (self, &directory, &base))
    return;
  for (guint64 at = directory.start; directory.end - at >= CENTRAL_SIZE;) {
    const guint8 *entry = look_at (self, at, CENTRAL_SIZE);
    gsize length;
    Range range;

    if (entry == NULL || memcmp (entry, CENTRAL_MAGIC, 4) != 0)
      break;
    length = CENTRAL_SIZE + (gsize)vt_le16 (entry + CENTRAL_NAME) +
             vt_le16 (entry + CENTRAL_EXTRA) + vt_le16 (entry + CENTRAL_COMMENT);
    entry = length <= directory.end - at ? look_at (self, at, length) : NULL;
    if (entry == NULL)
      break;
    entry = memcpy (self->entry, entry, length);
    if (find_member (self, base, entry, &range))
      g_array_append_val (self->covered, range);
    at += length;
  }
  directory.end = self->size;
  g_array_append_val (self->covered, directory);
  g_array_sort (self->covered, compare_starts);
}

VtEngineZip *
vt_engine_zip_new (VtEngineZipPeek peek, gpointer source, guint64 size)
{
  VtEngineZip *self = g_new0 (VtEngineZip, 1);

  self->peek = peek;
  self->source = source;
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

gboolean
vt_engine_zip_has_directory (const VtEngineZip *self)
{
  return self->covered->len > 0;
}

guint64
vt_engine_zip_leave_start (VtEngineZip *self)
{
  if (self->covered->len > 0)
    self->at = g_array_index (self->covered, Range, 0).start;
  return self->at;
}

/* Goes to the next place before END that has MAGIC; FALSE, and to END, if there is none. */
static gboolean
find_magic (const VtEngineZip *self, guint64 *at, guint64 end, const char *magic)
{
  while (*at < end) {
    gsize n = (gsize)MIN (end - *at, VT_ENGINE_ZIP_PEEK);
    const guint8 *bytes = look_at (self, *at, n);
    const guint8 *found = bytes != NULL ? memmem (bytes, n, magic, strlen (magic)) : NULL;

    if (found != NULL) {
      *at += (guint64)(found - bytes);
      return TRUE;
    }
    /* The magic may lie across the end of what was looked at. */
    *at = bytes == NULL || *at + n == end ? end : *at + n - strlen (magic) + 1;
  }
  return FALSE;
}

/* Whether a header begins between where to go on and LIMIT; then that is where to go on. It ends
 * before END. */
static gboolean
find_local (VtEngineZip *self, guint64 limit, guint64 end)
{
  while (find_magic (self, &self->at, MIN (limit, end), LOCAL_MAGIC)) {
    gsize n = (gsize)MIN (end - self->at, LOCAL_SIZE + LOCAL_NAME_MAX);
    const guint8 *local = look_at (self, self->at, n);

    if (local != NULL && is_local (local, n))
      return TRUE;
    self->at++;
  }
  return FALSE;
}

gboolean
vt_engine_zip_next (VtEngineZip *self, guint64 limit, guint64 *start, guint64 *end)
{
  for (;;) {
    gboolean is_last = self->next >= self->covered->len;
    Range range = {self->size, self->size};

    if (!is_last)
      range = g_array_index (self->covered, Range, self->next);
    if (find_local (self, limit, range.start)) {
      *start = self->at;
      if (find_magic (self, &self->at, range.start, END_MAGIC))
        self->at = MIN (self->at + END_SIZE, range.start);
      *end = self->at;
      return TRUE;
    }
    if (is_last)
      return FALSE;
    self->at = MAX (self->at, range.end);
    self->next++;
  }
}
