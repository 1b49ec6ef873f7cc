// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <clamav.h>
#include <sys/stat.h>

#include "engine-fixture.h"

typedef EngineFixture Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  engine_fixture_set_up (fixture, data);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  engine_fixture_tear_down (fixture, data);
}

static void
assert_id (Fixture *fixture, const char *expected, gboolean same)
{
  g_autofree char *id = engine_fixture_id (fixture);

  g_assert_cmpuint (strlen (id), ==, 64);
  if (same)
    g_assert_cmpstr (id, ==, expected);
  else
    g_assert_cmpstr (id, !=, expected);
}

static void
assert_fails (Fixture *fixture, VtEngineError code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (vt_engine_id_new (fixture->options, NULL, &error));
  g_assert_error (error, VT_ENGINE_ERROR, (gint)code);
}

static void
test_contents (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtEngineId) id = NULL;
  const VtEngineDatabase *database;
  VtDigest digest;
  GStatBuf status;
  g_autofree char *path = g_build_filename (fixture->database_dir, "b.hdb", NULL);

  write_file (fixture->database_dir, "b.hdb", "# empty\n");
  id = vt_engine_id_new (fixture->options, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (id->version, ==, cl_retver ());
  g_assert_cmpuint (id->flevel, ==, cl_retflevel ());
  g_assert_cmpuint (id->databases->len, ==, 2);
  database = g_ptr_array_index (id->databases, 0);
  digest = vt_digest_of_data ("# empty\n", 8);
  g_assert_cmpstr (database->name, ==, "b.hdb");
  g_assert_true (vt_digest_equal (&database->digest, &digest));
  g_assert_cmpint (g_stat (path, &status), ==, 0);
  g_assert_cmpint (database->time, ==, status.st_mtime);
  database = g_ptr_array_index (id->databases, 1);
  g_assert_cmpstr (database->name, ==, "test.ndb");
}

/* The header of a .cvd: 512 bytes, fields between colons. */
static void
test_header (Fixture *fixture, gconstpointer data)
{
  static const char fields[] = "ClamAV-VDB:16 Sep 2021 08-32 -0400:62:6647427:90:"
                               "0123456789abcdef0123456789abcdef:signature:builder:1631795562";
  g_autoptr (GError) error = NULL;
  g_autoptr (VtEngineId) id = NULL;
  const VtEngineDatabase *database;
  g_autofree char *header = g_strdup_printf ("%-512s", fields);

  write_file (fixture->database_dir, "main.cvd", header);
  id = vt_engine_id_new (fixture->options, NULL, &error);
  g_assert_no_error (error);
  database = g_ptr_array_index (id->databases, 0);
  g_assert_cmpstr (database->name, ==, "main.cvd");
  g_assert_cmpuint (database->version, ==, 62);
  g_assert_cmpuint (database->signatures, ==, 6647427);
  g_assert_cmpint (database->time, ==, 1631795562);
}

static void
test_what_changes_it (Fixture *fixture, gconstpointer data)
{
  g_autofree char *id = engine_fixture_id (fixture);
  g_autofree char *with_unknown = NULL;
  g_autofree char *directory = g_build_filename (fixture->database_dir, "updating.ndb", NULL);

  assert_id (fixture, id, TRUE);
  write_file (fixture->database_dir, "freshclam.dat", "1");
  write_file (fixture->database_dir, "mirrors.dat", "1");
  write_file (fixture->database_dir, "freshclam.log", "1");
  write_file (fixture->database_dir, "update.lock", "1");
  write_file (fixture->database_dir, ".hidden", "1");
  g_assert_cmpint (g_mkdir (directory, 0700), ==, 0);
  assert_id (fixture, id, TRUE);
  write_file (fixture->database_dir, "unknown", "1");
  assert_id (fixture, id, FALSE);
  with_unknown = engine_fixture_id (fixture);
  /* The engine loads these. */
  write_file (fixture->database_dir, ".hidden.NDB", "# empty\n");
  assert_id (fixture, with_unknown, FALSE);
}

static void
test_names_and_bytes_count (Fixture *fixture, gconstpointer data)
{
  g_autofree char *id = engine_fixture_id (fixture);
  g_autofree char *other = NULL;
  g_autofree char *path = g_build_filename (fixture->database_dir, "test.ndb", NULL);
  g_autofree char *renamed = g_build_filename (fixture->database_dir, "toast.ndb", NULL);

  g_assert_cmpint (g_rename (path, renamed), ==, 0);
  assert_id (fixture, id, FALSE);
  g_assert_cmpint (g_rename (renamed, path), ==, 0);
  assert_id (fixture, id, TRUE);
  write_file (fixture->database_dir, "test.ndb", "# empty\n");
  assert_id (fixture, id, FALSE);
  other = engine_fixture_id (fixture);
  /* A link is as good as the file. */
  g_assert_cmpint (g_rename (path, renamed), ==, 0);
  write_file (fixture->dir, "elsewhere", "# empty\n");
  g_unlink (renamed);
  g_assert_cmpint (symlink ("../elsewhere", path), ==, 0);
  assert_id (fixture, other, TRUE);
}

static void
test_every_limit_counts (Fixture *fixture, gconstpointer data)
{
  g_autofree char *id = engine_fixture_id (fixture);
  VtEngineOptions *options = fixture->options;

  options->max_file_size--;
  assert_id (fixture, id, FALSE);
  options->max_file_size++;
  options->max_scan_size--;
  assert_id (fixture, id, FALSE);
  options->max_scan_size++;
  options->max_scan_time_s--;
  assert_id (fixture, id, FALSE);
  options->max_scan_time_s++;
  options->max_recursion--;
  assert_id (fixture, id, FALSE);
  options->max_recursion++;
  options->max_files--;
  assert_id (fixture, id, FALSE);
  options->max_files++;
  options->max_unpacked_size--;
  assert_id (fixture, id, FALSE);
  options->max_unpacked_size++;
  options->max_ratio--;
  assert_id (fixture, id, FALSE);
  options->max_ratio++;
  options->max_nested--;
  assert_id (fixture, id, FALSE);
  options->max_nested++;
  options->max_unpack_time_s--;
  assert_id (fixture, id, FALSE);
  options->max_unpack_time_s++;
  assert_id (fixture, id, TRUE);
}

static void
test_no_database (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (fixture->database_dir, "test.ndb", NULL);
  g_autofree char *missing = g_build_filename (fixture->dir, "missing", NULL);

  g_assert_cmpint (g_unlink (path), ==, 0);
  assert_fails (fixture, VT_ENGINE_ERROR_NO_DATABASE);
  write_file (fixture->database_dir, "README", "no signatures in here");
  assert_fails (fixture, VT_ENGINE_ERROR_NO_DATABASE);
  g_free (fixture->options->database_dir);
  fixture->options->database_dir = g_strdup (missing);
  g_assert_null (vt_engine_id_new (fixture->options, NULL, &error));
  g_assert_error (error, VT_ENGINE_ERROR, VT_ENGINE_ERROR_NO_DATABASE);
  g_assert_nonnull (strstr (error->message, missing));
  g_assert_nonnull (strstr (error->message, "vtemplater db update"));
  g_assert_nonnull (strstr (error->message, "--database"));
}

/* The engine passes some such files over without a word. */
static void
test_unreadable_database (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->database_dir, "daily.cvd", NULL);

  g_assert_cmpint (symlink ("nowhere", path), ==, 0);
  assert_fails (fixture, VT_ENGINE_ERROR_FAILED);
}

static void
test_limits_have_bounds (void)
{
  g_autoptr (VtEngineOptions) options = vt_engine_options_new ();
  g_autoptr (VtEngineOptions) bad = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (vt_engine_options_validate (options, &error));
  g_assert_no_error (error);
  bad = vt_engine_options_copy (options);
  bad->max_file_size = VT_ENGINE_FILE_SIZE_CEILING + 1;
  g_assert_false (vt_engine_options_validate (bad, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  bad->max_file_size = options->max_file_size;
  /* The engine would take this for no limit at all. */
  bad->max_scan_time_s = 0;
  g_assert_false (vt_engine_options_validate (bad, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

#define ADD(name, function)                                                                        \
  g_test_add ("/engine-id/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("contents", test_contents);
  ADD ("header", test_header);
  ADD ("what-changes-it", test_what_changes_it);
  ADD ("names-and-bytes-count", test_names_and_bytes_count);
  ADD ("every-limit-counts", test_every_limit_counts);
  ADD ("no-database", test_no_database);
  ADD ("unreadable-database", test_unreadable_database);
  g_test_add_func ("/engine-id/limits-have-bounds", test_limits_have_bounds);
  return g_test_run ();
}
