// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-engine-arj.h"

#include "vt-bytes.h"
#include "vt-crc32.h"

/* A header: two bytes that are always the same, the size of what follows, that, its checksum. */
#define MAGIC         0xea60
#define PREFIX_SIZE   4
#define BODY_SIZE_MIN 30
#define BODY_SIZE_MAX 2600
#define CHECKSUM_SIZE 4
/* In what follows. */
#define BODY_FLAGS     4
#define BODY_KIND      6
#define BODY_PACKED    12
#define BODY_REAL      16
#define FLAG_ENCRYPTED 0x01
#define KIND_MAIN      2
#define KIND_DIRECTORY 3

gboolean
vt_engine_arj_begins (const guint8 *data, gsize size)
{
  gsize body;

  if (size < PREFIX_SIZE || vt_le16 (data) != MAGIC)
    return FALSE;
  body = vt_le16 (data + 2);
  return body >= BODY_SIZE_MIN && body <= BODY_SIZE_MAX &&
         size >= PREFIX_SIZE + body + CHECKSUM_SIZE &&
         vt_le32 (data + PREFIX_SIZE + body) == vt_crc32 (data + PREFIX_SIZE, body);
}

static gboolean
is_end (const guint8 *data, gsize size)
{
  return size >= PREFIX_SIZE && vt_le16 (data) == MAGIC && vt_le16 (data + 2) == 0;
}

/* Behind a header may be more of them: the size, that many bytes, a checksum; 0 ends them. Gives
 * where what they belong to begins, SIZE if they are not whole. */
static gsize
skip_more_headers (const guint8 *data, gsize size, gsize at)
{
  while (size - at >= 2) {
    gsize more = vt_le16 (data + at);

    at += 2;
    if (more == 0)
      return at;
    if (size - at < more + CHECKSUM_SIZE)
      return size;
    at += more + CHECKSUM_SIZE;
  }
  return size;
}

VtReason
vt_engine_arj_list (const guint8 *data,
                    gsize size,
                    void (*func) (guint64 size, gpointer user_data),
                    gpointer user_data)
{
  gsize at = 0;

  while (!is_end (data + at, size - at)) {
    const guint8 *body = data + at + PREFIX_SIZE;
    gsize packed;

    if (!vt_engine_arj_begins (data + at, size - at))
      return VT_REASON_DAMAGED;
    at = skip_more_headers (data, size, at + PREFIX_SIZE + vt_le16 (data + at + 2) + CHECKSUM_SIZE);
    if (body[BODY_KIND] == KIND_MAIN)
      continue;
    if ((body[BODY_FLAGS] & FLAG_ENCRYPTED) != 0)
      return VT_REASON_ENCRYPTED;
    packed = vt_le32 (body + BODY_PACKED);
    if (packed > size - at)
      return VT_REASON_DAMAGED;
    if (body[BODY_KIND] != KIND_DIRECTORY)
      func (vt_le32 (body + BODY_REAL), user_data);
    at += packed;
  }
  return VT_REASON_NONE;
}
