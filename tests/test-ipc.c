// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vt-fd.h"
#include "vt-ipc.h"

typedef struct {
  int ours;
  int theirs;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  int pair[2];

  g_assert_true (vt_ipc_pair (pair, &error));
  g_assert_no_error (error);
  fixture->ours = pair[0];
  fixture->theirs = pair[1];
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  vt_fd_clear (&fixture->ours);
  vt_fd_clear (&fixture->theirs);
}

static void
test_value_and_descriptor_arrive (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_auto (VtIpcFds) fds = VT_IPC_FDS_INIT;
  g_autoptr (GVariant) value = NULL;
  vt_autofd null = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  const char *text;
  guint32 number;

  g_assert_true (vt_ipc_send (fixture->ours, g_variant_new ("(su)", "hello", 7), &null, 1, &error));
  g_assert_no_error (error);
  value = vt_ipc_receive (fixture->theirs, G_VARIANT_TYPE ("(su)"), &fds, &error);
  g_assert_no_error (error);
  g_variant_get (value, "(&su)", &text, &number);
  g_assert_cmpstr (text, ==, "hello");
  g_assert_cmpuint (number, ==, 7);
  g_assert_cmpint (fds.fd[0], >=, 0);
  g_assert_cmpint (fcntl (fds.fd[0], F_GETFD), ==, FD_CLOEXEC);
  g_assert_cmpint (fds.fd[1], ==, -1);
}

static void
test_malformed_is_refused (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree guint8 *large = g_malloc0 (VT_IPC_MESSAGE_MAX + 1);

  g_assert_cmpint (send (fixture->ours, "\xff\xff\xff", 3, 0), ==, 3);
  g_assert_null (vt_ipc_receive (fixture->theirs, G_VARIANT_TYPE ("(sas)"), NULL, &error));
  g_assert_error (error, VT_IPC_ERROR, VT_IPC_ERROR_MALFORMED);
  g_clear_error (&error);
  g_assert_cmpint (send (fixture->ours, large, VT_IPC_MESSAGE_MAX + 1, 0), >, 0);
  g_assert_null (vt_ipc_receive (fixture->theirs, G_VARIANT_TYPE ("ay"), NULL, &error));
  g_assert_error (error, VT_IPC_ERROR, VT_IPC_ERROR_MALFORMED);
  g_clear_error (&error);
  g_assert_false (vt_ipc_send (
      fixture->ours,
      g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, large, VT_IPC_MESSAGE_MAX + 1, 1), NULL, 0,
      &error));
  g_assert_error (error, VT_IPC_ERROR, VT_IPC_ERROR_MALFORMED);
}

static void
test_closed_peer_is_told (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  vt_fd_clear (&fixture->theirs);
  g_assert_null (vt_ipc_receive (fixture->ours, G_VARIANT_TYPE ("u"), NULL, &error));
  g_assert_error (error, VT_IPC_ERROR, VT_IPC_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_false (vt_ipc_send (fixture->ours, g_variant_new_uint32 (1), NULL, 0, &error));
  g_assert_error (error, VT_IPC_ERROR, VT_IPC_ERROR_CLOSED);
}

/* Open files of the sender, and messages with a descriptor each that it sends. */
#define SENDER_FILES 16
#define SENDER_SENDS 64
/* Nobody else's here, whose descriptors on the way would count as well. */
#define SENDER_USER 64999

/* How a sender ends. */
enum { ALL_SENT, TOO_MANY, PEER_GONE, CANNOT_START };

/* In a child, as a user for whom the limit counts. */
static int
send_many (int socket, gboolean patiently)
{
  const struct rlimit limit = {SENDER_FILES, SENDER_FILES};
  int null = open ("/dev/null", O_RDONLY | O_CLOEXEC);

  if (null < 0 || setrlimit (RLIMIT_NOFILE, &limit) != 0 || setuid (SENDER_USER) != 0)
    return CANNOT_START;
  for (guint32 i = 0; i < SENDER_SENDS; i++) {
    GVariant *value = g_variant_new_uint32 (i);
    g_autoptr (GError) error = NULL;

    if (!(patiently ? vt_ipc_send_patiently (socket, value, &null, 1, &error)
                    : vt_ipc_send (socket, value, &null, 1, &error)))
      return g_error_matches (error, VT_IPC_ERROR, VT_IPC_ERROR_CLOSED) ? PEER_GONE : TOO_MANY;
  }
  return ALL_SENT;
}

static pid_t
start_sender (Fixture *fixture, gboolean patiently)
{
  pid_t child = fork ();

  g_assert_cmpint (child, >=, 0);
  if (child == 0) {
    close (fixture->ours);
    _exit (send_many (fixture->theirs, patiently));
  }
  vt_fd_clear (&fixture->theirs);
  return child;
}

static int
wait_for (pid_t child)
{
  int status;

  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status));
  return WEXITSTATUS (status);
}

static gboolean
cannot_be_another (void)
{
  if (geteuid () == 0)
    return FALSE;
  g_test_skip ("only root can start a process of another user");
  return TRUE;
}

static void
test_many_descriptors_wait (Fixture *fixture, gconstpointer data)
{
  pid_t child;

  if (cannot_be_another ())
    return;
  child = start_sender (fixture, TRUE);
  /* It is held up meanwhile. */
  g_usleep (50 * 1000);
  for (guint32 i = 0; i < SENDER_SENDS; i++) {
    g_autoptr (GError) error = NULL;
    g_auto (VtIpcFds) fds = VT_IPC_FDS_INIT;
    g_autoptr (GVariant) value =
        vt_ipc_receive (fixture->ours, G_VARIANT_TYPE_UINT32, &fds, &error);

    g_assert_no_error (error);
    g_assert_cmpuint (g_variant_get_uint32 (value), ==, i);
    g_assert_cmpint (fds.fd[0], >=, 0);
  }
  g_assert_cmpint (wait_for (child), ==, ALL_SENT);
}

/* That it is the kernel's limit which makes them wait. */
static void
test_many_descriptors_are_too_many (Fixture *fixture, gconstpointer data)
{
  if (cannot_be_another ())
    return;
  g_assert_cmpint (wait_for (start_sender (fixture, FALSE)), ==, TOO_MANY);
}

/* Who receives nothing any more must not be waited for. */
static void
test_waiting_ends_with_the_peer (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GVariant) value = NULL;
  pid_t child;

  if (cannot_be_another ())
    return;
  child = start_sender (fixture, TRUE);
  value = vt_ipc_receive (fixture->ours, G_VARIANT_TYPE_UINT32, NULL, NULL);
  g_assert_nonnull (value);
  g_usleep (50 * 1000);
  vt_fd_clear (&fixture->ours);
  g_assert_cmpint (wait_for (child), ==, PEER_GONE);
}

static void
test_senders_leave_half_of_the_limit (Fixture *fixture, gconstpointer data)
{
  struct rlimit limit;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  g_assert_cmpuint (limit.rlim_cur, <, G_MAXUINT32);
  g_assert_cmpuint (vt_ipc_get_sender_files (2), ==, 2);
  g_assert_cmpuint (vt_ipc_get_sender_files (G_MAXUINT32), ==, limit.rlim_cur / 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/ipc/value-and-descriptor-arrive", Fixture, NULL, set_up,
              test_value_and_descriptor_arrive, tear_down);
  g_test_add ("/ipc/malformed-is-refused", Fixture, NULL, set_up, test_malformed_is_refused,
              tear_down);
  g_test_add ("/ipc/closed-peer-is-told", Fixture, NULL, set_up, test_closed_peer_is_told,
              tear_down);
  g_test_add ("/ipc/many-descriptors-wait", Fixture, NULL, set_up, test_many_descriptors_wait,
              tear_down);
  g_test_add ("/ipc/many-descriptors-are-too-many", Fixture, NULL, set_up,
              test_many_descriptors_are_too_many, tear_down);
  g_test_add ("/ipc/waiting-ends-with-the-peer", Fixture, NULL, set_up,
              test_waiting_ends_with_the_peer, tear_down);
  g_test_add ("/ipc/senders-leave-half-of-the-limit", Fixture, NULL, set_up,
              test_senders_leave_half_of_the_limit, tear_down);
  return g_test_run ();
}
