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
/* Of an xz stream's footer: CRC, size of the index in units of 4 bytes, flags, magic number. */
#define XZ_FOOTER_SIZE 12
/* So much of an index is looked at: some 100,000 blocks. */
#define XZ_INDEX_MAX ((guint64)1024 * 1024)

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

/* The sum of the sizes of all blocks, as far as they can be read. */
static guint64
sum_index (const guint8 *at, const guint8 *end)
{
  guint64 total = 0;
  guint64 count;
  guint64 packed;
  guint64 unpacked;

  if (at == end || *at++ != 0 || !take_number (&at, end, &count))
    return 0;
  for (; count > 0 && take_number (&at, end, &packed) && take_number (&at, end, &unpacked); count--)
    total = unpacked <= G_MAXUINT64 - total ? total + unpacked : G_MAXUINT64;
  return total;
}

/* Of the last stream, if there is nothing behind it. */
static guint64
hint_xz (int fd, guint64 offset, guint64 size)
{
  g_autofree guint8 *index = NULL;
  guint8 footer[XZ_FOOTER_SIZE];
  guint64 index_size;
  gsize n;

  if (size < XZ_FOOTER_SIZE ||
      !vt_wrapper_read (fd, offset + size - XZ_FOOTER_SIZE, footer, sizeof footer) ||
      memcmp (footer + 10, "YZ", 2) != 0)
    return 0;
  index_size = ((guint64)vt_le32 (footer + 4) + 1) * 4;
  if (index_size > size - XZ_FOOTER_SIZE)
    return 0;
  n = (gsize)MIN (index_size, XZ_INDEX_MAX);
  index = g_malloc (n);
  if (!vt_wrapper_read (fd, offset + size - XZ_FOOTER_SIZE - index_size, index, n))
    return 0;
  return sum_index (index, index + n);
}

guint64
vt_wrapper_hint (int fd, guint64 offset, guint64 size, VtWrapperKind kind)
{
  if (kind == VT_WRAPPER_ZSTD)
    return hint_zstd (fd, offset, size);
  return kind == VT_WRAPPER_XZ ? hint_xz (fd, offset, size) : 0;
}
