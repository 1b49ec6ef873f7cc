// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Scans that end before their time, or begin again.
 */
#include "processes.h"
#include "scan-job-fixture.h"

static int
dying_reader (int socket, GVariant *arguments)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  send_filesystem (sink, "/dev/sda1");
  send_file (sink, "/clean", "nothing to see", NULL);
  must (vt_image_sink_phase (sink, "read", NULL));
  _exit (EXIT_SUCCESS);
}

static void
test_dead_reader_fails_the_scan (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (VtScanResult) result = run_job (fixture);

  g_assert_error (result->error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER);
}

/* Sends a file and is heard of no more, until it is killed. */
static int
silent_reader (int socket, GVariant *arguments)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  send_filesystem (sink, "/dev/sda1");
  send_file (sink, "/waits", "for an engine", NULL);
  must (vt_image_sink_phase (sink, "read", NULL));
  pause ();
  return EXIT_SUCCESS;
}

typedef struct {
  Fixture *fixture;
  pid_t host;
} SlowEngine;

/* The job emits this when it has asked for the engine, and has no reader yet. */
static void
stop_host (VtScanJob *job, const char *phase, SlowEngine *engine)
{
  if (engine->host != 0)
    return;
  engine->host = get_host ();
  stop_process (engine->host);
}

static gboolean
kill_reader_once_a_content_waits (gpointer user_data)
{
  const SlowEngine *engine = user_data;
  pid_t children[PROCESSES_MAX];
  guint n;

  if (vt_scan_pool_get_pending (engine->fixture->pool) == 0)
    return G_SOURCE_CONTINUE;
  n = list_children (only_child (getpid ()), children);
  g_assert_cmpuint (n, ==, 2);
  g_assert_cmpint (kill (children[children[0] == engine->host ? 1 : 0], SIGKILL), ==, 0);
  return G_SOURCE_REMOVE;
}

/* Its successor uses the same pool, whatever the first has left in it. */
static void
test_dead_scan_leaves_the_next_alone (Fixture *fixture, gconstpointer reader)
{
  SlowEngine engine = {.fixture = fixture};
  g_autoptr (VtScanJob) first_job = NULL;
  g_autoptr (VtScanResult) first = NULL;
  g_autoptr (VtScanResult) second = NULL;

  make_job (fixture);
  first_job = g_object_ref (fixture->job);
  g_signal_connect (first_job, "phase", G_CALLBACK (stop_host), &engine);
  g_timeout_add (1, kill_reader_once_a_content_waits, &engine);
  first = vt_scan_job_run (first_job, NULL);
  g_assert_error (first->error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER);
  g_assert_cmpuint (vt_scan_pool_get_pending (fixture->pool), ==, 0);
  /* The engine is up only now: that is news for the second, with the first still there. */
  g_assert_cmpint (kill (engine.host, SIGCONT), ==, 0);
  fixture->options->reader = mixed_reader;
  second = run_job (fixture);
  g_assert_no_error (second->error);
  g_assert_cmpuint (second->stats.infected, ==, 2);
  g_assert_cmpuint (second->stats.scanned, ==, 2);
}

static void
test_bad_signatures_fail_the_scan (Fixture *fixture, gconstpointer reader)
{
  g_autofree char *path = g_build_filename (fixture->base.database_dir, "test.ndb", NULL);
  g_autoptr (VtScanResult) result = NULL;

  g_assert_true (g_file_set_contents (path, "another content", -1, NULL));
  result = run_job (fixture);
  g_assert_nonnull (result->error);
  g_assert_true (result->error->domain == VT_ENGINE_ERROR);
  g_assert_cmpuint (result->stats.clean, <=, 1);
}

static int
endless_reader (int socket, GVariant *arguments)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  send_filesystem (sink, "/dev/sda1");
  must (vt_image_sink_phase (sink, "read", NULL));
  for (guint i = 0;; i++) {
    g_autofree char *text = g_strdup_printf ("nothing to see in %u", i);

    send_file (sink, "/clean", text, NULL);
  }
  return EXIT_SUCCESS;
}

static void
cancel_at_progress (VtScanJob *job, GCancellable *cancellable)
{
  g_cancellable_cancel (cancellable);
}

static void
test_cancelled_scan_is_partial (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (VtScanResult) result = NULL;
  g_autoptr (GError) error = NULL;
  guint64 kept = 0;

  make_job (fixture);
  g_signal_connect (fixture->job, "progress", G_CALLBACK (cancel_at_progress), cancellable);
  result = vt_scan_job_run (fixture->job, cancellable);
  g_assert_no_error (result->error);
  g_assert_true (result->partial);
  /* Nothing is left in the pool but what its two workers have. */
  g_assert_cmpuint (vt_scan_pool_get_pending (fixture->pool), <=, 2);
  g_assert_cmpuint (result->stats.clean, >=, 1);
  /* What was learnt is kept, all of it. */
  g_assert_true (vt_store_count (fixture->store, fixture->engine_id->id, &kept, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (kept, ==, result->stats.clean);
}

/* Its first run sends what its second one does not: that must not count. */
static int
restarting_reader (int socket, GVariant *value)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);
  g_auto (VtReaderArguments) arguments = {0};

  vt_reader_arguments_parse (&arguments, value);
  send_filesystem (sink, "/dev/sda1");
  must (vt_image_sink_expect (sink, 3, 300, 1, NULL) && vt_image_sink_phase (sink, "read", NULL));
  send_file (sink, "/marked", MARKER, NULL);
  if (g_strv_length (arguments.refused) == 0) {
    send_file (sink, "/early", "of the first reader only", NULL);
    send_unread (sink, "/early-unread", VT_REASON_READ_ERROR);
    send_filesystem (sink, "/dev/sda2");
    return vt_image_sink_refused (sink, "/dev/sda1", "why not", NULL) ? 0 : EXIT_FAILURE;
  }
  return send_end (sink);
}

static void
test_restart_leaves_nothing (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (VtScanResult) result = run_job (fixture);
  VtScanProgress progress = vt_scan_job_get_progress (fixture->job);

  g_assert_no_error (result->error);
  g_assert_cmpuint (result->filesystems->len, ==, 1);
  g_assert_cmpuint (result->stats.files, ==, 1);
  g_assert_cmpuint (result->stats.infected, ==, 1);
  g_assert_cmpuint (result->stats.excluded, ==, 1);
  g_assert_cmpuint (result->findings->len, ==, 1);
  g_assert_cmpuint (result->incomplete->len, ==, 0);
  g_assert_cmpuint (progress.total_files, ==, 3);
}

static void
add_tests (void)
{
  ADD ("dead-reader-fails-the-scan", dying_reader, test_dead_reader_fails_the_scan);
  ADD ("dead-scan-leaves-the-next-alone", silent_reader, test_dead_scan_leaves_the_next_alone);
  ADD ("bad-signatures-fail-the-scan", mixed_reader, test_bad_signatures_fail_the_scan);
  ADD ("restart-leaves-nothing", restarting_reader, test_restart_leaves_nothing);
  ADD ("cancelled-scan-is-partial", endless_reader, test_cancelled_scan_is_partial);
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
