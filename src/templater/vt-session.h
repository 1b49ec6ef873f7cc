// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What every verb that scans needs: processes, engine, verdict store, and how one image is scanned
 * with them.
 */
#pragma once

#include "vt-cli.h"
#include "vt-manifest.h"
#include "vt-paths.h"
#include "vt-progress.h"
#include "vt-scan-job.h"
#include "vt-unwrap.h"

/* In the order in which it is set up. Zero-filled before. */
typedef struct {
  const VtCliOptions *cli; /* not owned */
  VtProgressStyle progress;
  VtUnwrap unwrap;
  VtEngineOptions *engine_options;
  guint64 max_spool_size;
  GStrv passwords;
  VtSpawner *spawner;
  VtFileDigests *digests; /* of the signatures; the thread's while there is one */
  GThread *engine_thread; /* finds out the engine's id, until that is asked for */
  VtEngineId *engine_id;
  VtRunDir *run_dir; /* for a store that is not kept */
  VtStore *store;
  VtScanPool *pool;
  VtUnpackPool *unpack_pool;
  VtScanFlights *flights;
  VtSpoolQueue *spools;
  GCancellable *cancellable;
} VtSession;

/* Checks the options, and does nothing else. CLI must stay. */
gboolean vt_session_init (VtSession *self,
                          const VtCliOptions *cli,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Sets everything up; loads nothing. To be called while there is one thread. */
gboolean vt_session_start (VtSession *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same in two steps, with something in between that needs the spawner and the store only: to
 * hash the signatures takes a while. */
gboolean vt_session_begin (VtSession *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_session_complete (VtSession *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Has SIGINT and SIGTERM cancel what goes on; a second one ends the program. */
void vt_session_catch_signals (VtSession *self);
void vt_session_clear (VtSession *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VtSession, vt_session_clear)

/* The options of an image that is to be scanned. */
VtImageOptions *vt_session_new_image_options (const VtSession *self, const char *name);

/* What is done at a time. */
guint vt_session_get_jobs (const VtSession *self);

/* The scan of one image, and what shows how far it is. TEMPLATE and MANIFEST may be NULL; MANIFEST
 * must stay as long as the job. */
VtScanJob *vt_session_new_job (VtSession *self,
                               const VtImageOptions *options,
                               VtTemplate *template,
                               VtManifest *manifest);
VtProgress *vt_session_new_progress (const VtSession *self, VtScanJob *job, const char *label);

/* Scans one image. TEMPLATE and MANIFEST may be NULL. The result has the error if there was one. */
VtScanResult *vt_session_scan (VtSession *self,
                               const VtImageOptions *options,
                               VtTemplate *template,
                               VtManifest *manifest);
