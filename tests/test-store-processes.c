// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store-fixture.h"

#define BATCH 20u

static void
test_busy (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtStore) store = open_store (fixture->path);
  g_autoptr (sqlite3) raw = open_raw (fixture->path);

  sqlite3_busy_timeout (store->db, 50);
  g_assert_cmpint (sqlite3_exec (raw, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
  insert_number (store, ENGINE_A, 1, vt_verdict_clean ());
  g_assert_false (vt_store_flush (store, &error));
  g_assert_error (error, VT_STORE_ERROR, VT_STORE_ERROR_BUSY);
  g_assert_cmpint (look_up (store, ENGINE_A, 1), ==, VT_VERDICT_CLEAN);
  g_assert_cmpint (sqlite3_exec (raw, "COMMIT", NULL, NULL, NULL), ==, SQLITE_OK);
  flush_store (store);
  assert_query (fixture->path, "SELECT count(*) FROM verdict", "1");
}

/* Inserts batches from FIRST on and tells the number of each after it was flushed, until killed. */
static G_GNUC_NORETURN void
insert_until_killed (const char *path, guint first, int progress)
{
  g_autoptr (VtStore) store = vt_store_open (path, NULL);
  VtVerdict verdict = vt_verdict_clean ();

  for (guint batch = first; store != NULL; batch++) {
    for (guint i = 0; i < BATCH; i++) {
      VtDigest digest = digest_of_number (batch * BATCH + i);

      if (!vt_store_insert (store, ENGINE_A, &digest, batch * BATCH + i, &verdict, NULL, NULL))
        _exit (EXIT_FAILURE);
    }
    if (!vt_store_flush (store, NULL) ||
        write (progress, &batch, sizeof batch) != (ssize_t)sizeof batch)
      _exit (EXIT_FAILURE);
  }
  _exit (EXIT_FAILURE);
}

/* Number of batches that were flushed for certain when the process was killed. */
static guint
kill_an_inserter (const char *path, guint first, guint batches, gulong further_us)
{
  int pipe_fds[2];
  guint last = first;
  pid_t pid;
  int status;

  g_assert_cmpint (pipe2 (pipe_fds, O_CLOEXEC), ==, 0);
  pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    insert_until_killed (path, first, pipe_fds[1]);
  close (pipe_fds[1]);
  for (guint i = 0; i < batches; i++)
    g_assert_cmpint (read (pipe_fds[0], &last, sizeof last), ==, sizeof last);
  g_usleep (further_us);
  kill (pid, SIGKILL);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFSIGNALED (status));
  while (read (pipe_fds[0], &last, sizeof last) == (ssize_t)sizeof last)
    ;
  close (pipe_fds[0]);
  return batches == 0 && last == first ? first : last + 1;
}

static void
test_nothing_flushed_is_lost_by_kill_9 (StoreFixture *fixture, gconstpointer data)
{
  guint flushed = 0;

  for (guint round = 0; round < 40; round++) {
    VtStore *store;

    /* The point of the kill wanders over the whole of a batch, and over the opening. */
    flushed = kill_an_inserter (fixture->path, flushed, round % 5, (round * 137) % 3000);
    store = open_store (fixture->path);
    assert_query (fixture->path, "PRAGMA integrity_check", "ok");
    for (guint i = 0; i < flushed * BATCH; i++)
      g_assert_cmpint (look_up (store, ENGINE_A, i), ==, VT_VERDICT_CLEAN);
    vt_store_free (store);
  }
  g_assert_cmpuint (flushed, >, 0);
}

static G_GNUC_NORETURN void
insert_a_share (const char *path, guint first, guint number)
{
  g_autoptr (GError) error = NULL;
  VtStore *store = vt_store_open (path, &error);
  VtVerdict verdict = vt_verdict_clean ();

  for (guint i = first; error == NULL && i < first + number; i++) {
    VtDigest digest = digest_of_number (i);

    if (vt_store_insert (store, ENGINE_A, &digest, i, &verdict, NULL, &error) &&
        !vt_store_flush (store, &error))
      break;
  }
  if (error == NULL) {
    vt_store_free (store);
    _exit (EXIT_SUCCESS);
  }
  g_printerr ("%s\n", error->message);
  _exit (EXIT_FAILURE);
}

static void
assert_succeeds (pid_t pid)
{
  int status;

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, EXIT_SUCCESS);
}

static void
test_several_processes_at_once (StoreFixture *fixture, gconstpointer data)
{
  pid_t pids[6];
  VtStore *store;

  for (guint i = 0; i < G_N_ELEMENTS (pids); i++) {
    pids[i] = fork ();
    g_assert_cmpint (pids[i], >=, 0);
    if (pids[i] == 0)
      insert_a_share (fixture->path, i * 200, 200);
  }
  for (guint i = 0; i < G_N_ELEMENTS (pids); i++)
    assert_succeeds (pids[i]);
  store = open_store (fixture->path);
  for (guint i = 0; i < G_N_ELEMENTS (pids) * 200; i++)
    g_assert_cmpint (look_up (store, ENGINE_A, i), ==, VT_VERDICT_CLEAN);
  assert_query (fixture->path, "PRAGMA integrity_check", "ok");
  vt_store_free (store);
}

/* Many times over: what can go wrong there does so seldom. */
static void
test_several_make_it_at_once (StoreFixture *fixture, gconstpointer data)
{
  for (guint round = 0; round < 30; round++) {
    g_autofree char *path = g_strdup_printf ("%s/%u/verdicts.db", fixture->dir, round);
    pid_t pids[8];
    int start[2];

    g_assert_cmpint (pipe2 (start, O_CLOEXEC), ==, 0);
    for (guint i = 0; i < G_N_ELEMENTS (pids); i++) {
      pids[i] = fork ();
      g_assert_cmpint (pids[i], >=, 0);
      if (pids[i] == 0) {
        char byte;

        close (start[1]);
        if (read (start[0], &byte, 1) == 0)
          insert_a_share (path, i, 1);
        _exit (EXIT_FAILURE);
      }
    }
    close (start[0]);
    close (start[1]);
    for (guint i = 0; i < G_N_ELEMENTS (pids); i++)
      assert_succeeds (pids[i]);
    assert_query (path, "SELECT count(*) FROM verdict", "8");
  }
}

#define ADD(name, func)                                                                            \
  g_test_add ("/store/" name, StoreFixture, NULL, store_fixture_set_up, func,                      \
              store_fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("busy", test_busy);
  ADD ("nothing-flushed-is-lost-by-kill-9", test_nothing_flushed_is_lost_by_kill_9);
  ADD ("several-processes-at-once", test_several_processes_at_once);
  ADD ("several-make-it-at-once", test_several_make_it_at_once);
  return g_test_run ();
}
