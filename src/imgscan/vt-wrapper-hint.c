// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What compressed data say of their unpacked size, so that what is too large is refused at once and
 * not after minutes. They may lie: what is unpacked is counted all the same. gzip tells no more
 * than 32 bits of it, and bzip2 nothing.
 */
#include <string.h>

#include "vt-bytes.h"
#include "vt-wrapper-private.h"

/* The longest header of a Zstandard frame: RFC 8878, 3.1.1. */
#define ZSTD_HEADER_MAX 18
/* An xz stream: header, blocks, index, and a footer with the index's size in units of 4 bytes. */
#define XZ_HEADER_SIZE 12
#define XZ_FOOTER_SIZE 12
#define XZ_MAGIC_AT    10
/* Largest index that is looked at, of some 100,000 blocks, and most streams. */
#define XZ_INDEX_MAX   ((guint64)1024 * 1024)
#define XZ_STREAMS_MAX 1000

static guint64
hint_zstd (int fd, guint64 offset, guint64 size)
{
  static const guint8 id_sizes[] = {0, 1, 2, 4};
  guint8 header[ZSTD_HEADER_MAX + 8] = {0};
  gboolean single;
  guint at;

  if (!vt_wrapper_read (fd, offset, header, (gsize)MIN (size, ZSTD_HEADER_MAX)))
    return 0;
  single = (header[4] & 0x20) != 0;
  at = 5 + !single + id_sizes[header[4] & 3];
  switch (header[4] >> 6) {
  case 0:
    return single ? header[at] : 0;
  case 1:
    return (guint64)vt_le16 (header + at) + 256;
  case 2:
    return vt_le32 (header + at);
  default:
    return vt_le64 (header + at);
  }
}

/* A number of 7 bits a byte, the lowest first. FALSE: it is cut off or too long. */
static gboolean
take_number (const guint8 **at, const guint8 *end, guint64 *number)
{
  *number = 0;
  for (guint shift = 0; shift < 63 && *at < end; shift += 7) {
    guint8 byte = *(*at)++;

    *number |= (guint64)(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0)
      return TRUE;
  }
  return FALSE;
}

static guint64
add (guint64 a, guint64 b)
{
  return b <= G_MAXUINT64 - a ? a + b : G_MAXUINT64;
}

/* Sums up the sizes of all blocks. FALSE: there is no whole index. */
static gboolean
sum_index (const guint8 *at, const guint8 *end, guint64 *packed, guint64 *unpacked)
{
  guint64 count;
  guint64 size;

  if (at == end || *at++ != 0 || !take_number (&at, end, &count))
    return FALSE;
  for (; count > 0; count--) {
    if (!take_number (&at, end, &size))
      return FALSE;
    /* Blocks are filled up to a multiple of 4. */
    *packed = add (*packed, add (size, 3) & ~G_GUINT64_CONSTANT (3));
    if (!take_number (&at, end, &size))
      return FALSE;
    *unpacked = add (*unpacked, size);
  }
  return TRUE;
}

/* Adds what the last stream says, and leaves in SIZE what is before it. FALSE: none is told of. */
static gboolean
take_xz_stream (int fd, guint64 offset, guint64 *size, guint64 *unpacked)
{
  g_autofree guint8 *index = NULL;
  guint8 footer[XZ_FOOTER_SIZE];
  guint64 index_size;
  guint64 packed = 0;

  if (*size < XZ_HEADER_SIZE + XZ_FOOTER_SIZE ||
      !vt_wrapper_read (fd, offset + *size - XZ_FOOTER_SIZE, footer, sizeof footer) ||
      memcmp (footer + XZ_MAGIC_AT, "YZ", 2) != 0)
    return FALSE;
  *size -= XZ_FOOTER_SIZE;
  index_size = ((guint64)vt_le32 (footer + 4) + 1) * 4;
  if (index_size > MIN (*size, XZ_INDEX_MAX))
    return FALSE;
  *size -= index_size;
  index = g_malloc (index_size);
  if (!vt_wrapper_read (fd, offset + *size, index, index_size) ||
      !sum_index (index, index + index_size, &packed, unpacked) ||
      add (packed, XZ_HEADER_SIZE) > *size)
    return FALSE;
  *size -= packed + XZ_HEADER_SIZE;
  return TRUE;
}

/* From the last stream to the first, as long as there is no padding between them. */
static guint64
hint_xz (int fd, guint64 offset, guint64 size)
{
  guint64 unpacked = 0;

  for (guint i = 0; i < XZ_STREAMS_MAX && take_xz_stream (fd, offset, &size, &unpacked); i++)
    ;
  return unpacked;
}

guint64
vt_wrapper_hint (int fd, guint64 offset, guint64 size, VtWrapperKind kind)
{
  if (kind == VT_WRAPPER_ZSTD)
    return hint_zstd (fd, offset, size);
  return kind == VT_WRAPPER_XZ ? hint_xz (fd, offset, size) : 0;
}
