// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Web archives: records of lines, an empty line, and as many bytes as the lines say. libarchive
 * passes over most kinds of records and loses its place in long ones.
 *
 * The body of an answer by HTTP is handed out without its lines; all else as it stands there.
 */
#include "vt-unpack-private.h"

#include <string.h>

/* Digits of a length; more do not fit into the numbers here. */
#define DIGITS_MAX 18

/* The bytes up to the end of the empty line; 0 if there is none. */
static gsize
find_header_end (const guint8 *bytes, gsize n)
{
  const guint8 *end = memmem (bytes, n, "\r\n\r\n", 4);

  return end != NULL ? (gsize)(end - bytes) + 4 : 0;
}

/* The value of the line NAME, which has its colon; g_free(); NULL if there is none. */
static char *
find_value (const char *header, const char *name)
{
  g_auto (GStrv) lines = g_strsplit (header, "\r\n", -1);

  for (gsize i = 0; lines[i] != NULL; i++)
    if (g_ascii_strncasecmp (lines[i], name, strlen (name)) == 0)
      return g_strstrip (g_strdup (lines[i] + strlen (name)));
  return NULL;
}

static gboolean
parse_length (const char *header, guint64 *length)
{
  g_autofree char *text = find_value (header, "Content-Length:");

  return text != NULL && strlen (text) <= DIGITS_MAX &&
         g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT64, length, NULL);
}

/* Takes the lines of an answer by HTTP, if there are any, off the LENGTH bytes that follow.
 * IS_CHUNKED: what follows is not the file, but pieces of it. */
static gboolean
skip_http (VtInput *input, guint64 *length, gboolean *is_chunked)
{
  const guint8 *bytes;
  gsize n;
  gsize end;
  g_autofree char *header = NULL;
  g_autofree char *encoding = NULL;

  *is_chunked = FALSE;
  if (!vt_input_peek (input, &bytes, &n))
    return FALSE;
  n = (gsize)MIN (n, *length);
  end = find_header_end (bytes, n);
  if (end == 0 || n < 5 || memcmp (bytes, "HTTP/", 5) != 0)
    return TRUE;
  header = g_strndup ((const char *)bytes, end);
  encoding = find_value (header, "Transfer-Encoding:");
  *is_chunked = encoding != NULL;
  *length -= end;
  return vt_input_skip (input, end);
}

static gboolean
take_record (VtUnpacking *self, VtInput *input, const char *header)
{
  g_autofree char *name = find_value (header, "WARC-Target-URI:");
  guint64 length;
  gboolean is_chunked;

  if (!parse_length (header, &length))
    return vt_unpacking_fail (self, VT_REASON_DAMAGED, "warc: a record without a length");
  return vt_unpacking_count (self) && skip_http (input, &length, &is_chunked) &&
         vt_unpack_bytes (self, input, name != NULL && name[0] != '\0' ? name : "data", length,
                          is_chunked ? VT_REASON_DAMAGED : VT_REASON_NONE);
}

/* Takes the ends of lines between two records. */
static gboolean
skip_line_ends (VtInput *input, gboolean *at_end)
{
  for (;;) {
    const guint8 *bytes;
    gsize n;
    gsize ends = 0;

    if (!vt_input_peek (input, &bytes, &n))
      return FALSE;
    *at_end = n == 0;
    while (ends < n && (bytes[ends] == '\r' || bytes[ends] == '\n'))
      ends++;
    if (ends == 0)
      return TRUE;
    if (!vt_input_skip (input, ends))
      return FALSE;
  }
}

gboolean
vt_unpack_warc (VtUnpacking *self, VtInput *input)
{
  for (;;) {
    g_autofree char *header = NULL;
    const guint8 *bytes;
    gboolean at_end;
    gsize n;
    gsize end;

    if (!skip_line_ends (input, &at_end) || !vt_input_peek (input, &bytes, &n))
      return FALSE;
    if (at_end)
      return TRUE;
    end = find_header_end (bytes, n);
    if (end == 0 || memcmp (bytes, "WARC/", 5) != 0)
      return vt_unpacking_fail (self, VT_REASON_DAMAGED,
                                "warc: no record at byte %" G_GUINT64_FORMAT, input->position);
    header = g_strndup ((const char *)bytes, end);
    if (!vt_input_skip (input, end) || !take_record (self, input, header))
      return FALSE;
  }
}
