// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What is no clean cache, though somebody may have signed it. */
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "clean-cache-fixture.h"

static void
test_changed_bytes_are_refused (void)
{
  VtCleanCacheBuilder *builder = new_builder ();
  g_auto (VtCleanDatabase) database = VT_CLEAN_DATABASE_INIT;
  VtDigest empty = vt_digest_of_data ("", 0);
  vt_autofd longer = -1;
  vt_autofd nothing = vt_memfd_new ("test");

  add_file (builder, new_file (0, 12));
  database = finish (builder);
  for (guint64 place = 0; place < database.size; place += 97) {
    vt_autofd fd = copy_database (&database, 0);
    guint8 byte;

    g_assert_cmpint (vt_fd_read_at (fd, place, &byte, 1), ==, 1);
    byte ^= 1;
    g_assert_true (vt_fd_write_at (fd, place, &byte, 1));
    assert_refused (fd, &database.digest, VT_CLEAN_CACHE_ERROR_CHANGED);
    g_assert_true (vt_memfd_seal (fd));
    assert_refused (fd, &database.digest, VT_CLEAN_CACHE_ERROR_CHANGED);
  }
  longer = copy_database (&database, 1);
  assert_refused (longer, &database.digest, VT_CLEAN_CACHE_ERROR_CHANGED);
  assert_refused (nothing, &database.digest, VT_CLEAN_CACHE_ERROR_CHANGED);
  assert_refused (nothing, &empty, VT_CLEAN_CACHE_ERROR_DAMAGED);
}

static void
test_what_is_no_file_is_refused (void)
{
  VtDigest digest = digest_of_number (0);
  vt_autofd zeros = open ("/dev/zero", O_RDONLY | O_CLOEXEC);
  vt_autofd directory = open ("/", O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  vt_autofd huge = vt_memfd_new ("test");

  assert_refused (zeros, &digest, VT_CLEAN_CACHE_ERROR_DAMAGED);
  assert_refused (directory, &digest, VT_CLEAN_CACHE_ERROR_DAMAGED);
  g_assert_cmpint (ftruncate (huge, (off_t)VT_CLEAN_CACHE_SIZE_MAX + 1), ==, 0);
  g_assert_true (vt_memfd_seal (huge));
  assert_refused (huge, &digest, VT_CLEAN_CACHE_ERROR_DAMAGED);
}

/* A database that somebody signed, though SQL was run in it. FILE gets it; the digest is right. */
static VtDigest
rework (const VtCleanDatabase *database, const char *sql, int *file)
{
  g_autofree char *path = NULL;
  g_autofree guint8 *data = g_malloc (database->size);
  g_autofree char *changed = NULL;
  gsize size;
  sqlite3 *db;
  int fd = g_file_open_tmp ("clean-XXXXXX", &path, NULL);

  g_assert_cmpint (vt_fd_read_at (database->fd, 0, data, database->size), ==,
                   (gssize)database->size);
  g_assert_true (vt_fd_write_at (fd, 0, data, database->size));
  close (fd);
  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
  sqlite3_close (db);
  g_assert_true (g_file_get_contents (path, &changed, &size, NULL));
  unlink (path);
  *file = vt_memfd_new ("test");
  g_assert_true (vt_fd_write_at (*file, 0, changed, size));
  return vt_digest_of_data (changed, size);
}

static void
assert_rework_refused (const char *sql, VtCleanCacheError code)
{
  VtCleanCacheBuilder *builder = new_builder ();
  g_auto (VtCleanDatabase) database = VT_CLEAN_DATABASE_INIT;
  vt_autofd fd = -1;
  VtDigest digest;

  add_file (builder, new_file (0, 12));
  database = finish (builder);
  digest = rework (&database, sql, &fd);
  assert_refused (fd, &digest, code);
}

static void
test_other_databases_are_refused (void)
{
  assert_rework_refused ("PRAGMA application_id = 1", VT_CLEAN_CACHE_ERROR_DAMAGED);
  assert_rework_refused ("PRAGMA user_version = 2", VT_CLEAN_CACHE_ERROR_NEWER);
  assert_rework_refused ("PRAGMA user_version = 0", VT_CLEAN_CACHE_ERROR_DAMAGED);
  assert_rework_refused ("PRAGMA journal_mode = WAL", VT_CLEAN_CACHE_ERROR_DAMAGED);
  assert_rework_refused ("PRAGMA page_size = 8192; VACUUM", VT_CLEAN_CACHE_ERROR_DAMAGED);
  assert_rework_refused ("CREATE TABLE zz(a)", VT_CLEAN_CACHE_ERROR_DAMAGED);
  assert_rework_refused ("CREATE INDEX aa ON file(sha256)", VT_CLEAN_CACHE_ERROR_DAMAGED);
  assert_rework_refused ("DROP TABLE meta", VT_CLEAN_CACHE_ERROR_DAMAGED);
  assert_rework_refused ("DROP TABLE file; CREATE VIEW file AS SELECT 0 AS fs, 12 AS ino",
                         VT_CLEAN_CACHE_ERROR_DAMAGED);
  assert_rework_refused ("ALTER TABLE file ADD COLUMN more INTEGER", VT_CLEAN_CACHE_ERROR_DAMAGED);
}

/* SQLite would pass over what follows the last page. */
static void
test_more_than_the_database_is_refused (void)
{
  g_auto (VtCleanDatabase) database = finish (new_builder ());
  g_autoptr (GError) error = NULL;
  vt_autofd fd = copy_database (&database, 4096);
  VtDigest digest;

  g_assert_true (vt_digest_of_fd (fd, database.size + 4096, &digest, &error));
  g_assert_no_error (error);
  assert_refused (fd, &digest, VT_CLEAN_CACHE_ERROR_DAMAGED);
}

static void
test_wrong_names_are_refused (void)
{
  assert_rework_refused ("DELETE FROM meta WHERE key = 'template'", VT_CLEAN_CACHE_ERROR_DAMAGED);
  assert_rework_refused ("UPDATE meta SET value = 'x' WHERE key = 'template'",
                         VT_CLEAN_CACHE_ERROR_DAMAGED);
  assert_rework_refused ("UPDATE meta SET value = NULL", VT_CLEAN_CACHE_ERROR_DAMAGED);
  assert_rework_refused ("UPDATE meta SET key = 'fs.2' WHERE key = 'fs.1'",
                         VT_CLEAN_CACHE_ERROR_DAMAGED);
  assert_rework_refused ("INSERT INTO meta VALUES ('fs.3', '')", VT_CLEAN_CACHE_ERROR_DAMAGED);
  assert_rework_refused ("UPDATE meta SET value = 'a b' WHERE key = 'fs.0'",
                         VT_CLEAN_CACHE_ERROR_DAMAGED);
  assert_rework_refused ("UPDATE meta SET value = 'a' || char(0) || 'b' WHERE key = 'fs.0'",
                         VT_CLEAN_CACHE_ERROR_DAMAGED);
}

static void
assert_row_refused (const char *sql)
{
  VtCleanCacheBuilder *builder = new_builder ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VtCleanCache) cache = NULL;
  g_autoptr (GString) order = g_string_new (NULL);
  g_auto (VtCleanDatabase) database = VT_CLEAN_DATABASE_INIT;
  vt_autofd fd = -1;
  VtDigest digest;

  add_file (builder, new_file (0, 12));
  add_file (builder, new_file (0, 13));
  database = finish (builder);
  digest = rework (&database, sql, &fd);
  cache = open_cache (fd, &digest);
  g_assert_false (vt_clean_cache_foreach_file (cache, on_file, order, &error));
  g_assert_error (error, VT_CLEAN_CACHE_ERROR, VT_CLEAN_CACHE_ERROR_DAMAGED);
  g_assert_cmpstr (order->str, ==, "0/12 ");
}

static void
test_wrong_rows_are_refused (void)
{
  assert_row_refused ("UPDATE file SET fs = 2 WHERE ino = 13");
  assert_row_refused ("UPDATE file SET gen = 2147483648 WHERE ino = 13");
  assert_row_refused ("UPDATE file SET size = NULL WHERE ino = 13");
  assert_row_refused ("UPDATE file SET sha256 = x'00' WHERE ino = 13");
  assert_row_refused ("UPDATE file SET sha256 = NULL WHERE ino = 13");
}

static void
test_wrong_digests_are_refused (void)
{
  VtCleanCacheBuilder *builder = new_builder ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VtCleanCache) cache = NULL;
  g_auto (VtCleanDatabase) database = VT_CLEAN_DATABASE_INIT;
  vt_autofd fd = -1;
  VtDigest digest;
  VtCleanFile file;

  add_file (builder, new_file (0, 12));
  database = finish (builder);
  digest = rework (&database, "UPDATE file SET sha256 = x'00'", &fd);
  cache = open_cache (fd, &digest);
  digest = digest_of_number (12);
  g_assert_false (vt_clean_cache_has_content (cache, &digest, &error));
  g_assert_error (error, VT_CLEAN_CACHE_ERROR, VT_CLEAN_CACHE_ERROR_DAMAGED);
  g_clear_error (&error);
  g_assert_false (vt_clean_cache_find_file (cache, 0, 12, &file, &error));
  g_assert_error (error, VT_CLEAN_CACHE_ERROR, VT_CLEAN_CACHE_ERROR_DAMAGED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/clean-cache-damage/changed-bytes-are-refused", test_changed_bytes_are_refused);
  g_test_add_func ("/clean-cache-damage/what-is-no-file-is-refused",
                   test_what_is_no_file_is_refused);
  g_test_add_func ("/clean-cache-damage/other-databases-are-refused",
                   test_other_databases_are_refused);
  g_test_add_func ("/clean-cache-damage/more-than-the-database-is-refused",
                   test_more_than_the_database_is_refused);
  g_test_add_func ("/clean-cache-damage/wrong-names-are-refused", test_wrong_names_are_refused);
  g_test_add_func ("/clean-cache-damage/wrong-rows-are-refused", test_wrong_rows_are_refused);
  g_test_add_func ("/clean-cache-damage/wrong-digests-are-refused", test_wrong_digests_are_refused);
  return g_test_run ();
}
