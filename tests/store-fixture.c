// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "store-fixture.h"

#include <glib/gstdio.h>
#include <string.h>

#include "vt-paths.h"

void
store_fixture_set_up (StoreFixture *fixture, gconstpointer data)
{
  fixture->dir = g_dir_make_tmp ("test-store-XXXXXX", NULL);
  fixture->path = g_build_filename (fixture->dir, "cache", "verdicts.db", NULL);
}

void
store_fixture_tear_down (StoreFixture *fixture, gconstpointer data)
{
  vt_paths_remove_tree (fixture->dir);
  g_free (fixture->dir);
  g_free (fixture->path);
}

VtDigest
digest_of_number (guint number)
{
  return vt_digest_of_data (&number, sizeof number);
}

VtStore *
open_store (const char *path)
{
  g_autoptr (GError) error = NULL;
  VtStore *store = vt_store_open (path, &error);

  g_assert_no_error (error);
  g_assert_nonnull (store);
  return store;
}

void
insert_number (VtStore *store, const char *engine, guint number, VtVerdict verdict)
{
  g_autoptr (GError) error = NULL;
  VtDigest digest = digest_of_number (number);

  g_assert_true (vt_store_insert (store, engine, &digest, number, &verdict, NULL, &error));
  g_assert_no_error (error);
}

void
flush_store (VtStore *store)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (vt_store_flush (store, &error));
  g_assert_no_error (error);
}

VtVerdictKind
look_up (VtStore *store, const char *engine, guint number)
{
  g_autoptr (GError) error = NULL;
  VtDigest digest = digest_of_number (number);
  VtVerdict verdict = {0};
  g_auto (GStrv) members = NULL;
  gboolean found = vt_store_lookup (store, engine, &digest, number, &verdict, &members, &error);

  g_assert_no_error (error);
  return found ? verdict.kind : VT_VERDICT_UNKNOWN;
}

VtStoreStats
get_stats (VtStore *store)
{
  g_autoptr (GError) error = NULL;
  VtStoreStats stats;

  g_assert_true (vt_store_get_stats (store, &stats, &error));
  g_assert_no_error (error);
  return stats;
}

sqlite3 *
open_raw (const char *path)
{
  sqlite3 *db;

  g_assert_cmpint (sqlite3_open_v2 (path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL),
                   ==, SQLITE_OK);
  return db;
}

void
run_raw (const char *path, const char *sql)
{
  g_autoptr (sqlite3) db = open_raw (path);

  g_assert_cmpint (sqlite3_exec (db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
}

char *
query_raw (sqlite3 *db, const char *sql)
{
  g_autoptr (sqlite3_stmt) statement = NULL;

  g_assert_cmpint (sqlite3_prepare_v2 (db, sql, -1, &statement, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_step (statement), ==, SQLITE_ROW);
  return g_strdup ((const char *)sqlite3_column_text (statement, 0));
}

void
assert_query (const char *path, const char *sql, const char *expected)
{
  g_autoptr (sqlite3) db = open_raw (path);
  g_autofree char *result = query_raw (db, sql);

  g_assert_cmpstr (result, ==, expected);
}

void
assert_open_fails (const char *path, VtStoreError code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtStore) store = vt_store_open (path, &error);

  g_assert_null (store);
  g_assert_error (error, VT_STORE_ERROR, (int)code);
  g_assert_nonnull (strstr (error->message, "verdict store: /"));
}
