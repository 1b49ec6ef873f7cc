// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* BinHex 4.0 (RFC 1741): digits of six bits, then runs of equal bytes, then a file in two forks,
 * each with a checksum. */
#include "vt-engine-encoded.h"

#include <string.h>

#define MARK "(This file must be converted with BinHex"
/* Between the mark and the digits is the rest of the line. */
#define LINE_MAX_SIZE  ((gsize)256)
#define RUN            0x90
#define NAME_MAX_SIZE  63
#define HEADER_SIZE    (1 + 4 + 4 + 2 + 4 + 4) /* behind the name */
#define HEADER_LENGTHS 11
#define CHUNK          1024
/* Digits that may fill up the last one. */
#define FILL_MAX 4U

typedef struct {
  const guint8 *data;
  gsize size;
  gsize at;
  guint32 bits; /* not taken yet */
  guint n_bits;
  guint8 last; /* byte, and how often it is to be told again */
  guint repeat;
  guint16 crc; /* of the bytes since the last one */
} Reader;

/* The next digit's value, -1 if something else comes. */
static int
next_digit (Reader *self)
{
  static const char digits[] = "!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr";
  const char *digit;

  while (self->at < self->size && g_ascii_isspace ((char)self->data[self->at]))
    self->at++;
  if (self->at == self->size || self->data[self->at] == '\0')
    return -1;
  digit = strchr (digits, self->data[self->at]);
  if (digit == NULL)
    return -1;
  self->at++;
  return (int)(digit - digits);
}

static int
next_packed (Reader *self)
{
  while (self->n_bits < 8) {
    int digit = next_digit (self);

    if (digit < 0)
      return -1;
    self->bits = self->bits << 6 | (guint32)digit;
    self->n_bits += 6;
  }
  self->n_bits -= 8;
  return (int)(self->bits >> self->n_bits & 0xff);
}

/* The mark of a run and a zero are the mark itself; and N, the byte before N times in all. */
static int
next_byte (Reader *self)
{
  int byte;
  int count;

  if (self->repeat > 0) {
    self->repeat--;
    return self->last;
  }
  byte = next_packed (self);
  if (byte == RUN) {
    count = next_packed (self);
    if (count < 0 || count == 1)
      return -1;
    if (count > 1) {
      self->repeat = (guint)count - 2;
      return self->last;
    }
  }
  if (byte >= 0)
    self->last = (guint8)byte;
  return byte;
}

static void
add_to_crc (Reader *self, guint8 byte)
{
  self->crc ^= (guint16)(byte << 8);
  for (guint i = 0; i < 8; i++)
    self->crc = (guint16)(self->crc << 1 ^ ((self->crc & 0x8000) != 0 ? 0x1021 : 0));
}

static gboolean
read_bytes (Reader *self, guint8 *bytes, gsize n)
{
  for (gsize i = 0; i < n; i++) {
    int byte = next_byte (self);

    if (byte < 0)
      return FALSE;
    bytes[i] = (guint8)byte;
    add_to_crc (self, bytes[i]);
  }
  return TRUE;
}

/* The checksum of what was read since the last one. */
static gboolean
is_crc_right (Reader *self)
{
  guint16 crc = self->crc;
  guint8 told[2];

  if (!read_bytes (self, told, sizeof told))
    return FALSE;
  self->crc = 0;
  return crc == (guint16)(told[0] << 8 | told[1]);
}

static guint32
be32 (const guint8 *at)
{
  return (guint32)at[0] << 24 | (guint32)at[1] << 16 | (guint32)at[2] << 8 | at[3];
}

static VtReason
list_fork (Reader *self, guint32 length, const VtEngineDecoded *funcs, gpointer user_data)
{
  VtReason reason = funcs->begin (user_data);

  while (reason == VT_REASON_NONE && length > 0) {
    guint8 chunk[CHUNK];
    gsize n = MIN (length, sizeof chunk);

    if (!read_bytes (self, chunk, n))
      return VT_REASON_DAMAGED;
    reason = funcs->add (user_data, chunk, n);
    length -= (guint32)n;
  }
  if (reason != VT_REASON_NONE)
    return reason;
  if (!is_crc_right (self))
    return VT_REASON_DAMAGED;
  funcs->end (user_data);
  return VT_REASON_NONE;
}

/* The colon behind the last digit. */
static gboolean
is_at_end (Reader *self)
{
  for (guint i = 0; i < FILL_MAX && next_digit (self) >= 0; i++)
    ;
  return self->at < self->size && self->data[self->at] == ':';
}

static VtReason
list_one (Reader *self, const VtEngineDecoded *funcs, gpointer user_data)
{
  guint8 name[1 + NAME_MAX_SIZE];
  guint8 header[HEADER_SIZE];
  VtReason reason;

  if (!read_bytes (self, name, 1) || name[0] > NAME_MAX_SIZE ||
      !read_bytes (self, name + 1, name[0]) || !read_bytes (self, header, sizeof header) ||
      !is_crc_right (self))
    return VT_REASON_DAMAGED;
  reason = list_fork (self, be32 (header + HEADER_LENGTHS), funcs, user_data);
  if (reason == VT_REASON_NONE)
    reason = list_fork (self, be32 (header + HEADER_LENGTHS + 4), funcs, user_data);
  if (reason != VT_REASON_NONE)
    return reason;
  return is_at_end (self) ? VT_REASON_NONE : VT_REASON_DAMAGED;
}

/* Goes to the digits of the next file; FALSE: there is none. Programs that know the format have the
 * mark in them, without a line that begins with a colon behind it. */
static gboolean
find_file (Reader *self)
{
  while (self->at < self->size) {
    const guint8 *mark = memmem (self->data + self->at, self->size - self->at, MARK, strlen (MARK));
    const guint8 *colon;
    gsize left;

    if (mark == NULL)
      return FALSE;
    self->at = (gsize)(mark - self->data) + strlen (MARK);
    left = MIN (self->size - self->at, LINE_MAX_SIZE);
    colon = memchr (self->data + self->at, ':', left);
    if (colon != NULL && (colon[-1] == '\n' || colon[-1] == '\r')) {
      self->at = (gsize)(colon - self->data) + 1;
      return TRUE;
    }
  }
  return FALSE;
}

VtReason
vt_engine_encoded_list_binhex (const guint8 *data,
                               gsize size,
                               const VtEngineDecoded *funcs,
                               gpointer user_data)
{
  VtReason reason = VT_REASON_NONE;
  gsize at = 0;

  while (reason == VT_REASON_NONE) {
    Reader reader = {.data = data, .size = size, .at = at};

    if (!find_file (&reader))
      break;
    reason = list_one (&reader, funcs, user_data);
    at = reader.at;
  }
  return reason;
}
