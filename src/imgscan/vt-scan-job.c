// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scan-content-private.h"
#include "vt-scan-job-private.h"

#include <string.h>

#include "vt-source.h"

G_DEFINE_TYPE (VtScanJob, vt_scan_job, G_TYPE_OBJECT)

enum { SIGNAL_PHASE, SIGNAL_PROGRESS, SIGNAL_FINDING, SIGNAL_MESSAGE, SIGNAL_DONE, N_SIGNALS };

static guint signals[N_SIGNALS];

static void
vt_scan_job_finalize (GObject *object)
{
  VtScanJob *self = VT_SCAN_JOB (object);

  g_clear_pointer (&self->image, vt_image_free);
  vt_image_options_free (self->options);
  vt_scan_scope_unref (self->scope);
  g_array_unref (self->clean_files);
  g_clear_pointer (&self->tally, vt_template_tally_free);
  g_clear_pointer (&self->result, vt_scan_result_free);
  g_clear_pointer (&self->main_context, g_main_context_unref);
  G_OBJECT_CLASS (vt_scan_job_parent_class)->finalize (object);
}

static guint
new_signal (const char *name, guint n_parameters, GType first, GType second)
{
  return g_signal_new (name, VT_TYPE_SCAN_JOB, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                       n_parameters, first, second);
}

static void
vt_scan_job_class_init (VtScanJobClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vt_scan_job_finalize;
  signals[SIGNAL_PHASE] = new_signal ("phase", 1, G_TYPE_STRING, G_TYPE_NONE);
  signals[SIGNAL_PROGRESS] = new_signal ("progress", 0, G_TYPE_NONE, G_TYPE_NONE);
  signals[SIGNAL_FINDING] = new_signal ("finding", 1, G_TYPE_POINTER, G_TYPE_NONE);
  signals[SIGNAL_MESSAGE] = new_signal ("message", 2, G_TYPE_UINT, G_TYPE_STRING);
  signals[SIGNAL_DONE] = new_signal ("done", 0, G_TYPE_NONE, G_TYPE_NONE);
}

static void
vt_scan_job_init (VtScanJob *self)
{
  self->clean_files = g_array_new (FALSE, TRUE, sizeof (guint64));
}

static const VtScanScopeEvents scope_events;

VtScanJob *
vt_scan_job_new (const VtScanContext *context, const VtImageOptions *options, VtManifest *manifest)
{
  VtScanJob *self = g_object_new (VT_TYPE_SCAN_JOB, NULL);

  self->options = vt_image_options_copy (options);
  self->scope = vt_scan_scope_new (context, self->options, &scope_events, self);
  self->manifest = manifest;
  self->result = vt_scan_result_new (options->path);
  self->result->engine = context->engine_id;
  self->result->snapshot = g_strdup (options->snapshot);
  self->progress.phase = "open";
  if (context->template != NULL)
    self->tally = vt_template_tally_new (context->template, self->result);
  return self;
}

static gboolean
has_ended (const VtScanJob *self)
{
  return vt_scan_scope_has_ended (self->scope) || (!self->reading && self->underway == 0);
}

gboolean
vt_scan_job_is_done (const VtScanJob *self)
{
  /* What a hasher still has comes back by the main loop. */
  return has_ended (self) && vt_scan_scope_get_hashing (self->scope) == 0;
}

static gboolean
on_done (gpointer user_data)
{
  VtScanJob *self = user_data;

  vt_source_clear (&self->done);
  g_signal_emit (self, signals[SIGNAL_DONE], 0);
  return G_SOURCE_REMOVE;
}

void
vt_scan_job_look_at_end (VtScanJob *self)
{
  if (self->end_time != 0 || !vt_scan_job_is_done (self))
    return;
  self->end_time = g_get_monotonic_time ();
  self->done = g_idle_source_new ();
  g_source_set_priority (self->done, G_PRIORITY_DEFAULT);
  g_source_set_callback (self->done, on_done, self, NULL);
  g_source_attach (self->done, self->main_context);
}

static double
seconds_between (gint64 start, gint64 end)
{
  return (double)(end - start) / G_USEC_PER_SEC;
}

static double
seconds_since (gint64 time)
{
  return seconds_between (time, g_get_monotonic_time ());
}

static void
enter_phase (VtScanJob *self, const char *phase)
{
  self->progress.phase = g_intern_string (phase);
  g_signal_emit (self, signals[SIGNAL_PHASE], 0, phase);
}

void
vt_scan_job_fail (VtScanJob *self, const GError *error)
{
  if (self->result->error == NULL)
    self->result->error = g_error_copy (error);
  vt_scan_scope_end (self->scope);
  vt_scan_job_look_at_end (self);
}

/* Events of the image */

static void
on_message (GLogLevelFlags level, const char *text, gpointer user_data)
{
  g_signal_emit (user_data, signals[SIGNAL_MESSAGE], 0, (guint)level, text);
}

static void
on_phase (const char *phase, gpointer user_data)
{
  VtScanJob *self = user_data;

  if (g_str_equal (phase, "read")) {
    self->result->stats.open_seconds = seconds_since (self->start_time);
    self->read_time = g_get_monotonic_time ();
  }
  enter_phase (self, phase);
}

static void
on_restarted (gpointer user_data)
{
  VtScanJob *self = user_data;
  g_autoptr (GError) error = NULL;

  self->generation++;
  self->n_expected = 0;
  memset (&self->progress, 0, sizeof self->progress);
  self->progress.phase = "open";
  g_array_set_size (self->clean_files, 0);
  if (self->tally != NULL)
    vt_template_tally_reset (self->tally);
  if (self->manifest != NULL && !vt_manifest_clear (self->manifest, &error))
    vt_scan_job_fail (self, error);
}

static void
on_expect (guint64 files, guint64 bytes, guint64 excluded, gpointer user_data)
{
  VtScanJob *self = user_data;

  self->n_expected++;
  self->progress.total_files += files;
  self->progress.total_bytes += bytes;
  self->progress.total_is_known = self->n_expected == self->result->filesystems->len;
  self->result->stats.excluded += excluded;
  g_signal_emit (self, signals[SIGNAL_PROGRESS], 0);
}

static void
on_file (VtImageFile *file, gpointer user_data)
{
  vt_scan_job_take_file (user_data, file);
}

static void
on_finished (const GError *error, gpointer user_data)
{
  VtScanJob *self = user_data;

  self->reading = FALSE;
  if (error != NULL)
    vt_scan_job_fail (self, error);
  vt_scan_job_look_at_end (self);
}

static const VtImageEvents image_events = {
    .message = on_message,
    .phase = on_phase,
    .restarted = on_restarted,
    .expect = on_expect,
    .file = on_file,
    .finished = on_finished,
};

/* Events of the contents */

static void
load_engine (gpointer user_data)
{
  VtScanJob *self = user_data;
  const VtScanContext *context = vt_scan_scope_get_context (self->scope);

  if (self->load_time != 0)
    return;
  self->load_time = g_get_monotonic_time ();
  vt_scan_pool_load (context->pool, context->engine_id->id);
}

static void
on_scope_failed (const GError *error, gpointer user_data)
{
  vt_scan_job_fail (user_data, error);
}

/* Said once: they are tried again, and at the end it counts. */
static void
on_store_failed (const GError *error, gpointer user_data)
{
  VtScanJob *self = user_data;

  if (!self->store_warned)
    on_message (G_LOG_LEVEL_WARNING, error->message, self);
  self->store_warned = TRUE;
}

static void
on_said (const char *text, gpointer user_data)
{
  on_message (G_LOG_LEVEL_INFO, text, user_data);
}

static void
on_hashed (gpointer user_data)
{
  vt_scan_job_look_at_end (user_data);
}

static const VtScanScopeEvents scope_events = {
    .need_engine = load_engine,
    .failed = on_scope_failed,
    .store_failed = on_store_failed,
    .say = on_said,
    .hashed = on_hashed,
};

/* Events of the pool, which other jobs may use as well */

static void
on_pool_loaded (VtScanPool *pool, guint signatures, VtScanJob *self)
{
  if (self->load_time != 0)
    self->result->stats.load_seconds = seconds_since (self->load_time);
}

/* Who has not asked for the engine may never need it, and is told again if it does. */
static void
on_pool_failed (VtScanPool *pool, const GError *error, VtScanJob *self)
{
  if (self->load_time != 0)
    vt_scan_job_fail (self, error);
}

static void
on_worker_lost (VtScanPool *pool, const char *what, gpointer owner, VtScanJob *self)
{
  /* What concerns no job more than another is said once. */
  if (owner != NULL && owner != self->scope)
    return;
  on_message (G_LOG_LEVEL_WARNING, what, self);
  g_signal_stop_emission_by_name (pool, "worker-lost");
}

static void
on_pool_warning (VtScanPool *pool, const char *what, VtScanJob *self)
{
  on_message (G_LOG_LEVEL_WARNING, what, self);
  g_signal_stop_emission_by_name (pool, "warning");
}

/* The run */

static gboolean
engine_may_be_needed (VtScanJob *self, GError **error)
{
  const VtTemplate *template = vt_scan_scope_get_context (self->scope)->template;
  gboolean has_older = FALSE;
  guint64 known = 0;

  if (template != NULL && vt_template_counts (template))
    return FALSE;

  /* Loading goes on beside the opening of the image. What knows nothing will need the engine. */
  return vt_store_count (vt_scan_scope_get_context (self->scope)->store,
                         vt_scan_scope_get_context (self->scope)->engine_id->id, &known, error) &&
         known == 0 &&
         vt_store_has_older (vt_scan_scope_get_context (self->scope)->store, &has_older, error) &&
         !has_older;
}

static void
connect_pool (VtScanJob *self)
{
  VtScanPool *pool = vt_scan_scope_get_context (self->scope)->pool;

  g_signal_connect_object (pool, "loaded", G_CALLBACK (on_pool_loaded), self, 0);
  g_signal_connect_object (pool, "failed", G_CALLBACK (on_pool_failed), self, 0);
  g_signal_connect_object (pool, "worker-lost", G_CALLBACK (on_worker_lost), self, 0);
  g_signal_connect_object (pool, "warning", G_CALLBACK (on_pool_warning), self, 0);
}

void
vt_scan_job_start (VtScanJob *self)
{
  g_autoptr (GError) error = NULL;

  g_return_if_fail (self->main_context == NULL);
  self->start_time = g_get_monotonic_time ();
  self->result->start_time = g_get_real_time ();
  self->main_context = g_main_context_ref_thread_default ();
  self->reading = TRUE;
  connect_pool (self);
  if (engine_may_be_needed (self, &error))
    load_engine (self);
  if (error != NULL) {
    vt_scan_job_fail (self, error);
    return;
  }
  enter_phase (self, "open");
  self->image = vt_image_start (vt_scan_scope_get_context (self->scope)->spawner, self->options,
                                self->result, &image_events, self);
  if (vt_scan_scope_get_context (self->scope)->spools != NULL)
    vt_image_share_spools (self->image, vt_scan_scope_get_context (self->scope)->spools);
}

void
vt_scan_job_stop (VtScanJob *self)
{
  if (has_ended (self))
    return;
  self->result->partial = TRUE;
  vt_scan_scope_end (self->scope);
  vt_scan_job_look_at_end (self);
}

static void
take_down (VtScanJob *self)
{
  vt_scan_scope_end (self->scope);
  /* Contents that a worker has keep the job alive: what the pool says later is for others. */
  g_signal_handlers_disconnect_by_data (vt_scan_scope_get_context (self->scope)->pool, self);
  g_clear_pointer (&self->image, vt_image_free);
  vt_scan_scope_take_down (self->scope);
}

VtScanResult *
vt_scan_job_finish (VtScanJob *self)
{
  VtScanStats *stats = &self->result->stats;
  g_autoptr (GError) error = NULL;

  g_return_val_if_fail (vt_scan_job_is_done (self), NULL);
  vt_source_clear (&self->done);
  take_down (self);
  enter_phase (self, "finish");
  if (!vt_store_flush (vt_scan_scope_get_context (self->scope)->store, &error) &&
      self->result->error == NULL)
    self->result->error = g_steal_pointer (&error);
  vt_scan_job_close_books (self);
  if (self->read_time != 0)
    stats->read_seconds = seconds_between (self->read_time, self->end_time);
  stats->total_seconds = seconds_between (self->start_time, self->end_time);
  return g_steal_pointer (&self->result);
}

static void
on_cancelled (GCancellable *cancellable, GMainContext *context)
{
  g_main_context_wakeup (context);
}

VtScanResult *
vt_scan_job_run (VtScanJob *self, GCancellable *cancellable)
{
  gulong handler = 0;

  vt_scan_job_start (self);
  if (cancellable != NULL)
    handler =
        g_cancellable_connect (cancellable, G_CALLBACK (on_cancelled), self->main_context, NULL);
  while (!vt_scan_job_is_done (self)) {
    if (g_cancellable_is_cancelled (cancellable) && !vt_scan_scope_has_ended (self->scope))
      vt_scan_job_stop (self);
    else
      g_main_context_iteration (self->main_context, TRUE);
  }
  g_cancellable_disconnect (cancellable, handler);
  return vt_scan_job_finish (self);
}

VtScanProgress
vt_scan_job_get_progress (VtScanJob *self)
{
  return self->progress;
}
