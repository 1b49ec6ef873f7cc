// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-engine-mail.h"

#include <string.h>

/* A message's header is shorter, and so is a boundary in it (RFC 2046 allows 70 characters). */
#define HEADER_RANGE ((gsize)64 * 1024)
#define BOUNDARY_MAX 100

/* The line before each message in a mailbox is shorter (RFC 4155). */
#define FROM_MAX 1024

/* Where the boundary between the parts of a message is named in HEADER; LENGTH 0 if it is not. */
static const char *
find_boundary (const char *header, gsize *length)
{
  const char *at = strcasestr (header, "boundary=");

  *length = 0;
  if (at == NULL)
    return header;
  at += strlen ("boundary=");
  if (*at == '"')
    *length = strcspn (++at, "\"\r\n");
  else
    *length = strcspn (at, "; \t\r\n");
  return at;
}

/* The parts of a message end with a boundary of their own (RFC 2046, 5.1.1). */
static VtReason
check_message (const guint8 *data, gsize size)
{
  g_autofree char *header = g_strndup ((const char *)data, MIN (size, HEADER_RANGE));
  char *end = strstr (header, "\n\n");
  char *other_end = strstr (header, "\n\r\n");
  g_autofree char *last = NULL;
  const char *boundary;
  gsize length;

  if (end == NULL || (other_end != NULL && other_end < end))
    end = other_end;
  if (end == NULL)
    return VT_REASON_NONE;
  *end = '\0';
  boundary = find_boundary (header, &length);
  if (length == 0 || length > BOUNDARY_MAX)
    return VT_REASON_NONE;
  last = g_strdup_printf ("--%.*s--", (int)length, boundary);
  return memmem (data, size, last, strlen (last)) != NULL ? VT_REASON_NONE : VT_REASON_DAMAGED;
}

/* "From", an address, and a date that ends with a year or a zone: other lines of a text may begin
 * with that word as well. */
static gboolean
is_from_line (const guint8 *line, gsize left)
{
  gsize range = MIN (left, FROM_MAX);
  const guint8 *end = memchr (line, '\n', range);
  gsize length = end != NULL ? (gsize)(end - line) : 0;

  if (length > 0 && line[length - 1] == '\r')
    length--;
  return length > strlen ("From ") && memcmp (line, "From ", strlen ("From ")) == 0 &&
         memchr (line, ':', length) != NULL && g_ascii_isdigit ((char)line[length - 1]);
}

/* Where the next message begins behind FROM; SIZE if none does. There is an empty line before. */
static gsize
find_next (const guint8 *data, gsize size, gsize from)
{
  static const char mark[] = "\nFrom ";

  while (from < size) {
    const guint8 *at = memmem (data + from, size - from, mark, strlen (mark));
    gsize line;

    if (at == NULL)
      return size;
    line = (gsize)(at - data) + 1;
    if (line >= 3 &&
        (data[line - 2] == '\n' || (data[line - 2] == '\r' && data[line - 3] == '\n')) &&
        is_from_line (data + line, size - line))
      return line;
    from = line;
  }
  return size;
}

VtReason
vt_engine_mail_check (const guint8 *data, gsize size)
{
  VtReason reason = VT_REASON_NONE;
  gsize at = 0;

  while (at < size && reason == VT_REASON_NONE) {
    gsize next = find_next (data, size, at);

    reason = check_message (data + at, next - at);
    at = next;
  }
  return reason;
}
