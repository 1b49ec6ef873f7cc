// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What the service counts, as text for Prometheus (exposition format 0.0.4).
 */
#pragma once

#include <glib.h>

#include "vt-verdict.h"

/* Status codes are counted by their first digit, 1 to 5. */
#define VT_SCAND_STATUS_CLASSES 6
#define VT_SCAND_ROUTES_MAX     16

typedef struct {
  const char *route; /* NULL: none of this number yet */
  guint64 counts[VT_SCAND_STATUS_CLASSES];
} VtScandRouteCounts;

/* Zero-filled at first. */
typedef struct {
  VtScandRouteCounts routes[VT_SCAND_ROUTES_MAX];
  guint64 lookups[4]; /* by VtVerdictKind */
  guint64 scans[4];
  guint64 scanned_bytes;
  guint64 engines_taken;
  guint64 engines_refused;
  guint64 engines_lost;
  guint64 revoked;
  guint64 store_errors;
  guint64 state_errors;
} VtScandCounters;

/* What is as it is at the moment. */
typedef struct {
  guint64 connections;
  guint64 cache_entries;
  guint64 upload_bytes;
  guint64 epoch;
  gboolean engine_in_force;
  gint64 signatures_age_s; /* negative: there are none */
  gboolean signatures_too_old;
} VtScandGauges;

/* ROUTE is static. */
void vt_scand_counters_count_request (VtScandCounters *self, const char *route, guint status);
GBytes *vt_scand_metrics_write (const VtScandCounters *counters, const VtScandGauges *gauges);
