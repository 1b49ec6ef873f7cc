// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The starter's side of unpacking, with processes that are as hostile, as slow or as broken as one
 * that opened a hostile container may be.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake-reader.h"
#include "vt-unpack-protocol-private.h"
#include "vt-unpack-pool.h"

#define MEMBER_SIZE ((guint64)1024 * 1024)

typedef struct {
  VtUnpackPool *pool;
  VtMemberSource *session;
  int memfd;
  guint members;
  guint64 held; /* cost of the members that are not released */
  gboolean releases;
  gboolean ended;
  VtReason reason;
  char *detail;
} Fixture;

static VtSpawner *spawner;

static void
on_member (const VtUnpackMember *member, gpointer credit, gpointer user_data)
{
  Fixture *fixture = user_data;
  vt_autofd content = member->content;

  fixture->members++;
  if (fixture->releases)
    vt_member_source_release (fixture->session, credit);
  else
    fixture->held += GPOINTER_TO_SIZE (credit);
}

static void
on_ended (VtReason reason, const char *detail, gpointer user_data)
{
  Fixture *fixture = user_data;

  g_assert_false (fixture->ended);
  fixture->ended = TRUE;
  fixture->reason = reason;
  fixture->detail = g_strdup (detail);
}

static const VtMemberEvents events = {.member = on_member, .ended = on_ended};

static void
set_up (Fixture *fixture, gconstpointer worker)
{
  const VtUnpackPoolOptions options = {
      .worker = (VtChildFunc)worker,
      .max_file_size = 16 * MEMBER_SIZE,
      .max_time_s = 1,
      .jobs = 1,
  };

  fixture->pool = vt_unpack_pool_new (spawner, &options);
  fixture->memfd = make_memfd ("a container", TRUE);
  fixture->releases = TRUE;
}

static void
tear_down (Fixture *fixture, gconstpointer worker)
{
  g_clear_pointer (&fixture->session, vt_member_source_free);
  vt_unpack_pool_free (fixture->pool);
  vt_fd_clear (&fixture->memfd);
  g_free (fixture->detail);
}

static void
open_session (Fixture *fixture)
{
  const VtUnpackLimits limits = {
      .max_member_size = 16 * MEMBER_SIZE, .max_size = G_MAXUINT64, .max_members = 1000};

  fixture->session = vt_unpack_pool_open (fixture->pool, 0, fixture->memfd, strlen ("a container"),
                                          VT_CONTAINER_ARCHIVE, &limits, &events, fixture);
}

static void
run_session (Fixture *fixture)
{
  open_session (fixture);
  while (!fixture->ended)
    g_main_context_iteration (NULL, TRUE);
}

/* The processes */

static void
send_reply (int socket, VtUnpackReply kind, GVariant *value, int fd)
{
  must (vt_ipc_send (socket, g_variant_new ("(yv)", (guchar)kind, value), &fd, fd >= 0, NULL));
}

static void
send_member (int socket, const char *name, guint64 size, VtReason reason, int fd)
{
  GVariant *bytes = g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, name, strlen (name), 1);

  send_reply (socket, VT_UNPACK_MEMBER, g_variant_new ("(@ayty)", bytes, size, (guchar)reason), fd);
}

static void
send_done (int socket, VtReason reason)
{
  send_reply (socket, VT_UNPACK_DONE, g_variant_new ("(ys)", (guchar)reason, "told"), -1);
}

static VtUnpackRequest
receive_request (int socket)
{
  g_auto (VtIpcFds) fds = VT_IPC_FDS_INIT;
  g_autoptr (GVariant) message = vt_ipc_receive (socket, VT_UNPACK_MESSAGE_TYPE, &fds, NULL);
  g_autoptr (GVariant) value = NULL;
  guchar kind;

  must (message != NULL);
  g_variant_get (message, "(yv)", &kind, &value);
  return kind;
}

static int
make_zeros (guint64 size)
{
  g_autoptr (VtContent) content = vt_content_new (size, G_MAXUINT64, NULL);
  VtDigest unused;
  int memfd = -1;

  must (content != NULL && vt_content_finish (content, &memfd, &unused, NULL));
  return memfd;
}

static G_GNUC_NORETURN void
hang (void)
{
  for (;;)
    pause ();
}

static int
good_worker (int socket, GVariant *arguments)
{
  for (guint i = 0; i < 3; i++) {
    vt_autofd content = make_memfd ("inner", TRUE);

    while (receive_request (socket) != VT_UNPACK_OPEN)
      ;
    send_member (socket, "one", 5, VT_REASON_NONE, content);
    send_member (socket, "two", 7, VT_REASON_ENCRYPTED, -1);
    send_done (socket, VT_REASON_DAMAGED);
  }
  hang ();
}

static int
crashing_worker (int socket, GVariant *arguments)
{
  receive_request (socket);
  kill (getpid (), SIGSEGV);
  return EXIT_SUCCESS;
}

static int
hanging_worker (int socket, GVariant *arguments)
{
  receive_request (socket);
  hang ();
}

/* Says that it waits for credit while all of it was given back. */
static int
lying_worker (int socket, GVariant *arguments)
{
  receive_request (socket);
  send_reply (socket, VT_UNPACK_WAIT, g_variant_new ("()"), -1);
  hang ();
}

static int
failing_worker (int socket, GVariant *arguments)
{
  send_reply (socket, VT_UNPACK_FAILED, g_variant_new_string ("no sandbox"), -1);
  receive_request (socket);
  return EXIT_FAILURE;
}

static int
greedy_worker (int socket, GVariant *arguments)
{
  vt_autofd content = make_zeros (16 * MEMBER_SIZE);

  receive_request (socket);
  for (guint i = 0; i < 5; i++)
    send_member (socket, "m", 16 * MEMBER_SIZE, VT_REASON_NONE, content);
  send_done (socket, VT_REASON_NONE);
  return EXIT_SUCCESS;
}

/* As it should be: stops when the budget is used up. */
static int
waiting_worker (int socket, GVariant *arguments)
{
  vt_autofd content = make_zeros (16 * MEMBER_SIZE);

  receive_request (socket);
  for (guint i = 0; i < 4; i++)
    send_member (socket, "m", 16 * MEMBER_SIZE, VT_REASON_NONE, content);
  send_reply (socket, VT_UNPACK_WAIT, g_variant_new ("()"), -1);
  must (receive_request (socket) == VT_UNPACK_CREDIT);
  send_member (socket, "last", 16 * MEMBER_SIZE, VT_REASON_NONE, content);
  send_done (socket, VT_REASON_NONE);
  receive_request (socket);
  return EXIT_SUCCESS;
}

#define NONSENSE_WORKER(name, body)                                                                \
  static int name (int socket, GVariant *arguments)                                                \
  {                                                                                                \
    receive_request (socket);                                                                      \
    body;                                                                                          \
    send_done (socket, VT_REASON_NONE);                                                            \
    return EXIT_SUCCESS;                                                                           \
  }

NONSENSE_WORKER (nameless, send_member (socket, "", 5, VT_REASON_ENCRYPTED, -1))
NONSENSE_WORKER (contentless, send_member (socket, "m", 5, VT_REASON_NONE, -1))
NONSENSE_WORKER (reasonless, send_member (socket, "m", 5, VT_REASON_N, -1))
NONSENSE_WORKER (unsealed,
                 send_member (socket, "m", 5, VT_REASON_NONE, make_memfd ("inner", FALSE)))
NONSENSE_WORKER (
    oversized,
    send_member (socket, "m", 17 * MEMBER_SIZE, VT_REASON_NONE, make_zeros (17 * MEMBER_SIZE)))
NONSENSE_WORKER (two_lies,
                 send_member (socket, "m", 5, VT_REASON_DAMAGED, make_memfd ("inner", TRUE)))
NONSENSE_WORKER (unknown_kind, send_reply (socket, 99, g_variant_new ("()"), -1))
NONSENSE_WORKER (wrong_type, send_reply (socket, VT_UNPACK_DONE, g_variant_new ("()"), -1))
NONSENSE_WORKER (wrong_reason, send_done (socket, VT_REASON_N))

/* The tests */

static void
test_members_and_end (Fixture *fixture, gconstpointer worker)
{
  run_session (fixture);
  g_assert_cmpuint (fixture->members, ==, 2);
  g_assert_cmpint (fixture->reason, ==, VT_REASON_DAMAGED);
  g_assert_cmpstr (fixture->detail, ==, "told");
}

static void
test_a_process_serves_again (Fixture *fixture, gconstpointer worker)
{
  for (guint i = 1; i <= 3; i++) {
    run_session (fixture);
    g_assert_cmpuint (fixture->members, ==, 2 * i);
    g_clear_pointer (&fixture->session, vt_member_source_free);
    g_clear_pointer (&fixture->detail, g_free);
    fixture->ended = FALSE;
  }
}

static void
test_sessions_wait_for_a_process (Fixture *fixture, gconstpointer worker)
{
  Fixture other = *fixture;

  open_session (fixture);
  open_session (&other);
  while (!fixture->ended)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (other.members, ==, 0);
  g_clear_pointer (&fixture->session, vt_member_source_free);
  while (!other.ended)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (other.members, ==, 2);
  vt_member_source_free (other.session);
  g_free (other.detail);
}

static void
assert_reason (Fixture *fixture, VtReason reason)
{
  run_session (fixture);
  g_assert_cmpint (fixture->reason, ==, reason);
  g_assert_cmpstr (fixture->detail, !=, "told");
}

static void
test_a_crash_costs_the_container (Fixture *fixture, gconstpointer worker)
{
  assert_reason (fixture, VT_REASON_ENGINE_CRASH);
}

static void
test_a_hang_ends (Fixture *fixture, gconstpointer worker)
{
  assert_reason (fixture, VT_REASON_TIME_LIMIT);
}

static void
test_no_sandbox_is_an_error (Fixture *fixture, gconstpointer worker)
{
  assert_reason (fixture, VT_REASON_ENGINE_ERROR);
  g_assert_nonnull (strstr (fixture->detail, "no sandbox"));
}

static void
test_nonsense_ends_the_process (Fixture *fixture, gconstpointer worker)
{
  assert_reason (fixture, VT_REASON_ENGINE_CRASH);
  g_assert_cmpuint (fixture->members, ==, 0);
}

static void
test_the_budget_holds (Fixture *fixture, gconstpointer worker)
{
  fixture->releases = FALSE;
  assert_reason (fixture, VT_REASON_ENGINE_CRASH);
  g_assert_cmpuint (fixture->held, ==, VT_UNPACK_BUDGET);
}

static void
test_waiting_is_no_hang (Fixture *fixture, gconstpointer worker)
{
  gint64 deadline;

  fixture->releases = FALSE;
  open_session (fixture);
  /* Longer than unpacking may take. */
  deadline = g_get_monotonic_time () + 3 * G_USEC_PER_SEC;
  while (g_get_monotonic_time () < deadline && !fixture->ended) {
    g_main_context_iteration (NULL, FALSE);
    g_usleep (10000);
  }
  g_assert_false (fixture->ended);
  g_assert_cmpuint (fixture->members, ==, 4);
  fixture->releases = TRUE;
  vt_member_source_release (fixture->session, GSIZE_TO_POINTER (fixture->held));
  while (!fixture->ended)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (fixture->members, ==, 5);
  g_assert_cmpint (fixture->reason, ==, VT_REASON_NONE);
}

static void
test_freed_in_the_middle (Fixture *fixture, gconstpointer worker)
{
  open_session (fixture);
  while (fixture->members == 0)
    g_main_context_iteration (NULL, TRUE);
  g_clear_pointer (&fixture->session, vt_member_source_free);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_false (fixture->ended);
}

#define ADD(name, worker, test)                                                                    \
  g_test_add ("/unpack-pool/" name, Fixture, (gconstpointer)worker, set_up, test, tear_down)

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  spawner = vt_spawner_new (&error);
  g_assert_no_error (error);
  ADD ("members-and-end", good_worker, test_members_and_end);
  ADD ("a-process-serves-again", good_worker, test_a_process_serves_again);
  ADD ("sessions-wait-for-a-process", good_worker, test_sessions_wait_for_a_process);
  ADD ("a-crash-costs-the-container", crashing_worker, test_a_crash_costs_the_container);
  ADD ("a-hang-ends", hanging_worker, test_a_hang_ends);
  ADD ("waiting-for-nothing-is-a-hang", lying_worker, test_a_hang_ends);
  ADD ("no-sandbox-is-an-error", failing_worker, test_no_sandbox_is_an_error);
  ADD ("the-budget-holds", greedy_worker, test_the_budget_holds);
  ADD ("waiting-is-no-hang", waiting_worker, test_waiting_is_no_hang);
  ADD ("freed-in-the-middle", waiting_worker, test_freed_in_the_middle);
  ADD ("nonsense/nameless", nameless, test_nonsense_ends_the_process);
  ADD ("nonsense/contentless", contentless, test_nonsense_ends_the_process);
  ADD ("nonsense/reasonless", reasonless, test_nonsense_ends_the_process);
  ADD ("nonsense/unsealed", unsealed, test_nonsense_ends_the_process);
  ADD ("nonsense/oversized", oversized, test_nonsense_ends_the_process);
  ADD ("nonsense/content-and-reason", two_lies, test_nonsense_ends_the_process);
  ADD ("nonsense/unknown-kind", unknown_kind, test_nonsense_ends_the_process);
  ADD ("nonsense/wrong-type", wrong_type, test_nonsense_ends_the_process);
  ADD ("nonsense/wrong-reason", wrong_reason, test_nonsense_ends_the_process);
  status = g_test_run ();
  vt_spawner_free (spawner);
  return status;
}
