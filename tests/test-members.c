// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <string.h>

#include "vt-members.h"

static void
assert_joined (const char *const *members, const char *expected)
{
  g_autofree char *joined = vt_members_join ("/file", members);

  g_assert_cmpstr (joined, ==, expected);
}

static void
test_names_are_joined (void)
{
  const char *const inner[] = {"b", "c\xff", NULL};
  g_auto (GStrv) alone = vt_members_prepend ("a", NULL);
  g_auto (GStrv) before = vt_members_prepend ("a", inner);

  assert_joined (NULL, "/file");
  assert_joined ((const char *const *)alone, "/file!a");
  assert_joined ((const char *const *)before, "/file!a!b!c\xff");
}

/* However deep it is, what whoever made the container chose stays small. */
static void
test_names_are_bounded_together (void)
{
  g_autofree char *name = g_strnfill (100000, 'x');
  g_auto (GStrv) members = vt_members_prepend (name, NULL);
  gsize bytes = 0;

  g_assert_cmpuint (strlen (members[0]), ==, VT_MEMBERS_BYTES_MAX);
  for (guint i = 0; i < 10; i++) {
    g_auto (GStrv) outer = vt_members_prepend (name, (const char *const *)members);

    g_strfreev (g_steal_pointer (&members));
    members = g_steal_pointer (&outer);
  }
  g_assert_cmpuint (g_strv_length (members), ==, 11);
  for (guint i = 0; i < 11; i++)
    bytes += strlen (members[i]);
  g_assert_cmpuint (bytes, <, VT_MEMBERS_BYTES_MAX + 11 * 100);
}

static void
test_a_block_has_them_all (void)
{
  const char *const names[] = {"a", "b\nc\xff", NULL};
  const char *const none[] = {NULL};
  g_autoptr (GBytes) packed = vt_members_pack (names);
  g_autoptr (GBytes) empty = vt_members_pack (none);
  g_auto (GStrv) members = NULL;
  g_auto (GStrv) nothing = NULL;
  gsize size;
  const void *data = g_bytes_get_data (packed, &size);

  g_assert_true (vt_members_unpack (data, size, &members));
  g_assert_cmpstrv (members, names);
  g_assert_cmpuint (g_bytes_get_size (empty), ==, 0);
  g_assert_true (vt_members_unpack (NULL, 0, &nothing));
  g_assert_null (nothing);
}

static void
assert_refused (const void *data, gsize size)
{
  g_auto (GStrv) members = NULL;

  g_assert_false (vt_members_unpack (data, size, &members));
  g_assert_null (members);
}

static void
test_other_blocks_are_refused (void)
{
  g_autofree char *many = g_malloc0 (2 * (VT_MEMBERS_MAX + 1));
  g_autofree char *name = g_strnfill (VT_MEMBER_NAME_MAX + 1, 'x');

  assert_refused ("a", 1);
  assert_refused ("a\0b", 3);
  assert_refused ("\0", 1);
  assert_refused ("a\0\0", 3);
  assert_refused (name, VT_MEMBER_NAME_MAX + 2);
  for (guint i = 0; i <= VT_MEMBERS_MAX; i++)
    many[2 * i] = 'x';
  assert_refused (many, 2 * (VT_MEMBERS_MAX + 1));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/members/names-are-joined", test_names_are_joined);
  g_test_add_func ("/members/names-are-bounded-together", test_names_are_bounded_together);
  g_test_add_func ("/members/a-block-has-them-all", test_a_block_has_them_all);
  g_test_add_func ("/members/other-blocks-are-refused", test_other_blocks_are_refused);
  return g_test_run ();
}
