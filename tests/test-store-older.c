// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Which verdicts of engines before the one in force may be taken, and how old they are. */
#include <glib/gstdio.h>

#include "older-fixture.h"
#include "store-fixture.h"

#define ENGINE_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

/* Fixed, and not the time at which the test runs. */
#define NOW G_GINT64_CONSTANT (1795568523)

/* The age of the older verdict on NUMBER, and its kind; 0 and UNKNOWN if there is none. */
static gint64
look_up_older (VtStore *store, guint number, VtVerdictKind *kind)
{
  g_autoptr (GError) error = NULL;
  VtDigest digest = digest_of_number (number);
  VtVerdict verdict = {0};
  gint64 age = 0;
  gboolean found = vt_store_lookup_older (store, &digest, number, &verdict, &age, &error);

  g_assert_no_error (error);
  *kind = found ? verdict.kind : VT_VERDICT_UNKNOWN;
  return found ? age : 0;
}

static void
assert_older (VtStore *store, guint number, VtVerdictKind expected)
{
  VtVerdictKind kind;

  look_up_older (store, number, &kind);
  g_assert_cmpint (kind, ==, expected);
}

static void
assert_age (VtStore *store, guint number, gint64 expected)
{
  VtVerdictKind kind;
  gint64 age = look_up_older (store, number, &kind);

  g_assert_cmpint (age, ==, expected);
  g_assert_cmpint (kind, ==, VT_VERDICT_CLEAN);
}

static void
assert_has_older (VtStore *store, gboolean expected)
{
  g_autoptr (GError) error = NULL;
  gboolean has = !expected;

  g_assert_true (vt_store_has_older (store, &has, &error));
  g_assert_no_error (error);
  g_assert_cmpint (has, ==, expected);
}

/* Has ENGINE_ID, of signatures that are AGE old now, find VERDICT on the contents 1 and 2. */
static void
scan_with (VtStore *store, const char *engine_id, gint64 age, VtVerdict verdict)
{
  set_engine (store, engine_id, NOW - age, NOW - age + 1, 0);
  insert_number (store, engine_id, 1, verdict);
  insert_number (store, engine_id, 2, verdict);
  flush_store (store);
}

static void
test_age_is_bounded (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->path);

  scan_with (store, ENGINE_A, 10 * DAY_S, vt_verdict_clean ());
  set_engine (store, ENGINE_B, NOW, NOW, 10 * DAY_S);
  assert_age (store, 1, 10 * DAY_S);
  assert_has_older (store, TRUE);
  assert_older (store, 3, VT_VERDICT_UNKNOWN);
  set_engine (store, ENGINE_B, NOW, NOW, 10 * DAY_S - 1);
  assert_older (store, 1, VT_VERDICT_UNKNOWN);
  assert_has_older (store, FALSE);
  /* It is nothing that the engine in force has said. */
  g_assert_cmpint (look_up (store, ENGINE_B, 1), ==, VT_VERDICT_UNKNOWN);
  set_engine (store, ENGINE_B, NOW, NOW, G_MAXINT64);
  assert_age (store, 1, 10 * DAY_S);
}

static void
test_without_an_age_there_are_none (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->path);

  assert_older (store, 1, VT_VERDICT_UNKNOWN);
  scan_with (store, ENGINE_A, 0, vt_verdict_clean ());
  assert_older (store, 1, VT_VERDICT_UNKNOWN);
  set_engine (store, ENGINE_B, NOW, NOW, 0);
  assert_older (store, 1, VT_VERDICT_UNKNOWN);
  assert_has_older (store, FALSE);
  /* As old as those in force, and not those all the same. */
  set_engine (store, ENGINE_B, NOW, NOW, 1);
  assert_age (store, 1, 1);
}

static void
test_the_engine_must_be_the_same_but_for_updates (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->path);

  scan_with (store, ENGINE_A, DAY_S, vt_verdict_clean ());
  set_engine_with (store, ENGINE_B, "settings", "daily.cld", NOW, NOW, G_MAXINT64);
  assert_age (store, 1, DAY_S);
  set_engine_with (store, ENGINE_B, "others", "daily.cvd", NOW, NOW, G_MAXINT64);
  assert_older (store, 1, VT_VERDICT_UNKNOWN);
  assert_has_older (store, FALSE);
  set_engine_with (store, ENGINE_B, "settings", "main.cvd", NOW, NOW, G_MAXINT64);
  assert_older (store, 1, VT_VERDICT_UNKNOWN);
  assert_has_older (store, FALSE);
}

/* Until it says who it is, an engine leaves nothing to others. */
static void
test_nothing_is_known_of_other_engines (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->path);

  set_engine (store, ENGINE_A, NOW - DAY_S, NOW, 0);
  insert_number (store, ENGINE_B, 1, vt_verdict_clean ());
  flush_store (store);
  set_engine (store, ENGINE_C, NOW, NOW, G_MAXINT64);
  assert_older (store, 1, VT_VERDICT_UNKNOWN);
}

static void
test_newest_of_several_counts (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->path);

  scan_with (store, ENGINE_B, 3 * DAY_S, vt_verdict_clean ());
  scan_with (store, ENGINE_A, 5 * DAY_S, vt_verdict_clean ());
  set_engine (store, ENGINE_C, NOW, NOW, 30 * DAY_S);
  assert_age (store, 1, 3 * DAY_S);
}

static void
test_finding_makes_older_ones_nothing (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->path);

  scan_with (store, ENGINE_A, 5 * DAY_S, vt_verdict_clean ());
  scan_with (store, ENGINE_B, 3 * DAY_S, vt_verdict_infected ("Found"));
  set_engine (store, ENGINE_C, NOW, NOW, 30 * DAY_S);
  assert_older (store, 1, VT_VERDICT_INFECTED);
  /* Also one of signatures that are as old as those that found nothing. */
  scan_with (store, ENGINE_A, 3 * DAY_S, vt_verdict_clean ());
  set_engine (store, ENGINE_C, NOW, NOW, 30 * DAY_S);
  run_raw (fixture->path, "UPDATE engine SET signatures = (SELECT max (signatures) FROM engine)");
  assert_older (store, 1, VT_VERDICT_INFECTED);
  run_raw (fixture->path, "UPDATE verdict SET kind = 3 - kind, threat = ''"
                          " WHERE kind = 2; UPDATE verdict SET kind = 2, threat = 'X'"
                          " WHERE engine = (SELECT id FROM engine WHERE name GLOB 'aa*')");
  assert_older (store, 1, VT_VERDICT_INFECTED);
}

static void
test_what_was_not_looked_at_makes_older_ones_nothing (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->path);

  scan_with (store, ENGINE_A, 5 * DAY_S, vt_verdict_clean ());
  scan_with (store, ENGINE_B, 3 * DAY_S, vt_verdict_incomplete (VT_REASON_ENCRYPTED));
  set_engine (store, ENGINE_C, NOW, NOW, 30 * DAY_S);
  assert_older (store, 1, VT_VERDICT_INCOMPLETE);
}

/* A false alarm, say, that was mended. */
static void
test_finding_of_before_is_nothing (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->path);

  scan_with (store, ENGINE_A, 5 * DAY_S, vt_verdict_infected ("Found"));
  scan_with (store, ENGINE_B, 3 * DAY_S, vt_verdict_clean ());
  set_engine (store, ENGINE_C, NOW, NOW, 30 * DAY_S);
  assert_age (store, 1, 3 * DAY_S);
}

/* A database of the year 2100 is as old as the first verdict that was found with it. */
static void
test_databases_of_the_future (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->path);

  set_engine (store, ENGINE_A, NOW + 20000 * DAY_S, NOW - 5 * DAY_S, 0);
  insert_number (store, ENGINE_A, 1, vt_verdict_clean ());
  flush_store (store);
  set_engine (store, ENGINE_B, NOW, NOW, 5 * DAY_S);
  assert_age (store, 1, 5 * DAY_S);
  set_engine (store, ENGINE_B, NOW, NOW, 5 * DAY_S - 1);
  assert_older (store, 1, VT_VERDICT_UNKNOWN);
}

/* They were found before the clock was set back: how long before, nobody knows. */
static void
test_verdicts_of_the_future (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->path);

  scan_with (store, ENGINE_A, DAY_S, vt_verdict_clean ());
  set_engine (store, ENGINE_B, NOW, NOW - DAY_S - 1, G_MAXINT64);
  assert_older (store, 1, VT_VERDICT_UNKNOWN);
  assert_has_older (store, FALSE);
  set_engine (store, ENGINE_B, NOW, NOW - DAY_S, G_MAXINT64);
  assert_age (store, 1, 1);
  /* What was found then is not forgotten for that. */
  scan_with (store, ENGINE_B, 0, vt_verdict_infected ("Found"));
  set_engine (store, ENGINE_C, NOW, NOW - DAY_S, G_MAXINT64);
  assert_older (store, 1, VT_VERDICT_INFECTED);
}

static void
test_touching_files_makes_nothing_younger (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->path);

  scan_with (store, ENGINE_A, 20 * DAY_S, vt_verdict_clean ());
  scan_with (store, ENGINE_A, 0, vt_verdict_clean ());
  set_engine (store, ENGINE_B, NOW, NOW, 30 * DAY_S);
  assert_age (store, 1, 20 * DAY_S);
  scan_with (store, ENGINE_A, 25 * DAY_S, vt_verdict_clean ());
  set_engine (store, ENGINE_B, NOW, NOW, 30 * DAY_S);
  assert_age (store, 1, 25 * DAY_S);
}

static void
test_bad_rows_are_nothing (StoreFixture *fixture, gconstpointer data)
{
  static const char *const damages[] = {"kind = 9", "reason = 5", "size = 7", "threat = 'X'"};
  g_autoptr (VtStore) store = open_store (fixture->path);

  for (gsize i = 0; i < G_N_ELEMENTS (damages); i++) {
    g_autofree char *sql = g_strdup_printf ("UPDATE verdict SET %s", damages[i]);

    scan_with (store, ENGINE_A, DAY_S, vt_verdict_clean ());
    set_engine (store, ENGINE_B, NOW, NOW, 30 * DAY_S);
    assert_age (store, 1, DAY_S);
    run_raw (fixture->path, sql);
    g_test_message ("%s", damages[i]);
    assert_older (store, 1, VT_VERDICT_UNKNOWN);
  }
}

static void
test_use_is_noted (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->path);

  scan_with (store, ENGINE_A, DAY_S, vt_verdict_clean ());
  run_raw (fixture->path, "UPDATE verdict SET used = 1000");
  set_engine (store, ENGINE_B, NOW, NOW, 30 * DAY_S);
  assert_age (store, 1, DAY_S);
  flush_store (store);
  assert_query (fixture->path,
                "SELECT group_concat (u) FROM (SELECT used > 1000 AS u FROM verdict ORDER BY size)",
                "1,0");
  assert_query (fixture->path, "SELECT group_concat (name) FROM engine", ENGINE_A);
}

static void
test_pruned_engines_are_gone (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->path);
  g_autoptr (GError) error = NULL;

  for (guint round = 0; round < 2; round++) {
    scan_with (store, ENGINE_A, DAY_S, vt_verdict_clean ());
    set_engine (store, ENGINE_B, NOW, NOW, 30 * DAY_S);
    assert_has_older (store, TRUE);
    g_assert_true (round == 0 ? vt_store_prune (store, G_MAXINT64, 0, NULL, &error)
                              : vt_store_clear (store, &error));
    g_assert_no_error (error);
    assert_has_older (store, FALSE);
    assert_older (store, 1, VT_VERDICT_UNKNOWN);
    assert_query (fixture->path, "SELECT count(*) FROM engine", "0");
  }
}

/* As the version before wrote it, with a verdict under each of two engines. */
static void
write_second_schema (StoreFixture *fixture)
{
  g_autofree char *parent = g_path_get_dirname (fixture->path);

  g_assert_cmpint (g_mkdir (parent, 0700), ==, 0);
  run_raw (fixture->path,
           "CREATE TABLE engine (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE)"
           " STRICT;"
           "CREATE TABLE verdict (engine INTEGER NOT NULL, sha256 BLOB NOT NULL,"
           " size INTEGER NOT NULL, kind INTEGER NOT NULL, reason INTEGER NOT NULL,"
           " threat TEXT NOT NULL, used INTEGER NOT NULL, members BLOB NOT NULL DEFAULT x'',"
           " PRIMARY KEY (engine, sha256)) STRICT, WITHOUT ROWID;"
           "INSERT INTO engine (name) VALUES ('" ENGINE_A "'), ('" ENGINE_B "');"
           "PRAGMA application_id = 1450464868; PRAGMA user_version = 2");
  g_assert_cmpint (g_chmod (fixture->path, 0600), ==, 0);
}

static void
add_second_schema_rows (StoreFixture *fixture)
{
  for (guint number = 1; number <= 2; number++) {
    const VtDigest digest = digest_of_number (number);
    char hex[VT_DIGEST_HEX_SIZE];
    g_autofree char *sql =
        g_strdup_printf ("INSERT INTO verdict (engine, sha256, size, kind, reason, threat, used)"
                         " VALUES (%u, x'%s', %u, 1, 0, '', 1700000000)",
                         number, vt_digest_to_hex (&digest, hex), number);

    run_raw (fixture->path, sql);
  }
}

static void
test_the_second_schema_is_migrated (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = NULL;

  write_second_schema (fixture);
  add_second_schema_rows (fixture);
  store = open_store (fixture->path);
  assert_query (fixture->path, "PRAGMA user_version", "4");
  g_assert_cmpint (look_up (store, ENGINE_A, 1), ==, VT_VERDICT_CLEAN);
  g_assert_cmpint (look_up (store, ENGINE_B, 2), ==, VT_VERDICT_CLEAN);
  /* How old they are is not known. */
  set_engine (store, ENGINE_C, NOW, NOW, G_MAXINT64);
  assert_older (store, 1, VT_VERDICT_UNKNOWN);
  assert_older (store, 2, VT_VERDICT_UNKNOWN);
  /* Unless the engine is in force once more: its id stands for its settings and databases. */
  set_engine (store, ENGINE_A, NOW - DAY_S, NOW, 0);
  insert_number (store, ENGINE_A, 3, vt_verdict_clean ());
  flush_store (store);
  set_engine (store, ENGINE_C, NOW, NOW, G_MAXINT64);
  assert_age (store, 1, DAY_S);
  assert_older (store, 2, VT_VERDICT_UNKNOWN);
}

/* Or else it takes as long as there are engines, or verdicts. */
static void
test_lookup_is_indexed (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->path);
  g_autoptr (sqlite3_stmt) statement = NULL;
  const char *sql = sqlite3_sql (store->statements[VT_STORE_STATEMENT_LOOKUP_OLDER]);
  g_autofree char *explain = g_strconcat ("EXPLAIN QUERY PLAN ", sql, NULL);
  guint searches = 0;

  g_assert_cmpint (sqlite3_prepare_v2 (store->db, explain, -1, &statement, NULL), ==, SQLITE_OK);
  while (sqlite3_step (statement) == SQLITE_ROW) {
    const char *step = (const char *)sqlite3_column_text (statement, 3);

    g_test_message ("%s", step);
    g_assert_false (g_str_has_prefix (step, "SCAN"));
    searches += g_str_has_prefix (step, "SEARCH");
  }
  g_assert_cmpuint (searches, ==, 2);
}

#define ADD(name, func)                                                                            \
  g_test_add ("/store-older/" name, StoreFixture, NULL, store_fixture_set_up, func,                \
              store_fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("age-is-bounded", test_age_is_bounded);
  ADD ("without-an-age-there-are-none", test_without_an_age_there_are_none);
  ADD ("the-engine-must-be-the-same-but-for-updates",
       test_the_engine_must_be_the_same_but_for_updates);
  ADD ("nothing-is-known-of-other-engines", test_nothing_is_known_of_other_engines);
  ADD ("newest-of-several-counts", test_newest_of_several_counts);
  ADD ("finding-makes-older-ones-nothing", test_finding_makes_older_ones_nothing);
  ADD ("what-was-not-looked-at-makes-older-ones-nothing",
       test_what_was_not_looked_at_makes_older_ones_nothing);
  ADD ("finding-of-before-is-nothing", test_finding_of_before_is_nothing);
  ADD ("databases-of-the-future", test_databases_of_the_future);
  ADD ("verdicts-of-the-future", test_verdicts_of_the_future);
  ADD ("touching-files-makes-nothing-younger", test_touching_files_makes_nothing_younger);
  ADD ("bad-rows-are-nothing", test_bad_rows_are_nothing);
  ADD ("use-is-noted", test_use_is_noted);
  ADD ("pruned-engines-are-gone", test_pruned_engines_are_gone);
  ADD ("the-second-schema-is-migrated", test_the_second_schema_is_migrated);
  ADD ("lookup-is-indexed", test_lookup_is_indexed);
  return g_test_run ();
}
