// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-report-private.h"

#include <string.h>

#define SECONDS_PER_DAY ((gint64)24 * 60 * 60)

static const struct {
  const char *name;
  void (*write) (GPtrArray *results, VtSink *sink);
} formats[] = {
    [VT_REPORT_TEXT] = {"text", vt_report_write_text},
    [VT_REPORT_JSON] = {"json", vt_report_write_json},
    [VT_REPORT_SARIF] = {"sarif", vt_report_write_sarif},
    [VT_REPORT_JUNIT] = {"junit", vt_report_write_junit},
};

gboolean
vt_report_format_from_string (const char *name, VtReportFormat *format)
{
  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++) {
    if (strcmp (name, formats[i].name) == 0) {
      *format = (VtReportFormat)i;
      return TRUE;
    }
  }
  return FALSE;
}

gboolean
vt_report_write (VtReportFormat format, GPtrArray *results, GOutputStream *stream, GError **error)
{
  g_autoptr (VtSink) sink = vt_sink_new (stream);

  g_return_val_if_fail ((gsize)format < G_N_ELEMENTS (formats), FALSE);
  g_return_val_if_fail (results->len > 0, FALSE);
  formats[format].write (results, sink);
  if (vt_sink_finish (sink, error))
    return TRUE;
  g_prefix_error (error, "report: ");
  return FALSE;
}

gboolean
vt_report_write_inspection (GPtrArray *results, GOutputStream *stream, GError **error)
{
  g_autoptr (VtSink) sink = vt_sink_new (stream);

  vt_report_write_json_inspection (results, sink);
  return vt_sink_finish (sink, error);
}

/* Also what turns the direction of text or breaks lines unseen, and what XML cannot hold. */
static gboolean
is_unsafe (gunichar c)
{
  switch ((int)g_unichar_type (c)) {
  case G_UNICODE_CONTROL:
  case G_UNICODE_FORMAT:
  case G_UNICODE_LINE_SEPARATOR:
  case G_UNICODE_PARAGRAPH_SEPARATOR:
  case G_UNICODE_SURROGATE:
    return TRUE;
  default:
    return (c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef);
  }
}

static void
append_octal (GString *text, const char *bytes, gsize size)
{
  for (gsize i = 0; i < size; i++)
    g_string_append_printf (text, "\\%03o", (guint8)bytes[i]);
}

char *
vt_report_escape (const char *path)
{
  GString *text = g_string_sized_new (strlen (path) + 1);
  const char *p = path;

  while (*p != '\0') {
    gunichar c = g_utf8_get_char_validated (p, -1);
    gboolean is_utf8 = c != (gunichar)-1 && c != (gunichar)-2;
    gsize size = is_utf8 ? (gsize)(g_utf8_next_char (p) - p) : 1;

    if (*p == '\\')
      g_string_append (text, "\\\\");
    else if (*p == '\n')
      g_string_append (text, "\\n");
    else if (!is_utf8 || is_unsafe (c))
      append_octal (text, p, size);
    else
      g_string_append_len (text, p, (gssize)size);
    p += size;
  }
  return g_string_free (text, FALSE);
}

char *
vt_report_format_size (guint64 bytes)
{
  g_autofree char *text = g_format_size_full (bytes, G_FORMAT_SIZE_IEC_UNITS);
  g_auto (GStrv) parts = g_strsplit (text, "\302\240", -1);

  /* A no-break space looks like a space, and no search for one finds it. */
  return g_strjoinv (" ", parts);
}

char *
vt_report_format_date (gint64 time)
{
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (time);

  return date != NULL ? g_date_time_format (date, "%Y-%m-%d") : NULL;
}

char *
vt_report_format_age (gint64 time)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  g_autofree char *date = vt_report_format_date (time);
  gint64 days = 0;

  if (date == NULL)
    return NULL;
  /* One whose time has a date lies so far from the ends of the numbers that this fits. */
  if (time < now)
    days = (now - time) / SECONDS_PER_DAY;
  return g_strdup_printf ("%s (%" G_GINT64_FORMAT " %s old)", date, days,
                          days == 1 ? "day" : "days");
}

char *
vt_report_escaped_path (const VtScanResult *result, const VtFileResult *file)
{
  g_autofree char *path = vt_scan_result_display_path (result, file);

  return vt_report_escape (path);
}

const char *
vt_report_filesystem_id (const VtScanResult *result, guint index)
{
  const VtFilesystem *filesystem;

  g_return_val_if_fail (index < result->filesystems->len, "unknown");
  filesystem = g_ptr_array_index (result->filesystems, index);
  return filesystem->id != NULL ? filesystem->id : "unknown";
}

const char *
vt_report_filesystem_detail (const VtFilesystem *filesystem)
{
  return filesystem->detail != NULL ? filesystem->detail : vt_reason_to_string (filesystem->reason);
}
