// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <errno.h>
#include <sys/mman.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vt-fd.h"
#include "vt-ipc.h"
#include "vt-spool.h"

#define SIZE ((guint64)3 * 1024 * 1024 * 1024)

static VtSpool *
new_spool (void)
{
  g_autoptr (GError) error = NULL;
  VtSpool *spool = vt_spool_new (SIZE, 4096, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (vt_spool_get_size (spool), ==, SIZE);
  return spool;
}

static void
test_what_was_written_is_read (void)
{
  g_autoptr (VtSpool) spool = new_spool ();
  vt_autofd writer = vt_spool_steal_writer (spool);
  vt_autofd reader = -1;
  struct stat info;
  char bytes[4] = "";

  g_assert_cmpint (pwrite (writer, "abc", 3, (off_t)SIZE - 3), ==, 3);
  vt_fd_clear (&writer);
  reader = vt_spool_finish (spool);
  g_assert_cmpint (reader, >=, 0);
  g_assert_cmpint (pread (reader, bytes, 3, (off_t)SIZE - 3), ==, 3);
  g_assert_cmpstr (bytes, ==, "abc");
  g_assert_cmpint (pwrite (reader, "x", 1, 0), ==, -1);
  /* It has no name, and its hole takes no room. */
  g_assert_cmpint (fstat (reader, &info), ==, 0);
  g_assert_cmpuint (info.st_nlink, ==, 0);
  g_assert_cmpint (info.st_blocks, <, 1024);
}

static void
test_who_can_write_is_noticed (void)
{
  g_autoptr (VtSpool) spool = new_spool ();
  vt_autofd writer = vt_spool_steal_writer (spool);
  void *map;

  g_assert_cmpint (vt_spool_finish (spool), ==, -1);
  map = mmap (NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, writer, 0);
  g_assert_true (map != MAP_FAILED);
  vt_fd_clear (&writer);
  g_assert_cmpint (vt_spool_finish (spool), ==, -1);
  munmap (map, 4096);
  writer = vt_spool_finish (spool);
  g_assert_cmpint (writer, >=, 0);
}

/* A descriptor that was sent and not received yet is one to write by as well. */
static void
test_a_writer_in_a_socket_is_noticed (void)
{
  g_autoptr (VtSpool) spool = new_spool ();
  g_autoptr (GError) error = NULL;
  vt_autofd writer = vt_spool_steal_writer (spool);
  int pair[2];

  g_assert_true (vt_ipc_pair (pair, &error));
  g_assert_true (vt_ipc_send (pair[0], g_variant_new ("()"), &writer, 1, &error));
  g_assert_no_error (error);
  vt_fd_clear (&writer);
  g_assert_cmpint (vt_spool_finish (spool), ==, -1);
  close (pair[0]);
  close (pair[1]);
  writer = vt_spool_finish (spool);
  g_assert_cmpint (writer, >=, 0);
}

static void
test_another_size_is_noticed (void)
{
  g_autoptr (VtSpool) spool = new_spool ();
  vt_autofd writer = vt_spool_steal_writer (spool);

  g_assert_cmpint (ftruncate (writer, 5), ==, 0);
  vt_fd_clear (&writer);
  g_assert_cmpint (vt_spool_finish (spool), ==, -1);
}

static void
test_no_room_is_an_error (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (vt_spool_new (SIZE, G_MAXUINT64, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_assert_nonnull (strstr (error->message, "TMPDIR"));
  g_clear_error (&error);
  g_setenv ("TMPDIR", "/nonexistent", TRUE);
  g_assert_null (vt_spool_new (SIZE, 0, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_unsetenv ("TMPDIR");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/spool/what-was-written-is-read", test_what_was_written_is_read);
  g_test_add_func ("/spool/who-can-write-is-noticed", test_who_can_write_is_noticed);
  g_test_add_func ("/spool/a-writer-in-a-socket-is-noticed", test_a_writer_in_a_socket_is_noticed);
  g_test_add_func ("/spool/another-size-is-noticed", test_another_size_is_noticed);
  g_test_add_func ("/spool/no-room-is-an-error", test_no_room_is_an_error);
  return g_test_run ();
}
