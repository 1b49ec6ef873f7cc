// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-clean-rows.h"

#define TEMPLATE "3d8a6f0e-6f5b-4a7c-9a57-0d1c2b3a4958"

#define SECOND_NS G_GINT64_CONSTANT (1000000000)
/* When reading began. */
#define START_S G_GINT64_CONSTANT (1795568523)

typedef struct {
  VtManifest *manifest;
  VtScanResult *result;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  static const char *const uuids[] = {"0b5c6a4e-1111-4a7c-9a57-0d1c2b3a4958", NULL, "a b"};
  g_autoptr (GError) error = NULL;

  fixture->manifest = vt_manifest_new (&error);
  g_assert_no_error (error);
  fixture->result = vt_scan_result_new ("disk.raw");
  fixture->result->start_time = START_S * G_USEC_PER_SEC;
  for (gsize i = 0; i < G_N_ELEMENTS (uuids); i++) {
    VtFilesystem *filesystem = vt_filesystem_new ();

    filesystem->id = g_strdup_printf ("/dev/sda%zu", i + 1);
    filesystem->uuid = g_strdup (uuids[i]);
    g_ptr_array_add (fixture->result->filesystems, filesystem);
  }
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  vt_manifest_free (fixture->manifest);
  vt_scan_result_free (fixture->result);
}

static VtDigest
digest_of_number (guint number)
{
  return vt_digest_of_data (&number, sizeof number);
}

/* A clean one that has not changed for a long time. */
static VtFileResult
new_file (guint filesystem, guint64 inode, guint content)
{
  return (VtFileResult){
      .filesystem = filesystem,
      .path = (char *)"/a",
      .inode = inode,
      .generation = 0xffffff00u + (guint)inode,
      .size = 100 + content,
      .mtime_ns = -5,
      .ctime_ns = (START_S - 1000) * SECOND_NS + (gint64)inode,
      .has_digest = TRUE,
      .digest = digest_of_number (content),
      .verdict = vt_verdict_clean (),
      .source = VT_SOURCE_ENGINE,
  };
}

static void
add (Fixture *fixture, VtFileResult file)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (vt_manifest_add (fixture->manifest, &file, &error));
  g_assert_no_error (error);
}

static VtCleanCache *
build (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_auto (VtCleanDatabase) database = VT_CLEAN_DATABASE_INIT;
  VtCleanCache *cache;

  g_assert_true (
      vt_clean_rows_build (fixture->manifest, fixture->result, TEMPLATE, &database, &error));
  g_assert_no_error (error);
  cache = vt_clean_cache_open (database.fd, &database.digest, &error);
  g_assert_no_error (error);
  return cache;
}

static gboolean
on_file (const VtCleanFile *file, gpointer user_data, GError **error)
{
  g_string_append_printf (user_data, "%u/%" G_GUINT64_FORMAT " ", file->fs, file->inode);
  return TRUE;
}

/* The cache has FILES by their identity, as fs/inode, and the first N of all contents, which are
 * numbered, except those from FIRST_UNKNOWN to LAST_UNKNOWN. */
static void
assert_cache (
    VtCleanCache *cache, const char *files, guint n, guint first_unknown, guint last_unknown)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) order = g_string_new (NULL);

  g_assert_true (vt_clean_cache_foreach_file (cache, on_file, order, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (order->str, ==, files);
  for (guint i = 1; i <= n; i++) {
    VtDigest digest = digest_of_number (i);
    gboolean expected = i < first_unknown || i > last_unknown;

    g_test_message ("content %u", i);
    g_assert_cmpint (vt_clean_cache_has_content (cache, &digest, &error), ==, expected);
    g_assert_no_error (error);
  }
}

static void
test_clean_files_are_taken (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtCleanCache) cache = NULL;
  VtFileResult empty = new_file (0, 15, 4);
  VtFileResult infected = new_file (0, 16, 5);
  VtFileResult unread = new_file (0, 17, 6);
  const VtFileResult first = new_file (0, 12, 1);
  VtCleanFile file;

  add (fixture, new_file (2, 12, 2));
  add (fixture, first);
  add (fixture, new_file (0, G_MAXUINT32, 3));
  empty.size = 0;
  infected.verdict = vt_verdict_infected ("Eicar-Test");
  unread.verdict = vt_verdict_incomplete (VT_REASON_READ_ERROR);
  unread.has_digest = FALSE;
  add (fixture, empty);
  add (fixture, infected);
  add (fixture, unread);
  cache = build (fixture);
  assert_cache (cache, "0/12 0/4294967295 2/12 ", 6, 4, 6);
  g_assert_true (vt_clean_cache_find_file (cache, 0, 12, &file, &error));
  g_assert_cmpuint (file.generation, ==, first.generation);
  g_assert_cmpuint (file.size, ==, first.size);
  g_assert_cmpint (file.mtime_ns, ==, first.mtime_ns);
  g_assert_cmpint (file.ctime_ns, ==, first.ctime_ns);
  g_assert_true (vt_digest_equal (&file.digest, &first.digest));
}

static void
test_file_systems_keep_their_numbers (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtCleanCache) cache = build (fixture);
  GPtrArray *uuids = vt_clean_cache_get_fs_uuids (cache);

  g_assert_cmpstr (vt_clean_cache_get_template (cache), ==, TEMPLATE);
  g_assert_cmpuint (uuids->len, ==, 3);
  g_assert_cmpstr (g_ptr_array_index (uuids, 0), ==, "0b5c6a4e-1111-4a7c-9a57-0d1c2b3a4958");
  g_assert_cmpstr (g_ptr_array_index (uuids, 1), ==, "");
  /* What the image says is none. */
  g_assert_cmpstr (g_ptr_array_index (uuids, 2), ==, "");
  assert_cache (cache, "", 5, 1, 5);
}

static void
test_hard_links_are_one_file (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtCleanCache) cache = NULL;
  VtFileResult link = new_file (0, 12, 1);

  add (fixture, new_file (0, 12, 1));
  link.source = VT_SOURCE_HARDLINK;
  link.path = (char *)"/b";
  add (fixture, link);
  cache = build (fixture);
  assert_cache (cache, "0/12 ", 1, 2, 2);
}

static void
test_without_an_inode_the_content_counts (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtCleanCache) cache = NULL;

  add (fixture, new_file (1, 0, 1));
  add (fixture, new_file (1, 0, 2));
  add (fixture, new_file (1, 0, 2));
  add (fixture, new_file (0, 0, 3));
  cache = build (fixture);
  assert_cache (cache, "", 4, 4, 4);
}

/* In each of these one thing of a second name of the inode is another. */
static void
test_an_inode_in_doubt_is_left_out (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtCleanCache) cache = NULL;
  VtFileResult seconds[6];

  for (guint i = 0; i < G_N_ELEMENTS (seconds); i++) {
    add (fixture, new_file (0, 20 + i, 1));
    seconds[i] = new_file (0, 20 + i, 1);
    seconds[i].path = (char *)"/b";
  }
  seconds[0].digest = digest_of_number (2);
  seconds[1].generation++;
  seconds[2].size++;
  seconds[3].mtime_ns++;
  seconds[4].ctime_ns++;
  seconds[5].has_digest = FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (seconds); i++)
    add (fixture, seconds[i]);
  add (fixture, new_file (0, 30, 1));
  cache = build (fixture);
  /* The contents are clean all the same. */
  assert_cache (cache, "0/30 ", 2, 3, 3);
}

static void
test_a_content_in_doubt_is_left_out (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtCleanCache) cache = NULL;
  VtFileResult late = new_file (0, 13, 1);
  VtFileResult name = new_file (0, 14, 2);

  add (fixture, new_file (0, 12, 1));
  late.verdict = vt_verdict_incomplete (VT_REASON_TIME_LIMIT);
  add (fixture, late);
  /* One name of an inode clean, the other infected, by whatever mistake. */
  add (fixture, new_file (0, 14, 3));
  name.verdict = vt_verdict_infected ("X");
  add (fixture, name);
  add (fixture, new_file (0, 15, 4));
  cache = build (fixture);
  assert_cache (cache, "0/15 ", 4, 1, 2);
}

static void
test_failed_file_systems_are_left_out (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtCleanCache) cache = NULL;

  add (fixture, new_file (1, 12, 2));
  add (fixture, new_file (0, 12, 1));
  add (fixture, new_file (1, 0, 3));
  g_assert_true (vt_manifest_fail_filesystem (fixture->manifest, 1, VT_REASON_READ_ERROR, &error));
  g_assert_no_error (error);
  cache = build (fixture);
  assert_cache (cache, "0/12 ", 3, 2, 3);
}

static void
test_what_changed_just_now_is_known_by_content (Fixture *fixture, gconstpointer data)
{
  static const gint64 ages_ns[] = {2 * SECOND_NS + 1, 2 * SECOND_NS,       SECOND_NS, 0,
                                   -SECOND_NS,        -1000000 * SECOND_NS};
  g_autoptr (VtCleanCache) cache = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (ages_ns); i++) {
    VtFileResult file = new_file (0, 20 + i, 1 + i);

    file.ctime_ns = START_S * SECOND_NS - ages_ns[i];
    add (fixture, file);
  }
  cache = build (fixture);
  assert_cache (cache, "0/20 ", 6, 7, 7);
}

/* As the readers give times that do not fit. */
static void
test_times_that_were_cut_are_not_relied_on (Fixture *fixture, gconstpointer data)
{
  static const gint64 times[] = {G_MININT64, G_MAXINT64};
  g_autoptr (VtCleanCache) cache = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (times); i++) {
    VtFileResult modified = new_file (0, 20 + i, 1);
    VtFileResult changed = new_file (0, 30 + i, 2);

    modified.mtime_ns = times[i];
    changed.ctime_ns = times[i];
    add (fixture, modified);
    add (fixture, changed);
  }
  cache = build (fixture);
  assert_cache (cache, "", 2, 3, 3);
}

static void
test_without_a_start_nothing_had_settled (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtCleanCache) cache = NULL;
  VtFileResult file = new_file (0, 12, 1);

  file.ctime_ns = -10 * SECOND_NS;
  add (fixture, file);
  fixture->result->start_time = 0;
  cache = build (fixture);
  assert_cache (cache, "", 1, 2, 2);
}

static void
assert_not_built (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_auto (VtCleanDatabase) database = VT_CLEAN_DATABASE_INIT;

  g_assert_false (
      vt_clean_rows_build (fixture->manifest, fixture->result, TEMPLATE, &database, &error));
  g_assert_error (error, VT_CLEAN_CACHE_ERROR, VT_CLEAN_CACHE_ERROR_FAILED);
  g_assert_cmpint (database.fd, ==, -1);
}

static void
test_a_part_of_a_scan_has_none (Fixture *fixture, gconstpointer data)
{
  add (fixture, new_file (0, 12, 1));
  fixture->result->partial = TRUE;
  assert_not_built (fixture);
  fixture->result->partial = FALSE;
  fixture->result->error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "failed");
  assert_not_built (fixture);
  g_clear_error (&fixture->result->error);
  add (fixture, new_file (3, 12, 1));
  assert_not_built (fixture);
}

static void
add_test (const char *path, void (*test) (Fixture *, gconstpointer))
{
  g_test_add (path, Fixture, NULL, set_up, test, tear_down);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_test ("/clean-rows/clean-files-are-taken", test_clean_files_are_taken);
  add_test ("/clean-rows/file-systems-keep-their-numbers", test_file_systems_keep_their_numbers);
  add_test ("/clean-rows/hard-links-are-one-file", test_hard_links_are_one_file);
  add_test ("/clean-rows/without-an-inode-the-content-counts",
            test_without_an_inode_the_content_counts);
  add_test ("/clean-rows/an-inode-in-doubt-is-left-out", test_an_inode_in_doubt_is_left_out);
  add_test ("/clean-rows/a-content-in-doubt-is-left-out", test_a_content_in_doubt_is_left_out);
  add_test ("/clean-rows/failed-file-systems-are-left-out", test_failed_file_systems_are_left_out);
  add_test ("/clean-rows/what-changed-just-now-is-known-by-content",
            test_what_changed_just_now_is_known_by_content);
  add_test ("/clean-rows/times-that-were-cut-are-not-relied-on",
            test_times_that_were_cut_are_not_relied_on);
  add_test ("/clean-rows/without-a-start-nothing-had-settled",
            test_without_a_start_nothing_had_settled);
  add_test ("/clean-rows/a-part-of-a-scan-has-none", test_a_part_of_a_scan_has_none);
  return g_test_run ();
}
