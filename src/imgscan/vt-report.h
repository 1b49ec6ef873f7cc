// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Writes what scans found: text as ClamAV users expect it, JSON, SARIF 2.1.0, JUnit XML.
 */
#pragma once

#include <gio/gio.h>

#include "vt-scan-result.h"

typedef enum {
  VT_REPORT_TEXT,
  VT_REPORT_JSON,
  VT_REPORT_SARIF,
  VT_REPORT_JUNIT,
} VtReportFormat;

/* "text", "json", "sarif" or "junit". */
gboolean vt_report_format_from_string (const char *name,
                                       VtReportFormat *format) G_GNUC_WARN_UNUSED_RESULT;

/* Writes the report of RESULTS (of VtScanResult, at least one) to STREAM, which stays open. */
gboolean vt_report_write (VtReportFormat format,
                          GPtrArray *results,
                          GOutputStream *stream,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Writes as JSON what is in the images of RESULTS (of VtScanResult, at least one), without a word
 * of what a scan may have found: the members "image", "filesystems" and "systems" of the report,
 * and "template", the clean cache that is in the image, or null.
 */
gboolean vt_report_write_inspection (GPtrArray *results,
                                     GOutputStream *stream,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * PATH with control characters, and bytes that are not UTF-8, as C escapes (\n, \033, \377) and
 * backslashes doubled: safe on a terminal, and back again without loss. Free with g_free().
 */
char *vt_report_escape (const char *path);

/* BYTES for people, in powers of 1,024: "1.5 GiB". Free with g_free(). */
char *vt_report_format_size (guint64 bytes);

/* TIME, in seconds since 1970, as a date; NULL for a time without one. Free with g_free(). */
char *vt_report_format_date (gint64 time);
/* The same and how long ago that is: "2026-01-31 (1 day old)". */
char *vt_report_format_age (gint64 time);
