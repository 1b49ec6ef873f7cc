// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The scan of one image, from its reader to its result: each content is hashed, looked up in the
 * verdict store, and goes to the engine only if nothing is known of it.
 */
#pragma once

#include <gio/gio.h>

#include "vt-image.h"
#include "vt-manifest.h"
#include "vt-scan-result.h"
#include "vt-scan-scope.h"

#define VT_TYPE_SCAN_JOB (vt_scan_job_get_type ())
G_DECLARE_FINAL_TYPE (VtScanJob, vt_scan_job, VT, SCAN_JOB, GObject)

/* How far a job is. Files and bytes are counted as the result's statistics count them. */
typedef struct {
  const char *phase; /* "open", "launch", "inspect", "read", "finish" */
  guint64 files;
  guint64 bytes;
  guint64 total_files; /* of the file systems that were listed until now */
  guint64 total_bytes;
  gboolean total_is_known; /* all were */
} VtScanProgress;

/*
 * Signals, in the thread that runs the job:
 *   "phase" (gchar *name)                   a new phase has begun
 *   "progress"                              files were finished: vt_scan_job_get_progress()
 *   "finding" (VtFileResult *file)          an infected file, once for each of its names; again
 *                                           when its file system had to be read again
 *   "message" (guint level, gchar *text)    for people; LEVEL is of GLogLevelFlags
 *   "done"                                  vt_scan_job_finish() may be called, also from within
 */

/* MANIFEST may be NULL. */
VtScanJob *
vt_scan_job_new (const VtScanContext *context, const VtImageOptions *options, VtManifest *manifest);

/*
 * Starts the job, which goes on by itself while the main context is iterated that is the
 * thread-default one. Several jobs with the same context may go on at a time: contents that are the
 * same are scanned once in all.
 */
void vt_scan_job_start (VtScanJob *self);
/* Whether it has come to its end. "done" tells so in the next iteration. */
gboolean vt_scan_job_is_done (const VtScanJob *self);
/* Gives up what is left of a job that has not ended: it is done a bit later, and its result is
 * partial. Not to be called from within a signal. */
void vt_scan_job_stop (VtScanJob *self);
/* The result of a job that is done, which has the error if there was one. To be called once, of
 * each job that was started, and before anything is freed that jobs share. */
VtScanResult *vt_scan_job_finish (VtScanJob *self);

/* All of it in one, iterating the context. When CANCELLABLE is cancelled, the job is stopped. */
VtScanResult *vt_scan_job_run (VtScanJob *self, GCancellable *cancellable);

VtScanProgress vt_scan_job_get_progress (VtScanJob *self);
