// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The engine of the service, and the next one while signatures change: the one in force scans until
 * the other has been loaded and has proven itself, so that nobody waits for it. Both are in memory
 * then, and the old one goes when the last content that it was given has its verdict.
 */
#pragma once

#include "vt-scan-scope.h"

#define VT_TYPE_SCAND_ENGINE (vt_scand_engine_get_type ())
G_DECLARE_FINAL_TYPE (VtScandEngine, vt_scand_engine, VT, SCAND_ENGINE, GObject)

/*
 * Signals, in the thread that the engine was made in:
 *   "in-force" (VtEngineId *id)   from now on contents are scanned with this one
 *   "confirmed" ()                what is in the directory of signatures is in force already
 *   "refused" (GError *error)     what is in the directory of signatures cannot be used; the engine
 *                                 in force stays so
 *   "lost" (GError *error)        the engine in force has failed, and is being loaded again; until
 *                                 then contents get no verdict
 *   "message" (guint level, gchar *text)
 */

/* What it needs; all of it must outlive it. */
typedef struct {
  VtSpawner *spawner;
  VtStore *store; /* where verdicts are kept */
  VtUnpackPool *unpack_pool;
  const VtEngineOptions *options;
  const VtImageOptions *image; /* how disk images among the contents are read */
  guint workers;
} VtScandEngineSetup;

/* Nothing is loaded yet. */
VtScandEngine *vt_scand_engine_new (const VtScandEngineSetup *setup);

/* Looks at the signatures, and loads them if they are not those in force. To be called whenever
 * they may have changed; while it looks or loads already, it looks once more afterwards. */
void vt_scand_engine_look (VtScandEngine *self);

/* The one in force; NULL: none is. */
const VtEngineId *vt_scand_engine_get_id (VtScandEngine *self);

/* Scans a content with the engine in force; as vt_scan_scope_scan(). FALSE: none is in force, and
 * FILE is still the caller's. */
gboolean vt_scand_engine_scan (VtScandEngine *self,
                               int file,
                               guint64 size,
                               VtScanAnswerFunc func,
                               gpointer user_data) G_GNUC_WARN_UNUSED_RESULT;

/* What got no verdict for a reason that passes (a crash, a time limit) is found out again. */
void vt_scand_engine_forget_failures (VtScandEngine *self);

/* Ends it: whoever waits for a verdict gets his answer, engine-error, from within this call.
 * Disposing of it does the same. */
void vt_scand_engine_stop (VtScandEngine *self);
