// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What vt-scan-flow.c knows of contents that are the same as another one. */
#pragma once

#include "vt-scan-content-private.h"
#include "vt-scan-flights.h"

/*
 * CONTENT is to be looked at. FALSE: another one that is the same is looked at already, and this
 * one follows it: vt_scan_flights_land() will hand it out.
 */
gboolean vt_scan_flights_take_lead (VtScanFlights *self, VtScanContent *content);
/* CONTENT has its verdict. Gives up its followers, a GPtrArray of VtScanContent; NULL: none. */
GPtrArray *vt_scan_flights_land (VtScanFlights *self, VtScanContent *content);

/* The engine's word on CONTENT is wanted. TRUE: ask for it; FALSE: it was asked for already. */
gboolean vt_scan_flights_ask (VtScanFlights *self, VtScanContent *content);
/* The engine has answered to FIRST, for which it was asked. Gives up all that wait for the answer,
 * FIRST before the others. */
GPtrArray *vt_scan_flights_answer (VtScanFlights *self, VtScanContent *first);
