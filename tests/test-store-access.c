// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <glib/gstdio.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store-fixture.h"

#define NOBODY ((uid_t)65534)

static void
assert_mode (const char *path, mode_t mode)
{
  struct stat status;

  g_assert_cmpint (stat (path, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 07777, ==, mode);
}

static void
test_only_the_owner_may_write (StoreFixture *fixture, gconstpointer data)
{
  g_autofree char *parent = g_path_get_dirname (fixture->path);
  g_autofree char *log = g_strconcat (fixture->path, "-wal", NULL);
  g_autofree char *link = g_build_filename (fixture->dir, "link.db", NULL);
  VtStore *store = open_store (fixture->path);

  insert_number (store, ENGINE_A, 1, vt_verdict_clean ());
  flush_store (store);
  assert_mode (parent, 0700);
  assert_mode (fixture->path, 0600);
  assert_mode (log, 0600);
  vt_store_free (store);

  g_chmod (fixture->path, 0620);
  assert_open_fails (fixture->path, VT_STORE_ERROR_UNTRUSTED);
  g_chmod (fixture->path, 0602);
  assert_open_fails (fixture->path, VT_STORE_ERROR_UNTRUSTED);
  g_chmod (fixture->path, 0600);
  g_chmod (parent, 0777);
  assert_open_fails (fixture->path, VT_STORE_ERROR_UNTRUSTED);
  g_chmod (parent, 01777);
  vt_store_free (open_store (fixture->path));
  g_chmod (parent, 0700);
  g_assert_true (g_file_set_contents (log, "", 0, NULL));
  g_chmod (log, 0666);
  assert_open_fails (fixture->path, VT_STORE_ERROR_UNTRUSTED);
  g_remove (log);
  /* A symbolic link is the user's own affair; what counts is where it leads. */
  g_assert_cmpint (symlink (fixture->path, link), ==, 0);
  vt_store_free (open_store (link));
  g_chmod (fixture->path, 0666);
  assert_open_fails (link, VT_STORE_ERROR_UNTRUSTED);
}

static void
test_another_users_store_is_refused (StoreFixture *fixture, gconstpointer data)
{
  g_autofree char *parent = g_path_get_dirname (fixture->path);

  if (geteuid () != 0) {
    g_test_skip ("needs root, to give files away");
    return;
  }
  vt_store_free (open_store (fixture->path));
  g_assert_cmpint (chown (fixture->path, NOBODY, NOBODY), ==, 0);
  assert_open_fails (fixture->path, VT_STORE_ERROR_UNTRUSTED);
  g_assert_cmpint (chown (fixture->path, 0, 0), ==, 0);
  g_assert_cmpint (chown (parent, NOBODY, NOBODY), ==, 0);
  assert_open_fails (fixture->path, VT_STORE_ERROR_UNTRUSTED);
}

/* Runs FUNC in a forked process; its exit status. */
static int
run_in_child (int (*func) (StoreFixture *), StoreFixture *fixture)
{
  pid_t pid = fork ();
  int status;

  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    _exit (func (fixture));
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFEXITED (status));
  return WEXITSTATUS (status);
}

/* The error's code, or 100 if it could be opened. */
static int
open_as_nobody (StoreFixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtStore) store = NULL;

  if (geteuid () == 0 && (setgid (NOBODY) != 0 || setuid (NOBODY) != 0))
    return 101;
  store = vt_store_open (fixture->path, &error);
  return store != NULL ? 100 : error->domain == VT_STORE_ERROR ? error->code : 102;
}

static void
test_read_only (StoreFixture *fixture, gconstpointer data)
{
  g_autofree char *parent = g_path_get_dirname (fixture->path);

  vt_store_free (open_store (fixture->path));
  if (geteuid () == 0) {
    g_assert_cmpint (chown (fixture->dir, NOBODY, NOBODY), ==, 0);
    g_assert_cmpint (chown (parent, NOBODY, NOBODY), ==, 0);
    g_assert_cmpint (chown (fixture->path, NOBODY, NOBODY), ==, 0);
  }
  g_assert_cmpint (run_in_child (open_as_nobody, fixture), ==, 100);
  g_chmod (fixture->path, 0400);
  g_assert_cmpint (run_in_child (open_as_nobody, fixture), ==, VT_STORE_ERROR_READ_ONLY);
  g_chmod (fixture->path, 0600);
  g_chmod (parent, 0500);
  g_assert_cmpint (run_in_child (open_as_nobody, fixture), ==, VT_STORE_ERROR_READ_ONLY);
  g_remove (fixture->path);
  g_assert_cmpint (run_in_child (open_as_nobody, fixture), ==, VT_STORE_ERROR_READ_ONLY);
  g_chmod (parent, 0700);
}

/* Inserts until it fails; the error's code, 100 if it never did. */
static int
insert_until_full (StoreFixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtStore) store = vt_store_open (fixture->path, &error);
  VtVerdict verdict = vt_verdict_clean ();
  guint number = 0;

  while (store != NULL && number < 1000000) {
    VtDigest digest = digest_of_number (++number);

    if (!vt_store_insert (store, ENGINE_A, &digest, number, &verdict, NULL, &error))
      break;
  }
  if (error == NULL || error->domain != VT_STORE_ERROR)
    return 100;
  /* What was written before is there, and what was not is not forgotten. */
  if (look_up (store, ENGINE_A, 1) != VT_VERDICT_CLEAN ||
      look_up (store, ENGINE_A, number) != VT_VERDICT_CLEAN)
    return 101;
  vt_store_drop_pending (store);
  return error->code;
}

/* 77 where nothing can be mounted. */
static int
fill_a_disk (StoreFixture *fixture)
{
  if (unshare (CLONE_NEWNS) != 0 || mount ("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
      mount ("tmpfs", fixture->dir, "tmpfs", 0, "size=512k,mode=0700") != 0)
    return 77;
  return insert_until_full (fixture);
}

static void
test_disk_full (StoreFixture *fixture, gconstpointer data)
{
  int status = run_in_child (fill_a_disk, fixture);

  if (status == 77)
    g_test_skip ("needs the right to mount a file system");
  else
    g_assert_cmpint (status, ==, VT_STORE_ERROR_FULL);
}

#define ADD(name, func)                                                                            \
  g_test_add ("/store/" name, StoreFixture, NULL, store_fixture_set_up, func,                      \
              store_fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("only-the-owner-may-write", test_only_the_owner_may_write);
  ADD ("another-users-store-is-refused", test_another_users_store_is_refused);
  ADD ("read-only", test_read_only);
  ADD ("disk-full", test_disk_full);
  return g_test_run ();
}
