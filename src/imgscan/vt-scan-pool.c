// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The pool's side in the main process: the queue, the engine's host, and who gets what next.
 *
 * Every content leaves by complete(), once. A worker that is lost takes its content with it; one
 * that is lost without having had any, several times in a row, ends the pool instead of being
 * replaced for ever.
 */
#include "vt-scan-pool.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "vt-engine-id.h"
#include "vt-fd.h"
#include "vt-ipc.h"
#include "vt-paths.h"
#include "vt-scan-host-private.h"
#include "vt-scan-lane-private.h"
#include "vt-scan-queue-private.h"
#include "vt-source.h"

/* Workers that may be lost in a row without a content in hand or a verdict given. */
#define BARREN_LOSSES_MAX 3

/* A content is looked at twice at most (vt-engine-scan.h). */
#define SCANS_PER_CONTENT 2

typedef enum {
  POOL_NEW,
  POOL_LOADING,
  POOL_LOADED,
  POOL_FAILED,
} PoolState;

struct _VtScanPool {
  GObject parent_instance;

  VtSpawner *spawner;
  VtEngineOptions *options;
  guint workers_max;
  GMainContext *context;
  VtRunDir *run_dir; /* the workers' directories are in it */

  PoolState state;
  VtScanHost *host;
  GSource *later;  /* tells of FAILURE, or of what was submitted after it */
  GError *failure; /* kept: who comes later is told as well */
  gboolean failure_untold;

  VtScanQueue *queue;
  GPtrArray *lanes; /* of VtScanLane */
  guint busy;
  guint barren_losses;
  gboolean warned;
  guint64 last_request;
  guint64 last_lane;
};

G_DEFINE_FINAL_TYPE (VtScanPool, vt_scan_pool, G_TYPE_OBJECT)

enum {
  SIGNAL_LOADED,
  SIGNAL_FAILED,
  SIGNAL_WORKER_LOST,
  SIGNAL_WARNING,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

static void pump (VtScanPool *self);

static void
complete (VtScanRequest *request, const VtVerdict *verdict)
{
  request->done (verdict, request->user_data);
  g_free (request);
}

static void
complete_all_without_engine (VtScanPool *self)
{
  VtVerdict verdict = vt_verdict_incomplete (VT_REASON_ENGINE_ERROR);
  VtScanRequest *request;

  while ((request = vt_scan_queue_pop (self->queue)) != NULL)
    complete (request, &verdict);
}

/* Kills every process of the pool. Contents that workers have go back to the queue. */
static void
stop (VtScanPool *self)
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

static gboolean
on_later (gpointer data)
{
  g_autoptr (VtScanPool) self = g_object_ref (data);
  g_autoptr (GError) failure = g_error_copy (self->failure);
  gboolean untold = self->failure_untold;

  vt_source_clear (&self->later);
  self->failure_untold = FALSE;
  if (untold)
    g_signal_emit (self, signals[SIGNAL_FAILED], 0, failure);
  complete_all_without_engine (self);
  return G_SOURCE_REMOVE;
}

static void
tell_later (VtScanPool *self)
{
  if (self->later != NULL)
    return;
  self->later = g_idle_source_new ();
  g_source_set_priority (self->later, G_PRIORITY_DEFAULT);
  g_source_set_callback (self->later, on_later, self, NULL);
  g_source_attach (self->later, self->context);
}

/* Takes FAILURE. */
static void
fail (VtScanPool *self, GError *failure)
{
  if (self->state == POOL_FAILED) {
    g_error_free (failure);
    return;
  }
  self->state = POOL_FAILED;
  self->failure = failure;
  self->failure_untold = TRUE;
  stop (self);
  tell_later (self);
}

static void
on_lane_ready (VtScanLane *lane, const char *weakness, gpointer owner)
{
  g_autoptr (VtScanPool) self = g_object_ref (owner);

  /* The same for all workers: once is enough. */
  if (weakness[0] != '\0' && !self->warned) {
    self->warned = TRUE;
    g_signal_emit (self, signals[SIGNAL_WARNING], 0, weakness);
  }
  pump (self);
}

static void
on_lane_scanned (VtScanLane *lane, VtScanRequest *request, const VtVerdict *verdict, gpointer owner)
{
  g_autoptr (VtScanPool) self = g_object_ref (owner);

  self->busy--;
  self->barren_losses = 0;
  pump (self);
  complete (request, verdict);
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
    fail (self, g_error_new (VT_ENGINE_ERROR, VT_ENGINE_ERROR_FAILED,
                             "engine: %u workers were lost in a row; the last: %s",
                             self->barren_losses, kept));
  else
    pump (self);
  g_signal_emit (self, signals[SIGNAL_WORKER_LOST], 0, kept);
  if (request != NULL)
    complete (request, &verdict);
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

/* Hands out what waits, and starts as many workers as that, and the bound, asks for. */
static void
pump (VtScanPool *self)
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
    fail (self,
          g_error_new (VT_ENGINE_ERROR, VT_ENGINE_ERROR_FAILED, "engine: %s", error->message));
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
  pump (self);
  g_signal_emit (self, signals[SIGNAL_LOADED], 0, signatures);
}

static void
on_host_failed (GError *error, gpointer owner)
{
  fail (owner, error);
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

static void
vt_scan_pool_dispose (GObject *object)
{
  VtScanPool *self = VT_SCAN_POOL (object);

  self->state = POOL_FAILED;
  stop (self);
  complete_all_without_engine (self);
  /* Last: a callback may have asked for it once more. */
  vt_source_clear (&self->later);
  g_clear_error (&self->failure);
  G_OBJECT_CLASS (vt_scan_pool_parent_class)->dispose (object);
}

static void
vt_scan_pool_finalize (GObject *object)
{
  VtScanPool *self = VT_SCAN_POOL (object);

  vt_scan_queue_free (self->queue);
  g_ptr_array_unref (self->lanes);
  g_clear_pointer (&self->run_dir, vt_run_dir_free);
  g_clear_pointer (&self->options, vt_engine_options_free);
  g_main_context_unref (self->context);
  G_OBJECT_CLASS (vt_scan_pool_parent_class)->finalize (object);
}

static void
vt_scan_pool_class_init (VtScanPoolClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GType type = G_TYPE_FROM_CLASS (klass);

  object_class->dispose = vt_scan_pool_dispose;
  object_class->finalize = vt_scan_pool_finalize;
  signals[SIGNAL_LOADED] = g_signal_new ("loaded", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                         G_TYPE_NONE, 1, G_TYPE_UINT);
  signals[SIGNAL_FAILED] = g_signal_new ("failed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                         G_TYPE_NONE, 1, G_TYPE_ERROR);
  signals[SIGNAL_WORKER_LOST] = g_signal_new ("worker-lost", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                              NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
  signals[SIGNAL_WARNING] = g_signal_new ("warning", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                          G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
vt_scan_pool_init (VtScanPool *self)
{
  self->context = g_main_context_ref_thread_default ();
  self->queue = vt_scan_queue_new ();
  self->lanes = g_ptr_array_new_with_free_func ((GDestroyNotify)vt_scan_lane_free);
}

VtScanPool *
vt_scan_pool_new (VtSpawner *spawner, const VtEngineOptions *options, guint workers)
{
  VtScanPool *self = g_object_new (VT_TYPE_SCAN_POOL, NULL);

  self->spawner = spawner;
  self->options = vt_engine_options_copy (options);
  self->workers_max = MAX (workers, 1);
  return self;
}

static gboolean
start_host (VtScanPool *self, const char *engine_id, GError **error)
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
vt_scan_pool_load (VtScanPool *self, const char *engine_id)
{
  g_autoptr (GError) error = NULL;

  if (self->state == POOL_FAILED) {
    self->failure_untold = TRUE;
    tell_later (self);
  }
  if (self->state != POOL_NEW)
    return;
  self->state = POOL_LOADING;
  if (!start_host (self, engine_id, &error))
    fail (self,
          g_error_new (VT_ENGINE_ERROR, VT_ENGINE_ERROR_FAILED, "engine: %s", error->message));
}

void
vt_scan_pool_submit (VtScanPool *self,
                     gpointer owner,
                     int memfd,
                     guint64 size,
                     VtScanDoneFunc done,
                     gpointer user_data)
{
  VtScanRequest *request = g_new (VtScanRequest, 1);

  *request = (VtScanRequest){.owner = owner,
                             .memfd = memfd,
                             .size = size,
                             .serial = ++self->last_request,
                             .done = done,
                             .user_data = user_data};
  vt_scan_queue_push (self->queue, request);
  if (self->state == POOL_FAILED)
    tell_later (self);
  else
    pump (self);
}

void
vt_scan_pool_withdraw (VtScanPool *self, gpointer owner)
{
  g_autoptr (VtScanPool) kept = g_object_ref (self);
  g_autoptr (GPtrArray) requests = vt_scan_queue_take_owned (kept->queue, owner);
  VtVerdict verdict = vt_verdict_incomplete (VT_REASON_ENGINE_ERROR);

  for (guint i = 0; i < requests->len; i++)
    complete (g_ptr_array_index (requests, i), &verdict);
}

guint
vt_scan_pool_get_pending (VtScanPool *self)
{
  return vt_scan_queue_get_length (self->queue) + self->busy;
}
