// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Several jobs at a time: what is the same is looked at once, and no job depends on another's fate.
 *
 * What a job waits for is held up until the others are where the test wants them: the engine's host
 * is stopped before it has loaded anything, unpackers and readers stand at a gate.
 */
#include "processes.h"
#include "scan-job-fixture.h"
#include "vt-scan-job-private.h"
#include "vt-scan-scope-private.h"

#define JOBS 4

/* What a VHDX image begins with. The readers here do not look at the rest. */
#define NESTED "vhdxfile one"

/* In memory that all processes share. */
typedef struct {
  gint came;   /* to the gate, in their order */
  gint let_in; /* as many may go on */
} Gate;

static Gate *gate;

static void
stand_at_the_gate (void)
{
  gint ticket = g_atomic_int_add (&gate->came, 1);

  while (g_atomic_int_get (&gate->let_in) <= ticket)
    g_usleep (1000);
}

static void
let_in (gint n)
{
  g_atomic_int_set (&gate->let_in, n);
}

static void
set_up_gate (Fixture *fixture, gconstpointer reader)
{
  g_atomic_int_set (&gate->came, 0);
  let_in (0);
  set_up (fixture, reader);
}

static void
name_image (Fixture *fixture, const char *name)
{
  g_free (fixture->options->path);
  fixture->options->path = g_strdup (name);
}

static int
gated_unpacker (int socket, GVariant *arguments)
{
  stand_at_the_gate ();
  return vt_unpack_worker_main (socket, arguments);
}

static void
set_up_unpacker (Fixture *fixture, gconstpointer reader)
{
  set_up_gate (fixture, reader);
  name_image (fixture, "lz4");
  vt_unpack_pool_free (fixture->unpack_pool);
  fixture->worker = gated_unpacker;
  fixture->unpack_pool = new_unpack_pool (fixture);
}

static VtScanJob *
new_job (Fixture *fixture)
{
  make_job (fixture);
  g_clear_pointer (&fixture->logger, gt_signal_logger_free);
  return g_steal_pointer (&fixture->job);
}

static VtScanJob *
start_job (Fixture *fixture)
{
  VtScanJob *job = new_job (fixture);

  vt_scan_job_start (job);
  return job;
}

/* The job emits this when it has asked for the engine, and has no reader yet. */
static void
stop_host (VtScanJob *job, const char *phase, pid_t *host)
{
  if (*host != 0)
    return;
  *host = get_host ();
  stop_process (*host);
}

/* The first job, of which no content gets the engine's word until HOST goes on. */
static VtScanJob *
start_without_engine (Fixture *fixture, pid_t *host)
{
  VtScanJob *job = new_job (fixture);

  *host = 0;
  g_signal_connect (job, "phase", G_CALLBACK (stop_host), host);
  vt_scan_job_start (job);
  g_signal_handlers_disconnect_by_func (job, stop_host, host);
  return job;
}

static void
go_on (pid_t host)
{
  g_assert_cmpint (kill (host, SIGCONT), ==, 0);
}

static VtScanResult *
end_job (VtScanJob *owned)
{
  g_autoptr (VtScanJob) job = owned;

  while (!vt_scan_job_is_done (job))
    g_main_context_iteration (NULL, TRUE);
  return vt_scan_job_finish (job);
}

/* Until all of its files have come, and N of them are held up. */
static void
wait_until_held_up (VtScanJob *job, guint n)
{
  while (job->reading || vt_scan_scope_get_hashing (job->scope) > 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (job->underway, ==, n);
}

static void
wait_for_opening (VtScanJob *job)
{
  while (g_hash_table_size (job->scope->openings) == 0)
    g_main_context_iteration (NULL, TRUE);
}

/* Of mixed_reader. */
#define MIXED_CONTENTS 2
#define MIXED_HELD_UP  3

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
  pid_t host;

  for (guint i = 0; i < JOBS; i++) {
    jobs[i] = i == 0 ? start_without_engine (fixture, &host) : start_job (fixture);
    wait_until_held_up (jobs[i], MIXED_HELD_UP);
  }
  g_assert_cmpuint (vt_scan_pool_get_pending (fixture->pool), ==, MIXED_CONTENTS);
  go_on (host);
  for (guint i = 0; i < JOBS; i++) {
    g_autoptr (VtScanResult) result = end_job (jobs[i]);

    assert_whole (result);
    scanned += result->stats.scanned;
  }
  g_assert_cmpuint (scanned, ==, MIXED_CONTENTS);
}

static void
test_stopped_job_takes_no_other_along (Fixture *fixture, gconstpointer reader)
{
  pid_t host;
  VtScanJob *first = start_without_engine (fixture, &host);
  VtScanJob *others[2];
  g_autoptr (VtScanResult) stopped = NULL;
  guint64 scanned = 0;

  wait_until_held_up (first, MIXED_HELD_UP);
  for (guint i = 0; i < G_N_ELEMENTS (others); i++) {
    others[i] = start_job (fixture);
    wait_until_held_up (others[i], MIXED_HELD_UP);
  }
  vt_scan_job_stop (first);
  stopped = end_job (first);
  g_assert_true (stopped->partial);
  g_assert_cmpuint (stopped->stats.scanned, ==, 0);
  g_assert_cmpuint (vt_scan_pool_get_pending (fixture->pool), ==, MIXED_CONTENTS);
  go_on (host);
  for (guint i = 0; i < G_N_ELEMENTS (others); i++) {
    g_autoptr (VtScanResult) whole = end_job (others[i]);

    assert_whole (whole);
    scanned += whole->stats.scanned;
  }
  g_assert_cmpuint (scanned, ==, MIXED_CONTENTS);
}

/* The engine was asked for what the second job is still interested in, by the first. */
static void
test_stopped_follower_is_no_matter (Fixture *fixture, gconstpointer reader)
{
  pid_t host;
  VtScanJob *first = start_without_engine (fixture, &host);
  VtScanJob *second;
  g_autoptr (VtScanResult) stopped = NULL;
  g_autoptr (VtScanResult) whole = NULL;

  wait_until_held_up (first, MIXED_HELD_UP);
  second = start_job (fixture);
  wait_until_held_up (second, MIXED_HELD_UP);
  vt_scan_job_stop (second);
  stopped = end_job (second);
  g_assert_true (stopped->partial);
  go_on (host);
  whole = end_job (first);
  assert_whole (whole);
  g_assert_cmpuint (whole->stats.scanned, ==, MIXED_CONTENTS);
}

/* One that has not asked for the engine itself: another one asked for all that it wants. */
static void
test_lost_engine_is_told_to_all (Fixture *fixture, gconstpointer reader)
{
  const VtDigest digest = {{1}};
  const VtVerdict clean = vt_verdict_clean ();
  VtScanJob *jobs[2];
  g_autoptr (GError) error = NULL;
  pid_t host;

  jobs[0] = start_without_engine (fixture, &host);
  wait_until_held_up (jobs[0], MIXED_HELD_UP);
  /* Who finds verdicts there does not load the engine before it needs it. */
  g_assert_true (
      vt_store_insert (fixture->store, fixture->engine_id->id, &digest, 1, &clean, NULL, &error));
  jobs[1] = start_job (fixture);
  wait_until_held_up (jobs[1], MIXED_HELD_UP);
  g_assert_cmpint (kill (host, SIGKILL), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (jobs); i++) {
    g_autoptr (VtScanResult) result = end_job (jobs[i]);

    g_assert_nonnull (result->error);
    g_assert_cmpuint (result->stats.clean, ==, 1);
  }
}

/* The archive's format is the image's name. */
static int
named_archive_reader (int socket, GVariant *value)
{
  g_auto (VtReaderArguments) arguments = {0};

  vt_reader_arguments_parse (&arguments, value);
  return send_archive (socket, arguments.options->path);
}

static void
test_containers_are_opened_once (Fixture *fixture, gconstpointer reader)
{
  VtScanJob *jobs[JOBS];
  guint64 members = 0;

  for (guint i = 0; i < JOBS; i++) {
    jobs[i] = start_job (fixture);
    if (i == 0)
      wait_for_opening (jobs[0]);
    wait_until_held_up (jobs[i], 1);
  }
  let_in (G_MAXINT);
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
  VtScanJob *second;
  g_autoptr (VtScanResult) stopped = NULL;
  g_autoptr (VtScanResult) whole = NULL;

  wait_for_opening (first);
  second = start_job (fixture);
  wait_until_held_up (second, 1);
  vt_scan_job_stop (first);
  stopped = end_job (first);
  g_assert_true (stopped->partial);
  let_in (G_MAXINT);
  whole = end_job (second);
  g_assert_no_error (whole->error);
  g_assert_false (whole->partial);
  g_assert_cmpuint (whole->stats.infected, ==, 1);
}

static void
ignore (const VtVerdict *verdict, gpointer user_data)
{
}

static void
submit_filler (Fixture *fixture, gpointer owner)
{
  static const char filler[] = "what the only worker is at";
  vt_autofd content = make_memfd (filler, TRUE);

  vt_scan_pool_submit (fixture->pool, owner, content, strlen (filler), ignore, NULL);
}

/* Until a member of what is open has come, and gone on to the engine. */
static void
wait_for_member (VtScanJob *job)
{
  while (vt_scan_scope_get_hashing (job->scope) == 0)
    g_main_context_iteration (NULL, TRUE);
  while (vt_scan_scope_get_hashing (job->scope) > 0)
    g_main_context_iteration (NULL, TRUE);
}

/* Two jobs, each with a container that it has begun to open, and the same in both. Returns the only
 * worker of the engine, which is stopped. */
static pid_t
open_containers (Fixture *fixture, VtScanJob *jobs[2])
{
  pid_t worker;
  pid_t host;

  g_object_unref (fixture->pool);
  fixture->pool = vt_scan_pool_new (fixture->spawner, fixture->base.options, 1);
  jobs[0] = start_without_engine (fixture, &host);
  go_on (host);
  wait_for_opening (jobs[0]);
  name_image (fixture, "compress");
  jobs[1] = start_job (fixture);
  wait_for_opening (jobs[1]);
  worker = only_child (host);
  stop_process (worker);
  return worker;
}

/* For what the other job waits for as well, the first one asks. */
static void
let_members_come (VtScanJob *jobs[2])
{
  for (gint i = 0; i < 2; i++) {
    let_in (i + 1);
    wait_for_member (jobs[i]);
  }
}

static void
stop_and_end (VtScanJob *job)
{
  g_autoptr (VtScanResult) stopped = NULL;

  vt_scan_job_stop (job);
  stopped = end_job (job);
  g_assert_true (stopped->partial);
}

/* The first job, which has asked, is stopped: N contents are for the engine to scan before and
 * after, and the other job gets the answer. */
static void
assert_answer_comes (Fixture *fixture, VtScanJob *jobs[2], pid_t worker, guint n)
{
  g_autoptr (VtScanResult) whole = NULL;

  g_assert_cmpuint (vt_scan_pool_get_pending (fixture->pool), ==, n);
  stop_and_end (jobs[0]);
  g_assert_cmpuint (vt_scan_pool_get_pending (fixture->pool), ==, n);
  go_on (worker);
  whole = end_job (jobs[1]);
  g_assert_no_error (whole->error);
  g_assert_cmpuint (whole->stats.infected, ==, 1);
  g_assert_cmpuint (whole->stats.scanned_members, ==, 1);
}

/* It had not come to a worker yet. */
static void
test_question_is_asked_anew (Fixture *fixture, gconstpointer reader)
{
  VtScanJob *jobs[2];
  pid_t worker = open_containers (fixture, jobs);

  submit_filler (fixture, NULL);
  let_members_come (jobs);
  assert_answer_comes (fixture, jobs, worker, 2);
}

/* A worker is at it: what it will say is taken. */
static void
test_answer_outlives_who_asked (Fixture *fixture, gconstpointer reader)
{
  VtScanJob *jobs[2];
  pid_t worker = open_containers (fixture, jobs);

  let_members_come (jobs);
  assert_answer_comes (fixture, jobs, worker, 1);
}

static void
count_warning (VtScanJob *job, guint level, const char *text, guint *count)
{
  *count += level == G_LOG_LEVEL_WARNING;
}

static void
test_lost_worker_is_told_by_whom_it_concerns (Fixture *fixture, gconstpointer reader)
{
  guint warnings[2] = {0};
  VtScanJob *jobs[2];
  pid_t worker = open_containers (fixture, jobs);

  for (guint i = 0; i < 2; i++)
    g_signal_connect (jobs[i], "message", G_CALLBACK (count_warning), &warnings[i]);
  submit_filler (fixture, jobs[1]->scope);
  g_assert_cmpint (kill (worker, SIGKILL), ==, 0);
  let_in (2);
  for (guint i = 0; i < 2; i++)
    vt_scan_result_free (end_job (jobs[i]));
  g_assert_cmpuint (warnings[0], ==, 0);
  g_assert_cmpuint (warnings[1], ==, 1);
}

/* A disk image within the image, of which nothing can be read without an appliance. */
static int
disk_reader (int socket, GVariant *value)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);
  g_auto (VtReaderArguments) arguments = {0};

  vt_reader_arguments_parse (&arguments, value);
  send_filesystem (sink, "/dev/sda1");
  if (arguments.options->file == NULL) {
    send_file (sink, "/disk", NESTED, NULL);
    return send_end (sink);
  }
  stand_at_the_gate ();
  if (arguments.options->backend == VT_BACKEND_DIRECT)
    send_unread (sink, "/file", VT_REASON_UNSUPPORTED);
  else
    send_file (sink, "/file", "its content", NULL);
  return send_end (sink);
}

/* What one image could not have any more is no matter of the other. */
static void
test_each_has_its_own_appliances (Fixture *fixture, gconstpointer reader)
{
  VtScanJob *first;
  VtScanJob *second;
  g_autoptr (VtScanResult) without = NULL;
  g_autoptr (VtScanResult) with = NULL;

  fixture->options->backend = VT_BACKEND_DIRECT;
  first = start_job (fixture);
  wait_for_opening (first);
  fixture->options->backend = VT_BACKEND_AUTO;
  second = start_job (fixture);
  wait_until_held_up (second, 1);
  let_in (G_MAXINT);
  without = end_job (first);
  g_assert_no_error (without->error);
  g_assert_cmpuint (without->stats.incomplete, ==, 1);
  with = end_job (second);
  g_assert_no_error (with->error);
  g_assert_cmpuint (with->stats.clean, ==, 1);
}

static void
add (const char *path,
     VtChildFunc reader,
     void (*set_up_test) (Fixture *, gconstpointer),
     void (*test) (Fixture *, gconstpointer))
{
  g_test_add (path, Fixture, (gconstpointer)reader, set_up_test, test, tear_down);
}

static void
add_tests (void)
{
  add ("/scan-job/parallel/contents-are-scanned-once", mixed_reader, set_up_gate,
       test_contents_are_scanned_once);
  add ("/scan-job/parallel/stopped-job-takes-no-other-along", mixed_reader, set_up_gate,
       test_stopped_job_takes_no_other_along);
  add ("/scan-job/parallel/stopped-follower-is-no-matter", mixed_reader, set_up_gate,
       test_stopped_follower_is_no_matter);
  add ("/scan-job/parallel/lost-engine-is-told-to-all", mixed_reader, set_up_gate,
       test_lost_engine_is_told_to_all);
  add ("/scan-job/parallel/containers-are-opened-once", named_archive_reader, set_up_unpacker,
       test_containers_are_opened_once);
  add ("/scan-job/parallel/stopped-opening-is-done-anew", named_archive_reader, set_up_unpacker,
       test_stopped_opening_is_done_anew);
  add ("/scan-job/parallel/question-is-asked-anew", named_archive_reader, set_up_unpacker,
       test_question_is_asked_anew);
  add ("/scan-job/parallel/answer-outlives-who-asked", named_archive_reader, set_up_unpacker,
       test_answer_outlives_who_asked);
  add ("/scan-job/parallel/lost-worker-is-told-by-whom-it-concerns", named_archive_reader,
       set_up_unpacker, test_lost_worker_is_told_by_whom_it_concerns);
  add ("/scan-job/parallel/each-has-its-own-appliances", disk_reader, set_up_gate,
       test_each_has_its_own_appliances);
}

int
main (int argc, char **argv)
{
  int status;

  /* Before the first process is started. */
  gate = mmap (NULL, sizeof *gate, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  g_assert_true (gate != MAP_FAILED);
  status = run_tests (argc, argv, add_tests);
  munmap (gate, sizeof *gate);
  return status;
}
