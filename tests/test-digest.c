// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <fcntl.h>
#include <sys/mman.h>

#include "vt-digest.h"
#include "vt-fd.h"

/* FIPS 180-4, the one-block example. */
#define ABC_HEX "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void
test_known_answer (void)
{
  char hex[VT_DIGEST_HEX_SIZE];
  VtDigest digest = vt_digest_of_data ("abc", 3);
  VtDigest parsed;
  g_autoptr (VtHasher) hasher = vt_hasher_new ();

  g_assert_cmpstr (vt_digest_to_hex (&digest, hex), ==, ABC_HEX);
  g_assert_true (vt_digest_from_hex (ABC_HEX, &parsed));
  g_assert_true (vt_digest_equal (&parsed, &digest));
  for (int round = 0; round < 2; round++) {
    vt_hasher_update (hasher, "a", 1);
    vt_hasher_update (hasher, "bc", 2);
    parsed = vt_hasher_finish (hasher);
    g_assert_true (vt_digest_equal (&parsed, &digest));
  }
}

static void
test_bad_hex_is_refused (void)
{
  VtDigest digest;

  g_assert_false (vt_digest_from_hex ("", &digest));
  g_assert_false (vt_digest_from_hex ("ba78", &digest));
  g_assert_false (vt_digest_from_hex (ABC_HEX "0", &digest));
  g_assert_false (vt_digest_from_hex (
      "xa7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", &digest));
}

static void
test_file (void)
{
  vt_autofd fd = memfd_create ("test", MFD_CLOEXEC);
  g_autoptr (GError) error = NULL;
  VtDigest digest;
  VtDigest expected = vt_digest_of_data ("abc", 3);

  g_assert_cmpint (write (fd, "abc", 3), ==, 3);
  g_assert_true (vt_digest_of_fd (fd, 3, &digest, &error));
  g_assert_no_error (error);
  g_assert_true (vt_digest_equal (&digest, &expected));
  g_assert_cmpint (lseek (fd, 0, SEEK_CUR), ==, 3);
  g_assert_false (vt_digest_of_fd (fd, 4, &digest, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/digest/known-answer", test_known_answer);
  g_test_add_func ("/digest/bad-hex-is-refused", test_bad_hex_is_refused);
  g_test_add_func ("/digest/file", test_file);
  return g_test_run ();
}
