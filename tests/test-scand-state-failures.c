// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What a state must not be opened from, and what must not become of it. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "scand-state-fixture.h"
#include "vt-fd.h"
#include "vt-sqlite.h"

/* Nobody here. */
#define SERVICE_USER 64321
/* Writes that a full disk has taken at most before it says so. */
#define WRITES_MAX 100000

static void
run_sql (const StateFixture *fixture, const char *sql)
{
  g_autoptr (sqlite3) db = NULL;

  g_assert_cmpint (sqlite3_open (fixture->path, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
}

static gboolean
revoke_one (VtScandState *state, GError **error)
{
  VtDigest digest = vt_digest_of_data ("x", 1);

  return vt_scand_state_revoke (state, &digest, "Test.Threat", NOW, error);
}

/* With some changes, and closed. */
static void
make_state (const StateFixture *fixture)
{
  g_autoptr (VtScandState) state = open_state (fixture);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 200; i++)
    g_assert_true (revoke_one (state, &error));
  g_assert_no_error (error);
}

static void
write_at (const StateFixture *fixture, guint64 offset, const void *data, gsize size)
{
  vt_autofd fd = open (fixture->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

  g_assert_cmpint (fd, >=, 0);
  g_assert_true (vt_fd_write_at (fd, offset, data, size));
}

static void
test_newer_one (StateFixture *fixture, gconstpointer data)
{
  make_state (fixture);
  run_sql (fixture, "PRAGMA user_version = 99");
  assert_not_opened (fixture, VT_SCAND_STATE_ERROR_NEWER);
}

static void
test_of_another_program (StateFixture *fixture, gconstpointer data)
{
  write_at (fixture, 0, "", 0);
  run_sql (fixture, "CREATE TABLE t (a)");
  assert_not_opened (fixture, VT_SCAND_STATE_ERROR_CORRUPT);
}

static void
test_no_database (StateFixture *fixture, gconstpointer data)
{
  g_autofree char *text = g_strnfill (8192, 'x');

  write_at (fixture, 0, text, strlen (text));
  assert_not_opened (fixture, VT_SCAND_STATE_ERROR_CORRUPT);
}

static void
test_without_its_row (StateFixture *fixture, gconstpointer data)
{
  make_state (fixture);
  run_sql (fixture, "DELETE FROM service");
  assert_not_opened (fixture, VT_SCAND_STATE_ERROR_CORRUPT);
}

static void
test_without_a_table (StateFixture *fixture, gconstpointer data)
{
  make_state (fixture);
  run_sql (fixture, "DROP TABLE revoked");
  assert_not_opened (fixture, VT_SCAND_STATE_ERROR_CORRUPT);
}

/* Each page but the first in turn. */
static void
test_damaged_pages (StateFixture *fixture, gconstpointer data)
{
  const gsize page = 4096;
  g_autofree char *whole = NULL;
  g_autofree char *damage = g_strnfill (page, '\xa5');
  gsize size;

  make_state (fixture);
  g_assert_true (g_file_get_contents (fixture->path, &whole, &size, NULL));
  g_assert_cmpuint (size, >, 3 * page);
  for (gsize at = page; at + page <= size; at += page) {
    write_at (fixture, at, damage, page);
    assert_not_opened (fixture, VT_SCAND_STATE_ERROR_CORRUPT);
    write_at (fixture, at, whole + at, page);
  }
  vt_scand_state_free (open_state (fixture));
}

static void
test_cut_off (StateFixture *fixture, gconstpointer data)
{
  make_state (fixture);
  g_assert_cmpint (truncate (fixture->path, 3 * 4096), ==, 0);
  assert_not_opened (fixture, VT_SCAND_STATE_ERROR_CORRUPT);
}

static void
test_others_may_write (StateFixture *fixture, gconstpointer data)
{
  make_state (fixture);
  g_assert_cmpint (chmod (fixture->path, 0620), ==, 0);
  assert_not_opened (fixture, VT_SCAND_STATE_ERROR_UNTRUSTED);
  g_assert_cmpint (chmod (fixture->path, 0600), ==, 0);
  g_assert_cmpint (chmod (fixture->dir, 0777), ==, 0);
  assert_not_opened (fixture, VT_SCAND_STATE_ERROR_UNTRUSTED);
  g_assert_cmpint (chmod (fixture->dir, 0700), ==, 0);
  vt_scand_state_free (open_state (fixture));
}

static void
test_links_are_not_followed (StateFixture *fixture, gconstpointer data)
{
  g_autofree char *elsewhere = g_build_filename (fixture->dir, "elsewhere", NULL);

  make_state (fixture);
  g_assert_cmpint (rename (fixture->path, elsewhere), ==, 0);
  g_assert_cmpint (symlink (elsewhere, fixture->path), ==, 0);
  assert_not_opened (fixture, VT_SCAND_STATE_ERROR_FAILED);
}

static void
test_no_directory (StateFixture *fixture, gconstpointer data)
{
  g_assert_cmpint (rmdir (fixture->dir), ==, 0);
  assert_not_opened (fixture, VT_SCAND_STATE_ERROR_NOT_FOUND);
}

static void
test_locked (StateFixture *fixture, gconstpointer data)
{
  g_autoptr (VtScandState) state = open_state (fixture);
  g_autoptr (GError) error = NULL;
  g_autoptr (sqlite3) db = NULL;
  gint64 before = g_get_monotonic_time ();

  g_assert_cmpint (sqlite3_open (fixture->path, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
  g_assert_false (revoke_one (state, &error));
  g_assert_error (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_BUSY);
  g_assert_cmpint (g_get_monotonic_time () - before, >=, 4 * G_USEC_PER_SEC);
  g_assert_cmpuint (vt_scand_state_get_epoch (state), ==, 1);
  g_clear_error (&error);
  g_assert_cmpint (sqlite3_exec (db, "ROLLBACK", NULL, NULL, NULL), ==, SQLITE_OK);
  g_assert_true (revoke_one (state, &error));
  g_assert_no_error (error);
}

/* Takes verdicts back until there is no room. */
static guint64
fill (VtScandState *state)
{
  g_autoptr (GError) error = NULL;
  guint n = 0;

  while (n < WRITES_MAX && revoke_one (state, &error))
    n++;
  g_assert_error (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_FULL);
  g_test_message ("%u writes, then: %s", n, error->message);
  /* Once more, to the same end. */
  g_clear_error (&error);
  g_assert_false (revoke_one (state, &error));
  g_assert_error (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_FULL);
  return vt_scand_state_get_epoch (state);
}

/* As many changes as the epoch says, which is EPOCH. */
static void
assert_state (VtScandState *state, guint64 epoch)
{
  g_autoptr (GError) error = NULL;
  guint64 until;
  gboolean gap;
  g_autoptr (GPtrArray) changes =
      vt_scand_state_get_changes (state, 1, WRITES_MAX, &until, &gap, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (until, ==, epoch);
  g_assert_cmpuint (changes->len, ==, epoch - 1);
}

static void
test_limited_size (StateFixture *fixture, gconstpointer data)
{
  g_autoptr (VtScandState) state = open_state (fixture);
  g_autoptr (GError) error = NULL;
  struct rlimit limit;
  struct rlimit small;
  guint64 epoch;

  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  small = limit;
  small.rlim_cur = (rlim_t)256 * 1024;
  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &small), ==, 0);
  epoch = fill (state);
  assert_state (state, epoch);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  /* The same handle goes on when there is room again. */
  g_assert_true (revoke_one (state, &error));
  g_assert_no_error (error);
  g_clear_pointer (&state, vt_scand_state_free);
  state = open_state (fixture);
  assert_state (state, epoch + 1);
}

/* In a file system of its own, which nobody else sees. */
static void
fill_small_disk (const StateFixture *fixture)
{
  g_autofree char *ballast = g_build_filename (fixture->dir, "ballast", NULL);
  g_autofree char *zeros = g_malloc0 (700 * 1024);
  g_autoptr (VtScandState) state = NULL;
  g_autoptr (GError) error = NULL;
  guint64 epoch;

  g_assert_true (g_file_set_contents (ballast, zeros, 700 * 1024, &error));
  state = open_state (fixture);
  epoch = fill (state);
  assert_state (state, epoch);
  g_assert_cmpint (unlink (ballast), ==, 0);
  g_assert_true (revoke_one (state, &error));
  g_assert_no_error (error);
  g_clear_pointer (&state, vt_scand_state_free);
  state = open_state (fixture);
  assert_state (state, epoch + 1);
}

static void
test_full_disk (StateFixture *fixture, gconstpointer data)
{
  pid_t child;

  if (geteuid () != 0) {
    g_test_skip ("mounting needs root");
    return;
  }
  child = fork ();
  if (child == 0) {
    if (unshare (CLONE_NEWNS) != 0 || mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount ("none", fixture->dir, "tmpfs", 0, "size=1m,mode=700") != 0)
      _exit (77);
    fill_small_disk (fixture);
    _exit (0);
  }
  switch (wait_for (child)) {
  case 0:
    break;
  case 77:
    g_test_skip ("nothing can be mounted here");
    break;
  default:
    g_test_fail ();
  }
}

static void
test_no_room_for_a_new_one (StateFixture *fixture, gconstpointer data)
{
  struct rlimit limit;
  struct rlimit small;

  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  small = limit;
  small.rlim_cur = 16 * 1024;
  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &small), ==, 0);
  assert_not_opened (fixture, VT_SCAND_STATE_ERROR_FULL);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  /* What is left of it is no obstacle. */
  vt_scand_state_free (open_state (fixture));
}

/* Several at once make one database. */
static void
test_made_by_several (StateFixture *fixture, gconstpointer data)
{
  pid_t children[4];

  for (guint i = 0; i < G_N_ELEMENTS (children); i++) {
    children[i] = fork ();
    if (children[i] == 0) {
      g_autoptr (VtScandState) state = vt_scand_state_open (fixture->path, NULL);

      _exit (state != NULL && revoke_one (state, NULL) ? 0 : 1);
    }
  }
  for (guint i = 0; i < G_N_ELEMENTS (children); i++)
    g_assert_cmpint (wait_for (children[i]), ==, 0);
  {
    g_autoptr (VtScandState) state = open_state (fixture);

    assert_state (state, 1 + G_N_ELEMENTS (children));
  }
}

/* An operator's verb may be the first, as root, and the service has a user of its own. */
static void
test_root_makes_it_for_the_owner (StateFixture *fixture, gconstpointer data)
{
  static const char *const suffixes[] = {"", "-wal", "-shm"};
  g_autoptr (VtScandState) state = NULL;
  g_autoptr (GError) error = NULL;

  if (geteuid () != 0) {
    g_test_skip ("only root can give files away");
    return;
  }
  g_assert_cmpint (chown (fixture->dir, SERVICE_USER, SERVICE_USER), ==, 0);
  state = open_state (fixture);
  g_assert_true (revoke_one (state, &error));
  for (gsize i = 0; i < G_N_ELEMENTS (suffixes); i++) {
    g_autofree char *file = g_strconcat (fixture->path, suffixes[i], NULL);
    struct stat status;

    g_assert_cmpint (stat (file, &status), ==, 0);
    g_assert_cmpuint (status.st_uid, ==, SERVICE_USER);
    g_assert_cmpuint (status.st_mode & 07777, ==, 0600);
  }
  vt_scand_state_free (open_state (fixture));
  /* But not one that a third user made there. */
  g_assert_cmpint (chown (fixture->path, SERVICE_USER + 1, 0), ==, 0);
  assert_not_opened (fixture, VT_SCAND_STATE_ERROR_UNTRUSTED);
}

#define ADD_TEST(name, func)                                                                       \
  g_test_add ("/scand-state/" name, StateFixture, NULL, state_set_up, func, state_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD_TEST ("refuses/newer-one", test_newer_one);
  ADD_TEST ("refuses/of-another-program", test_of_another_program);
  ADD_TEST ("refuses/no-database", test_no_database);
  ADD_TEST ("refuses/without-its-row", test_without_its_row);
  ADD_TEST ("refuses/without-a-table", test_without_a_table);
  ADD_TEST ("refuses/damaged-pages", test_damaged_pages);
  ADD_TEST ("refuses/cut-off", test_cut_off);
  ADD_TEST ("refuses/others-may-write", test_others_may_write);
  ADD_TEST ("refuses/links", test_links_are_not_followed);
  ADD_TEST ("refuses/no-directory", test_no_directory);
  ADD_TEST ("failures/locked", test_locked);
  ADD_TEST ("failures/limited-size", test_limited_size);
  ADD_TEST ("failures/full-disk", test_full_disk);
  ADD_TEST ("failures/no-room-for-a-new-one", test_no_room_for_a_new_one);
  ADD_TEST ("made-by-several", test_made_by_several);
  ADD_TEST ("root-makes-it-for-the-owner", test_root_makes_it_for_the_owner);
  return g_test_run ();
}
