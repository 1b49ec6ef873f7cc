// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <string.h>

#include "store-fixture.h"
#include "vt-scand-cache.h"

#define GRACE_S     1000
#define ENTRIES_MAX 500
#define NOW         ((gint64)2000000000)

typedef struct {
  StoreFixture base;
  VtStore *store;
  VtScandCache *cache;
  guint revoked;
  VtDigest last;
  char threat[64];
} Fixture;

static void
on_revoked (const VtDigest *digest, const char *threat, gpointer user_data)
{
  Fixture *fixture = user_data;

  fixture->revoked++;
  fixture->last = *digest;
  g_strlcpy (fixture->threat, threat, sizeof fixture->threat);
}

static void
make_cache (Fixture *fixture)
{
  const VtScandCacheLimits limits = {.max_entries = ENTRIES_MAX, .grace_s = GRACE_S};

  fixture->cache = vt_scand_cache_new (fixture->store, &limits, on_revoked, fixture);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  store_fixture_set_up (&fixture->base, data);
  fixture->store = open_store (fixture->base.path);
  make_cache (fixture);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  vt_scand_cache_free (fixture->cache);
  vt_store_free (fixture->store);
  store_fixture_tear_down (&fixture->base, data);
}

/* As after a start of the service. */
static void
restart (Fixture *fixture)
{
  vt_scand_cache_free (fixture->cache);
  vt_store_free (fixture->store);
  fixture->store = open_store (fixture->base.path);
  make_cache (fixture);
}

static void
load (Fixture *fixture, const char *engine, gint64 superseded)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (vt_scand_cache_load (fixture->cache, engine, superseded, &error));
  g_assert_no_error (error);
}

static void
set_engine (Fixture *fixture, const char *engine, gint64 now)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (vt_scand_cache_set_engine (fixture->cache, engine, now, &error));
  g_assert_no_error (error);
}

static VtVerdictKind
known (Fixture *fixture, guint number, gint64 now)
{
  VtDigest digest = digest_of_number (number);

  return vt_scand_cache_lookup (fixture->cache, &digest, now);
}

static void
test_lookup (Fixture *fixture, gconstpointer data)
{
  set_engine (fixture, ENGINE_A, NOW);
  insert_number (fixture->store, ENGINE_A, 1, vt_verdict_clean ());
  insert_number (fixture->store, ENGINE_A, 2, vt_verdict_infected ("Eicar"));
  insert_number (fixture->store, ENGINE_A, 3, vt_verdict_incomplete (VT_REASON_ENCRYPTED));
  g_assert_cmpint (known (fixture, 1, NOW), ==, VT_VERDICT_CLEAN);
  g_assert_cmpint (known (fixture, 2, NOW), ==, VT_VERDICT_INFECTED);
  g_assert_cmpint (known (fixture, 3, NOW), ==, VT_VERDICT_INCOMPLETE);
  g_assert_cmpint (known (fixture, 4, NOW), ==, VT_VERDICT_UNKNOWN);
  /* A failure that passes is not kept. */
  insert_number (fixture->store, ENGINE_A, 5, vt_verdict_incomplete (VT_REASON_ENGINE_CRASH));
  g_assert_cmpint (known (fixture, 5, NOW), ==, VT_VERDICT_UNKNOWN);
  /* Another engine's word does not count. */
  insert_number (fixture->store, ENGINE_B, 6, vt_verdict_clean ());
  g_assert_cmpint (known (fixture, 6, NOW), ==, VT_VERDICT_UNKNOWN);
}

static void
test_grace (Fixture *fixture, gconstpointer data)
{
  set_engine (fixture, ENGINE_A, NOW - 5000);
  insert_number (fixture->store, ENGINE_A, 1, vt_verdict_clean ());
  insert_number (fixture->store, ENGINE_A, 2, vt_verdict_clean ());
  set_engine (fixture, ENGINE_B, NOW);
  g_assert_cmpint (known (fixture, 1, NOW), ==, VT_VERDICT_CLEAN);
  g_assert_cmpint (known (fixture, 1, NOW + GRACE_S - 1), ==, VT_VERDICT_CLEAN);
  g_assert_cmpint (known (fixture, 1, NOW + GRACE_S), ==, VT_VERDICT_UNKNOWN);
  /* A clock that goes back. */
  g_assert_cmpint (known (fixture, 1, NOW - 1), ==, VT_VERDICT_UNKNOWN);
  insert_number (fixture->store, ENGINE_B, 2, vt_verdict_clean ());
  g_assert_cmpint (known (fixture, 2, NOW + GRACE_S), ==, VT_VERDICT_CLEAN);
  g_assert_cmpuint (fixture->revoked, ==, 0);
  /* Saying again what is in force changes nothing. */
  set_engine (fixture, ENGINE_B, NOW + 10);
  g_assert_cmpint (known (fixture, 2, NOW + 2 * GRACE_S), ==, VT_VERDICT_CLEAN);
  /* One that comes back counts again. */
  set_engine (fixture, ENGINE_A, NOW + 20);
  g_assert_cmpint (known (fixture, 1, NOW + 2 * GRACE_S), ==, VT_VERDICT_CLEAN);
  g_assert_cmpint (known (fixture, 2, NOW + 20 + GRACE_S), ==, VT_VERDICT_UNKNOWN);
}

static void
test_revoked (Fixture *fixture, gconstpointer data)
{
  VtDigest digest = digest_of_number (1);

  set_engine (fixture, ENGINE_A, NOW);
  insert_number (fixture->store, ENGINE_A, 1, vt_verdict_clean ());
  insert_number (fixture->store, ENGINE_A, 2, vt_verdict_infected ("First"));
  g_assert_cmpuint (fixture->revoked, ==, 0);
  set_engine (fixture, ENGINE_B, NOW);
  insert_number (fixture->store, ENGINE_B, 1, vt_verdict_infected ("Later"));
  insert_number (fixture->store, ENGINE_B, 2, vt_verdict_infected ("First"));
  g_assert_cmpuint (fixture->revoked, ==, 1);
  g_assert_true (vt_digest_equal (&fixture->last, &digest));
  g_assert_cmpstr (fixture->threat, ==, "Later");
  g_assert_cmpint (known (fixture, 1, NOW), ==, VT_VERDICT_INFECTED);
  /* What was given to the engine before ends late, and does not speak against the one in force. */
  insert_number (fixture->store, ENGINE_A, 1, vt_verdict_clean ());
  g_assert_cmpint (known (fixture, 1, NOW), ==, VT_VERDICT_INFECTED);
}

/* Agents were told so before the grace was over, and may have kept it. */
static void
test_revoked_late (Fixture *fixture, gconstpointer data)
{
  set_engine (fixture, ENGINE_A, NOW - 10 * GRACE_S);
  insert_number (fixture->store, ENGINE_A, 1, vt_verdict_clean ());
  set_engine (fixture, ENGINE_B, NOW - 5 * GRACE_S);
  g_assert_cmpint (known (fixture, 1, NOW), ==, VT_VERDICT_UNKNOWN);
  insert_number (fixture->store, ENGINE_B, 1, vt_verdict_infected ("Later"));
  g_assert_cmpuint (fixture->revoked, ==, 1);
}

static void
test_restart (Fixture *fixture, gconstpointer data)
{
  set_engine (fixture, ENGINE_A, NOW);
  insert_number (fixture->store, ENGINE_A, 1, vt_verdict_clean ());
  insert_number (fixture->store, ENGINE_A, 2, vt_verdict_clean ());
  set_engine (fixture, ENGINE_B, NOW);
  insert_number (fixture->store, ENGINE_B, 1, vt_verdict_infected ("Later"));
  restart (fixture);
  g_assert_cmpint (known (fixture, 1, NOW), ==, VT_VERDICT_UNKNOWN);
  load (fixture, ENGINE_A, NOW);
  load (fixture, ENGINE_B, 0);
  g_assert_cmpuint (vt_scand_cache_get_length (fixture->cache), ==, 2);
  g_assert_cmpint (known (fixture, 1, NOW + 2 * GRACE_S), ==, VT_VERDICT_INFECTED);
  g_assert_cmpint (known (fixture, 2, NOW), ==, VT_VERDICT_CLEAN);
  g_assert_cmpint (known (fixture, 2, NOW + GRACE_S), ==, VT_VERDICT_UNKNOWN);
}

static void
test_distrust (Fixture *fixture, gconstpointer data)
{
  VtDigest digests[] = {digest_of_number (1), digest_of_number (2), digest_of_number (3)};

  set_engine (fixture, ENGINE_A, NOW);
  insert_number (fixture->store, ENGINE_A, 1, vt_verdict_clean ());
  insert_number (fixture->store, ENGINE_A, 2, vt_verdict_infected ("Eicar"));
  set_engine (fixture, ENGINE_B, NOW);
  insert_number (fixture->store, ENGINE_B, 3, vt_verdict_clean ());
  for (guint i = 0; i < G_N_ELEMENTS (digests); i++)
    vt_scand_cache_distrust (fixture->cache, &digests[i]);
  g_assert_cmpint (known (fixture, 1, NOW), ==, VT_VERDICT_UNKNOWN);
  g_assert_cmpint (known (fixture, 2, NOW), ==, VT_VERDICT_INFECTED);
  /* The engine in force knows what the one before said. */
  g_assert_cmpint (known (fixture, 3, NOW), ==, VT_VERDICT_CLEAN);
}

/* One that comes back when it had been forgotten, or with a state database that was lost. */
static void
test_engine_that_the_store_knows (Fixture *fixture, gconstpointer data)
{
  set_engine (fixture, ENGINE_A, NOW);
  insert_number (fixture->store, ENGINE_A, 1, vt_verdict_clean ());
  restart (fixture);
  set_engine (fixture, ENGINE_B, NOW);
  g_assert_cmpint (known (fixture, 1, NOW), ==, VT_VERDICT_UNKNOWN);
  set_engine (fixture, ENGINE_A, NOW);
  g_assert_cmpint (known (fixture, 1, NOW), ==, VT_VERDICT_CLEAN);
}

static guint
prune (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  guint steps = 1;

  while (vt_scand_cache_prune (fixture->cache, &error)) {
    g_assert_no_error (error);
    steps++;
    g_assert_cmpuint (steps, <, 1000);
  }
  g_assert_no_error (error);
  return steps;
}

/* Those asked for last are left, here and on disk. */
static void
test_prune (Fixture *fixture, gconstpointer data)
{
  guint kept = 0;
  gint64 tomorrow = g_get_real_time () / G_USEC_PER_SEC + 24 * 60 * 60;

  set_engine (fixture, ENGINE_A, NOW);
  for (guint i = 0; i < 3 * ENTRIES_MAX; i++)
    insert_number (fixture->store, ENGINE_A, i, vt_verdict_clean ());
  for (guint i = 0; i < ENTRIES_MAX / 2; i++)
    g_assert_cmpint (known (fixture, i, tomorrow), ==, VT_VERDICT_CLEAN);
  g_assert_cmpuint (prune (fixture), >, 1);
  g_assert_cmpuint (vt_scand_cache_get_length (fixture->cache), ==, ENTRIES_MAX);
  for (guint i = 0; i < 3 * ENTRIES_MAX; i++)
    kept += known (fixture, i, tomorrow) == VT_VERDICT_CLEAN;
  g_assert_cmpuint (kept, ==, ENTRIES_MAX);
  for (guint i = 0; i < ENTRIES_MAX / 2; i++)
    g_assert_cmpint (known (fixture, i, tomorrow), ==, VT_VERDICT_CLEAN);
  restart (fixture);
  load (fixture, ENGINE_A, 0);
  g_assert_cmpuint (vt_scand_cache_get_length (fixture->cache), ==, ENTRIES_MAX);
  /* Within the bound there is nothing to do. */
  g_assert_cmpuint (prune (fixture), ==, 1);
}

/* With more engines than can be told apart, the oldest one's verdicts are unknown. */
static void
test_many_engines (Fixture *fixture, gconstpointer data)
{
  for (guint i = 0; i <= VT_SCAND_INDEX_ENGINES; i++) {
    g_autofree char *engine = g_strdup_printf ("%064x", i);

    set_engine (fixture, engine, NOW + i);
    insert_number (fixture->store, engine, i, vt_verdict_clean ());
  }
  g_assert_cmpint (known (fixture, 0, NOW + 100), ==, VT_VERDICT_UNKNOWN);
  g_assert_cmpint (known (fixture, 1, NOW + 100), ==, VT_VERDICT_CLEAN);
  g_assert_cmpint (known (fixture, VT_SCAND_INDEX_ENGINES, NOW + 100), ==, VT_VERDICT_CLEAN);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add (name, Fixture, NULL, set_up, func, tear_down)
  ADD ("/scand-cache/lookup", test_lookup);
  ADD ("/scand-cache/grace", test_grace);
  ADD ("/scand-cache/revoked", test_revoked);
  ADD ("/scand-cache/revoked-late", test_revoked_late);
  ADD ("/scand-cache/restart", test_restart);
  ADD ("/scand-cache/distrust", test_distrust);
  ADD ("/scand-cache/engine-that-the-store-knows", test_engine_that_the_store_knows);
  ADD ("/scand-cache/prune", test_prune);
  ADD ("/scand-cache/many-engines", test_many_engines);
#undef ADD
  return g_test_run ();
}
