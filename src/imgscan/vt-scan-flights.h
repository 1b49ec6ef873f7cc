// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Contents that are being looked at, by whichever job: the next one that is the same waits, instead
 * of being looked at as well. The jobs of a session share them.
 *
 * Only files wait for others, and never what is in them (vt-scan-flow.c); what a file waits for
 * goes on without that file's job, be it the engine or an unpacker. So no two jobs wait for each
 * other.
 *
 * For one thread.
 */
#pragma once

#include <glib.h>

typedef struct {
  GHashTable *leaders;      /* VtDigest to VtScanContent: the first of its kind under way */
  GHashTable *engine_waits; /* VtDigest to those that the engine was asked for */
} VtScanFlights;

VtScanFlights *vt_scan_flights_new (void);
/* No job may be left. */
void vt_scan_flights_free (VtScanFlights *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtScanFlights, vt_scan_flights_free)
