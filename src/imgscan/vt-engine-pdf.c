// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-engine-pdf.h"

#include <string.h>

/* Readers of PDF look for the mark of the end in so many bytes, for what programs that send files
 * have added to them (PDF Reference, implementation note 18). */
#define END_RANGE ((gsize)1024)

/* How far the dictionary of a stream reaches before and behind the name of a key in it. */
#define DICTIONARY_RANGE ((gsize)4096)

/* Names of filters are shorter. */
#define NAME_SIZE_MAX 32

typedef struct {
  const guint8 *data;
  gsize size;
} Bytes;

static const guint8 *
find (Bytes bytes, const char *text)
{
  return memmem (bytes.data, bytes.size, text, strlen (text));
}

/* The filters of ISO 32000-1, 7.4, with their short names. */
static gboolean
is_known_filter (const char *name)
{
  static const char *const names[] = {"ASCIIHexDecode",  "AHx", "ASCII85Decode", "A85",
                                      "LZWDecode",       "LZW", "FlateDecode",   "Fl",
                                      "RunLengthDecode", "RL",  "Crypt",         NULL};

  return g_strv_contains (names, name);
}

/* What they make is a picture, which the engine looks at as it is packed. */
static gboolean
is_picture_filter (const char *name)
{
  static const char *const names[] = {"CCITTFaxDecode", "CCF", "JBIG2Decode", "DCTDecode", "DCT",
                                      "JPXDecode",      NULL};

  return g_strv_contains (names, name);
}

static gboolean
is_blank (guint8 c)
{
  return c == '\0' || g_ascii_isspace ((char)c);
}

/* A name's characters may be written as "#" and two digits. */
static gsize
read_name (Bytes bytes, char name[NAME_SIZE_MAX])
{
  gsize at = 0;
  gsize n = 0;

  while (at < bytes.size && !is_blank (bytes.data[at]) &&
         strchr ("()<>[]{}/%", bytes.data[at]) == NULL && n + 1 < NAME_SIZE_MAX) {
    char c = (char)bytes.data[at++];

    if (c == '#' && bytes.size - at >= 2 && g_ascii_isxdigit ((char)bytes.data[at]) &&
        g_ascii_isxdigit ((char)bytes.data[at + 1])) {
      c = (char)(g_ascii_xdigit_value ((char)bytes.data[at]) << 4 |
                 g_ascii_xdigit_value ((char)bytes.data[at + 1]));
      at += 2;
    }
    name[n++] = c;
  }
  name[n] = '\0';
  return at;
}

/* Whether all filters at VALUE, a name or an array of names, are known, if those of pictures are
 * where IS_PICTURE. A reference to another object is not followed here, nor by the engine. */
static gboolean
are_filters_known (Bytes value, gboolean is_picture)
{
  gboolean in_array = FALSE;

  for (gsize at = 0; at < value.size;) {
    char name[NAME_SIZE_MAX];

    if (is_blank (value.data[at])) {
      at++;
    } else if (value.data[at] == '[' && !in_array) {
      in_array = TRUE;
      at++;
    } else if (value.data[at] == '/') {
      at += 1 + read_name ((Bytes){value.data + at + 1, value.size - at - 1}, name);
      if (!is_known_filter (name) && !(is_picture && is_picture_filter (name)))
        return FALSE;
      if (!in_array)
        return TRUE;
    } else {
      return value.data[at] == ']' || value.data[at] == 'n'; /* null */
    }
  }
  return FALSE;
}

/* The bytes of the dictionary around AT, if it is that of a stream. */
static gboolean
find_stream_dictionary (Bytes document, gsize at, Bytes *dictionary)
{
  gsize begin = at > DICTIONARY_RANGE ? at - DICTIONARY_RANGE : 0;
  Bytes behind = {document.data + at, MIN (document.size - at, DICTIONARY_RANGE)};
  const guint8 *stream = find (behind, "stream");
  const guint8 *end = find (behind, "endobj");

  if (stream == NULL || (end != NULL && end < stream))
    return FALSE;
  for (gsize i = at; i > begin && at - i < DICTIONARY_RANGE; i--)
    if (i >= 3 && memcmp (document.data + i - 3, "obj", 3) == 0) {
      begin = i;
      break;
    }
  *dictionary = (Bytes){document.data + begin, (gsize)(stream - document.data) - begin};
  return TRUE;
}

/* A thumbnail need not say that it is an image, but how wide. */
static gboolean
is_picture (Bytes dictionary)
{
  return find (dictionary, "/Image") != NULL || find (dictionary, "/Width") != NULL;
}

static gboolean
is_filter_known_at (Bytes document, gsize at)
{
  gsize value = at + strlen ("/Filter");
  Bytes dictionary;

  if (value >= document.size || !(is_blank (document.data[value]) || document.data[value] == '/' ||
                                  document.data[value] == '['))
    return TRUE;
  if (!find_stream_dictionary (document, at, &dictionary))
    return TRUE;
  return are_filters_known ((Bytes){document.data + value, document.size - value},
                            is_picture (dictionary));
}

VtReason
vt_engine_pdf_check (const guint8 *data, gsize size)
{
  const Bytes document = {data, size};
  gsize range = MIN (size, END_RANGE);
  gsize at = 0;

  if (find ((Bytes){data + size - range, range}, "%%EOF") == NULL)
    return VT_REASON_DAMAGED;
  while (at < size) {
    const guint8 *filter = find ((Bytes){data + at, size - at}, "/Filter");

    if (filter == NULL)
      break;
    at = (gsize)(filter - data);
    if (!is_filter_known_at (document, at))
      return VT_REASON_UNSUPPORTED;
    at++;
  }
  return VT_REASON_NONE;
}
