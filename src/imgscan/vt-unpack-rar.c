// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-unpack-rar.h"

#include "vt-fd.h"

#define SIGNATURE_SIZE 8
/* A block begins with the checksum of its header, and the header's size. */
#define CHECKSUM_SIZE 4
/* Of a number of 64 bits. */
#define NUMBER_BYTES_MAX 10
#define HEADER_BYTES_MAX ((gsize)2 * 1024 * 1024)
#define BLOCKS_MAX       100000

#define BLOCK_FILE       2
#define BLOCK_SERVICE    3
#define BLOCK_ENCRYPTION 4

#define FLAG_EXTRA 1
#define FLAG_DATA  2

/* Of the records in the extra area of a file's header. */
#define RECORD_ENCRYPTION 1

typedef struct {
  const guint8 *at;
  const guint8 *end;
  gboolean failed;
} Cursor;

/* Seven bits a byte, the lowest first; the highest bit says that another byte follows. */
static guint64
take_number (Cursor *self)
{
  guint64 number = 0;

  for (guint shift = 0; shift < 63 && self->at < self->end; shift += 7) {
    guint8 byte = *self->at++;

    number |= (guint64)(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0)
      return number;
  }
  self->failed = TRUE;
  return 0;
}

static gboolean
has_encryption_record (Cursor extra)
{
  while (extra.at < extra.end && !extra.failed) {
    guint64 size = take_number (&extra);
    Cursor record = {extra.at, extra.end};

    if (extra.failed || size > (guint64)(extra.end - extra.at))
      return FALSE;
    if (take_number (&record) == RECORD_ENCRYPTION && !record.failed)
      return TRUE;
    extra.at += size;
  }
  return FALSE;
}

/* DATA_SIZE gets the bytes that follow the header. */
static gboolean
is_encrypted_header (const guint8 *header, gsize size, guint64 *data_size)
{
  Cursor cursor = {header, header + size};
  guint64 type = take_number (&cursor);
  guint64 flags = take_number (&cursor);
  guint64 extra_size = (flags & FLAG_EXTRA) != 0 ? take_number (&cursor) : 0;

  *data_size = (flags & FLAG_DATA) != 0 ? take_number (&cursor) : 0;
  if (type == BLOCK_ENCRYPTION)
    return TRUE;
  return (type == BLOCK_FILE || type == BLOCK_SERVICE) && !cursor.failed && extra_size <= size &&
         has_encryption_record ((Cursor){header + size - extra_size, header + size});
}

/* The header of the block at OFFSET in a buffer to be freed, and the offset behind it; or NULL. */
static guint8 *
read_header (int fd, guint64 *offset, guint64 end, gsize *size)
{
  guint8 start[CHECKSUM_SIZE + NUMBER_BYTES_MAX];
  gssize got = vt_fd_read_at (fd, *offset, start, sizeof start);
  Cursor cursor = {start + CHECKSUM_SIZE, start + MAX (got, CHECKSUM_SIZE)};
  guint64 header_size = take_number (&cursor);
  g_autofree guint8 *header = NULL;

  *offset += (guint64)(cursor.at - start);
  if (cursor.failed || header_size == 0 || header_size > HEADER_BYTES_MAX || *offset > end ||
      header_size > end - *offset)
    return NULL;
  header = g_malloc (header_size);
  if (vt_fd_read_at (fd, *offset, header, header_size) != (gssize)header_size)
    return NULL;
  *offset += header_size;
  *size = header_size;
  return g_steal_pointer (&header);
}

gboolean
vt_unpack_rar5_is_encrypted (int fd, guint64 size)
{
  guint64 offset = SIGNATURE_SIZE;

  for (guint i = 0; i < BLOCKS_MAX; i++) {
    guint64 data_size = 0;
    gsize header_size = 0;
    g_autofree guint8 *header = read_header (fd, &offset, size, &header_size);

    if (header == NULL)
      return FALSE;
    if (is_encrypted_header (header, header_size, &data_size))
      return TRUE;
    if (data_size > size - offset)
      return FALSE;
    offset += data_size;
  }
  return FALSE;
}
