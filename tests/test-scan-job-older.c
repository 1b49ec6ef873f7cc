// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Verdicts of older signatures in the store, and what a scan makes of them. */
#include "scan-job-fixture.h"
#include "vt-scan-job-private.h"

#define DAY_S   ((gint64)24 * 60 * 60)
#define CONTENT "nothing to see"

static const char older_id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static gint64
get_now (void)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

/* Of an engine that is like the one in force, with signatures of five days ago. */
static void
remember_verdict (Fixture *fixture, const char *text, VtVerdict verdict)
{
  const VtDigest digest = vt_digest_of_data (text, strlen (text));
  VtEngineId older = *fixture->engine_id;
  g_autoptr (GError) error = NULL;

  older.id = (char *)older_id;
  vt_store_set_engine (fixture->store, &older, get_now () - 5 * DAY_S, 0);
  g_assert_true (
      vt_store_insert (fixture->store, older_id, &digest, strlen (text), &verdict, NULL, &error));
  g_assert_true (vt_store_flush (fixture->store, &error));
  g_assert_no_error (error);
}

static void
remember_older (Fixture *fixture, const char *text)
{
  remember_verdict (fixture, text, vt_verdict_clean ());
}

static VtScanResult *
run_with_age (Fixture *fixture, gint64 max_age)
{
  VtScanResult *result;

  vt_store_set_engine (fixture->store, fixture->engine_id, get_now (), max_age);
  result = run_job (fixture);
  g_assert_no_error (result->error);
  return result;
}

static guint64
count_known (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  guint64 known = 0;

  g_assert_true (vt_store_count (fixture->store, fixture->engine_id->id, &known, &error));
  g_assert_no_error (error);
  return known;
}

static void
test_older_verdicts_are_taken_by_permission (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (VtScanResult) first = NULL;
  g_autoptr (VtScanResult) second = NULL;

  remember_older (fixture, CONTENT);
  first = run_with_age (fixture, 10 * DAY_S);
  /* The marker is scanned; a clean content, which two files have, is not. */
  g_assert_cmpuint (first->stats.infected, ==, 2);
  g_assert_cmpuint (first->stats.clean, ==, 3);
  g_assert_cmpuint (first->stats.scanned, ==, 1);
  g_assert_cmpuint (first->stats.from_store_older, ==, 2);
  g_assert_cmpint (first->stats.from_store_age, >=, 5 * DAY_S);
  g_assert_cmpint (first->stats.from_store_age, <, 6 * DAY_S);
  /* It is no verdict of the engine in force for that. */
  g_assert_cmpuint (count_known (fixture), ==, 1);
  second = run_with_age (fixture, 4 * DAY_S);
  g_assert_cmpuint (second->stats.scanned, ==, 1);
  g_assert_cmpuint (second->stats.from_store_older, ==, 0);
  g_assert_cmpint (second->stats.from_store_age, ==, 0);
  g_assert_cmpuint (count_known (fixture), ==, 2);
}

static void
test_verdict_in_force_comes_first (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (VtScanResult) first = run_with_age (fixture, 0);
  g_autoptr (VtScanResult) second = NULL;

  remember_older (fixture, MARKER);
  second = run_with_age (fixture, 10 * DAY_S);
  g_assert_cmpuint (second->stats.infected, ==, 2);
  g_assert_cmpuint (second->stats.scanned, ==, 0);
  g_assert_cmpuint (second->stats.from_store_older, ==, 0);
}

/* A false alarm, say, that was mended. */
static void
test_what_was_found_is_scanned_again (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (VtScanResult) result = NULL;

  remember_verdict (fixture, CONTENT, vt_verdict_infected ("Found"));
  remember_verdict (fixture, MARKER, vt_verdict_incomplete (VT_REASON_ENCRYPTED));
  result = run_with_age (fixture, 10 * DAY_S);
  g_assert_cmpuint (result->stats.clean, ==, 3);
  g_assert_cmpuint (result->stats.infected, ==, 2);
  g_assert_cmpuint (result->stats.scanned, ==, 2);
  g_assert_cmpuint (result->stats.from_store_older, ==, 0);
}

static int
clean_reader (int socket, GVariant *arguments)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  send_filesystem (sink, "/dev/sda1");
  send_file (sink, "/clean", CONTENT, NULL);
  return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Nothing is known under the engine in force, but it may turn out not to be needed. */
static void
test_engine_is_not_loaded_for_nothing (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (VtScanResult) first = NULL;
  g_autoptr (VtScanResult) second = NULL;

  remember_older (fixture, CONTENT);
  first = run_with_age (fixture, 10 * DAY_S);
  g_assert_cmpuint (first->stats.from_store_older, ==, 1);
  g_assert_cmpint (fixture->job->load_time, ==, 0);
  second = run_with_age (fixture, 4 * DAY_S);
  g_assert_cmpuint (second->stats.scanned, ==, 1);
  g_assert_cmpint (fixture->job->load_time, !=, 0);
}

/* What is concluded from members is kept under the engine in force. */
static void
test_members_are_scanned (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (VtScanResult) result = NULL;

  remember_older (fixture, MEMBER);
  result = run_with_age (fixture, 10 * DAY_S);
  g_assert_cmpuint (result->stats.infected, ==, 1);
  g_assert_cmpuint (result->stats.from_store_older, ==, 0);
}

static void
add_tests (void)
{
  ADD ("older-verdicts-are-taken-by-permission", mixed_reader,
       test_older_verdicts_are_taken_by_permission);
  ADD ("verdict-in-force-comes-first", mixed_reader, test_verdict_in_force_comes_first);
  ADD ("what-was-found-is-scanned-again", mixed_reader, test_what_was_found_is_scanned_again);
  ADD ("engine-is-not-loaded-for-nothing", clean_reader, test_engine_is_not_loaded_for_nothing);
  ADD ("members-are-scanned", archive_reader, test_members_are_scanned);
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
