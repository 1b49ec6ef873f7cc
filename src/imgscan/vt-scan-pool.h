// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Scans contents with the engine, several at a time.
 *
 * The engine is loaded once, by a host process that then forks sandboxed workers. A content that
 * makes a worker crash or hang costs its own verdict and nothing else. One that takes a worker over
 * gains no rights, but may falsify verdicts of contents which that worker scans later. All
 * functions are to be called, and all callbacks come, in the thread of the main context that was
 * the thread-default one when the pool was made. No call blocks.
 */
#pragma once

#include <gio/gio.h>

#include "vt-engine-options.h"
#include "vt-spawner.h"
#include "vt-verdict.h"

#define VT_TYPE_SCAN_POOL (vt_scan_pool_get_type ())
G_DECLARE_FINAL_TYPE (VtScanPool, vt_scan_pool, VT, SCAN_POOL, GObject)

/*
 * Signals:
 *   "loaded" (guint signatures)    the engine is ready
 *   "failed" (GError *error)       it cannot be loaded, its host is gone, or its workers cannot be
 *                                  started; a VT_ENGINE_ERROR. What was submitted and has no
 *                                  verdict, and all that is submitted later, is engine-error.
 *                                  Comes again for each later vt_scan_pool_load().
 *   "worker-lost" (gchar *what, gpointer owner)
 *                                  a worker crashed, hung or was killed, for the log; it had a
 *                                  content of OWNER's, or none if that is NULL
 *   "warning" (gchar *what)        the workers' sandbox is weak on this host
 */

/* VERDICT is the callback's only for its duration. */
typedef void (*VtScanDoneFunc) (const VtVerdict *verdict, gpointer user_data);

/*
 * SPAWNER must outlive the pool. Nothing is loaded yet. Freeing the pool ends its processes, and
 * calls DONE with engine-error for all contents that have no verdict.
 */
VtScanPool *vt_scan_pool_new (VtSpawner *spawner, const VtEngineOptions *options, guint workers);

/*
 * Starts to load the engine, if that has not been done. ENGINE_ID is what vt_engine_id_new() gave;
 * if the database files have changed since, loading fails with VT_ENGINE_ERROR_CHANGED. A pool that
 * has failed does not try again: it tells of its failure again, never from within this call.
 */
void vt_scan_pool_load (VtScanPool *self, const char *engine_id);

/*
 * Scans the SIZE bytes of MEMFD, which must be sealed against writing, growing and shrinking and
 * stay open until DONE is called. DONE is called exactly once, never from within this call. The
 * largest content that waits is scanned first. Needs vt_scan_pool_load(), waits for its end. OWNER
 * is for vt_scan_pool_withdraw(); it is only compared.
 */
void vt_scan_pool_submit (VtScanPool *self,
                          gpointer owner,
                          int memfd,
                          guint64 size,
                          VtScanDoneFunc done,
                          gpointer user_data);

/*
 * Gives up OWNER's contents that no worker has yet: DONE is called for each from within this call,
 * with engine-error. Those that workers have end as usual, later.
 */
void vt_scan_pool_withdraw (VtScanPool *self, gpointer owner);

/* Contents submitted that have no verdict yet. */
guint vt_scan_pool_get_pending (VtScanPool *self);
