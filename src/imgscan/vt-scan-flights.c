// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scan-flights.h"

#include "vt-digest.h"

VtScanFlights *
vt_scan_flights_new (void)
{
  VtScanFlights *self = g_new0 (VtScanFlights, 1);

  self->leaders = g_hash_table_new (vt_digest_hash, vt_digest_equal);
  self->engine_waits = g_hash_table_new (vt_digest_hash, vt_digest_equal);
  return self;
}

void
vt_scan_flights_free (VtScanFlights *self)
{
  g_hash_table_unref (self->leaders);
  g_hash_table_unref (self->engine_waits);
  g_free (self);
}
