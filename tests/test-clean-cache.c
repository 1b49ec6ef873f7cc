// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "clean-cache-fixture.h"

/* Files of a small Debian system, and of a large one. */
#define SMALL 13741u
#define LARGE 200000u
/* Bytes that a file may take in all. */
#define FILE_COST_MAX 72u

static void
assert_same (const VtCleanFile *a, const VtCleanFile *b)
{
  g_assert_cmpuint (a->fs, ==, b->fs);
  g_assert_cmpuint (a->inode, ==, b->inode);
  g_assert_cmpuint (a->generation, ==, b->generation);
  g_assert_cmpuint (a->size, ==, b->size);
  g_assert_cmpint (a->mtime_ns, ==, b->mtime_ns);
  g_assert_cmpint (a->ctime_ns, ==, b->ctime_ns);
  g_assert_true (vt_digest_equal (&a->digest, &b->digest));
}

static gboolean
has_content (VtCleanCache *cache, guint number)
{
  g_autoptr (GError) error = NULL;
  VtDigest digest = digest_of_number (number);
  gboolean found = vt_clean_cache_has_content (cache, &digest, &error);

  g_assert_no_error (error);
  return found;
}

static VtCleanFile
extreme_file (void)
{
  VtCleanFile file = new_file (1, G_MAXUINT64);

  file.generation = G_MAXUINT32;
  file.size = G_MAXUINT64;
  file.mtime_ns = G_MININT64;
  file.ctime_ns = G_MAXINT64;
  return file;
}

static void
test_what_goes_in_comes_out (void)
{
  g_autoptr (GError) error = NULL;
  VtCleanCacheBuilder *builder = new_builder ();
  const VtCleanFile files[] = {new_file (0, 12), new_file (1, 12), extreme_file ()};
  g_auto (VtCleanDatabase) database = VT_CLEAN_DATABASE_INIT;
  g_autoptr (VtCleanCache) cache = NULL;
  VtCleanFile file;

  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    add_file (builder, files[i]);
  add_file (builder, files[0]);
  add_content (builder, 5);
  database = finish (builder);
  g_assert_cmpuint (database.files, ==, 3);
  g_assert_cmpuint (database.contents, ==, 1);
  cache = open_cache (database.fd, &database.digest);
  g_assert_cmpstr (vt_clean_cache_get_template (cache), ==, TEMPLATE);
  g_assert_cmpuint (vt_clean_cache_get_fs_uuids (cache)->len, ==, 2);
  g_assert_cmpstr (g_ptr_array_index (vt_clean_cache_get_fs_uuids (cache), 0), ==,
                   "0b5c6a4e-1111-4a7c-9a57-0d1c2b3a4958");
  g_assert_cmpstr (g_ptr_array_index (vt_clean_cache_get_fs_uuids (cache), 1), ==, "");
  g_assert_cmpuint (vt_clean_cache_count_files (cache), ==, 3);
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++) {
    g_assert_true (vt_clean_cache_find_file (cache, files[i].fs, files[i].inode, &file, &error));
    assert_same (&file, &files[i]);
  }
  g_assert_false (vt_clean_cache_find_file (cache, 0, 13, &file, &error));
  g_assert_false (vt_clean_cache_find_file (cache, 2, 12, &file, &error));
  g_assert_no_error (error);
}

static void
test_contents_are_known (void)
{
  VtCleanCacheBuilder *builder = new_builder ();
  g_auto (VtCleanDatabase) database = VT_CLEAN_DATABASE_INIT;
  g_autoptr (VtCleanCache) cache = NULL;

  for (guint i = 10; i < 100; i++)
    add_file (builder, new_file (0, i));
  /* Two that no file has, and one that a file has. */
  add_content (builder, 200);
  add_content (builder, 201);
  add_content (builder, 200);
  add_content (builder, 50);
  database = finish (builder);
  g_assert_cmpuint (database.contents, ==, 2);
  cache = open_cache (database.fd, &database.digest);
  for (guint i = 10; i < 100; i++)
    g_assert_true (has_content (cache, i));
  g_assert_true (has_content (cache, 200));
  g_assert_true (has_content (cache, 201));
  g_assert_false (has_content (cache, 9));
  g_assert_false (has_content (cache, 202));
}

static void
test_files_come_in_order (void)
{
  static const guint64 inodes[] = {99, 7, 1000000, G_MAXUINT64, 98};
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) order = g_string_new (NULL);
  VtCleanCacheBuilder *builder = new_builder ();
  g_auto (VtCleanDatabase) database = VT_CLEAN_DATABASE_INIT;
  g_autoptr (VtCleanCache) cache = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (inodes); i++)
    add_file (builder, new_file (1, inodes[i]));
  add_file (builder, new_file (0, 100));
  database = finish (builder);
  cache = open_cache (database.fd, &database.digest);
  g_assert_false (vt_clean_cache_foreach_file (cache, on_file, order, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpstr (order->str, ==, "0/100 1/-1 1/7 1/98 1/99 ");
}

static void
test_bytes_do_not_depend_on_the_order (void)
{
  VtDigest first;

  for (guint round = 0; round < 4; round++) {
    VtCleanCacheBuilder *builder = new_builder ();
    g_auto (VtCleanDatabase) database = VT_CLEAN_DATABASE_INIT;

    for (guint i = 0; i < 5000; i++) {
      /* Steps that have no divisor in common with 5000. */
      guint number = (i * (round * 1230 + 1) + round) % 5000;

      add_file (builder, new_file (number % 2, number));
      if (round % 2 == 1)
        add_content (builder, number);
      add_content (builder, 10000 + number);
    }
    database = finish (builder);
    if (round == 0)
      first = database.digest;
    g_assert_true (vt_digest_equal (&first, &database.digest));
  }
}

static void
assert_not_added (VtCleanCacheBuilder *builder, VtCleanFile file)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (vt_clean_cache_builder_add_file (builder, &file, &error));
  g_assert_error (error, VT_CLEAN_CACHE_ERROR, VT_CLEAN_CACHE_ERROR_FAILED);
}

static void
test_two_files_in_one_inode_are_refused (void)
{
  g_autoptr (VtCleanCacheBuilder) builder = new_builder ();
  VtCleanFile file = new_file (0, 12);

  add_file (builder, file);
  file.digest = digest_of_number (0);
  assert_not_added (builder, file);
  file = new_file (0, 12);
  file.ctime_ns++;
  assert_not_added (builder, file);
  file = new_file (0, 12);
  file.generation++;
  assert_not_added (builder, file);
  assert_not_added (builder, new_file (2, 13));
  add_file (builder, new_file (0, 12));
}

static void
assert_no_builder (const char *template_uuid, const char *fs_uuid)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) uuids = g_ptr_array_new ();

  g_ptr_array_add (uuids, (gpointer)fs_uuid);
  g_assert_null (vt_clean_cache_builder_new (template_uuid, uuids, &error));
  g_assert_error (error, VT_CLEAN_CACHE_ERROR, VT_CLEAN_CACHE_ERROR_FAILED);
}

static void
test_uuids_are_checked (void)
{
  g_autofree char *longest = g_strnfill (64, 'x');
  g_autofree char *longer = g_strnfill (65, 'x');

  g_assert_true (vt_clean_cache_is_fs_uuid (longest));
  assert_no_builder ("template", "");
  assert_no_builder (TEMPLATE, longer);
  assert_no_builder (TEMPLATE, "a b");
  assert_no_builder (TEMPLATE, "\xc3\xa9");
}

static void
test_it_is_sealed (void)
{
  g_auto (VtCleanDatabase) database = finish (new_builder ());
  guint64 size = 0;
  gboolean sealed = vt_memfd_is_sealed (database.fd, &size);

  g_assert_true (sealed);
  g_assert_cmpuint (size, ==, database.size);
  g_assert_cmpint (pwrite (database.fd, "x", 1, 0), ==, -1);
}

/* What happens to the file once it was opened does not matter. */
static void
test_a_file_is_copied (void)
{
  g_autoptr (GError) error = NULL;
  VtCleanCacheBuilder *builder = new_builder ();
  g_auto (VtCleanDatabase) database = VT_CLEAN_DATABASE_INIT;
  g_autoptr (VtCleanCache) cache = NULL;
  vt_autofd fd = -1;
  VtCleanFile file;

  for (guint i = 1; i <= 1000; i++)
    add_file (builder, new_file (0, i));
  database = finish (builder);
  fd = copy_database (&database, 0);
  cache = open_cache (fd, &database.digest);
  g_assert_cmpint (ftruncate (fd, 0), ==, 0);
  vt_fd_clear (&fd);
  for (guint i = 1; i <= 1000; i++)
    g_assert_true (vt_clean_cache_find_file (cache, 0, i, &file, &error));
  g_assert_no_error (error);
}

static void
test_a_file_takes_few_bytes (gconstpointer data)
{
  guint n = GPOINTER_TO_UINT (data);
  g_auto (VtCleanDatabase) database = make_realistic (n);
  g_autoptr (VtCleanCache) cache = NULL;
  g_autoptr (GTimer) timer = g_timer_new ();

  g_test_message ("%u files: %.2f bytes each", n, (double)database.size / n);
  g_assert_cmpuint (database.size, <=, n * FILE_COST_MAX);
  cache = open_cache (database.fd, &database.digest);
  g_test_message ("opened in %.1f ms", g_timer_elapsed (timer, NULL) * 1000);
  g_assert_cmpuint (vt_clean_cache_count_files (cache), ==, n);
  g_assert_true (has_content (cache, n - 1));
  g_test_message ("with contents in %.1f ms", g_timer_elapsed (timer, NULL) * 1000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/clean-cache/what-goes-in-comes-out", test_what_goes_in_comes_out);
  g_test_add_func ("/clean-cache/contents-are-known", test_contents_are_known);
  g_test_add_func ("/clean-cache/files-come-in-order", test_files_come_in_order);
  g_test_add_func ("/clean-cache/bytes-do-not-depend-on-the-order",
                   test_bytes_do_not_depend_on_the_order);
  g_test_add_func ("/clean-cache/two-files-in-one-inode-are-refused",
                   test_two_files_in_one_inode_are_refused);
  g_test_add_func ("/clean-cache/uuids-are-checked", test_uuids_are_checked);
  g_test_add_func ("/clean-cache/it-is-sealed", test_it_is_sealed);
  g_test_add_func ("/clean-cache/a-file-is-copied", test_a_file_is_copied);
  g_test_add_data_func ("/clean-cache/a-file-takes-few-bytes/small", GUINT_TO_POINTER (SMALL),
                        test_a_file_takes_few_bytes);
  g_test_add_data_func ("/clean-cache/a-file-takes-few-bytes/large", GUINT_TO_POINTER (LARGE),
                        test_a_file_takes_few_bytes);
  return g_test_run ();
}
