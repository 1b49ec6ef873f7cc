// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-session.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <sys/resource.h>

#include "vt-progress.h"
#include "vt-unpack-worker.h"

/* Enough for a few images and for a container on each of a hundred processors. */
#define OPEN_FILES_WANTED 65536

/* What the thread gives back. */
typedef struct {
  VtEngineId *id;
  GError *error;
} EngineAnswer;

static gpointer
find_engine_id (gpointer user_data)
{
  const VtSession *self = user_data;
  EngineAnswer *answer = g_new0 (EngineAnswer, 1);

  answer->id = vt_engine_id_new (self->engine_options, self->digests, &answer->error);
  return answer;
}

/* What the store cannot tell or keep of them is found out again. */
static void
tell_of_digests (const GError *error)
{
  if (error != NULL)
    g_debug ("digests of the signatures: %s", error->message);
}

static gboolean
take_engine_id (VtSession *self, GError **error)
{
  g_autofree EngineAnswer *answer = g_thread_join (g_steal_pointer (&self->engine_thread));
  g_autoptr (GError) failure = NULL;

  if (!vt_store_save_digests (self->store, self->digests, &failure))
    tell_of_digests (failure);
  self->engine_id = answer->id;
  if (answer->error != NULL)
    g_propagate_error (error, answer->error);
  return self->engine_id != NULL;
}

void
vt_session_clear (VtSession *self)
{
  if (self->engine_thread != NULL)
    (void)!take_engine_id (self, NULL);
  g_clear_object (&self->cancellable);
  g_clear_pointer (&self->unpack_pool, vt_unpack_pool_free);
  g_clear_object (&self->pool);
  g_clear_pointer (&self->flights, vt_scan_flights_free);
  g_clear_pointer (&self->spools, vt_spool_queue_free);
  g_clear_pointer (&self->store, vt_store_free);
  g_clear_pointer (&self->run_dir, vt_run_dir_free);
  g_clear_pointer (&self->engine_id, vt_engine_id_free);
  g_clear_pointer (&self->digests, vt_file_digests_free);
  g_clear_pointer (&self->spawner, vt_spawner_free);
  g_clear_pointer (&self->engine_options, vt_engine_options_free);
  g_clear_pointer (&self->passwords, g_strfreev);
}

gboolean
vt_session_init (VtSession *self, const VtCliOptions *cli, GError **error)
{
  self->cli = cli;
  if (!vt_cli_get_progress_style (cli, &self->progress, error) ||
      !vt_unwrap_init (&self->unwrap, cli, error))
    return FALSE;
  self->engine_options = vt_cli_make_engine_options (cli, error);
  return self->engine_options != NULL &&
         vt_cli_limits_get_spool_size (&cli->limits, &self->max_spool_size, error) &&
         vt_cli_read_passwords (cli, &self->passwords, error);
}

static gboolean
open_store (VtSession *self, GError **error)
{
  g_autofree char *path = NULL;

  if (self->cli->store == NULL) {
    path = vt_store_default_path ();
  } else if (!g_str_equal (self->cli->store, "none")) {
    path = g_strdup (self->cli->store);
  } else {
    /* Copies of one content are still scanned once: for this run only there is a store. */
    self->run_dir = vt_run_dir_new (error);
    if (self->run_dir == NULL)
      return FALSE;
    path = g_build_filename (vt_run_dir_get_path (self->run_dir), "verdicts.db", NULL);
  }
  self->store = vt_store_open (path, error);
  return self->store != NULL;
}

static VtUnpackPool *
new_unpack_pool (const VtSession *self, guint jobs)
{
  const VtUnpackPoolOptions options = {
      .worker = vt_unpack_worker_main,
      .max_file_size = self->engine_options->max_file_size,
      .max_time_s = self->engine_options->max_unpack_time_s,
      .jobs = jobs,
  };

  return vt_unpack_pool_new (self->spawner, &options);
}

static void
start_engine_id (VtSession *self)
{
  g_autoptr (GError) failure = NULL;

  self->digests = vt_file_digests_new ();
  if (!vt_store_load_digests (self->store, self->digests, &failure))
    tell_of_digests (failure);
  self->engine_thread = g_thread_new ("engine-id", find_engine_id, self);
}

/* A digest that was taken for the file's may be why. */
static void
on_pool_failed (VtScanPool *pool, const GError *error, VtSession *self)
{
  g_autoptr (GError) failure = NULL;

  if (g_error_matches (error, VT_ENGINE_ERROR, VT_ENGINE_ERROR_CHANGED) &&
      !vt_store_forget_digests (self->store, &failure))
    tell_of_digests (failure);
}

/* With a content of a scan that has ended: the others leave it to whoever asks. */
static void
on_worker_lost (VtScanPool *pool, const char *what, gpointer owner, VtSession *self)
{
  if (!self->cli->quiet)
    vt_progress_say ("engine", what);
}

/* Contents are descriptors, up to some 800 of an image and 500 of a container at a time; the usual
 * limit is for programs that use select(2), and may be raised by whoever does not. */
static void
raise_limit_of_open_files (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
    return;
  limit.rlim_cur = MAX (limit.rlim_cur, MIN (limit.rlim_max, OPEN_FILES_WANTED));
  if (setrlimit (RLIMIT_NOFILE, &limit) != 0)
    g_debug ("limit of open files: %s", g_strerror (errno));
}

gboolean
vt_session_begin (VtSession *self, GError **error)
{
  raise_limit_of_open_files ();
  /* First of all, while there is one thread. */
  self->spawner = vt_spawner_new (error);
  if (self->spawner == NULL)
    return FALSE;
  self->unwrap.spawner = self->spawner;
  self->cancellable = g_cancellable_new ();
  if (!open_store (self, error))
    return FALSE;
  start_engine_id (self);
  return TRUE;
}

guint
vt_session_get_jobs (const VtSession *self)
{
  return self->cli->jobs > 0 ? (guint)self->cli->jobs : g_get_num_processors ();
}

gboolean
vt_session_complete (VtSession *self, GError **error)
{
  guint jobs = vt_session_get_jobs (self);

  if (!take_engine_id (self, error))
    return FALSE;
  vt_store_set_engine (self->store, self->engine_id, g_get_real_time () / G_USEC_PER_SEC,
                       vt_cli_get_max_verdict_age (self->cli));
  self->flights = vt_scan_flights_new ();
  self->spools = vt_image_spool_queue_new ();
  self->pool = vt_scan_pool_new (self->spawner, self->engine_options, jobs);
  g_signal_connect (self->pool, "failed", G_CALLBACK (on_pool_failed), self);
  g_signal_connect_after (self->pool, "worker-lost", G_CALLBACK (on_worker_lost), self);
  self->unpack_pool = new_unpack_pool (self, jobs);
  return TRUE;
}

gboolean
vt_session_start (VtSession *self, GError **error)
{
  return vt_session_begin (self, error) && vt_session_complete (self, error);
}

static gboolean
on_interrupt (gpointer cancellable)
{
  g_cancellable_cancel (cancellable);
  /* A second one ends the program at once. */
  signal (SIGINT, SIG_DFL);
  return G_SOURCE_REMOVE;
}

void
vt_session_catch_signals (VtSession *self)
{
  g_unix_signal_add (SIGINT, on_interrupt, self->cancellable);
  g_unix_signal_add (SIGTERM, on_interrupt, self->cancellable);
}

VtImageOptions *
vt_session_new_image_options (const VtSession *self, const char *name)
{
  VtImageOptions *options = vt_cli_make_image_options (self->cli, name);

  options->max_file_size = self->engine_options->max_file_size;
  options->max_spool_size = self->max_spool_size;
  return options;
}

VtScanJob *
vt_session_new_job (VtSession *self,
                    const VtImageOptions *options,
                    VtTemplate *template,
                    VtManifest *manifest)
{
  const VtScanContext context = {
      .spawner = self->spawner,
      .engine_id = self->engine_id,
      .pool = self->pool,
      .store = self->store,
      .unpack_pool = self->unpack_pool,
      .flights = self->flights,
      .spools = self->spools,
      .limits = self->engine_options,
      .template = template,
      .passwords = (const char *const *)self->passwords,
  };

  return vt_scan_job_new (&context, options, manifest);
}

VtProgress *
vt_session_new_progress (const VtSession *self, VtScanJob *job, const char *label)
{
  return vt_progress_new (job, self->progress, self->cli->quiet, self->cli->verbose, label);
}

VtScanResult *
vt_session_scan (VtSession *self,
                 const VtImageOptions *options,
                 VtTemplate *template,
                 VtManifest *manifest)
{
  g_autoptr (VtScanJob) job = vt_session_new_job (self, options, template, manifest);
  g_autoptr (VtProgress) progress = vt_session_new_progress (self, job, options->path);

  return vt_scan_job_run (job, self->cancellable);
}
