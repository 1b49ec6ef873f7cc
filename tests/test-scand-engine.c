// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "engine-fixture.h"
#include "processes.h"
#include "vt-scand-engine.h"
#include "vt-unpack-worker.h"

#define TEXT "nothing to see"

typedef struct {
  EngineFixture base;
  VtStore *store;
  VtUnpackPool *unpack_pool;
  VtImageOptions *image;
  VtScandEngine *engine;
  guint in_force; /* how often each signal came */
  guint refused;
  guint lost;
  GError *error; /* of the last one */
} Fixture;

/* One for all tests: once an engine has looked, there are threads. */
static VtSpawner *spawner;

static void
on_in_force (VtScandEngine *engine, const VtEngineId *id, Fixture *fixture)
{
  fixture->in_force++;
}

static void
take_error (Fixture *fixture, const GError *error)
{
  g_clear_error (&fixture->error);
  fixture->error = g_error_copy (error);
}

static void
on_refused (VtScandEngine *engine, const GError *error, Fixture *fixture)
{
  fixture->refused++;
  take_error (fixture, error);
}

static void
on_lost (VtScandEngine *engine, const GError *error, Fixture *fixture)
{
  fixture->lost++;
  take_error (fixture, error);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  VtUnpackPoolOptions unpack_options = {
      .worker = vt_unpack_worker_main, .max_time_s = 60, .jobs = 1};

  engine_fixture_set_up (&fixture->base, NULL);
  path = g_build_filename (fixture->base.dir, "store", "verdicts.db", NULL);
  fixture->store = vt_store_open (path, &error);
  g_assert_no_error (error);
  unpack_options.max_file_size = fixture->base.options->max_file_size;
  fixture->unpack_pool = vt_unpack_pool_new (spawner, &unpack_options);
  fixture->image = vt_image_options_new ("content");
  fixture->engine = vt_scand_engine_new (&(VtScandEngineSetup){
      .spawner = spawner,
      .store = fixture->store,
      .unpack_pool = fixture->unpack_pool,
      .options = fixture->base.options,
      .image = fixture->image,
      .workers = 1,
  });
  g_signal_connect (fixture->engine, "in-force", G_CALLBACK (on_in_force), fixture);
  g_signal_connect (fixture->engine, "refused", G_CALLBACK (on_refused), fixture);
  g_signal_connect (fixture->engine, "lost", G_CALLBACK (on_lost), fixture);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_object_unref (fixture->engine);
  /* What it leaves goes when nothing is underway. */
  while (g_main_context_iteration (NULL, FALSE))
    ;
  vt_unpack_pool_free (fixture->unpack_pool);
  vt_store_free (fixture->store);
  vt_image_options_free (fixture->image);
  g_clear_error (&fixture->error);
  engine_fixture_tear_down (&fixture->base, NULL);
}

static void
wait_for (const guint *count, guint n)
{
  while (*count < n)
    g_main_context_iteration (NULL, TRUE);
}

static void
start (Fixture *fixture)
{
  vt_scand_engine_look (fixture->engine);
  wait_for (&fixture->in_force, 1);
}

typedef struct {
  gboolean came;
  VtVerdict verdict;
} Answer;

static void
on_answer (const VtScanAnswer *answer, gpointer user_data)
{
  Answer *self = user_data;

  self->came = TRUE;
  self->verdict = answer->verdict;
}

static void
begin_scan (Fixture *fixture, const char *text, Answer *answer)
{
  int memfd = memfd_of_data (text, strlen (text));

  g_assert_cmpint (fcntl (memfd, F_ADD_SEALS, ALL_SEALS), ==, 0);
  answer->came = FALSE;
  g_assert_true (vt_scand_engine_scan (fixture->engine, memfd, strlen (text), on_answer, answer));
  g_assert_false (answer->came);
}

static VtVerdict
scan (Fixture *fixture, const char *text)
{
  Answer answer;

  begin_scan (fixture, text, &answer);
  while (!answer.came)
    g_main_context_iteration (NULL, TRUE);
  return answer.verdict;
}

/* Signatures that find TEXT as well. */
static void
add_signature (Fixture *fixture, const char *text)
{
  g_autoptr (GString) signatures = g_string_new (NULL);

  append_signature (signatures, "Vt.Test.Added", text);
  write_file (fixture->base.database_dir, "added.ndb", signatures->str);
}

static void
test_nothing_before_the_first (Fixture *fixture, gconstpointer data)
{
  vt_autofd memfd = memfd_of_data (TEXT, strlen (TEXT));

  g_assert_null (vt_scand_engine_get_id (fixture->engine));
  g_assert_false (vt_scand_engine_scan (fixture->engine, memfd, strlen (TEXT), on_answer, NULL));
}

static void
test_contents_get_verdicts (Fixture *fixture, gconstpointer data)
{
  g_autofree char *id = engine_fixture_id (&fixture->base);

  start (fixture);
  g_assert_cmpstr (vt_scand_engine_get_id (fixture->engine)->id, ==, id);
  g_assert_cmpint (scan (fixture, TEXT).kind, ==, VT_VERDICT_CLEAN);
  g_assert_cmpint (scan (fixture, "a " MARKER).kind, ==, VT_VERDICT_INFECTED);
}

static void
test_the_same_is_not_loaded_again (Fixture *fixture, gconstpointer data)
{
  pid_t host;

  start (fixture);
  host = get_host ();
  vt_scand_engine_look (fixture->engine);
  for (guint i = 0; i < 20; i++) {
    g_usleep (10 * 1000);
    while (g_main_context_iteration (NULL, FALSE))
      ;
  }
  g_assert_cmpuint (fixture->in_force, ==, 1);
  g_assert_cmpint (get_host (), ==, host);
}

/* What was begun is answered by the engine that has it; what comes later, by the new one. */
static void
test_new_signatures_take_over (Fixture *fixture, gconstpointer data)
{
  g_autofree char *before = NULL;
  Answer answer;
  vt_autofd pidfd = -1;
  pid_t worker;
  pid_t host;

  start (fixture);
  before = g_strdup (vt_scand_engine_get_id (fixture->engine)->id);
  g_assert_cmpint (scan (fixture, TEXT).kind, ==, VT_VERDICT_CLEAN);
  host = get_host ();
  pidfd = vt_pidfd_open (host);
  worker = only_child (host);
  stop_process (worker);
  begin_scan (fixture, "another " TEXT, &answer);
  add_signature (fixture, TEXT);
  vt_scand_engine_look (fixture->engine);
  wait_for (&fixture->in_force, 2);
  g_assert_cmpstr (vt_scand_engine_get_id (fixture->engine)->id, !=, before);
  g_assert_cmpint (scan (fixture, TEXT).kind, ==, VT_VERDICT_INFECTED);
  g_assert_false (answer.came);
  g_assert_cmpint (kill (worker, SIGCONT), ==, 0);
  while (!answer.came)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (answer.verdict.kind, ==, VT_VERDICT_CLEAN);
  /* Then the memory of the old one is given back. */
  while (g_main_context_iteration (NULL, FALSE))
    ;
  assert_ends (pidfd);
}

static void
assert_refused (Fixture *fixture, const char *text)
{
  const VtEngineId *before = vt_scand_engine_get_id (fixture->engine);

  vt_scand_engine_look (fixture->engine);
  wait_for (&fixture->refused, 1);
  g_test_message ("%s", fixture->error->message);
  g_assert_nonnull (strstr (fixture->error->message, text));
  g_assert_true (vt_scand_engine_get_id (fixture->engine) == before);
  g_assert_cmpint (scan (fixture, TEXT).kind, ==, VT_VERDICT_CLEAN);
}

static void
test_broken_signatures_are_refused (Fixture *fixture, gconstpointer data)
{
  start (fixture);
  write_file (fixture->base.database_dir, "broken.ndb", "Broken:0:*:xyz\n");
  assert_refused (fixture, "");
}

static void
test_signatures_that_find_everything_are_refused (Fixture *fixture, gconstpointer data)
{
  start (fixture);
  add_signature (fixture, "harmless");
  assert_refused (fixture, "harmless text (Vt.Test.Added");
}

static void
test_missing_signatures_are_refused (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->base.database_dir, "test.ndb", NULL);

  start (fixture);
  g_assert_cmpint (g_unlink (path), ==, 0);
  assert_refused (fixture, "");
}

/* They come while others are being loaded. */
static void
test_latest_signatures_win (Fixture *fixture, gconstpointer data)
{
  g_autofree char *id = NULL;

  start (fixture);
  add_signature (fixture, "first of them");
  vt_scand_engine_look (fixture->engine);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  add_signature (fixture, TEXT);
  id = engine_fixture_id (&fixture->base);
  vt_scand_engine_look (fixture->engine);
  while (!g_str_equal (vt_scand_engine_get_id (fixture->engine)->id, id))
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (scan (fixture, TEXT).kind, ==, VT_VERDICT_INFECTED);
}

static void
test_lost_engine_comes_back (Fixture *fixture, gconstpointer data)
{
  start (fixture);
  g_assert_cmpint (kill (get_host (), SIGKILL), ==, 0);
  wait_for (&fixture->lost, 1);
  g_assert_null (vt_scand_engine_get_id (fixture->engine));
  wait_for (&fixture->in_force, 2);
  g_assert_cmpint (scan (fixture, "a " MARKER).kind, ==, VT_VERDICT_INFECTED);
}

#define ADD(name, function)                                                                        \
  g_test_add ("/scand-engine/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  spawner = vt_spawner_new (&error);
  g_assert_no_error (error);
  ADD ("nothing-before-the-first", test_nothing_before_the_first);
  ADD ("contents-get-verdicts", test_contents_get_verdicts);
  ADD ("the-same-is-not-loaded-again", test_the_same_is_not_loaded_again);
  ADD ("new-signatures-take-over", test_new_signatures_take_over);
  ADD ("broken-signatures-are-refused", test_broken_signatures_are_refused);
  ADD ("signatures-that-find-everything-are-refused",
       test_signatures_that_find_everything_are_refused);
  ADD ("missing-signatures-are-refused", test_missing_signatures_are_refused);
  ADD ("latest-signatures-win", test_latest_signatures_win);
  ADD ("lost-engine-comes-back", test_lost_engine_comes_back);
  status = g_test_run ();
  vt_spawner_free (spawner);
  return status;
}
