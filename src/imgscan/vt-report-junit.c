// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The JUnit XML report, for CI servers: a test suite an image, with one test case for the scan as a
 * whole, a failure for each infected file, and an error for all that could not be scanned.
 *
 * XML 1.0 has no way to write most control characters, so everything goes through
 * vt_report_escape().
 */
#include "vt-report-private.h"

typedef struct {
  guint64 tests;
  guint64 failures;
  guint64 errors;
  gdouble seconds;
} Counts;

static gboolean
scan_is_whole (const VtScanResult *result)
{
  return result->error == NULL && !result->partial;
}

static Counts
count (const VtScanResult *result)
{
  Counts counts = {.failures = result->findings->len,
                   .errors = result->incomplete->len,
                   .seconds = result->stats.total_seconds};

  for (guint i = 0; i < result->filesystems->len; i++)
    counts.errors += ((const VtFilesystem *)g_ptr_array_index (result->filesystems, i))->reason !=
                     VT_REASON_NONE;
  counts.tests = 1 + counts.failures + counts.errors;
  if (!scan_is_whole (result))
    counts.errors++;
  return counts;
}

/* VALUE is escaped for people already. */
static void
write_attribute (VtSink *sink, const char *name, const char *value)
{
  g_autofree char *quoted = g_markup_escape_text (value, -1);

  vt_sink_printf (sink, " %s=\"%s\"", name, quoted);
}

static void
write_counts (VtSink *sink, const Counts *counts)
{
  char seconds[G_ASCII_DTOSTR_BUF_SIZE];

  vt_sink_printf (sink,
                  " tests=\"%" G_GUINT64_FORMAT "\" failures=\"%" G_GUINT64_FORMAT
                  "\" errors=\"%" G_GUINT64_FORMAT "\"",
                  counts->tests, counts->failures, counts->errors);
  write_attribute (sink, "time", vt_json_format_seconds (counts->seconds, seconds));
}

static void
begin_case (VtSink *sink, const char *image, const char *name)
{
  vt_sink_puts (sink, "    <testcase");
  write_attribute (sink, "classname", image);
  write_attribute (sink, "name", name);
}

/* ELEMENT is "failure" or "error". */
static void
write_case (VtSink *sink,
            const char *image,
            const char *name,
            const char *element,
            const char *type,
            const char *message)
{
  begin_case (sink, image, name);
  vt_sink_printf (sink, " time=\"0.000\">\n      <%s", element);
  write_attribute (sink, "type", type);
  write_attribute (sink, "message", message);
  vt_sink_puts (sink, "/>\n    </testcase>\n");
}

static void
write_scan_case (VtSink *sink, const VtScanResult *result, const char *image)
{
  char seconds[G_ASCII_DTOSTR_BUF_SIZE];

  begin_case (sink, image, "scan");
  write_attribute (sink, "time", vt_json_format_seconds (result->stats.total_seconds, seconds));
  if (scan_is_whole (result)) {
    vt_sink_puts (sink, "/>\n");
    return;
  }
  vt_sink_puts (sink, ">\n      <error");
  if (result->error != NULL) {
    g_autofree char *message = vt_report_escape (result->error->message);

    write_attribute (sink, "type", "failed");
    write_attribute (sink, "message", message);
  } else {
    write_attribute (sink, "type", "partial");
    write_attribute (sink, "message", "the scan was stopped before its end");
  }
  vt_sink_puts (sink, "/>\n    </testcase>\n");
}

static void
write_filesystem_cases (VtSink *sink, const VtScanResult *result, const char *image)
{
  for (guint i = 0; i < result->filesystems->len; i++) {
    const VtFilesystem *filesystem = g_ptr_array_index (result->filesystems, i);
    g_autofree char *id = vt_report_escape (vt_report_filesystem_id (result, i));
    g_autofree char *detail = vt_report_escape (vt_report_filesystem_detail (filesystem));

    if (filesystem->reason != VT_REASON_NONE)
      write_case (sink, image, id, "error", vt_reason_to_string (filesystem->reason), detail);
  }
}

static void
write_file_case (VtSink *sink,
                 const VtScanResult *result,
                 const VtFileResult *file,
                 const char *image)
{
  g_autofree char *path = vt_report_escaped_path (result, file);

  if (file->verdict.kind == VT_VERDICT_INFECTED) {
    g_autofree char *threat = vt_report_escape (file->verdict.threat);
    g_autofree char *message = g_strconcat (threat, " FOUND", NULL);

    write_case (sink, image, path, "failure", "infected", message);
  } else {
    write_case (sink, image, path, "error", vt_reason_to_string (file->verdict.reason),
                "could not be scanned whole");
  }
}

static void
write_suite (VtSink *sink, const VtScanResult *result)
{
  g_autofree char *image = vt_report_escape (result->path);
  Counts counts = count (result);

  vt_sink_puts (sink, "  <testsuite");
  write_attribute (sink, "name", image);
  write_counts (sink, &counts);
  vt_sink_puts (sink, ">\n");
  write_scan_case (sink, result, image);
  for (guint i = 0; i < result->findings->len; i++)
    write_file_case (sink, result, g_ptr_array_index (result->findings, i), image);
  write_filesystem_cases (sink, result, image);
  for (guint i = 0; i < result->incomplete->len; i++)
    write_file_case (sink, result, g_ptr_array_index (result->incomplete, i), image);
  vt_sink_puts (sink, "  </testsuite>\n");
}

void
vt_report_write_junit (GPtrArray *results, VtSink *sink)
{
  Counts total = {0};

  for (guint i = 0; i < results->len; i++) {
    Counts counts = count (g_ptr_array_index (results, i));

    total.tests += counts.tests;
    total.failures += counts.failures;
    total.errors += counts.errors;
    total.seconds += counts.seconds;
  }
  vt_sink_puts (sink,
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"vtemplater\"");
  write_counts (sink, &total);
  vt_sink_puts (sink, ">\n");
  for (guint i = 0; i < results->len; i++)
    write_suite (sink, g_ptr_array_index (results, i));
  vt_sink_puts (sink, "</testsuites>\n");
}
