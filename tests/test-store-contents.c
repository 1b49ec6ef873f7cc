// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "store-fixture.h"
#include "vt-store-contents.h"

typedef struct {
  guint calls;
  guint clean;
  guint infected;
  guint sum; /* of the numbers that digests are of, below 100 */
} Seen;

static void
note (const VtDigest *digest, const VtVerdict *verdict, Seen *seen)
{
  seen->calls++;
  seen->clean += verdict->kind == VT_VERDICT_CLEAN;
  seen->infected += verdict->kind == VT_VERDICT_INFECTED;
  for (guint i = 0; i < 100; i++) {
    VtDigest other = digest_of_number (i);

    seen->sum += vt_digest_equal (digest, &other) ? i : 0;
  }
}

static void
on_visit (const VtDigest *digest, const VtVerdict *verdict, gint64 used, gpointer user_data)
{
  gint64 age = g_get_real_time () / G_USEC_PER_SEC - used;

  g_assert_cmpint (ABS (age), <, 1000);
  note (digest, verdict, user_data);
}

static void
on_insert (const char *engine_id,
           const VtDigest *digest,
           const VtVerdict *verdict,
           gpointer user_data)
{
  g_assert_cmpstr (engine_id, ==, ENGINE_A);
  note (digest, verdict, user_data);
}

static Seen
visit (VtStore *store, const char *engine)
{
  g_autoptr (GError) error = NULL;
  Seen seen = {0};

  g_assert_true (vt_store_visit (store, engine, on_visit, &seen, &error));
  g_assert_no_error (error);
  return seen;
}

static void
test_visit (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->path);
  Seen seen;

  insert_number (store, ENGINE_A, 1, vt_verdict_clean ());
  insert_number (store, ENGINE_A, 10, vt_verdict_infected ("Eicar"));
  insert_number (store, ENGINE_B, 50, vt_verdict_clean ());
  /* Also what was not written before. */
  seen = visit (store, ENGINE_A);
  g_assert_cmpuint (seen.calls, ==, 2);
  g_assert_cmpuint (seen.clean, ==, 1);
  g_assert_cmpuint (seen.infected, ==, 1);
  g_assert_cmpuint (seen.sum, ==, 11);
  g_assert_cmpuint (visit (store, "unknown").calls, ==, 0);
}

/* A row that makes no verdict counts as unknown. */
static void
test_visit_bad_rows (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->path);

  insert_number (store, ENGINE_A, 1, vt_verdict_clean ());
  insert_number (store, ENGINE_A, 2, vt_verdict_clean ());
  insert_number (store, ENGINE_A, 3, vt_verdict_infected ("Eicar"));
  flush_store (store);
  run_raw (fixture->path, "UPDATE verdict SET kind = 7 WHERE threat = 'Eicar'");
  run_raw (fixture->path, "UPDATE verdict SET sha256 = x'00' WHERE"
                          " sha256 = (SELECT max (sha256) FROM verdict WHERE kind = 1)");
  g_assert_cmpuint (visit (store, ENGINE_A).calls, ==, 1);
}

static void
test_insert_func (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->path);
  Seen seen = {0};

  vt_store_set_insert_func (store, on_insert, &seen);
  insert_number (store, ENGINE_A, 5, vt_verdict_clean ());
  g_assert_cmpuint (seen.sum, ==, 5);
  /* What is not kept is not told. */
  insert_number (store, ENGINE_A, 6, vt_verdict_incomplete (VT_REASON_TIME_LIMIT));
  g_assert_cmpuint (seen.calls, ==, 1);
  vt_store_set_insert_func (store, NULL, NULL);
  insert_number (store, ENGINE_A, 7, vt_verdict_clean ());
  g_assert_cmpuint (seen.calls, ==, 1);
}

static void
test_forget (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->path);
  g_autoptr (GError) error = NULL;
  const VtDigest digests[] = {digest_of_number (1), digest_of_number (2), digest_of_number (99)};

  for (guint i = 0; i < 4; i++) {
    insert_number (store, ENGINE_A, i, vt_verdict_clean ());
    insert_number (store, ENGINE_B, i, vt_verdict_clean ());
  }
  g_assert_true (vt_store_forget (store, digests, G_N_ELEMENTS (digests), &error));
  g_assert_no_error (error);
  for (guint i = 0; i < 4; i++) {
    VtVerdictKind expected = i == 1 || i == 2 ? VT_VERDICT_UNKNOWN : VT_VERDICT_CLEAN;

    g_assert_cmpint (look_up (store, ENGINE_A, i), ==, expected);
    g_assert_cmpint (look_up (store, ENGINE_B, i), ==, expected);
  }
  assert_query (fixture->path, "SELECT count(*) FROM verdict", "4");
}

/* All or none. */
static void
test_forget_fails (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->path);
  g_autoptr (GError) error = NULL;
  const VtDigest digests[] = {digest_of_number (1), digest_of_number (2)};

  insert_number (store, ENGINE_A, 1, vt_verdict_clean ());
  insert_number (store, ENGINE_A, 2, vt_verdict_clean ());
  flush_store (store);
  run_raw (fixture->path, "CREATE TRIGGER stop BEFORE DELETE ON verdict"
                          " WHEN (SELECT count(*) FROM verdict) = 1"
                          " BEGIN SELECT raise (ABORT, 'no'); END");
  g_assert_false (vt_store_forget (store, digests, G_N_ELEMENTS (digests), &error));
  g_assert_nonnull (error);
  g_assert_cmpint (look_up (store, ENGINE_A, 1), ==, VT_VERDICT_CLEAN);
  g_assert_cmpint (look_up (store, ENGINE_A, 2), ==, VT_VERDICT_CLEAN);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func)                                                                            \
  g_test_add (name, StoreFixture, NULL, store_fixture_set_up, func, store_fixture_tear_down)
  ADD ("/store-contents/visit", test_visit);
  ADD ("/store-contents/visit-bad-rows", test_visit_bad_rows);
  ADD ("/store-contents/insert-func", test_insert_func);
  ADD ("/store-contents/forget", test_forget);
  ADD ("/store-contents/forget-fails", test_forget_fails);
#undef ADD
  return g_test_run ();
}
