// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store-fixture.h"
#include "vt-members.h"
#include "vt-fd.h"

static void
test_what_goes_in_comes_out (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  for (int round = 0; round < 2; round++) {
    /* In the first round nothing is flushed yet when it is looked up. */
    g_autoptr (VtStore) store = open_store (fixture->path);
    VtDigest digest = digest_of_number (2);
    g_auto (GStrv) members = NULL;
    VtVerdict verdict;

    if (round == 0) {
      insert_number (store, ENGINE_A, 1, vt_verdict_clean ());
      insert_number (store, ENGINE_A, 2, vt_verdict_infected ("Eicar-Test"));
      insert_number (store, ENGINE_A, 3, vt_verdict_incomplete (VT_REASON_ENCRYPTED));
    }
    g_assert_cmpint (look_up (store, ENGINE_A, 1), ==, VT_VERDICT_CLEAN);
    g_assert_cmpint (look_up (store, ENGINE_A, 3), ==, VT_VERDICT_INCOMPLETE);
    g_assert_cmpint (look_up (store, ENGINE_A, 4), ==, VT_VERDICT_UNKNOWN);
    g_assert_cmpint (look_up (store, ENGINE_B, 1), ==, VT_VERDICT_UNKNOWN);
    g_assert_true (vt_store_lookup (store, ENGINE_A, &digest, 2, &verdict, &members, &error));
    g_assert_cmpint (verdict.kind, ==, VT_VERDICT_INFECTED);
    g_assert_cmpstr (verdict.threat, ==, "Eicar-Test");
    g_assert_false (vt_store_lookup (store, ENGINE_A, &digest, 3, &verdict, &members, &error));
    g_assert_no_error (error);
  }
}

static void
assert_members (StoreFixture *fixture, VtStore *store, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) members = NULL;
  g_autofree char *joined = NULL;
  VtDigest digest = digest_of_number (1);
  VtVerdict verdict;

  g_assert_true (vt_store_lookup (store, ENGINE_A, &digest, 1, &verdict, &members, &error));
  g_assert_no_error (error);
  joined = vt_members_join ("", (const char *const *)members);
  g_assert_cmpstr (joined, ==, expected);
}

static void
test_members_come_back (StoreFixture *fixture, gconstpointer data)
{
  const char *const members[] = {"data.tar.xz", "bin/\xff\nx", NULL};
  const VtVerdict verdict = vt_verdict_infected ("Eicar-Test");
  g_autoptr (GError) error = NULL;
  VtStore *store = open_store (fixture->path);
  VtDigest digest = digest_of_number (1);

  g_assert_true (vt_store_insert (store, ENGINE_A, &digest, 1, &verdict, members, &error));
  g_assert_no_error (error);
  assert_members (fixture, store, "!data.tar.xz!bin/\xff\nx");
  vt_store_free (store);
  store = open_store (fixture->path);
  assert_members (fixture, store, "!data.tar.xz!bin/\xff\nx");
  vt_store_free (store);
}

/* What the first version wrote is still good, and has no members. */
static void
test_the_first_schema_is_migrated (StoreFixture *fixture, gconstpointer data)
{
  VtStore *store = open_store (fixture->path);

  insert_number (store, ENGINE_A, 1, vt_verdict_clean ());
  vt_store_free (store);
  run_raw (fixture->path,
           "DROP TABLE host_file; DROP INDEX engine_by_signatures;"
           "ALTER TABLE engine DROP COLUMN settings; ALTER TABLE engine DROP COLUMN databases;"
           "ALTER TABLE engine DROP COLUMN signatures;"
           "ALTER TABLE verdict DROP COLUMN members; PRAGMA user_version = 1");
  store = open_store (fixture->path);
  assert_members (fixture, store, "");
  vt_store_free (store);
}

static void
test_passing_verdicts_are_not_kept (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->path);

  insert_number (store, ENGINE_A, 1, vt_verdict_incomplete (VT_REASON_TIME_LIMIT));
  insert_number (store, ENGINE_A, 2, vt_verdict_incomplete (VT_REASON_ENGINE_CRASH));
  insert_number (store, ENGINE_A, 3, (VtVerdict){0});
  for (guint i = 1; i <= 3; i++)
    g_assert_cmpint (look_up (store, ENGINE_A, i), ==, VT_VERDICT_UNKNOWN);
  g_assert_cmpuint (get_stats (store).verdicts, ==, 0);
}

static void
test_writes_are_gathered (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->path);

  /* Whether time or number makes it write, it has written something by the thousandth. */
  for (guint i = 0; i < 1000; i++)
    insert_number (store, ENGINE_A, i, vt_verdict_clean ());
  assert_query (fixture->path, "SELECT count(*) > 0 FROM verdict", "1");
}

static void
test_statistics (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtStore) store = open_store (fixture->path);
  gint64 before = g_get_real_time () / G_USEC_PER_SEC;
  VtStoreStats stats = get_stats (store);
  guint64 count;

  g_assert_cmpuint (stats.verdicts, ==, 0);
  g_assert_cmpint (stats.oldest_use, ==, 0);
  insert_number (store, ENGINE_A, 1, vt_verdict_clean ());
  insert_number (store, ENGINE_A, 2, vt_verdict_clean ());
  insert_number (store, ENGINE_A, 3, vt_verdict_infected ("X"));
  insert_number (store, ENGINE_B, 1, vt_verdict_incomplete (VT_REASON_SIZE_LIMIT));
  stats = get_stats (store);
  g_assert_cmpuint (stats.verdicts, ==, 4);
  g_assert_cmpuint (stats.clean, ==, 2);
  g_assert_cmpuint (stats.infected, ==, 1);
  g_assert_cmpuint (stats.incomplete, ==, 1);
  g_assert_cmpuint (stats.engines, ==, 2);
  g_assert_cmpuint (stats.file_size, >, 0);
  g_assert_cmpint (stats.oldest_use, >=, before);
  g_assert_cmpint (stats.newest_use, >=, stats.oldest_use);
  g_assert_true (vt_store_count (store, ENGINE_A, &count, &error));
  g_assert_cmpuint (count, ==, 3);
  g_assert_true (vt_store_count (store, "unknown", &count, &error));
  g_assert_cmpuint (count, ==, 0);
  g_assert_no_error (error);
}

static guint64
prune (VtStore *store, gint64 max_age, guint64 max_count)
{
  g_autoptr (GError) error = NULL;
  guint64 removed = 0;

  g_assert_true (vt_store_prune (store, max_age, max_count, &removed, &error));
  g_assert_no_error (error);
  return removed;
}

static void
test_prune (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->path);

  for (guint i = 0; i < 10; i++)
    insert_number (store, i < 3 ? ENGINE_A : ENGINE_B, i, vt_verdict_clean ());
  flush_store (store);
  run_raw (fixture->path, "UPDATE verdict SET used = used - 1000000 WHERE size < 3;"
                          "UPDATE verdict SET used = used - size * 100 WHERE size >= 3");
  g_assert_cmpuint (prune (store, G_MAXINT64, G_MAXUINT64), ==, 0);
  g_assert_cmpuint (prune (store, 500000, 1000), ==, 3);
  g_assert_cmpuint (get_stats (store).engines, ==, 1);
  assert_query (fixture->path, "SELECT count(*) FROM engine", "1");
  g_assert_cmpuint (prune (store, G_MAXINT64, 2), ==, 5);
  g_assert_cmpint (look_up (store, ENGINE_B, 3), ==, VT_VERDICT_CLEAN);
  g_assert_cmpint (look_up (store, ENGINE_B, 4), ==, VT_VERDICT_CLEAN);
  g_assert_cmpint (look_up (store, ENGINE_B, 5), ==, VT_VERDICT_UNKNOWN);
  g_assert_cmpuint (prune (store, G_MAXINT64, 0), ==, 2);
  /* The engine is made again when it is needed again. */
  insert_number (store, ENGINE_A, 1, vt_verdict_clean ());
  flush_store (store);
  g_assert_cmpint (look_up (store, ENGINE_A, 1), ==, VT_VERDICT_CLEAN);
  g_assert_cmpint (look_up (store, ENGINE_B, 1), ==, VT_VERDICT_UNKNOWN);
}

static void
test_prune_gives_space_back (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->path);

  for (guint i = 0; i < 5000; i++)
    insert_number (store, ENGINE_A, i, vt_verdict_clean ());
  g_assert_cmpuint (get_stats (store).file_size, >, 100000);
  g_assert_cmpuint (prune (store, G_MAXINT64, 10), ==, 4990);
  g_assert_cmpuint (get_stats (store).file_size, <, 100000);
}

static void
test_clear (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtStore) store = open_store (fixture->path);

  for (guint i = 0; i < 5000; i++)
    insert_number (store, ENGINE_A, i, vt_verdict_clean ());
  g_assert_cmpuint (get_stats (store).file_size, >, 100000);
  insert_number (store, ENGINE_A, 5000, vt_verdict_clean ());
  g_assert_true (vt_store_clear (store, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (get_stats (store).verdicts, ==, 0);
  g_assert_cmpuint (get_stats (store).file_size, <, 100000);
  g_assert_cmpint (look_up (store, ENGINE_A, 5000), ==, VT_VERDICT_UNKNOWN);
}

static void
test_lookups_write_once_a_day (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->path);
  g_autoptr (sqlite3) raw = NULL;
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;

  insert_number (store, ENGINE_A, 1, vt_verdict_clean ());
  insert_number (store, ENGINE_A, 2, vt_verdict_clean ());
  flush_store (store);
  run_raw (fixture->path,
           "UPDATE verdict SET used = used - 1000 * (size = 2) - 100000 * (size = 1)");
  g_assert_cmpint (look_up (store, ENGINE_A, 1), ==, VT_VERDICT_CLEAN);
  flush_store (store);
  assert_query (fixture->path, "SELECT max(used) - min(used) BETWEEN 900 AND 1100 FROM verdict",
                "1");
  raw = open_raw (fixture->path);
  before = query_raw (raw, "PRAGMA data_version");
  g_assert_cmpint (look_up (store, ENGINE_A, 1), ==, VT_VERDICT_CLEAN);
  g_assert_cmpint (look_up (store, ENGINE_A, 2), ==, VT_VERDICT_CLEAN);
  flush_store (store);
  after = query_raw (raw, "PRAGMA data_version");
  g_assert_cmpstr (before, ==, after);
}

static void
test_bad_rows_are_unknown (StoreFixture *fixture, gconstpointer data)
{
  static const char *const damages[] = {
      "kind = 0",
      "kind = 9",
      "kind = 1 + (1 << 32)",
      "kind = -1",
      "reason = 1",
      "threat = 'X'",
      "kind = 2",
      "kind = 2, threat = 'X' || char(0) || 'Y'",
      "kind = 2, threat = printf('%300d', 1)",
      "kind = 2, threat = CAST (x'ff' AS TEXT)",
      "kind = 3",
      "kind = 3, reason = 5",
      "kind = 3, reason = 99",
      "size = -1",
      "size = size + 1",
  };
  g_autoptr (VtStore) store = open_store (fixture->path);

  for (gsize i = 0; i < G_N_ELEMENTS (damages); i++) {
    g_autofree char *sql = g_strdup_printf ("UPDATE verdict SET %s", damages[i]);

    insert_number (store, ENGINE_A, 1, vt_verdict_clean ());
    flush_store (store);
    g_assert_cmpint (look_up (store, ENGINE_A, 1), ==, VT_VERDICT_CLEAN);
    run_raw (fixture->path, sql);
    g_test_message ("%s", damages[i]);
    g_assert_cmpint (look_up (store, ENGINE_A, 1), ==, VT_VERDICT_UNKNOWN);
  }
}

static void
make_parent (StoreFixture *fixture)
{
  g_autofree char *parent = g_path_get_dirname (fixture->path);

  g_assert_cmpint (g_mkdir (parent, 0700), ==, 0);
}

static void
test_other_files_are_left_alone (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = g_strnfill (5000, 'x');
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;
  gsize size_before;
  gsize size_after;

  make_parent (fixture);
  g_assert_true (
      g_file_set_contents_full (fixture->path, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
  assert_open_fails (fixture->path, VT_STORE_ERROR_CORRUPT);
  g_assert_false (vt_store_remove (fixture->path, &error));
  g_assert_error (error, VT_STORE_ERROR, VT_STORE_ERROR_CORRUPT);
  g_assert_true (g_file_get_contents (fixture->path, &after, NULL, NULL));
  g_assert_cmpstr (after, ==, text);
  g_clear_pointer (&after, g_free);

  g_assert_cmpint (g_remove (fixture->path), ==, 0);
  run_raw (fixture->path, "CREATE TABLE verdict (important TEXT)");
  g_assert_cmpint (g_chmod (fixture->path, 0600), ==, 0);
  g_assert_true (g_file_get_contents (fixture->path, &before, &size_before, NULL));
  assert_open_fails (fixture->path, VT_STORE_ERROR_CORRUPT);
  g_assert_true (g_file_get_contents (fixture->path, &after, &size_after, NULL));
  g_assert_cmpmem (before, size_before, after, size_after);
  g_clear_error (&error);
  g_assert_false (vt_store_remove (fixture->path, &error));
  g_assert_error (error, VT_STORE_ERROR, VT_STORE_ERROR_CORRUPT);
  g_assert_true (g_file_test (fixture->path, G_FILE_TEST_EXISTS));
}

static void
test_later_versions_are_left_alone (StoreFixture *fixture, gconstpointer data)
{
  vt_store_free (open_store (fixture->path));
  run_raw (fixture->path, "PRAGMA user_version = 1000");
  assert_open_fails (fixture->path, VT_STORE_ERROR_NEWER);
}

static void
damage_file (const char *path)
{
  vt_autofd fd = open (path, O_RDWR | O_CLOEXEC);
  struct stat status;
  char garbage[1024];

  g_assert_cmpint (fstat (fd, &status), ==, 0);
  memset (garbage, 0xa5, sizeof garbage);
  /* All pages but the first, which says what the file is. */
  for (off_t at = 4096; at < status.st_size; at += (off_t)sizeof garbage)
    g_assert_cmpint (pwrite (fd, garbage, sizeof garbage, at), ==, sizeof garbage);
}

static void
test_damage_is_an_error (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *link = g_build_filename (fixture->dir, "link.db", NULL);
  VtStore *store = open_store (fixture->path);
  VtDigest digest = digest_of_number (7);
  g_auto (GStrv) members = NULL;
  VtVerdict verdict;

  for (guint i = 0; i < 5000; i++)
    insert_number (store, ENGINE_A, i, vt_verdict_clean ());
  vt_store_free (store);
  damage_file (fixture->path);

  store = vt_store_open (fixture->path, &error);
  if (store != NULL) {
    g_assert_false (vt_store_lookup (store, ENGINE_A, &digest, 7, &verdict, &members, &error));
    vt_store_free (store);
  }
  g_assert_error (error, VT_STORE_ERROR, VT_STORE_ERROR_CORRUPT);
  g_assert_nonnull (strstr (error->message, fixture->path));
  g_assert_nonnull (strstr (error->message, "vtemplater cache clear"));
  g_assert_true (g_file_test (fixture->path, G_FILE_TEST_EXISTS));
  g_clear_error (&error);
  g_assert_cmpint (symlink (fixture->path, link), ==, 0);
  g_assert_true (vt_store_remove (link, &error));
  g_assert_no_error (error);
  g_assert_false (g_file_test (fixture->path, G_FILE_TEST_EXISTS));
  store = open_store (fixture->path);
  g_assert_cmpint (look_up (store, ENGINE_A, 7), ==, VT_VERDICT_UNKNOWN);
  vt_store_free (store);
}

static void
test_default_path (void)
{
  g_autofree char *path = vt_store_default_path ();

  g_assert_true (g_path_is_absolute (path));
  g_assert_true (g_str_has_suffix (path, "/vtemplater/verdicts.db"));
  if (geteuid () == 0)
    g_assert_cmpstr (path, ==, "/var/cache/vtemplater/verdicts.db");
}

/* For a test of the command line: 3 clean, 2 infected and 1 incomplete, the clean ones long ago. */
static void
write_sample_to (const char *path)
{
  VtStore *store = open_store (path);

  for (guint i = 0; i < 3; i++)
    insert_number (store, ENGINE_A, i, vt_verdict_clean ());
  insert_number (store, ENGINE_B, 3, vt_verdict_infected ("X"));
  insert_number (store, ENGINE_B, 4, vt_verdict_infected ("Y"));
  insert_number (store, ENGINE_B, 5, vt_verdict_incomplete (VT_REASON_ENCRYPTED));
  vt_store_free (store);
  run_raw (path, "UPDATE verdict SET used = 1700000000 WHERE kind = 1");
}

#define ADD(name, func)                                                                            \
  g_test_add ("/store/" name, StoreFixture, NULL, store_fixture_set_up, func,                      \
              store_fixture_tear_down)

int
main (int argc, char **argv)
{
  const char *sample = g_getenv ("VT_TEST_STORE");

  g_test_init (&argc, &argv, NULL);
  if (sample != NULL) {
    write_sample_to (sample);
    return 0;
  }
  g_test_add_func ("/store/default-path", test_default_path);
  ADD ("what-goes-in-comes-out", test_what_goes_in_comes_out);
  ADD ("passing-verdicts-are-not-kept", test_passing_verdicts_are_not_kept);
  ADD ("writes-are-gathered", test_writes_are_gathered);
  ADD ("statistics", test_statistics);
  ADD ("prune", test_prune);
  ADD ("prune-gives-space-back", test_prune_gives_space_back);
  ADD ("clear", test_clear);
  ADD ("lookups-write-once-a-day", test_lookups_write_once_a_day);
  ADD ("bad-rows-are-unknown", test_bad_rows_are_unknown);
  ADD ("other-files-are-left-alone", test_other_files_are_left_alone);
  ADD ("later-versions-are-left-alone", test_later_versions_are_left_alone);
  ADD ("members-come-back", test_members_come_back);
  ADD ("the-first-schema-is-migrated", test_the_first_schema_is_migrated);
  ADD ("damage-is-an-error", test_damage_is_an_error);
  return g_test_run ();
}
