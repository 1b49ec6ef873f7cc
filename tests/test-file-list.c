// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-file-list.h"
#include "vt-image.h"
#include "vt-path-filter.h"

typedef struct {
  const char *path;
  VtListedFile stat;
  guint64 links;
  gboolean wanted;
} Name;

static void
run_pass (VtFileList *list, const Name *names, gsize n)
{
  g_autoptr (GError) error = NULL;

  vt_file_list_begin (list);
  for (gsize i = 0; i < n; i++) {
    gboolean added = vt_file_list_add (list, names[i].path, &names[i].stat, names[i].links,
                                       names[i].wanted, &error);
    g_assert_no_error (error);
    g_assert_true (added);
  }
}

static void
assert_ends (VtFileList *list)
{
  g_autoptr (GError) error = NULL;
  gboolean ended = vt_file_list_end (list, &error);

  g_assert_no_error (error);
  g_assert_true (ended);
}

static const VtListedFile *
get_file (VtFileList *list, guint index)
{
  return g_ptr_array_index (vt_file_list_get_files (list), index);
}

static void
test_names_of_one_inode_are_one_file (void)
{
  static const Name names[] = {
      {"/c", {.inode = 8, .size = 30}, 1, FALSE},
      {"/a", {.inode = 7, .size = 100}, 2, FALSE},
      {"/b", {.inode = 7, .size = 100}, 2, TRUE},
  };
  g_autoptr (VtFileList) list = vt_file_list_new (0);
  VtFileTotals totals;

  run_pass (list, names, G_N_ELEMENTS (names));
  assert_ends (list);
  g_assert_cmpuint (vt_file_list_get_files (list)->len, ==, 2);
  g_assert_cmpstr (get_file (list, 0)->path, ==, "/a");
  g_assert_cmpuint (get_file (list, 0)->links->len, ==, 1);
  g_assert_cmpstr (g_ptr_array_index (get_file (list, 0)->links, 0), ==, "/b");
  /* One accepted name makes the file wanted under all of them. */
  g_assert_true (get_file (list, 0)->wanted);
  g_assert_false (get_file (list, 1)->wanted);
  totals = vt_file_list_get_totals (list);
  g_assert_cmpuint (totals.names, ==, 2);
  g_assert_cmpuint (totals.bytes, ==, 100);
  g_assert_cmpuint (totals.excluded, ==, 1);
  g_assert_false (vt_file_list_has_more (list));
}

#define SPREAD_FILES 100

/* Files 10, 20, ... are one file with several names, whose names lie in different batches. */
static Name *
make_spread_names (void)
{
  Name *names = g_new0 (Name, SPREAD_FILES);

  for (guint i = 0; i < SPREAD_FILES; i++) {
    gboolean linked = i > 0 && i % 10 == 0;

    g_autofree char *path = g_strdup_printf ("/%02u", i);

    names[i].path = g_intern_string (path);
    names[i].stat.inode = linked ? 1000 : SPREAD_FILES - i;
    names[i].stat.size = linked ? 50 : 1;
    names[i].links = linked ? SPREAD_FILES / 10 - 1 : 1;
    names[i].wanted = TRUE;
  }
  return names;
}

static void
test_batches_hold_each_file_once (void)
{
  g_autofree Name *names = make_spread_names ();
  g_autoptr (VtFileList) list = vt_file_list_new (7);
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  guint passes = 0;

  do {
    GPtrArray *files;

    run_pass (list, names, SPREAD_FILES);
    assert_ends (list);
    files = vt_file_list_get_files (list);
    g_assert_cmpuint (files->len, <=, 7);
    passes++;
    for (guint i = 0; i < files->len; i++) {
      const VtListedFile *file = get_file (list, i);

      g_assert_true (g_hash_table_add (seen, g_strdup (file->path)));
      g_assert_true (i == 0 || get_file (list, i - 1)->inode < file->inode);
      for (guint j = 0; file->links != NULL && j < file->links->len; j++)
        g_assert_true (g_hash_table_add (seen, g_strdup (g_ptr_array_index (file->links, j))));
    }
  } while (vt_file_list_has_more (list));
  g_assert_cmpuint (g_hash_table_size (seen), ==, SPREAD_FILES);
  /* 91 single files and one with nine names. */
  g_assert_cmpuint (passes, ==, 14);
  g_assert_cmpuint (vt_file_list_get_totals (list).names, ==, SPREAD_FILES);
  g_assert_cmpuint (vt_file_list_get_totals (list).bytes, ==, 91 + 50);
}

/* Else a file could slip from a batch that is to come into one that was. */
static void
test_passes_that_differ (void)
{
  g_autofree Name *names = make_spread_names ();
  g_autoptr (VtFileList) list = vt_file_list_new (7);
  g_autoptr (GError) error = NULL;
  Name first;

  run_pass (list, names, SPREAD_FILES);
  assert_ends (list);
  first = names[5];
  names[5] = names[6];
  names[6] = first;
  run_pass (list, names, SPREAD_FILES);
  g_assert_false (vt_file_list_end (list, &error));
  g_assert_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER);
}

/* Names as long as they may be, in numbers that would take all memory. */
static void
test_long_names (void)
{
  g_autoptr (VtFileList) list = vt_file_list_new (0);
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_strnfill (60000, 'x');
  const VtListedFile linked = {.inode = 7, .size = 1};
  gboolean added = TRUE;

  path[0] = '/';
  vt_file_list_begin (list);
  for (guint64 i = 0; i < 2000; i++) {
    const VtListedFile single = {.inode = 100 + i, .size = 1};

    g_assert_true (vt_file_list_add (list, path, &single, 1, TRUE, NULL));
  }
  g_assert_cmpuint (vt_file_list_get_files (list)->len, <, 1000);
  for (guint i = 0; added && i < 10000; i++)
    added = vt_file_list_add (list, path, &linked, 10000, TRUE, &error);
  g_assert_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER);
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
  g_test_add_func ("/file-list/batches-hold-each-file-once", test_batches_hold_each_file_once);
  g_test_add_func ("/file-list/passes-that-differ", test_passes_that_differ);
  g_test_add_func ("/file-list/long-names", test_long_names);
  g_test_add_func ("/file-list/filter", test_filter);
  return g_test_run ();
}
