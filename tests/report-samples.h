// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Results of every kind, with the names that hostile guests give their files.
 */
#pragma once

#include "vt-report.h"

#define N_HOSTILE_PATHS 10

extern const char *const hostile_paths[N_HOSTILE_PATHS];

VtScanResult *new_clean_result (const char *path);
/* Takes both; SECOND may be NULL. */
GPtrArray *new_results (VtScanResult *first, VtScanResult *second);
/* Results of kind NUMBER, from 0 on; NULL when there are no more. */
GPtrArray *new_sample (guint number);
char *write_report (VtReportFormat format, GPtrArray *results);
char *write_sample (VtReportFormat format, guint number);
