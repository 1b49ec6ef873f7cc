// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vt-fd.h"
#include "vt-ipc.h"
#include "vt-spawner.h"

/* How long a process may take to end once it has to; it takes milliseconds. */
#define DEADLINE_MS 20000

static int
echo_child (int socket, GVariant *arguments)
{
  g_autoptr (GVariant) answer =
      g_variant_ref_sink (g_variant_new ("(vi)", arguments, (int)getsid (0)));

  return vt_ipc_send (socket, answer, NULL, 0, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
idle_child (int socket, GVariant *arguments)
{
  pause ();
  return EXIT_SUCCESS;
}

static void
assert_ends (int pidfd)
{
  struct pollfd ended = {.fd = pidfd, .events = POLLIN};

  g_assert_cmpint (poll (&ended, 1, DEADLINE_MS), ==, 1);
}

static void
test_child_gets_its_arguments (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtSpawner) spawner = vt_spawner_new (&error);

  g_assert_no_error (error);
  for (int round = 0; round < 3; round++) {
    g_auto (VtChild) child = VT_CHILD_INIT;
    g_autoptr (GVariant) answer = NULL;
    g_autoptr (GVariant) arguments = NULL;
    int session;

    g_assert_true (
        vt_spawner_spawn (spawner, echo_child, g_variant_new_int32 (round), &child, &error));
    g_assert_no_error (error);
    answer = vt_ipc_receive (child.socket, G_VARIANT_TYPE ("(vi)"), NULL, &error);
    g_assert_no_error (error);
    g_variant_get (answer, "(vi)", &arguments, &session);
    g_assert_cmpint (g_variant_get_int32 (arguments), ==, round);
    g_assert_cmpint (session, !=, (int)getsid (0));
    assert_ends (child.pidfd);
  }
}

static void
test_clearing_a_child_ends_it (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtSpawner) spawner = vt_spawner_new (&error);
  VtChild child = VT_CHILD_INIT;
  vt_autofd pidfd = -1;

  g_assert_no_error (error);
  g_assert_true (vt_spawner_spawn (spawner, idle_child, g_variant_new_int32 (0), &child, &error));
  g_assert_no_error (error);
  pidfd = dup (child.pidfd);
  vt_child_clear (&child);
  assert_ends (pidfd);
  g_assert_cmpint (child.socket, ==, -1);
}

/* A process that starts a child and hands its pidfd out, then waits to be killed. */
static G_GNUC_NORETURN void
run_parent (int socket)
{
  VtChild child = VT_CHILD_INIT;
  VtSpawner *spawner = vt_spawner_new (NULL);

  if (spawner == NULL ||
      !vt_spawner_spawn (spawner, idle_child, g_variant_new_int32 (0), &child, NULL) ||
      !vt_ipc_send (socket, g_variant_new_int32 (0), &child.pidfd, 1, NULL))
    _exit (EXIT_FAILURE);
  pause ();
  _exit (EXIT_SUCCESS);
}

static void
test_nothing_survives_kill_9 (void)
{
  g_autoptr (GError) error = NULL;
  g_auto (VtIpcFds) fds = VT_IPC_FDS_INIT;
  g_autoptr (GVariant) started = NULL;
  struct pollfd running;
  int pair[2];
  pid_t parent;

  g_assert_true (vt_ipc_pair (pair, &error));
  parent = fork ();
  if (parent == 0)
    run_parent (pair[1]);
  close (pair[1]);
  started = vt_ipc_receive (pair[0], G_VARIANT_TYPE ("i"), &fds, &error);
  g_assert_no_error (error);
  running = (struct pollfd){.fd = fds.fd[0], .events = POLLIN};
  g_assert_cmpint (poll (&running, 1, 0), ==, 0);
  kill (parent, SIGKILL);
  g_assert_cmpint (waitpid (parent, NULL, 0), ==, parent);
  assert_ends (fds.fd[0]);
  close (pair[0]);
}

static gpointer
wait_for_release (gpointer mutex)
{
  g_mutex_lock (mutex);
  g_mutex_unlock (mutex);
  return NULL;
}

static void
test_threads_are_refused (void)
{
  g_autoptr (GError) error = NULL;
  GMutex mutex;
  GThread *thread;

  g_mutex_init (&mutex);
  g_mutex_lock (&mutex);
  thread = g_thread_new ("second", wait_for_release, &mutex);
  g_assert_null (vt_spawner_new (&error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_FAILED);
  g_mutex_unlock (&mutex);
  g_thread_join (thread);
  g_mutex_clear (&mutex);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/spawner/child-gets-its-arguments", test_child_gets_its_arguments);
  g_test_add_func ("/spawner/clearing-a-child-ends-it", test_clearing_a_child_ends_it);
  g_test_add_func ("/spawner/nothing-survives-kill-9", test_nothing_survives_kill_9);
  g_test_add_func ("/spawner/threads-are-refused", test_threads_are_refused);
  return g_test_run ();
}
