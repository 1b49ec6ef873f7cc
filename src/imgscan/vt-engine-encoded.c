// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-engine-encoded.h"

#include <string.h>

/* The line before a file: "begin", its mode, its name. */
#define UU_BEGIN    "begin "
#define UU_MODE_MIN 3
#define UU_MODE_MAX 4
#define UU_LINE_MAX 63
/* Some write a sum of the line behind it. */
#define UU_SUM_SIZE 2

/* Between "data:" and the data: a type, parameters, "base64,". */
#define PAGE_HEAD_MAX ((gsize)256)
#define PAGE_MARK     "base64,"

/* What is left to read. */
typedef struct {
  const guint8 *data;
  gsize size;
} Text;

/* Takes the next line, without its end; FALSE if there is none. */
static gboolean
take_line (Text *self, Text *line)
{
  const guint8 *end;

  if (self->size == 0)
    return FALSE;
  end = memchr (self->data, '\n', self->size);
  *line = (Text){self->data, end != NULL ? (gsize)(end - self->data) : self->size};
  self->data += line->size + (end != NULL ? 1 : 0);
  self->size -= line->size + (end != NULL ? 1 : 0);
  if (line->size > 0 && line->data[line->size - 1] == '\r')
    line->size--;
  return TRUE;
}

static gboolean
is_line (Text line, const char *text)
{
  return line.size == strlen (text) && memcmp (line.data, text, line.size) == 0;
}

static gboolean
is_begin (Text line)
{
  gsize at = strlen (UU_BEGIN);
  gsize digits = 0;

  if (line.size < at || memcmp (line.data, UU_BEGIN, at) != 0)
    return FALSE;
  for (; at < line.size && line.data[at] >= '0' && line.data[at] <= '7'; at++)
    digits++;
  return digits >= UU_MODE_MIN && digits <= UU_MODE_MAX && line.size > at + 1 &&
         line.data[at] == ' ';
}

/* Blanks at the end of a line get lost on the way. */
static guint8
uu_value (Text line, gsize at)
{
  return at < line.size ? (guint8)((line.data[at] - ' ') & 0x3f) : 0;
}

/* How many bytes LINE tells that it has; FALSE if it cannot be one. */
static gboolean
is_uu_line (Text line, gsize *count)
{
  gsize length;

  *count = line.size > 0 ? uu_value (line, 0) : 0;
  length = 1 + (*count + 2) / 3 * 4;
  if (line.size > length + UU_SUM_SIZE)
    return FALSE;
  for (gsize i = 0; i < line.size; i++)
    if (line.data[i] < ' ' || line.data[i] > '`')
      return FALSE;
  return TRUE;
}

static gsize
decode_line (Text line, gsize count, guint8 out[UU_LINE_MAX + 2])
{
  for (gsize i = 0, at = 1; i < count; i += 3, at += 4) {
    guint32 bits = (guint32)uu_value (line, at) << 18 | (guint32)uu_value (line, at + 1) << 12 |
                   (guint32)uu_value (line, at + 2) << 6 | uu_value (line, at + 3);

    out[i] = (guint8)(bits >> 16);
    out[i + 1] = (guint8)(bits >> 8);
    out[i + 2] = (guint8)bits;
  }
  return count;
}

/* Hands on one file, whose first line has been taken. */
static VtReason
list_one_uu (Text *text, const VtEngineDecoded *funcs, gpointer user_data)
{
  VtReason reason = funcs->begin (user_data);
  Text line;

  while (reason == VT_REASON_NONE) {
    guint8 decoded[UU_LINE_MAX + 2];
    gsize count;

    if (!take_line (text, &line))
      return VT_REASON_DAMAGED;
    if (is_line (line, "end"))
      break;
    if (!is_uu_line (line, &count))
      return VT_REASON_DAMAGED;
    reason = funcs->add (user_data, decoded, decode_line (line, count, decoded));
  }
  if (reason == VT_REASON_NONE)
    funcs->end (user_data);
  return reason;
}

/* A sentence may begin so as well: a line of a file must follow it. */
static gboolean
is_uu (Text text)
{
  Text line;
  gsize count;

  return take_line (&text, &line) && (is_line (line, "end") || is_uu_line (line, &count));
}

/* Goes to the next line that may begin a file. FALSE: there is none. */
static gboolean
find_begin (Text *self, const guint8 *start)
{
  while (self->size > 0) {
    const guint8 *at = memmem (self->data, self->size, UU_BEGIN, strlen (UU_BEGIN));

    if (at == NULL)
      break;
    self->size -= (gsize)(at - self->data);
    self->data = at;
    if (at == start || at[-1] == '\n')
      return TRUE;
    self->data++;
    self->size--;
  }
  return FALSE;
}

VtReason
vt_engine_encoded_list_uu (const guint8 *data,
                           gsize size,
                           const VtEngineDecoded *funcs,
                           gpointer user_data)
{
  VtReason reason = VT_REASON_NONE;
  Text text = {data, size};
  Text line;

  while (reason == VT_REASON_NONE && find_begin (&text, data) && take_line (&text, &line))
    if (is_begin (line) && is_uu (text))
      reason = list_one_uu (&text, funcs, user_data);
  return reason;
}

static gboolean
is_base64 (guint8 c)
{
  return g_ascii_isalnum ((char)c) || strchr ("+/=%-_ \t\r\n", c) != NULL;
}

VtReason
vt_engine_encoded_check_page (const guint8 *data, gsize size)
{
  gsize at = size;
  const guint8 *mark;

  while (at > 0 && data[at - 1] != '\0' && is_base64 (data[at - 1]))
    at--;
  if (at < strlen (PAGE_MARK) || data[at - 1] != ',' ||
      memcmp (data + at - strlen (PAGE_MARK), PAGE_MARK, strlen (PAGE_MARK)) != 0)
    return VT_REASON_NONE;
  mark = memmem (data + at - MIN (at, PAGE_HEAD_MAX), MIN (at, PAGE_HEAD_MAX), "data:", 5);
  return mark != NULL ? VT_REASON_DAMAGED : VT_REASON_NONE;
}
