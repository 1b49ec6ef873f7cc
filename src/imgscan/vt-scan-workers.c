// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The processes of a scan pool: the engine's host, the workers, and who gets what next.
 *
 * A worker that is lost takes its content with it; one that is lost without having had any, several
 * times in a row, ends the pool instead of being replaced for ever.
 */
#include "vt-scan-pool-private.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "vt-engine-id.h"
#include "vt-fd.h"
#include "vt-ipc.h"

/* Workers that may be lost in a row without a content in hand or a verdict given. */
#define BARREN_LOSSES_MAX 3

/* A content is looked at twice at most (vt-engine-scan.h). */
#define SCANS_PER_CONTENT 2

static void
on_lane_ready (VtScanLane *lane, const char *weakness, gpointer owner)
{
  g_autoptr (VtScanPool) self = g_object_ref (owner);

  /* The same for all workers: once is enough. */
  if (weakness[0] != '\0' && !self->warned) {
    self->warned = TRUE;
    g_signal_emit_by_name (self, "warning", weakness);
  }
  vt_scan_pool_pump (self);
}

static void
on_lane_scanned (VtScanLane *lane, VtScanRequest *request, const VtVerdict *verdict, gpointer owner)
{
  g_autoptr (VtScanPool) self = g_object_ref (owner);

  self->busy--;
  self->barren_losses = 0;
  vt_scan_pool_pump (self);
  vt_scan_pool_complete (request, verdict);
}

static void
on_lane_lost (
    VtScanLane *lane, VtScanRequest *request, VtReason reason, const char *what, gpointer owner)
{
  g_autoptr (VtScanPool) self = g_object_ref (owner);
  g_autofree char *kept = g_strdup (what);
  VtVerdict verdict = vt_verdict_incomplete (reason);

  g_ptr_array_remove_fast (self->lanes, lane);
  if (request != NULL)
    self->busy--;
  else
    self->barren_losses++;
  if (self->barren_losses > BARREN_LOSSES_MAX)
    vt_scan_pool_fail (self, g_error_new (VT_ENGINE_ERROR, VT_ENGINE_ERROR_FAILED,
                                          "engine: %u workers were lost in a row; the last: %s",
                                          self->barren_losses, kept));
  else
    vt_scan_pool_pump (self);
  g_signal_emit_by_name (self, "worker-lost", kept, request != NULL ? request->owner : NULL);
  if (request != NULL)
    vt_scan_pool_complete (request, &verdict);
}

static const VtScanLaneEvents lane_events = {
    .ready = on_lane_ready,
    .scanned = on_lane_scanned,
    .lost = on_lane_lost,
};

static gboolean
start_lane (VtScanPool *self, GError **error)
{
  guint seconds = SCANS_PER_CONTENT * self->options->max_scan_time_s;
  vt_autofd theirs = -1;
  int pair[2];

  if (!vt_ipc_pair (pair, error))
    return FALSE;
  theirs = pair[1];
  g_ptr_array_add (self->lanes, vt_scan_lane_new (++self->last_lane, pair[0], seconds,
                                                  self->context, &lane_events, self));
  return vt_scan_host_start_worker (self->host, self->last_lane, theirs, error);
}

static VtScanLane *
find_idle_lane (VtScanPool *self)
{
  for (guint i = 0; i < self->lanes->len; i++)
    if (vt_scan_lane_is_idle (g_ptr_array_index (self->lanes, i)))
      return g_ptr_array_index (self->lanes, i);
  return NULL;
}

void
vt_scan_pool_pump (VtScanPool *self)
{
  g_autoptr (GError) error = NULL;
  VtScanLane *lane;
  guint wanted;

  if (self->state != POOL_LOADED)
    return;
  while (vt_scan_queue_get_length (self->queue) > 0 && (lane = find_idle_lane (self)) != NULL) {
    vt_scan_lane_scan (lane, vt_scan_queue_pop (self->queue));
    self->busy++;
  }
  wanted = MIN (self->workers_max, self->busy + vt_scan_queue_get_length (self->queue));
  while (self->lanes->len < wanted) {
    if (start_lane (self, &error))
      continue;
    vt_scan_pool_fail (
        self, g_error_new (VT_ENGINE_ERROR, VT_ENGINE_ERROR_FAILED, "engine: %s", error->message));
    return;
  }
}

static VtScanLane *
find_lane (VtScanPool *self, guint64 serial)
{
  for (guint i = 0; i < self->lanes->len; i++)
    if (vt_scan_lane_get_serial (g_ptr_array_index (self->lanes, i)) == serial)
      return g_ptr_array_index (self->lanes, i);
  return NULL;
}

static void
on_host_loaded (guint signatures, gpointer owner)
{
  g_autoptr (VtScanPool) self = g_object_ref (owner);

  self->state = POOL_LOADED;
  vt_scan_pool_pump (self);
  g_signal_emit_by_name (self, "loaded", signatures);
}

static void
on_host_failed (GError *error, gpointer owner)
{
  vt_scan_pool_fail (owner, error);
}

static void
on_worker_started (guint64 serial, int pidfd, gpointer owner)
{
  VtScanLane *lane = find_lane (owner, serial);

  if (lane != NULL) {
    vt_scan_lane_set_pidfd (lane, pidfd);
  } else {
    /* Given up in the meantime. */
    vt_pidfd_kill (pidfd);
    close (pidfd);
  }
}

static const VtScanHostEvents host_events = {
    .loaded = on_host_loaded,
    .failed = on_host_failed,
    .started = on_worker_started,
};

gboolean
vt_scan_pool_start_host (VtScanPool *self, const char *engine_id, GError **error)
{
  const char *dir;

  self->run_dir = vt_run_dir_new (error);
  if (self->run_dir == NULL)
    return FALSE;
  dir = vt_run_dir_get_path (self->run_dir);
  /* The workers run under other user ids; each has a directory in it that is only its own. */
  if (g_chmod (dir, 0711) != 0) {
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "%s: %s", dir,
                 g_strerror (errno));
    return FALSE;
  }
  self->host = vt_scan_host_new (self->spawner, self->options, engine_id, dir, self->context,
                                 &host_events, self, error);
  return self->host != NULL;
}

void
vt_scan_pool_stop (VtScanPool *self)
{
  for (guint i = 0; i < self->lanes->len; i++) {
    VtScanLane *lane = g_ptr_array_index (self->lanes, i);
    VtScanRequest *request = vt_scan_lane_steal_request (lane);

    if (request != NULL)
      vt_scan_queue_push (self->queue, request);
    vt_scan_lane_kill_and_wait (lane);
  }
  g_ptr_array_set_size (self->lanes, 0);
  g_clear_pointer (&self->host, vt_scan_host_free);
  self->busy = 0;
}
