// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vt-content.h"
#include "vt-fd.h"

static void
test_kept_content_is_sealed (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtContent) content = vt_content_new (10, 10, &error);
  vt_autofd memfd = -1;
  VtDigest unused;
  char bytes[11] = "";

  g_assert_no_error (error);
  g_assert_true (vt_content_write (content, 0, "ab", 2, &error));
  /* A hole, then the end of the file. */
  g_assert_true (vt_content_write (content, 8, "cd", 2, &error));
  g_assert_true (vt_content_finish (content, &memfd, &unused, &error));
  g_assert_no_error (error);
  g_assert_cmpint (pread (memfd, bytes, 11, 0), ==, 10);
  g_assert_cmpmem (bytes, 10, "ab\0\0\0\0\0\0cd", 10);
  g_assert_cmpint (pwrite (memfd, "x", 1, 0), ==, -1);
  g_assert_cmpint (errno, ==, EPERM);
  g_assert_cmpint (ftruncate (memfd, 5), ==, -1);
  g_assert_cmpint (ftruncate (memfd, 50), ==, -1);
}

static void
test_large_content_is_only_hashed (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtContent) content = vt_content_new (200000, 199999, &error);
  g_autofree char *expected = g_malloc0 (200000);
  int memfd = 0;
  VtDigest digest;
  VtDigest wanted;

  expected[100000] = 'x';
  wanted = vt_digest_of_data (expected, 200000);
  g_assert_true (vt_content_write (content, 100000, "x", 1, &error));
  g_assert_true (vt_content_finish (content, &memfd, &digest, &error));
  g_assert_no_error (error);
  g_assert_cmpint (memfd, ==, -1);
  g_assert_true (vt_digest_equal (&digest, &wanted));
}

static void
test_what_does_not_fit_is_refused (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtContent) content = vt_content_new (4, 10, &error);

  g_assert_false (vt_content_write (content, 0, "abcde", 5, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_clear_error (&error);
  g_assert_false (vt_content_write (content, G_MAXUINT64, "a", 1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_clear_error (&error);
  g_assert_true (vt_content_write (content, 2, "a", 1, &error));
  g_assert_false (vt_content_write (content, 1, "a", 1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
}

/* Contents come from processes that may have been taken over. */
static void
test_what_is_not_sealed_is_told_apart (void)
{
  static const int seals[] = {F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE};
  vt_autofd memfd = memfd_create ("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  vt_autofd file = open ("/proc/self/exe", O_RDONLY | O_CLOEXEC);

  g_assert_cmpint (ftruncate (memfd, 10), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (seals); i++) {
    g_assert_false (vt_content_is_sealed (memfd, 10));
    g_assert_cmpint (fcntl (memfd, F_ADD_SEALS, seals[i]), ==, 0);
  }
  g_assert_true (vt_content_is_sealed (memfd, 10));
  g_assert_false (vt_content_is_sealed (memfd, 9));
  g_assert_false (vt_content_is_sealed (memfd, 11));
  g_assert_false (vt_content_is_sealed (file, (guint64)lseek (file, 0, SEEK_END)));
  g_assert_false (vt_content_is_sealed (-1, 0));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/content/kept-is-sealed", test_kept_content_is_sealed);
  g_test_add_func ("/content/large-is-only-hashed", test_large_content_is_only_hashed);
  g_test_add_func ("/content/what-does-not-fit-is-refused", test_what_does_not_fit_is_refused);
  g_test_add_func ("/content/what-is-not-sealed-is-told-apart",
                   test_what_is_not_sealed_is_told_apart);
  return g_test_run ();
}
