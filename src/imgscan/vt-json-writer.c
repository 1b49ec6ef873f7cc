// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-json-writer.h"

#include <string.h>

/* Reports nest six deep. */
#define DEPTH_MAX 16

struct _VtJsonWriter {
  VtSink *sink;
  gboolean pretty;
  guint depth;
  gboolean has_members[DEPTH_MAX];
};

VtJsonWriter *
vt_json_writer_new (VtSink *sink, gboolean pretty)
{
  VtJsonWriter *self = g_new0 (VtJsonWriter, 1);

  self->sink = sink;
  self->pretty = pretty;
  return self;
}

void
vt_json_writer_free (VtJsonWriter *self)
{
  g_free (self);
}

static void
new_line (VtJsonWriter *self)
{
  if (self->pretty)
    vt_sink_printf (self->sink, "\n%*s", (int)(2 * self->depth), "");
}

/* Also what JSON allows, but a terminal or an editor may act upon. */
static gboolean
needs_escape (gunichar c)
{
  if (c >= ' ' && c < 0x7f)
    return c == '"' || c == '\\';
  switch ((int)g_unichar_type (c)) {
  case G_UNICODE_CONTROL:
  case G_UNICODE_FORMAT:
  case G_UNICODE_LINE_SEPARATOR:
  case G_UNICODE_PARAGRAPH_SEPARATOR:
    return TRUE;
  default:
    return FALSE;
  }
}

static void
write_escape (VtJsonWriter *self, gunichar c)
{
  if (c == '"' || c == '\\')
    vt_sink_printf (self->sink, "\\%c", (char)c);
  else if (c <= 0xffff)
    vt_sink_printf (self->sink, "\\u%04x", c);
  else
    vt_sink_printf (self->sink, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                    0xdc00 + ((c - 0x10000) & 0x3ff));
}

static void
write_quoted (VtJsonWriter *self, const char *value)
{
  g_autofree char *valid = g_utf8_make_valid (value, -1);
  const char *start = valid;

  vt_sink_write (self->sink, "\"", 1);
  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);

    if (!needs_escape (c))
      continue;
    vt_sink_write (self->sink, start, (gsize)(p - start));
    write_escape (self, c);
    start = g_utf8_next_char (p);
  }
  vt_sink_puts (self->sink, start);
  vt_sink_write (self->sink, "\"", 1);
}

/* The comma, line and name before a value. */
static void
begin_value (VtJsonWriter *self, const char *name)
{
  if (self->depth > 0) {
    if (self->has_members[self->depth - 1])
      vt_sink_write (self->sink, ",", 1);
    self->has_members[self->depth - 1] = TRUE;
    new_line (self);
  }
  if (name != NULL) {
    write_quoted (self, name);
    vt_sink_puts (self->sink, self->pretty ? ": " : ":");
  }
}

static void
begin_container (VtJsonWriter *self, const char *name, const char *bracket)
{
  g_assert (self->depth < DEPTH_MAX);
  begin_value (self, name);
  vt_sink_puts (self->sink, bracket);
  self->has_members[self->depth++] = FALSE;
}

static void
end_container (VtJsonWriter *self, const char *bracket)
{
  g_assert (self->depth > 0);
  self->depth--;
  if (self->has_members[self->depth])
    new_line (self);
  vt_sink_puts (self->sink, bracket);
  if (self->depth == 0)
    vt_sink_write (self->sink, "\n", 1);
}

void
vt_json_begin_object (VtJsonWriter *self, const char *name)
{
  begin_container (self, name, "{");
}

void
vt_json_end_object (VtJsonWriter *self)
{
  end_container (self, "}");
}

void
vt_json_begin_array (VtJsonWriter *self, const char *name)
{
  begin_container (self, name, "[");
}

void
vt_json_end_array (VtJsonWriter *self)
{
  end_container (self, "]");
}

void
vt_json_string (VtJsonWriter *self, const char *name, const char *value)
{
  if (value == NULL) {
    vt_json_null (self, name);
    return;
  }
  begin_value (self, name);
  write_quoted (self, value);
}

void
vt_json_bytes (VtJsonWriter *self, const char *name, const char *bytes)
{
  vt_json_string (self, name, bytes);
  if (!g_utf8_validate (bytes, -1, NULL)) {
    g_autofree char *exact_name = g_strconcat (name, "_base64", NULL);
    g_autofree char *exact = g_base64_encode ((const guchar *)bytes, strlen (bytes));

    vt_json_string (self, exact_name, exact);
  }
}

static void
write_base64_array (VtJsonWriter *self, const char *name, const char *const *strings)
{
  vt_json_begin_array (self, name);
  for (guint i = 0; strings[i] != NULL; i++) {
    g_autofree char *exact = g_base64_encode ((const guchar *)strings[i], strlen (strings[i]));

    vt_json_string (self, NULL, exact);
  }
  vt_json_end_array (self);
}

void
vt_json_bytes_array (VtJsonWriter *self, const char *name, const char *const *strings)
{
  gboolean valid = TRUE;

  vt_json_begin_array (self, name);
  for (guint i = 0; strings != NULL && strings[i] != NULL; i++) {
    vt_json_string (self, NULL, strings[i]);
    valid = valid && g_utf8_validate (strings[i], -1, NULL);
  }
  vt_json_end_array (self);
  if (!valid) {
    g_autofree char *exact_name = g_strconcat (name, "_base64", NULL);

    write_base64_array (self, exact_name, strings);
  }
}

void
vt_json_uint (VtJsonWriter *self, const char *name, guint64 value)
{
  begin_value (self, name);
  vt_sink_printf (self->sink, "%" G_GUINT64_FORMAT, value);
}

void
vt_json_int (VtJsonWriter *self, const char *name, gint64 value)
{
  begin_value (self, name);
  vt_sink_printf (self->sink, "%" G_GINT64_FORMAT, value);
}

const char *
vt_json_format_seconds (gdouble value, char buffer[G_ASCII_DTOSTR_BUF_SIZE])
{
  /* Written so that NaN fails the test too; the bound keeps the digits within the buffer. */
  if (!(value >= 0 && value < 1e12))
    value = 0;
  return g_ascii_formatd (buffer, G_ASCII_DTOSTR_BUF_SIZE, "%.3f", value);
}

void
vt_json_seconds (VtJsonWriter *self, const char *name, gdouble value)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  begin_value (self, name);
  vt_sink_puts (self->sink, vt_json_format_seconds (value, buffer));
}

void
vt_json_time (VtJsonWriter *self, const char *name, gint64 value)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (value);
  g_autofree char *text = time != NULL ? g_date_time_format_iso8601 (time) : NULL;

  vt_json_string (self, name, text);
}

void
vt_json_boolean (VtJsonWriter *self, const char *name, gboolean value)
{
  begin_value (self, name);
  vt_sink_puts (self->sink, value ? "true" : "false");
}

void
vt_json_null (VtJsonWriter *self, const char *name)
{
  begin_value (self, name);
  vt_sink_puts (self->sink, "null");
}
