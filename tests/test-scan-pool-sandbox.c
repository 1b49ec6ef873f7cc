// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What a pool says of the sandbox that its workers are in.
 */
#include "sandbox-situations.h"
#include "scan-pool-fixture.h"

static const Situation here = {"here", FALSE, stay, 0};

static int
find_weakness (const Inside *inside)
{
  return (inside->layers & (VT_SANDBOX_NAMESPACES | VT_SANDBOX_LANDLOCK)) != 0 ? 0 : 1;
}

static gboolean
is_weak_here (void)
{
  static const VtSandboxPolicy policy = {.tmp_size = TMP_SIZE, .open_files = 64};
  int status = run_in_sandbox (&here, &policy, find_weakness, NULL);

  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), <=, 1);
  return WEXITSTATUS (status) == 1;
}

/* As in a container without namespaces, on a kernel without Landlock; for good, and for all that
 * this process starts. */
static void
take_confinement_away (void)
{
  scmp_filter_ctx filter = seccomp_init (SCMP_ACT_ALLOW);

  require (seccomp_rule_add (filter, SCMP_ACT_ERRNO (EPERM), SCMP_SYS (unshare), 0) == 0 &&
               seccomp_rule_add (filter, SCMP_ACT_ERRNO (ENOSYS), SYS_landlock_create_ruleset, 0) ==
                   0 &&
               seccomp_load (filter) == 0,
           "filter");
  seccomp_release (filter);
  g_assert_true (is_weak_here ());
}

static void
set_up_weak (Fixture *fixture, gconstpointer data)
{
  take_confinement_away ();
  set_up (fixture, data);
}

static void
make_listened_pool (Fixture *fixture)
{
  make_pool (fixture, 1);
  gt_signal_logger_connect (fixture->logger, fixture->pool, "warning");
  load (fixture);
}

static void
test_confined_workers_need_no_word (Fixture *fixture, gconstpointer data)
{
  if (is_weak_here ()) {
    g_test_skip ("neither namespaces nor Landlock can be had here");
    return;
  }
  make_listened_pool (fixture);
  submit (fixture, "some content");
  wait_for_all (fixture);
  assert_loaded (fixture);
  gt_signal_logger_assert_no_emissions (fixture->logger);
}

static void
test_weak_sandbox_is_told_once (Fixture *fixture, gconstpointer data)
{
  g_autofree char *what = NULL;

  make_listened_pool (fixture);
  submit (fixture, "before " MARKER);
  wait_for_all (fixture);
  assert_infected (&fixture->contents[0], MARKER_NAME);
  assert_loaded (fixture);
  gt_signal_logger_assert_emission_pop (fixture->logger, fixture->pool, "warning", &what);
  g_assert_nonnull (strstr (what, "sandbox is weak"));
  /* The next worker has nothing new to tell. */
  g_assert_cmpint (kill (only_child (get_host ()), SIGKILL), ==, 0);
  wait_for_signal (fixture);
  assert_worker_lost (fixture);
  submit (fixture, "another content");
  wait_for_all (fixture);
  assert_clean (&fixture->contents[1]);
  gt_signal_logger_assert_no_emissions (fixture->logger);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/scan-pool-sandbox/confined-workers-need-no-word", Fixture, NULL, set_up,
              test_confined_workers_need_no_word, tear_down);
  /* The last: there is no way back. */
  g_test_add ("/scan-pool-sandbox/weak-sandbox-is-told-once", Fixture, NULL, set_up_weak,
              test_weak_sandbox_is_told_once, tear_down);
  return g_test_run ();
}
