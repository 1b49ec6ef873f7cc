// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The contents that scan jobs are looking at, so that jobs which run at the same time look at each
 * content once in all.
 *
 * Jobs that share it must have the engine, its limits, the passwords and the key of templates in
 * common: a verdict, which may rest on members that a template has as clean, then holds for all.
 * For the thread that runs the jobs.
 */
#pragma once

typedef struct _VtScanFlights VtScanFlights;

VtScanFlights *vt_scan_flights_new (void);
/* After the pool of the jobs, which may have contents of a job that has ended. */
void vt_scan_flights_free (VtScanFlights *self);
