// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Blocks by MSZIP ([MS-MCI]) are deflate streams, each with what the one before unpacked to as its
 * dictionary. Many cabinets have no checksums, and what is behind the end of a stream, or missing
 * there, is nothing to libarchive and the engine.
 */
#include "vt-engine-cab.h"

#include <gio/gio.h>
#include <string.h>

#include "vt-bytes.h"

/* The header of a cabinet ([MS-CAB] 2.1). */
#define CAB_FOLDERS         26
#define CAB_FLAGS           30
#define CAB_SIZE            36
#define CAB_RESERVED        36
#define CAB_FOLDER_RESERVED 38
#define CAB_BLOCK_RESERVED  39
#define CAB_RESERVED_SIZE   4
#define FLAG_BEFORE         0x1
#define FLAG_BEHIND         0x2
#define FLAG_RESERVED       0x4

/* A folder (2.2), and a block of it (2.4). */
#define FOLDER_START  0
#define FOLDER_BLOCKS 4
#define FOLDER_METHOD 6
#define FOLDER_SIZE   8
#define METHOD_MASK   0xf
#define METHOD_MSZIP  1
#define BLOCK_PACKED  4
#define BLOCK_REAL    6
#define BLOCK_SIZE    8

#define MSZIP_MAGIC "CK"
#define WINDOW      ((gsize)32768)
/* A stored block of deflate with the dictionary in it: its header (RFC 1951, 3.2.4). */
#define STORED_SIZE 5

/* Blocks that are looked at: of 2 GiB unpacked. */
#define BLOCKS_MAX 65536U

typedef struct {
  const guint8 *data;
  gsize size;
  gsize folder_size;
  gsize block_size; /* of a block's header */
  guint blocks;     /* looked at until now */
  GConverter *converter;
  guint8 in[STORED_SIZE + WINDOW + G_MAXUINT16];
  guint8 out[2 * WINDOW + 1];
  guint8 dictionary[WINDOW];
  gsize dictionary_size;
} Cab;

/* Unpacks a block of N bytes, the magic left out, behind its dictionary: whether it ends where it
 * should, and is REAL bytes. */
static gboolean
inflate_block (Cab *self, const guint8 *block, gsize n, gsize real)
{
  gsize known = self->dictionary_size;
  gsize given = STORED_SIZE + known + n;
  gsize taken = 0;
  gsize made = 0;
  GConverterResult result = G_CONVERTER_CONVERTED;

  memcpy (self->in,
          (const guint8[STORED_SIZE]){0, (guint8)known, (guint8)(known >> 8), (guint8)~known,
                                      (guint8)(~known >> 8)},
          STORED_SIZE);
  memcpy (self->in + STORED_SIZE, self->dictionary, known);
  memcpy (self->in + STORED_SIZE + known, block, n);
  g_converter_reset (self->converter);
  while (result == G_CONVERTER_CONVERTED && made < sizeof self->out) {
    gsize read = 0;
    gsize written = 0;

    result =
        g_converter_convert (self->converter, self->in + taken, given - taken, self->out + made,
                             sizeof self->out - made, G_CONVERTER_NO_FLAGS, &read, &written, NULL);
    if (result == G_CONVERTER_ERROR)
      return FALSE;
    taken += read;
    made += written;
  }
  if (result != G_CONVERTER_FINISHED || taken != given || made != known + real)
    return FALSE;
  self->dictionary_size = MIN (real, WINDOW);
  memcpy (self->dictionary, self->out + made - self->dictionary_size, self->dictionary_size);
  return TRUE;
}

/* One block at AT, which gets where the next one is. REAL gets how much it unpacks to. */
static gboolean
check_block (Cab *self, gsize *at, gsize *real)
{
  const guint8 *header = self->data + *at;
  gsize packed;

  if (*at > self->size || self->size - *at < self->block_size)
    return FALSE;
  packed = vt_le16 (header + BLOCK_PACKED);
  *real = vt_le16 (header + BLOCK_REAL);
  *at += self->block_size;
  if (packed > self->size - *at)
    return FALSE;
  *at += packed;
  if (*real == 0) /* goes on in another cabinet */
    return TRUE;
  return packed >= strlen (MSZIP_MAGIC) && *real <= WINDOW &&
         memcmp (header + self->block_size, MSZIP_MAGIC, strlen (MSZIP_MAGIC)) == 0 &&
         inflate_block (self, header + self->block_size + strlen (MSZIP_MAGIC),
                        packed - strlen (MSZIP_MAGIC), *real);
}

static VtReason
check_folder (Cab *self, const guint8 *folder)
{
  guint count = vt_le16 (folder + FOLDER_BLOCKS);
  gsize at = vt_le32 (folder + FOLDER_START);
  gsize real = WINDOW;

  if ((vt_le16 (folder + FOLDER_METHOD) & METHOD_MASK) != METHOD_MSZIP)
    return VT_REASON_NONE;
  self->dictionary_size = 0;
  for (guint i = 0; i < count && real > 0; i++) {
    if (++self->blocks > BLOCKS_MAX)
      return VT_REASON_SCAN_LIMIT;
    if (!check_block (self, &at, &real))
      return VT_REASON_DAMAGED;
  }
  return VT_REASON_NONE;
}

/* Where the folders are told; SIZE if the header is not whole. */
static gsize
read_header (Cab *self)
{
  guint flags = vt_le16 (self->data + CAB_FLAGS);
  guint names = ((flags & FLAG_BEFORE) != 0 ? 2 : 0) + ((flags & FLAG_BEHIND) != 0 ? 2 : 0);
  gsize at = CAB_SIZE;

  self->folder_size = FOLDER_SIZE;
  self->block_size = BLOCK_SIZE;
  if ((flags & FLAG_RESERVED) != 0) {
    if (self->size < CAB_SIZE + CAB_RESERVED_SIZE)
      return self->size;
    at += CAB_RESERVED_SIZE + (gsize)vt_le16 (self->data + CAB_RESERVED);
    self->folder_size += self->data[CAB_FOLDER_RESERVED];
    self->block_size += self->data[CAB_BLOCK_RESERVED];
  }
  for (guint i = 0; i < names && at < self->size; i++) {
    const guint8 *end = memchr (self->data + at, '\0', self->size - at);

    at = end != NULL ? (gsize)(end - self->data) + 1 : self->size;
  }
  return MIN (at, self->size);
}

VtReason
vt_engine_cab_check (const guint8 *data, gsize size)
{
  g_autoptr (GZlibDecompressor) converter = g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_RAW);
  g_autofree Cab *cab = g_new0 (Cab, 1);
  VtReason reason = VT_REASON_NONE;
  gsize at;

  if (size < CAB_SIZE)
    return VT_REASON_DAMAGED;
  cab->data = data;
  cab->size = size;
  cab->converter = G_CONVERTER (converter);
  at = read_header (cab);
  for (guint i = 0; i < vt_le16 (data + CAB_FOLDERS) && reason == VT_REASON_NONE; i++) {
    if (size - at < cab->folder_size)
      return VT_REASON_DAMAGED;
    reason = check_folder (cab, data + at);
    at += cab->folder_size;
  }
  return reason;
}
