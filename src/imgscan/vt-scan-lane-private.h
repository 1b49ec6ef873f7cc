// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * One worker, as the scan pool sees it: its socket, its process, and the content it has.
 *
 * A worker may be taken over by what it scans, so nothing it sends is believed to be well-formed,
 * and nothing it does or leaves undone can block or stop the pool.
 */
#pragma once

#include <gio/gio.h>

#include "vt-scan-queue-private.h"

typedef struct _VtScanLane VtScanLane;

typedef struct {
  /* The worker takes contents now. */
  /* WEAKNESS is "", or what the user must know of the worker's sandbox. */
  void (*ready) (VtScanLane *lane, const char *weakness, gpointer owner);
  /* REQUEST, now the owner's, has its verdict, and the worker takes the next content. */
  void (*scanned) (VtScanLane *lane,
                   VtScanRequest *request,
                   const VtVerdict *verdict,
                   gpointer owner);
  /* The worker is of no more use: free the lane. REQUEST, now the owner's, is what it had, or NULL.
   */
  void (*lost) (
      VtScanLane *lane, VtScanRequest *request, VtReason reason, const char *what, gpointer owner);
} VtScanLaneEvents;

/*
 * A lane whose worker has been asked for and owns the other end of SOCKET (taken). A scan may take
 * SCAN_SECONDS, and then some, before the worker is taken to hang. EVENTS are
 * called in CONTEXT, each as the last thing that is done with the lane.
 */
VtScanLane *vt_scan_lane_new (guint64 serial,
                              int socket,
                              guint scan_seconds,
                              GMainContext *context,
                              const VtScanLaneEvents *events,
                              gpointer owner);
/* Kills the worker. A content it has is freed without a word: take it first. */
void vt_scan_lane_free (VtScanLane *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtScanLane, vt_scan_lane_free)
/* Waits until the worker, which is killed for that, has ended. */
void vt_scan_lane_kill_and_wait (VtScanLane *self);

guint64 vt_scan_lane_get_serial (const VtScanLane *self);
gboolean vt_scan_lane_is_idle (const VtScanLane *self);
/* Takes the worker's pidfd. */
void vt_scan_lane_set_pidfd (VtScanLane *self, int pidfd);
/* Hands REQUEST (taken) to the worker, which must be idle; a failure becomes a "lost" event later.
 */
void vt_scan_lane_scan (VtScanLane *self, VtScanRequest *request);
/* The content the worker has, now the caller's, or NULL. */
VtScanRequest *vt_scan_lane_steal_request (VtScanLane *self);
