// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Between the reports: one function a format, and what several of them say in the same words.
 */
#pragma once

#include "vt-json-writer.h"
#include "vt-report.h"
#include "vt-sink.h"

void vt_report_write_text (GPtrArray *results, VtSink *sink);
void vt_report_write_json (GPtrArray *results, VtSink *sink);
void vt_report_write_sarif (GPtrArray *results, VtSink *sink);
void vt_report_write_junit (GPtrArray *results, VtSink *sink);
void vt_report_write_json_inspection (GPtrArray *results, VtSink *sink);

/* Members of the JSON report that stand in the SARIF report too. ENGINE may be NULL. */
void vt_report_json_engine (VtJsonWriter *json, const char *name, const VtEngineId *engine);
void vt_report_json_stats (VtJsonWriter *json, const char *name, const VtScanStats *stats);

/* The file system's id, or "unknown"; the array's owner keeps it. */
const char *vt_report_filesystem_id (const VtScanResult *result, guint index);

/* Why the file system could not be read whole: its detail, or the reason's name. */
const char *vt_report_filesystem_detail (const VtFilesystem *filesystem);

/* vt_scan_result_display_path(), escaped. */
char *vt_report_escaped_path (const VtScanResult *result, const VtFileResult *file);
