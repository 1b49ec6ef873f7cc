// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * An initramfs is any number of cpio archives, one after the other, each plain or compressed, with
 * zeros between them: the kernel unpacks all of them. The payload of an rpm is one that is
 * compressed.
 *
 * libarchive's reader looks for the next header behind bytes that are none, and may pass over all
 * that is left without a word; so they are read here.
 */
#include "vt-unpack-private.h"

#include <string.h>
#include <sys/stat.h>

#include "vt-bytes.h"

/* Archives one after the other that are unpacked. */
#define ARCHIVES_MAX 1000U
/* A stream in a stream, and one more. */
#define DEPTH_MAX 3U
/* Longest name, in bytes, its zero byte included: PATH_MAX of Linux. */
#define NAME_MAX_SIZE 4096U
#define LAST_NAME     "TRAILER!!!"

/* Sizes in bytes. */
typedef struct {
  guint mode;
  gsize header_size;
  guint64 name_size;
  guint64 size;
  guint align; /* what name and content end at a multiple of, from the start of the header */
} Entry;

static guint64
parse_number (const guint8 *digits, gsize n, guint base)
{
  guint64 number = 0;

  for (gsize i = 0; i < n; i++)
    number = number * base + (guint64)g_ascii_xdigit_value ((char)digits[i]);
  return number;
}

static Entry
parse_hex (const guint8 *header)
{
  return (Entry){
      .mode = (guint)parse_number (header + 14, 8, 16),
      .header_size = 110,
      .name_size = parse_number (header + 94, 8, 16),
      .size = parse_number (header + 54, 8, 16),
      .align = 4,
  };
}

static Entry
parse_octal (const guint8 *header)
{
  return (Entry){
      .mode = (guint)parse_number (header + 18, 6, 8),
      .header_size = 76,
      .name_size = parse_number (header + 59, 6, 8),
      .size = parse_number (header + 65, 11, 8),
      .align = 1,
  };
}

static guint
number16 (const guint8 *at, gboolean big_endian)
{
  return big_endian ? vt_be16 (at) : vt_le16 (at);
}

/* Numbers of 32 bits have their higher half first, whichever way round the halves are. */
static Entry
parse_binary (const guint8 *header)
{
  gboolean big_endian = header[0] == 0x71;

  return (Entry){
      .mode = number16 (header + 6, big_endian),
      .header_size = 26,
      .name_size = number16 (header + 20, big_endian),
      .size =
          (guint64)number16 (header + 22, big_endian) << 16 | number16 (header + 24, big_endian),
      .align = 2,
  };
}

/* HEADER was recognised, and so has digits where there should be some. */
static Entry
parse_header (const guint8 *header)
{
  if (memcmp (header, "07070", 5) != 0)
    return parse_binary (header);
  return header[5] == '7' ? parse_octal (header) : parse_hex (header);
}

static guint64
padding (const Entry *entry, guint64 size)
{
  return (entry->align - size % entry->align) % entry->align;
}

/* Takes the next header and NAME (g_free()). */
static gboolean
take_header (VtUnpacking *self, VtInput *input, Entry *entry, char **name)
{
  VtContainerType type;
  const guint8 *bytes;
  gsize n;
  guint64 size;

  if (!vt_input_look (input, &type) || !vt_input_peek (input, &bytes, &n))
    return FALSE;
  if (type.kind != VT_CONTAINER_CPIO)
    return vt_unpacking_fail (self, VT_REASON_DAMAGED, "cpio: no header at byte %" G_GUINT64_FORMAT,
                              input->position);
  *entry = parse_header (bytes);
  size = entry->header_size + entry->name_size;
  if (entry->name_size == 0 || entry->name_size > NAME_MAX_SIZE || size > n)
    return vt_unpacking_fail (self, VT_REASON_DAMAGED,
                              "cpio: a damaged header at byte %" G_GUINT64_FORMAT, input->position);
  *name = g_strndup ((const char *)bytes + entry->header_size, (gsize)entry->name_size);
  return vt_input_skip (input, size + padding (entry, size));
}

/* A file of several names has its content with the last of them, or with each. */
static gboolean
take_content (VtUnpacking *self, VtInput *input, const Entry *entry, const char *name)
{
  gboolean is_file = S_ISREG (entry->mode) || (entry->mode & S_IFMT) == 0;

  if (!vt_unpacking_count (self))
    return FALSE;
  if (is_file &&
      !vt_unpack_bytes (self, input, name[0] != '\0' ? name : "data", entry->size, VT_REASON_NONE))
    return FALSE;
  return vt_input_skip (input, (is_file ? 0 : entry->size) + padding (entry, entry->size));
}

/* One archive, up to its end, and no further. */
static gboolean
take_archive (VtUnpacking *self, VtInput *input)
{
  for (;;) {
    g_autofree char *name = NULL;
    Entry entry = {.align = 1};

    if (!take_header (self, input, &entry, &name))
      return FALSE;
    if (g_str_equal (name, LAST_NAME))
      return TRUE;
    if (!take_content (self, input, &entry, name))
      return FALSE;
  }
}

gboolean
vt_unpack_cpio (VtUnpacking *self, VtInput *input, guint depth)
{
  for (guint i = 0; i < ARCHIVES_MAX; i++) {
    VtContainerType type;
    gboolean at_end;

    if (!vt_input_skip_zeros (input, &at_end) || !vt_input_look (input, &type))
      return FALSE;
    if (at_end)
      return TRUE;
    if (type.kind == VT_CONTAINER_CPIO) {
      if (!take_archive (self, input))
        return FALSE;
    } else if (vt_format_is_stream (type.format) && depth < DEPTH_MAX) {
      if (!vt_unpack_stream (self, input, type.format, vt_unpack_cpio, depth))
        return FALSE;
    } else {
      return vt_unpacking_fail (self, VT_REASON_DAMAGED,
                                "cpio: what begins at byte %" G_GUINT64_FORMAT
                                " is no archive (%s)",
                                input->position, type.name ?: "unknown");
    }
  }
  return vt_unpacking_fail (self, VT_REASON_FILES_LIMIT, "more than %u cpio archives, the limit",
                            ARCHIVES_MAX);
}
