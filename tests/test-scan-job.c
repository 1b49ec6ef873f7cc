// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The scan job over readers that the test makes up, with the real engine and a real store.
 */
#include "vt-scan-job.h"

#include <libglib-testing/signal-logger.h>

#include "fake-reader.h"
#include "vt-paths.h"

/* Found by the signature that set_up() writes; harmless. */
#define MARKED    "this content is marked: 0d4c1f6e-malware-for-tests\n"
#define SIGNATURE "Test.Marked:0:*:30643463316636652d6d616c776172652d666f722d7465737473\n"

typedef struct {
  char *dir;
  VtSpawner *spawner;
  VtEngineOptions *engine_options;
  VtEngineId *engine_id;
  VtStore *store;
  VtScanPool *pool;
  VtImageOptions *options;
  VtScanJob *job;
  GtSignalLogger *logger;
} Fixture;

/* One for all tests: once a job has run, there are threads. */
static VtSpawner *spawner;

static VtEngineId *
make_engine (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (fixture->dir, "test.ndb", NULL);
  VtEngineId *id;

  g_assert_true (g_file_set_contents (path, SIGNATURE, -1, &error));
  g_free (fixture->engine_options->database_dir);
  fixture->engine_options->database_dir = g_strdup (fixture->dir);
  id = vt_engine_id_new (fixture->engine_options, &error);
  g_assert_no_error (error);
  return id;
}

static void
set_up (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *store_path = NULL;

  fixture->dir = g_dir_make_tmp ("vt-test-XXXXXX", NULL);
  store_path = g_build_filename (fixture->dir, "store", "verdicts.db", NULL);
  fixture->spawner = spawner;
  fixture->engine_options = vt_engine_options_new ();
  fixture->engine_id = make_engine (fixture);
  fixture->store = vt_store_open (store_path, &error);
  g_assert_no_error (error);
  fixture->pool = vt_scan_pool_new (fixture->spawner, fixture->engine_options, 2);
  fixture->options = vt_image_options_new ("made-up");
  fixture->options->reader = (VtChildFunc)reader;
}

static void
tear_down (Fixture *fixture, gconstpointer reader)
{
  g_clear_pointer (&fixture->logger, gt_signal_logger_free);
  g_clear_object (&fixture->job);
  g_object_unref (fixture->pool);
  vt_store_free (fixture->store);
  vt_engine_id_free (fixture->engine_id);
  vt_engine_options_free (fixture->engine_options);
  vt_image_options_free (fixture->options);
  vt_paths_remove_tree (fixture->dir);
  g_free (fixture->dir);
}

static void
make_job (Fixture *fixture)
{
  const VtScanContext context = {fixture->spawner, fixture->engine_id, fixture->pool,
                                 fixture->store};

  g_clear_pointer (&fixture->logger, gt_signal_logger_free);
  g_clear_object (&fixture->job);
  fixture->job = vt_scan_job_new (&context, fixture->options, NULL);
  fixture->logger = gt_signal_logger_new ();
  gt_signal_logger_connect (fixture->logger, fixture->job, "phase");
  gt_signal_logger_connect (fixture->logger, fixture->job, "finding");
}

static VtScanResult *
run_job (Fixture *fixture)
{
  make_job (fixture);
  return vt_scan_job_run (fixture->job, NULL);
}

static void
assert_phase (Fixture *fixture, const char *expected)
{
  g_autofree char *phase = NULL;

  gt_signal_logger_assert_emission_pop (fixture->logger, fixture->job, "phase", &phase);
  g_assert_cmpstr (phase, ==, expected);
}

static int
mixed_reader (int socket, GVariant *arguments)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  send_filesystem (sink, "/dev/sda1");
  must (vt_image_sink_expect (sink, 7, 500, 3, NULL) && vt_image_sink_phase (sink, "read", NULL));
  send_file (sink, "/clean", "nothing to see", NULL);
  send_file (sink, "/copy", "nothing to see", NULL);
  send_file (sink, "/marked", MARKED, "/other-name");
  send_file (sink, "/empty", "", NULL);
  send_unread (sink, "/large", VT_REASON_SIZE_LIMIT);
  send_unread (sink, "/damaged", VT_REASON_READ_ERROR);
  must (vt_image_sink_filesystem_end (sink, 0, VT_REASON_NONE, NULL, NULL));
  return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void
assert_mixed (const VtScanResult *result, guint64 scanned)
{
  const VtFileResult *file;

  g_assert_no_error (result->error);
  g_assert_false (result->partial);
  g_assert_cmpuint (result->stats.files, ==, 7);
  g_assert_cmpuint (result->stats.clean, ==, 3);
  g_assert_cmpuint (result->stats.infected, ==, 2);
  g_assert_cmpuint (result->stats.incomplete, ==, 2);
  g_assert_cmpuint (result->stats.excluded, ==, 3);
  g_assert_cmpuint (result->stats.scanned, ==, scanned);
  g_assert_cmpuint (result->findings->len, ==, 2);
  file = g_ptr_array_index (result->findings, 1);
  g_assert_cmpstr (file->path, ==, "/other-name");
  g_assert_cmpstr (file->verdict.threat, ==, "Test.Marked.UNOFFICIAL");
  file = g_ptr_array_index (result->incomplete, 0);
  g_assert_cmpstr (file->path, ==, "/damaged");
  g_assert_cmpint (file->verdict.reason, ==, VT_REASON_READ_ERROR);
}

static void
test_verdicts_and_signals (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (VtScanResult) result = run_job (fixture);
  const VtFileResult *first;
  const VtFileResult *second;

  assert_mixed (result, 2);
  assert_phase (fixture, "open");
  assert_phase (fixture, "read");
  gt_signal_logger_assert_emission_pop (fixture->logger, fixture->job, "finding", &first);
  gt_signal_logger_assert_emission_pop (fixture->logger, fixture->job, "finding", &second);
  assert_phase (fixture, "finish");
  gt_signal_logger_assert_no_emissions (fixture->logger);
}

static void
test_progress_reaches_the_end (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (VtScanResult) result = NULL;
  VtScanProgress progress;

  make_job (fixture);
  g_clear_pointer (&fixture->logger, gt_signal_logger_free);
  fixture->logger = gt_signal_logger_new ();
  gt_signal_logger_connect (fixture->logger, fixture->job, "progress");
  result = vt_scan_job_run (fixture->job, NULL);
  /* Once for the totals, once for each file. */
  g_assert_cmpuint (gt_signal_logger_get_n_emissions (fixture->logger), ==, 7);
  while (gt_signal_logger_get_n_emissions (fixture->logger) > 0)
    gt_signal_logger_assert_emission_pop (fixture->logger, fixture->job, "progress", NULL);
  progress = vt_scan_job_get_progress (fixture->job);
  g_assert_cmpuint (progress.files, ==, 7);
  g_assert_cmpuint (progress.total_files, ==, 7);
  g_assert_cmpuint (progress.total_bytes, ==, 500);
}

static void
test_store_answers_the_second_time (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (VtScanResult) first = run_job (fixture);
  g_autoptr (VtScanResult) second = NULL;

  assert_mixed (first, 2);
  second = run_job (fixture);
  assert_mixed (second, 0);
  g_assert_cmpuint (second->stats.from_store, ==, 3);
}

static int
failing_fs_reader (int socket, GVariant *arguments)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  send_filesystem (sink, "/dev/sda1");
  send_filesystem (sink, "/dev/sda2");
  send_file (sink, "/clean", "nothing to see", NULL);
  send_file (sink, "/marked", MARKED, NULL);
  must (vt_image_sink_filesystem_end (sink, 0, VT_REASON_READ_ERROR, "bad blocks", NULL));
  must (vt_image_sink_filesystem_end (sink, 1, VT_REASON_ENCRYPTED, "no key", NULL));
  return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void
test_nothing_is_clean_in_a_failed_file_system (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (VtScanResult) result = run_job (fixture);
  const VtFilesystem *filesystem;

  g_assert_no_error (result->error);
  g_assert_cmpuint (result->stats.clean, ==, 0);
  g_assert_cmpuint (result->stats.incomplete, ==, 1);
  g_assert_cmpuint (result->stats.infected, ==, 1);
  filesystem = g_ptr_array_index (result->filesystems, 0);
  g_assert_cmpint (filesystem->reason, ==, VT_REASON_READ_ERROR);
  g_assert_cmpstr (filesystem->detail, ==, "bad blocks");
  filesystem = g_ptr_array_index (result->filesystems, 1);
  g_assert_cmpint (filesystem->reason, ==, VT_REASON_ENCRYPTED);
}

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

/* Its successor uses the same pool, whatever the first has left in it. */
static void
test_dead_scan_leaves_the_next_alone (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (VtScanResult) first = NULL;
  g_autoptr (VtScanResult) second = NULL;

  first = run_job (fixture);
  g_assert_error (first->error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER);
  fixture->options->reader = mixed_reader;
  second = run_job (fixture);
  g_assert_no_error (second->error);
  g_assert_cmpuint (second->stats.infected, ==, 2);
}

static void
test_bad_signatures_fail_the_scan (Fixture *fixture, gconstpointer reader)
{
  g_autofree char *path = g_build_filename (fixture->dir, "test.ndb", NULL);
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
  send_file (sink, "/marked", MARKED, NULL);
  if (g_strv_length (arguments.refused) == 0) {
    send_file (sink, "/early", "of the first reader only", NULL);
    send_unread (sink, "/early-unread", VT_REASON_READ_ERROR);
    send_filesystem (sink, "/dev/sda2");
    return vt_image_sink_refused (sink, "/dev/sda1", "why not", NULL) ? 0 : EXIT_FAILURE;
  }
  must (vt_image_sink_filesystem_end (sink, 0, VT_REASON_NONE, NULL, NULL));
  return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
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

/* What is reported is bounded, what is counted is not. */
static int
many_reader (int socket, GVariant *value)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  send_filesystem (sink, "/dev/sda1");
  for (guint i = 0; i < VT_SCAN_RESULT_LISTED_MAX + 5; i++)
    send_unread (sink, "/unread", VT_REASON_READ_ERROR);
  return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void
test_lists_are_bounded (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (VtScanResult) result = run_job (fixture);

  g_assert_no_error (result->error);
  g_assert_cmpuint (result->stats.incomplete, ==, VT_SCAN_RESULT_LISTED_MAX + 5);
  g_assert_cmpuint (result->incomplete->len, ==, VT_SCAN_RESULT_LISTED_MAX);
  g_assert_cmpuint (result->stats.unlisted, ==, 5);
}

#define ADD(name, reader, test)                                                                    \
  g_test_add ("/scan-job/" name, Fixture, (gconstpointer)reader, set_up, test, tear_down)

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  spawner = vt_spawner_new (&error);
  g_assert_no_error (error);
  ADD ("verdicts-and-signals", mixed_reader, test_verdicts_and_signals);
  ADD ("progress-reaches-the-end", mixed_reader, test_progress_reaches_the_end);
  ADD ("store-answers-the-second-time", mixed_reader, test_store_answers_the_second_time);
  ADD ("nothing-is-clean-in-a-failed-file-system", failing_fs_reader,
       test_nothing_is_clean_in_a_failed_file_system);
  ADD ("dead-reader-fails-the-scan", dying_reader, test_dead_reader_fails_the_scan);
  ADD ("dead-scan-leaves-the-next-alone", dying_reader, test_dead_scan_leaves_the_next_alone);
  ADD ("bad-signatures-fail-the-scan", mixed_reader, test_bad_signatures_fail_the_scan);
  ADD ("restart-leaves-nothing", restarting_reader, test_restart_leaves_nothing);
  ADD ("lists-are-bounded", many_reader, test_lists_are_bounded);
  ADD ("cancelled-scan-is-partial", endless_reader, test_cancelled_scan_is_partial);
  status = g_test_run ();
  vt_spawner_free (spawner);
  return status;
}
