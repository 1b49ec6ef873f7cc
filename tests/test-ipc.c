// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <fcntl.h>
#include <sys/socket.h>

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
  return g_test_run ();
}
