// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The pool as its users see it: what they submit and withdraw, and what they are told.
 *
 * Every content leaves by vt_scan_pool_complete(), once.
 */
#include "vt-scan-pool-private.h"

#include "vt-engine-id.h"
#include "vt-source.h"

G_DEFINE_FINAL_TYPE (VtScanPool, vt_scan_pool, G_TYPE_OBJECT)

enum {
  SIGNAL_LOADED,
  SIGNAL_FAILED,
  SIGNAL_WORKER_LOST,
  SIGNAL_WARNING,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

void
vt_scan_pool_complete (VtScanRequest *request, const VtVerdict *verdict)
{
  request->done (verdict, request->user_data);
  g_free (request);
}

/* Not what is submitted meanwhile: who does that is to be told of the failure before. */
static void
complete_without_engine (VtScanPool *self, guint n)
{
  VtVerdict verdict = vt_verdict_incomplete (VT_REASON_ENGINE_ERROR);
  VtScanRequest *request;

  for (guint i = 0; i < n && (request = vt_scan_queue_pop (self->queue)) != NULL; i++)
    vt_scan_pool_complete (request, &verdict);
}

static gboolean
on_later (gpointer data)
{
  g_autoptr (VtScanPool) self = g_object_ref (data);
  g_autoptr (GError) failure = g_error_copy (self->failure);
  gboolean untold = self->failure_untold;
  guint n = vt_scan_queue_get_length (self->queue);

  vt_source_clear (&self->later);
  self->failure_untold = FALSE;
  if (untold)
    g_signal_emit (self, signals[SIGNAL_FAILED], 0, failure);
  complete_without_engine (self, n);
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

void
vt_scan_pool_fail (VtScanPool *self, GError *failure)
{
  if (self->state == POOL_FAILED) {
    g_error_free (failure);
    return;
  }
  self->state = POOL_FAILED;
  self->failure = failure;
  self->failure_untold = TRUE;
  vt_scan_pool_stop (self);
  tell_later (self);
}

static void
vt_scan_pool_dispose (GObject *object)
{
  VtScanPool *self = VT_SCAN_POOL (object);

  self->state = POOL_FAILED;
  vt_scan_pool_stop (self);
  complete_without_engine (self, G_MAXUINT);
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
                                              NULL, G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_POINTER);
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
  if (!vt_scan_pool_start_host (self, engine_id, &error))
    vt_scan_pool_fail (
        self, g_error_new (VT_ENGINE_ERROR, VT_ENGINE_ERROR_FAILED, "engine: %s", error->message));
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
    vt_scan_pool_pump (self);
}

void
vt_scan_pool_withdraw (VtScanPool *self, gpointer owner)
{
  g_autoptr (VtScanPool) kept = g_object_ref (self);
  g_autoptr (GPtrArray) requests = vt_scan_queue_take_owned (kept->queue, owner);
  VtVerdict verdict = vt_verdict_incomplete (VT_REASON_ENGINE_ERROR);

  for (guint i = 0; i < requests->len; i++)
    vt_scan_pool_complete (g_ptr_array_index (requests, i), &verdict);
}

guint
vt_scan_pool_get_pending (VtScanPool *self)
{
  return vt_scan_queue_get_length (self->queue) + self->busy;
}
