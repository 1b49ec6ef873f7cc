// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "scan-pool-fixture.h"

static void
test_many_contents (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) marker = bytes_of_text (MARKER);
  g_autoptr (GByteArray) zip = make_archive ("zip", NULL, marker, 2);

  make_pool (fixture, 3);
  for (guint i = 0; i < 150; i++) {
    g_autofree char *text = g_strdup_printf ("content %u %s", i, i % 10 == 0 ? MARKER : "");

    submit (fixture, text);
    if (i == 75)
      load (fixture);
  }
  submit_data (fixture, zip->data, zip->len);
  submit (fixture, "tiny");
  submit (fixture, "");
  g_assert_cmpuint (vt_scan_pool_get_pending (fixture->pool), ==, 153);
  wait_for_all (fixture);
  for (guint i = 0; i < 150; i++) {
    if (i % 10 == 0)
      assert_infected (&fixture->contents[i], MARKER_NAME);
    else
      assert_clean (&fixture->contents[i]);
  }
  assert_infected (&fixture->contents[150], MARKER_NAME);
  assert_clean (&fixture->contents[151]);
  assert_clean (&fixture->contents[152]);
  assert_loaded (fixture);
  gt_signal_logger_assert_no_emissions (fixture->logger);
}

static void
test_largest_first (Fixture *fixture, gconstpointer data)
{
  const gsize sizes[] = {100, 300, 200, 300};
  const guint turns[] = {4, 1, 3, 2};
  g_autoptr (GByteArray) content = noise (300, 1);

  make_pool (fixture, 1);
  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    submit_data (fixture, content->data, sizes[i]);
  load (fixture);
  wait_for_all (fixture);
  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    g_assert_cmpuint (fixture->contents[i].turn, ==, turns[i]);
}

static Content *
submit_for (Fixture *fixture, gpointer owner, const char *text)
{
  int memfd = memfd_of_data (text, strlen (text));

  g_assert_cmpint (fcntl (memfd, F_ADD_SEALS, ALL_SEALS), ==, 0);
  return submit_memfd_of (fixture, owner, memfd, strlen (text));
}

/* What waits is given up at once, what a worker has is not, nor what is another's. */
static void
test_withdraw (Fixture *fixture, gconstpointer data)
{
  int first, second;
  Content *at_worker;
  pid_t worker;

  make_pool (fixture, 1);
  load (fixture);
  submit (fixture, "makes a worker start");
  wait_for_all (fixture);
  worker = only_child (get_host ());
  stop_worker (worker);
  at_worker = submit_for (fixture, &first, "at the worker: " MARKER);
  for (guint i = 0; i < 10; i++)
    submit_for (fixture, i % 2 == 0 ? &first : &second, "some content");
  vt_scan_pool_withdraw (fixture->pool, &first);
  g_assert_cmpuint (at_worker->calls, ==, 0);
  for (guint i = 0; i < 10; i++)
    g_assert_cmpuint (at_worker[1 + i].calls, ==, i % 2 == 0);
  g_assert_cmpuint (vt_scan_pool_get_pending (fixture->pool), ==, 6);
  vt_scan_pool_withdraw (fixture->pool, &first);
  g_assert_cmpint (kill (worker, SIGCONT), ==, 0);
  wait_for_all (fixture);
  assert_infected (at_worker, MARKER_NAME);
  for (guint i = 0; i < 10; i++) {
    if (i % 2 == 0)
      assert_incomplete (&at_worker[1 + i], VT_REASON_ENGINE_ERROR);
    else
      assert_clean (&at_worker[1 + i]);
  }
}

/* Before there is an engine as well. */
static void
test_withdraw_before_loading (Fixture *fixture, gconstpointer data)
{
  int owner;

  make_pool (fixture, 1);
  submit_for (fixture, &owner, "some content");
  vt_scan_pool_withdraw (fixture->pool, &owner);
  wait_for_all (fixture);
  assert_incomplete (&fixture->contents[0], VT_REASON_ENGINE_ERROR);
}

/* Sealed memory files of the stated size only: anything else may change while it is scanned. */
static void
test_unsealed_content_is_refused (Fixture *fixture, gconstpointer data)
{
  const int seals[] = {0, F_SEAL_GROW | F_SEAL_SHRINK, F_SEAL_WRITE | F_SEAL_GROW,
                       F_SEAL_WRITE | F_SEAL_SHRINK};
  g_autofree char *path = g_build_filename (fixture->base.database_dir, "test.ndb", NULL);
  int memfd;

  make_pool (fixture, 1);
  load (fixture);
  for (gsize i = 0; i < G_N_ELEMENTS (seals); i++) {
    memfd = memfd_of_data ("not sealed", 10);
    g_assert_cmpint (fcntl (memfd, F_ADD_SEALS, seals[i]), ==, 0);
    submit_memfd (fixture, memfd, 10);
  }
  memfd = memfd_of_data ("wrong size", 10);
  g_assert_cmpint (fcntl (memfd, F_ADD_SEALS, ALL_SEALS), ==, 0);
  submit_memfd (fixture, memfd, 9);
  submit_memfd (fixture, open (path, O_RDONLY | O_CLOEXEC), 10);
  wait_for_all (fixture);
  for (guint i = 0; i < fixture->n_contents; i++)
    assert_incomplete (&fixture->contents[i], VT_REASON_ENGINE_ERROR);
}

static int
compare_lines (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

static void
add_testfile (Fixture *fixture, const char *dir, const char *name, GPtrArray *paths)
{
  g_autofree char *path = g_build_filename (dir, name, NULL);
  g_autofree char *data = NULL;
  g_autoptr (GError) error = NULL;
  gsize size;

  g_file_get_contents (path, &data, &size, &error);
  g_assert_no_error (error);
  submit_data (fixture, data, size);
  g_ptr_array_add (paths, g_steal_pointer (&path));
}

/* Lines as clamscan prints them, sorted. */
static char *
format_verdicts (Fixture *fixture, GPtrArray *paths)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < paths->len; i++) {
    const VtVerdict *verdict = &fixture->contents[i].verdict;

    g_assert_cmpint (verdict->kind, !=, VT_VERDICT_INCOMPLETE);
    g_ptr_array_add (lines, g_strdup_printf ("%s: %s%s", (char *)g_ptr_array_index (paths, i),
                                             verdict->threat,
                                             verdict->threat[0] != '\0' ? " FOUND" : "OK"));
  }
  g_ptr_array_sort (lines, compare_lines);
  g_ptr_array_add (lines, NULL);
  return g_strjoinv ("\n", (char **)lines->pdata);
}

static char *
run_clamscan (const char *database_dir, const char *dir)
{
  const char *argv[] = {"clamscan", "-r", "--no-summary", "-d", database_dir, dir, NULL};
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  g_auto (GStrv) lines = NULL;

  g_spawn_sync (NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output, NULL, NULL,
                &error);
  g_assert_no_error (error);
  lines = g_strsplit (g_strstrip (output), "\n", -1);
  qsort (lines, g_strv_length (lines), sizeof (char *), compare_lines);
  return g_strjoinv ("\n", lines);
}

static void
test_same_as_clamscan (Fixture *fixture, gconstpointer data)
{
  const char *testfiles = "/usr/share/clamav-testfiles";
  g_autofree char *program = g_find_program_in_path ("clamscan");
  g_autoptr (GDir) dir = g_dir_open (testfiles, 0, NULL);
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *ours = NULL;
  g_autofree char *theirs = NULL;
  const char *name;

  if (program == NULL || dir == NULL) {
    g_test_skip ("clamscan or /usr/share/clamav-testfiles is missing");
    return;
  }
  write_file (fixture->base.database_dir, "test.hdb",
              "aa15bcf478d165efd2065190eb473bcb:544:ClamAV-Test-File\n");
  make_pool (fixture, 2);
  load (fixture);
  while ((name = g_dir_read_name (dir)) != NULL)
    add_testfile (fixture, testfiles, name, paths);
  wait_for_all (fixture);
  g_assert_cmpuint (paths->len, >, 0);
  ours = format_verdicts (fixture, paths);
  theirs = run_clamscan (fixture->base.database_dir, testfiles);
  g_assert_cmpstr (ours, ==, theirs);
}

#define ADD(name, function)                                                                        \
  g_test_add ("/scan-pool/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("many-contents", test_many_contents);
  ADD ("largest-first", test_largest_first);
  ADD ("withdraw", test_withdraw);
  ADD ("withdraw-before-loading", test_withdraw_before_loading);
  ADD ("unsealed-content-is-refused", test_unsealed_content_is_refused);
  ADD ("same-as-clamscan", test_same_as_clamscan);
  return g_test_run ();
}
