// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-file-list.h"
#include "vt-path-filter.h"

static void
test_names_of_one_inode_are_one_file (void)
{
  g_autoptr (VtFileList) list = vt_file_list_new ();
  const VtListedFile linked = {.inode = 7, .size = 100};
  const VtListedFile single = {.inode = 8, .size = 30};
  guint64 names;
  guint64 bytes;

  vt_file_list_add (list, "/a", &linked, 2, FALSE);
  vt_file_list_add (list, "/b", &linked, 2, TRUE);
  vt_file_list_add (list, "/c", &single, 1, FALSE);
  g_assert_cmpuint (vt_file_list_get_files (list)->len, ==, 2);
  g_assert_true (vt_file_list_lookup (list, "/a") == vt_file_list_lookup (list, "/b"));
  g_assert_null (vt_file_list_lookup (list, "/d"));
  /* One accepted name makes the file wanted under all of them. */
  g_assert_true (vt_file_list_lookup (list, "/a")->wanted);
  vt_file_list_count_wanted (list, &names, &bytes);
  g_assert_cmpuint (names, ==, 2);
  g_assert_cmpuint (bytes, ==, 100);
  g_assert_cmpuint (vt_file_list_count_excluded (list), ==, 1);
}

static void
test_filter (void)
{
  const char *const include[] = {"/usr/?*", "/etc/passwd", NULL};
  const char *const exclude[] = {"*.log", NULL};
  const char *const none[] = {NULL};

  g_assert_true (vt_path_filter_accepts (none, none, "/any"));
  g_assert_true (vt_path_filter_accepts (NULL, NULL, "/any"));
  g_assert_true (vt_path_filter_accepts (include, none, "/usr/share/doc/x"));
  g_assert_true (vt_path_filter_accepts (include, none, "/etc/passwd"));
  g_assert_false (vt_path_filter_accepts (include, none, "/etc/passwd-"));
  g_assert_false (vt_path_filter_accepts (include, exclude, "/usr/share/x.log"));
  g_assert_true (vt_path_filter_accepts (none, exclude, "/var/log/x.log.1"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/file-list/names-of-one-inode-are-one-file",
                   test_names_of_one_inode_are_one_file);
  g_test_add_func ("/file-list/filter", test_filter);
  return g_test_run ();
}
