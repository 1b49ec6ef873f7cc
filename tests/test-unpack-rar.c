// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vt-fd.h"
#include "vt-unpack-rar.h"

#define SIGNATURE "Rar!\x1a\x07\x01\x00"

/* The checksums of headers are not looked at. */
#define MAIN_BLOCK "\0\0\0\0\3\1\0\0"
/* A file of three bytes, with and without an extra area of one record of TYPE. */
#define PLAIN_FILE       "\0\0\0\0\4\2\2\3\7abc"
#define EXTRA_FILE(type) "\0\0\0\0\10\2\3\3\3\7\2" type "\0abc"
#define END_BLOCK        "\0\0\0\0\3\5\0\0"

static gboolean
is_encrypted (const char *bytes, gsize size)
{
  vt_autofd fd = memfd_create ("rar", MFD_CLOEXEC);

  g_assert_cmpint (write (fd, bytes, size), ==, size);
  return vt_unpack_rar5_is_encrypted (fd, size);
}

#define IS_ENCRYPTED(bytes) is_encrypted (bytes, sizeof (bytes) - 1)

static void
test_members (void)
{
  g_assert_false (IS_ENCRYPTED (SIGNATURE MAIN_BLOCK PLAIN_FILE END_BLOCK));
  g_assert_false (IS_ENCRYPTED (SIGNATURE MAIN_BLOCK EXTRA_FILE ("\2") END_BLOCK));
  g_assert_true (IS_ENCRYPTED (SIGNATURE MAIN_BLOCK PLAIN_FILE EXTRA_FILE ("\1") END_BLOCK));
}

static void
test_headers (void)
{
  g_assert_true (IS_ENCRYPTED (SIGNATURE "\0\0\0\0\3\4\0\0"));
}

static void
test_nonsense_ends (void)
{
  static const char whole[] = SIGNATURE MAIN_BLOCK PLAIN_FILE EXTRA_FILE ("\1") END_BLOCK;

  for (gsize size = 0; size < sizeof SIGNATURE MAIN_BLOCK PLAIN_FILE - 1; size++)
    g_assert_false (is_encrypted (whole, size));
  g_assert_false (IS_ENCRYPTED (SIGNATURE "\0\0\0\0\xff\xff\xff\xff\xff"));
  g_assert_false (IS_ENCRYPTED (SIGNATURE "\0\0\0\0\0\0\0\0\0\0"));
  /* An extra area that is longer than the header, and a record longer than the area. */
  g_assert_false (IS_ENCRYPTED (SIGNATURE "\0\0\0\0\4\2\1\x7f\1\1\1\1"));
  g_assert_false (IS_ENCRYPTED (SIGNATURE "\0\0\0\0\6\2\1\2\0\x7f\1"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/unpack-rar/members", test_members);
  g_test_add_func ("/unpack-rar/headers", test_headers);
  g_test_add_func ("/unpack-rar/nonsense-ends", test_nonsense_ends);
  return g_test_run ();
}
