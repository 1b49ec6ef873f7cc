// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Zlib streams, one after the other: objects of git, blocks of disk images. libarchive has no
 * reader for them.
 *
 * Their mark is two bytes that other files begin with as well. So what fails right at its start is
 * taken for one of these, and has no members; what goes on for longer is no chance.
 */
#include "vt-unpack-private.h"

#include <string.h>

#define CHUNK ((gsize)64 * 1024)

/* Streams one after the other. */
#define STREAMS_MAX 100000U

/* Compressed bytes after which a stream is believed to be one. */
#define BELIEVED ((gsize)64)

#define GIT_MARK       "blob "
#define GIT_HEADER_MAX ((gsize)32)

typedef enum {
  STREAM_WHOLE,
  STREAM_DAMAGED,
  STREAM_NONE, /* it never was one */
  STREAM_STOP, /* a limit or a failure, told already */
} StreamEnd;

/* An object of git that is a file has a line before it, with its size: "blob 42", and a zero. */
static gsize
git_header_size (const guint8 *data, gsize n)
{
  const guint8 *end = memchr (data, '\0', MIN (n, GIT_HEADER_MAX));

  if (end == NULL || n < strlen (GIT_MARK) || memcmp (data, GIT_MARK, strlen (GIT_MARK)) != 0)
    return 0;
  for (const guint8 *at = data + strlen (GIT_MARK); at < end; at++)
    if (!g_ascii_isdigit ((char)*at))
      return 0;
  return (gsize)(end - data) + 1;
}

/* Unpacks one stream into MEMBER. */
static StreamEnd
inflate_stream (VtInput *input, GConverter *converter, VtMember *member)
{
  g_autofree guint8 *chunk = g_malloc (CHUNK);
  GConverterResult result = G_CONVERTER_CONVERTED;
  gsize total = 0;
  gsize held = 0; /* bytes of the chunk that wait until there is a whole header */

  g_converter_reset (converter);
  while (result == G_CONVERTER_CONVERTED) {
    const guint8 *bytes = chunk;
    gssize n = vt_input_take (input, &bytes);
    gsize given = total == 0 ? MIN ((gsize)MAX (n, 0), BELIEVED) : (gsize)MAX (n, 0);
    gsize used = 0;
    gsize made = 0;
    gsize skip;

    if (n < 0)
      return STREAM_STOP;
    result = g_converter_convert (converter, bytes, given, chunk + held, CHUNK - held,
                                  G_CONVERTER_NO_FLAGS, &used, &made, NULL);
    if (result == G_CONVERTER_ERROR)
      return total >= BELIEVED ? STREAM_DAMAGED : STREAM_NONE;
    total += used;
    held += made;
    if (!vt_input_give_back (input, (guint64)n - used))
      return STREAM_STOP;
    if (member->size == 0 && held < GIT_HEADER_MAX && result == G_CONVERTER_CONVERTED)
      continue;
    skip = member->size == 0 ? git_header_size (chunk, held) : 0;
    if (!vt_member_write (member, member->size, chunk + skip, held - skip))
      return STREAM_STOP;
    held = 0;
  }
  return STREAM_WHOLE;
}

/* FALSE: there is nothing more to take, or a failure. */
static gboolean
take_stream (VtUnpacking *self, VtInput *input, GConverter *converter)
{
  g_auto (VtMember) member = {0};
  StreamEnd end;

  vt_member_init (&member, self, "data");
  end = inflate_stream (input, converter, &member);
  if (end == STREAM_STOP || end == STREAM_NONE)
    return FALSE;
  if (!vt_unpacking_count (self))
    return FALSE;
  if (end == STREAM_DAMAGED)
    vt_member_refuse (&member, VT_REASON_DAMAGED);
  return vt_member_finish (&member, 0) &&
         (end == STREAM_WHOLE ||
          vt_unpacking_fail (self, VT_REASON_DAMAGED, "zlib: damaged, or ends early"));
}

gboolean
vt_unpack_zlib (VtUnpacking *self, VtInput *input)
{
  g_autoptr (GZlibDecompressor) converter = g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_ZLIB);

  for (guint i = 0; i < STREAMS_MAX; i++) {
    VtContainerType type;

    if (!vt_input_look (input, &type))
      return FALSE;
    if (type.format != VT_FORMAT_ZLIB || !take_stream (self, input, G_CONVERTER (converter)))
      return self->reason == VT_REASON_NONE;
  }
  return vt_unpacking_fail (self, VT_REASON_FILES_LIMIT, "more than %u zlib streams, the limit",
                            STREAMS_MAX);
}
