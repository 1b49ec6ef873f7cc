// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What the scan pool makes of workers, hosts and databases that fail.
 */
#include "scan-pool-fixture.h"

/* How long a process may take to end once it has to; it takes milliseconds. */
#define END_MS 20000

static void
test_killed_worker_costs_one_content (Fixture *fixture, gconstpointer data)
{
  Content *content;
  pid_t worker;

  make_pool (fixture, 1);
  load (fixture);
  submit (fixture, "first content");
  wait_for_all (fixture);
  assert_loaded (fixture);
  worker = only_child (get_host ());
  stop_worker (worker);
  content = submit (fixture, "a larger second content");
  for (guint i = 0; i < 10; i++)
    submit (fixture, "third content");
  g_assert_cmpint (kill (worker, SIGKILL), ==, 0);
  wait_for_all (fixture);
  assert_incomplete (content, VT_REASON_ENGINE_CRASH);
  for (guint i = 2; i < fixture->n_contents; i++)
    assert_clean (&fixture->contents[i]);
  assert_worker_lost (fixture);
  gt_signal_logger_assert_no_emissions (fixture->logger);
}

static void
test_hung_worker_is_killed (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  vt_autofd pidfd = -1;
  Content *content;
  pid_t worker;

  fixture->base.options->max_scan_time_s = 1;
  make_pool (fixture, 1);
  load (fixture);
  submit (fixture, "first content");
  wait_for_all (fixture);
  assert_loaded (fixture);
  worker = only_child (get_host ());
  pidfd = vt_pidfd_open (worker);
  stop_worker (worker);
  content = submit (fixture, "a larger second content");
  submit (fixture, "third content");
  wait_for_all (fixture);
  assert_incomplete (content, VT_REASON_TIME_LIMIT);
  assert_clean (&fixture->contents[2]);
  assert_worker_lost (fixture);
  assert_ends (pidfd);
}

/* An idle worker that is lost costs nothing. */
static void
test_idle_worker_is_replaced (Fixture *fixture, gconstpointer data)
{
  make_pool (fixture, 1);
  load (fixture);
  submit (fixture, "first content");
  wait_for_all (fixture);
  assert_loaded (fixture);
  g_assert_cmpint (kill (only_child (get_host ()), SIGKILL), ==, 0);
  wait_for_signal (fixture);
  assert_worker_lost (fixture);
  submit (fixture, "second content");
  wait_for_all (fixture);
  assert_clean (&fixture->contents[1]);
}

static void
test_host_death (Fixture *fixture, gconstpointer data)
{
  pid_t host;

  make_pool (fixture, 1);
  load (fixture);
  submit (fixture, "first content");
  wait_for_all (fixture);
  assert_loaded (fixture);
  host = get_host ();
  stop_worker (only_child (host));
  submit (fixture, "second content");
  submit (fixture, "third content");
  g_assert_cmpint (kill (host, SIGKILL), ==, 0);
  wait_for_all (fixture);
  assert_incomplete (&fixture->contents[1], VT_REASON_ENGINE_ERROR);
  assert_incomplete (&fixture->contents[2], VT_REASON_ENGINE_ERROR);
  /* Its worker died with it, and may have been missed before it was. */
  if (gt_signal_logger_get_n_emissions (fixture->logger) > 1)
    assert_worker_lost (fixture);
  assert_failed (fixture, VT_ENGINE_ERROR_FAILED);
  submit (fixture, "too late");
  wait_for_all (fixture);
  assert_incomplete (&fixture->contents[3], VT_REASON_ENGINE_ERROR);
  gt_signal_logger_assert_no_emissions (fixture->logger);
}

static void
set_host_limit (int resource, rlim_t limit)
{
  const struct rlimit both = {.rlim_cur = limit, .rlim_max = limit};

  g_assert_cmpint (prlimit (get_host (), (enum __rlimit_resource)resource, &both, NULL), ==, 0);
}

/* A worker that cannot write its temporary directory must not scan, and must not be tried for ever.
 */
static void
test_workers_that_cannot_start (Fixture *fixture, gconstpointer data)
{
  make_pool (fixture, 2);
  load (fixture);
  wait_for_signal (fixture);
  assert_loaded (fixture);
  set_host_limit (RLIMIT_FSIZE, 0);
  for (guint i = 0; i < 5; i++)
    submit (fixture, "some content");
  wait_for_all (fixture);
  for (guint i = 0; i < fixture->n_contents; i++)
    assert_incomplete (&fixture->contents[i], VT_REASON_ENGINE_ERROR);
  for (guint i = 0; i < 4; i++)
    assert_worker_lost (fixture);
  assert_failed (fixture, VT_ENGINE_ERROR_FAILED);
  gt_signal_logger_assert_no_emissions (fixture->logger);
}

/* The lowest descriptor that the host has free. */
static int
get_free_fd (pid_t pid)
{
  for (int fd = 0;; fd++) {
    g_autofree char *path = g_strdup_printf ("/proc/%d/fd/%d", pid, fd);

    if (!g_file_test (path, G_FILE_TEST_IS_SYMLINK))
      return fd;
  }
}

/* The worker that the host cannot tell of may be lost before, for the same reason, or not. */
static void
assert_failed_at_last (Fixture *fixture, VtEngineError code)
{
  g_autoptr (GError) error = NULL;

  while (error == NULL) {
    g_autoptr (GtSignalLoggerEmission) emission = NULL;
    g_autofree char *name = NULL;

    g_assert_true (gt_signal_logger_pop_emission (fixture->logger, NULL, NULL, &name, &emission));
    if (g_str_equal (name, "failed"))
      gt_signal_logger_emission_get_params (emission, &error);
    else
      g_assert_cmpstr (name, ==, "worker-lost");
  }
  g_assert_error (error, VT_ENGINE_ERROR, (gint)code);
}

static void
test_host_that_cannot_start_workers (Fixture *fixture, gconstpointer data)
{
  make_pool (fixture, 1);
  load (fixture);
  wait_for_signal (fixture);
  assert_loaded (fixture);
  /* Enough to be asked, too little to answer. */
  set_host_limit (RLIMIT_NOFILE, (rlim_t)get_free_fd (get_host ()) + 1);
  submit (fixture, "some content");
  wait_for_all (fixture);
  assert_incomplete (&fixture->contents[0], VT_REASON_ENGINE_ERROR);
  assert_failed_at_last (fixture, VT_ENGINE_ERROR_FAILED);
}

static void
assert_load_fails (Fixture *fixture, const char *id, VtEngineError code)
{
  make_pool (fixture, 1);
  vt_scan_pool_load (fixture->pool, id);
  submit (fixture, "some content");
  wait_for_all (fixture);
  assert_incomplete (&fixture->contents[0], VT_REASON_ENGINE_ERROR);
  assert_failed (fixture, code);
  gt_signal_logger_assert_no_emissions (fixture->logger);
}

static void
test_bad_database (Fixture *fixture, gconstpointer data)
{
  g_autofree char *id = NULL;

  write_file (fixture->base.database_dir, "bad.ndb", "this is not a signature\n");
  id = engine_fixture_id (&fixture->base);
  assert_load_fails (fixture, id, VT_ENGINE_ERROR_BAD_DATABASE);
}

static void
test_database_without_signatures (Fixture *fixture, gconstpointer data)
{
  g_autofree char *id = NULL;

  write_file (fixture->base.database_dir, "test.ndb", "# nothing\n");
  id = engine_fixture_id (&fixture->base);
  assert_load_fails (fixture, id, VT_ENGINE_ERROR_NO_DATABASE);
}

static void
test_no_database (Fixture *fixture, gconstpointer data)
{
  g_autofree char *id = engine_fixture_id (&fixture->base);
  g_autofree char *path = g_build_filename (fixture->base.database_dir, "test.ndb", NULL);

  g_assert_cmpint (g_unlink (path), ==, 0);
  assert_load_fails (fixture, id, VT_ENGINE_ERROR_NO_DATABASE);
}

static void
test_changed_database (Fixture *fixture, gconstpointer data)
{
  g_autofree char *id = engine_fixture_id (&fixture->base);
  g_autoptr (GString) more = g_string_new (NULL);

  append_signature (more, "Vt.Test.More", "more of the same");
  write_file (fixture->base.database_dir, "more.ndb", more->str);
  assert_load_fails (fixture, id, VT_ENGINE_ERROR_CHANGED);
}

static void
test_bad_limits (Fixture *fixture, gconstpointer data)
{
  g_autofree char *id = NULL;

  fixture->base.options->max_recursion = VT_ENGINE_RECURSION_CEILING + 1;
  id = engine_fixture_id (&fixture->base);
  assert_load_fails (fixture, id, VT_ENGINE_ERROR_FAILED);
}

/* A later image's scan comes to a pool that has failed before it. */
static void
test_failure_is_told_again (Fixture *fixture, gconstpointer data)
{
  g_autofree char *id = NULL;

  write_file (fixture->base.database_dir, "bad.ndb", "this is not a signature\n");
  id = engine_fixture_id (&fixture->base);
  assert_load_fails (fixture, id, VT_ENGINE_ERROR_BAD_DATABASE);
  for (guint i = 0; i < 2; i++) {
    vt_scan_pool_load (fixture->pool, id);
    gt_signal_logger_assert_no_emissions (fixture->logger);
    submit (fixture, "too late");
    wait_for_all (fixture);
    assert_failed (fixture, VT_ENGINE_ERROR_BAD_DATABASE);
    gt_signal_logger_assert_no_emissions (fixture->logger);
  }
}

static guint
count_fds (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
test_free_with_pending_contents (Fixture *fixture, gconstpointer data)
{
  guint fds_before = count_fds ();
  int pidfds[PROCESSES_MAX];
  pid_t workers[PROCESSES_MAX];
  pid_t host;
  guint n;

  make_pool (fixture, 2);
  load (fixture);
  submit (fixture, "first content");
  submit (fixture, "second content");
  wait_for_all (fixture);
  host = get_host ();
  n = list_children (host, workers);
  g_assert_cmpuint (n, >=, 1);
  for (guint i = 0; i < n; i++) {
    stop_worker (workers[i]);
    pidfds[i] = vt_pidfd_open (workers[i]);
  }
  pidfds[n++] = vt_pidfd_open (host);
  for (guint i = 0; i < 5; i++)
    submit (fixture, "more content");
  g_clear_pointer (&fixture->logger, gt_signal_logger_free);
  g_clear_object (&fixture->pool);
  for (guint i = 0; i < n; i++) {
    struct pollfd ended = {.fd = pidfds[i], .events = POLLIN};

    /* One that the pool had not been told of yet is killed by the kernel, with its parent. */
    g_assert_cmpint (poll (&ended, 1, END_MS), ==, 1);
    close (pidfds[i]);
  }
  g_assert_cmpuint (fixture->n_done, ==, fixture->n_contents);
  for (guint i = 2; i < fixture->n_contents; i++)
    assert_incomplete (&fixture->contents[i], VT_REASON_ENGINE_ERROR);
  for (guint i = 0; i < fixture->n_contents; i++)
    vt_fd_clear (&fixture->contents[i].memfd);
  g_assert_cmpuint (count_fds (), ==, fds_before);
}

static void
free_pool (const VtVerdict *verdict, gpointer user_data)
{
  Fixture *fixture = user_data;

  fixture->n_done++;
  g_clear_pointer (&fixture->logger, gt_signal_logger_free);
  g_clear_object (&fixture->pool);
}

static void
test_free_in_callback (Fixture *fixture, gconstpointer data)
{
  vt_autofd memfd = memfd_of_data ("some content", 12);

  g_assert_cmpint (fcntl (memfd, F_ADD_SEALS, ALL_SEALS), ==, 0);
  make_pool (fixture, 1);
  load (fixture);
  vt_scan_pool_submit (fixture->pool, fixture, memfd, 12, free_pool, fixture);
  submit (fixture, "less");
  while (fixture->n_done < 2)
    g_main_context_iteration (NULL, TRUE);
  assert_incomplete (&fixture->contents[0], VT_REASON_ENGINE_ERROR);
}

#define ADD(name, function)                                                                        \
  g_test_add ("/scan-pool-failures/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("killed-worker-costs-one-content", test_killed_worker_costs_one_content);
  ADD ("hung-worker-is-killed", test_hung_worker_is_killed);
  ADD ("idle-worker-is-replaced", test_idle_worker_is_replaced);
  ADD ("host-death", test_host_death);
  ADD ("workers-that-cannot-start", test_workers_that_cannot_start);
  ADD ("host-that-cannot-start-workers", test_host_that_cannot_start_workers);
  ADD ("bad-database", test_bad_database);
  ADD ("database-without-signatures", test_database_without_signatures);
  ADD ("no-database", test_no_database);
  ADD ("changed-database", test_changed_database);
  ADD ("bad-limits", test_bad_limits);
  ADD ("failure-is-told-again", test_failure_is_told_again);
  ADD ("free-with-pending-contents", test_free_with_pending_contents);
  ADD ("free-in-callback", test_free_in_callback);
  return g_test_run ();
}
