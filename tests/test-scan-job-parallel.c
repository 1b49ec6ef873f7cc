// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Several jobs at a time: what is the same is scanned once, and none depends on another's fate. */
#include "processes.h"
#include "scan-job-fixture.h"

#define JOBS 4

/* The marker in two pieces: only who opens it finds it. */
#define MEMBER "VTEMPLATER-TEST-" MARKER

static VtScanJob *
start_job (Fixture *fixture)
{
  VtScanJob *job;

  make_job (fixture);
  g_clear_pointer (&fixture->logger, gt_signal_logger_free);
  job = g_steal_pointer (&fixture->job);
  vt_scan_job_start (job);
  return job;
}

static VtScanResult *
end_job (VtScanJob *owned)
{
  g_autoptr (VtScanJob) job = owned;

  while (!vt_scan_job_is_done (job))
    g_main_context_iteration (NULL, TRUE);
  return vt_scan_job_finish (job);
}

static void
assert_whole (const VtScanResult *result)
{
  g_assert_no_error (result->error);
  g_assert_false (result->partial);
  g_assert_cmpuint (result->stats.clean, ==, 3);
  g_assert_cmpuint (result->stats.infected, ==, 2);
  g_assert_cmpuint (result->stats.incomplete, ==, 2);
}

static void
test_contents_are_scanned_once (Fixture *fixture, gconstpointer reader)
{
  VtScanJob *jobs[JOBS];
  guint64 scanned = 0;

  for (guint i = 0; i < JOBS; i++)
    jobs[i] = start_job (fixture);
  for (guint i = 0; i < JOBS; i++) {
    g_autoptr (VtScanResult) result = end_job (jobs[i]);

    assert_whole (result);
    scanned += result->stats.scanned;
  }
  g_assert_cmpuint (scanned, ==, 2);
}

/* Until JOB has asked the engine for N contents. */
static void
wait_for_pending (Fixture *fixture, VtScanJob *job, guint n)
{
  while (vt_scan_pool_get_pending (fixture->pool) < n && !vt_scan_job_is_done (job))
    g_main_context_iteration (NULL, TRUE);
}

/* Those of the second job wait for the first one's. */
static void
wait_for_files (VtScanJob *job, guint64 n)
{
  while (vt_scan_job_get_progress (job).files < n)
    g_main_context_iteration (NULL, TRUE);
}

static void
test_stopped_job_takes_no_other_along (Fixture *fixture, gconstpointer reader)
{
  VtScanJob *first = start_job (fixture);
  VtScanJob *second = NULL;
  g_autoptr (VtScanResult) stopped = NULL;
  g_autoptr (VtScanResult) whole = NULL;

  wait_for_pending (fixture, first, 2);
  second = start_job (fixture);
  /* The empty one, and two that were not read: all others are underway. */
  wait_for_files (second, 3);
  vt_scan_job_stop (first);
  stopped = end_job (first);
  g_assert_true (stopped->partial);
  whole = end_job (second);
  assert_whole (whole);
  g_assert_cmpuint (whole->stats.scanned, ==, 2);
}

/* A compressed file, which the engine does not open. */
static int
archive_reader (int socket, GVariant *arguments)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);
  g_autoptr (VtFileResult) file = vt_file_result_new ();
  g_autoptr (GByteArray) content = bytes_of_text (MEMBER);
  g_autoptr (GByteArray) archive = make_archive ("raw", "lz4", content, 1);
  g_autoptr (VtContent) sealed = vt_content_new (archive->len, G_MAXUINT64, NULL);
  vt_autofd memfd = -1;
  VtDigest unused;

  must (vt_content_write (sealed, 0, archive->data, archive->len, NULL) &&
        vt_content_finish (sealed, &memfd, &unused, NULL));
  send_filesystem (sink, "/dev/sda1");
  send_file (sink, "/empty", "", NULL);
  file->path = g_strdup ("/a.lz4");
  file->inode = 99;
  file->size = archive->len;
  must (vt_image_sink_file (sink, file, NULL, memfd, NULL));
  must (vt_image_sink_filesystem_end (sink, 0, VT_REASON_NONE, NULL, NULL));
  return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void
test_containers_are_opened_once (Fixture *fixture, gconstpointer reader)
{
  VtScanJob *jobs[JOBS];
  guint64 members = 0;

  for (guint i = 0; i < JOBS; i++)
    jobs[i] = start_job (fixture);
  for (guint i = 0; i < JOBS; i++) {
    g_autoptr (VtScanResult) result = end_job (jobs[i]);

    g_assert_no_error (result->error);
    g_assert_cmpuint (result->stats.infected, ==, 1);
    members += result->stats.members;
  }
  g_assert_cmpuint (members, ==, 1);
}

static void
test_stopped_opening_is_done_anew (Fixture *fixture, gconstpointer reader)
{
  VtScanJob *first = start_job (fixture);
  VtScanJob *second = start_job (fixture);
  g_autoptr (VtScanResult) stopped = NULL;
  g_autoptr (VtScanResult) whole = NULL;

  wait_for_files (second, 1);
  wait_for_pending (fixture, first, 1);
  vt_scan_job_stop (first);
  stopped = end_job (first);
  whole = end_job (second);
  g_assert_no_error (whole->error);
  g_assert_false (whole->partial);
  g_assert_cmpuint (whole->stats.infected, ==, 1);
}

static void
add_tests (void)
{
  ADD ("parallel/contents-are-scanned-once", mixed_reader, test_contents_are_scanned_once);
  ADD ("parallel/stopped-job-takes-no-other-along", mixed_reader,
       test_stopped_job_takes_no_other_along);
  ADD ("parallel/containers-are-opened-once", archive_reader, test_containers_are_opened_once);
  ADD ("parallel/stopped-opening-is-done-anew", archive_reader, test_stopped_opening_is_done_anew);
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
