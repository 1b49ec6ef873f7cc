// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What becomes of files: verdicts, counts, progress, signals.
 */
#include "scan-job-fixture.h"

static void
assert_phase (Fixture *fixture, const char *expected)
{
  g_autofree char *phase = NULL;

  gt_signal_logger_assert_emission_pop (fixture->logger, fixture->job, "phase", &phase);
  g_assert_cmpstr (phase, ==, expected);
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
  g_assert_cmpstr (file->verdict.threat, ==, MARKER_NAME);
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
  g_assert_cmpint (result->start_time, >, 0);
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
  send_file (sink, "/marked", MARKER, NULL);
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

static void
add_tests (void)
{
  ADD ("verdicts-and-signals", mixed_reader, test_verdicts_and_signals);
  ADD ("progress-reaches-the-end", mixed_reader, test_progress_reaches_the_end);
  ADD ("store-answers-the-second-time", mixed_reader, test_store_answers_the_second_time);
  ADD ("nothing-is-clean-in-a-failed-file-system", failing_fs_reader,
       test_nothing_is_clean_in_a_failed_file_system);
  ADD ("lists-are-bounded", many_reader, test_lists_are_bounded);
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
