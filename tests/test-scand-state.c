// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "scand-state-fixture.h"

#define THREAT "Test.Threat"

/* How often a process is killed, and after how many microseconds or epochs at most. */
#define KILLS           30
#define KILL_MAX_US     60000
#define KILL_MAX_EPOCHS 30
/* So many at a time while reading. */
#define PAGE 7

static VtDigest
digest_of (guint64 number)
{
  return vt_digest_of_data (&number, sizeof number);
}

static void
set_engine (VtScandState *state, const char *id, gint64 now)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (vt_scand_state_set_engine (state, id, now, &error));
  g_assert_no_error (error);
}

static void
revoke_number (VtScandState *state, guint64 number, gint64 now)
{
  VtDigest digest = digest_of (number);
  g_autoptr (GError) error = NULL;

  g_assert_true (vt_scand_state_revoke (state, &digest, THREAT, now, &error));
  g_assert_no_error (error);
}

static GPtrArray *
get_changes (VtScandState *state, guint64 since, guint max, guint64 *until, gboolean *gap)
{
  g_autoptr (GError) error = NULL;
  GPtrArray *changes = vt_scand_state_get_changes (state, since, max, until, gap, &error);

  g_assert_no_error (error);
  g_assert_nonnull (changes);
  return changes;
}

static const VtScandChange *
get_change (GPtrArray *changes, guint index)
{
  g_assert_cmpuint (index, <, changes->len);
  return g_ptr_array_index (changes, index);
}

static void
assert_engines (VtScandState *state, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) engines = vt_scand_state_get_engines (state, &error);
  g_autoptr (GString) text = g_string_new (NULL);

  g_assert_no_error (error);
  for (guint i = 0; i < engines->len; i++) {
    const VtScandPastEngine *engine = g_ptr_array_index (engines, i);

    g_string_append_printf (text, "%s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n", engine->id,
                            engine->since, engine->superseded);
  }
  g_assert_cmpstr (text->str, ==, expected);
}

static void
test_new_one_is_at_its_first_epoch (StateFixture *fixture, gconstpointer data)
{
  g_autoptr (VtScandState) state = open_state (fixture);
  struct stat status;

  g_assert_cmpuint (vt_scand_state_get_epoch (state), ==, 1);
  g_assert_true (g_uuid_string_is_valid (vt_scand_state_get_service (state)));
  g_assert_cmpint (stat (fixture->path, &status), ==, 0);
  g_assert_cmpuint (status.st_mode & 07777, ==, 0600);
  assert_engines (state, "");
}

static void
test_service_and_epoch_stay (StateFixture *fixture, gconstpointer data)
{
  g_autoptr (VtScandState) state = open_state (fixture);
  g_autofree char *service = g_strdup (vt_scand_state_get_service (state));

  set_engine (state, "a", NOW);
  g_assert_cmpuint (vt_scand_state_get_epoch (state), ==, 2);
  revoke_number (state, 1, NOW);
  g_assert_cmpuint (vt_scand_state_get_epoch (state), ==, 3);
  g_clear_pointer (&state, vt_scand_state_free);
  state = open_state (fixture);
  g_assert_cmpuint (vt_scand_state_get_epoch (state), ==, 3);
  g_assert_cmpstr (vt_scand_state_get_service (state), ==, service);
  revoke_number (state, 2, NOW);
  g_assert_cmpuint (vt_scand_state_get_epoch (state), ==, 4);
}

static void
test_services_differ (StateFixture *fixture, gconstpointer data)
{
  g_autofree char *other = g_build_filename (fixture->dir, "other.db", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (VtScandState) state = open_state (fixture);
  g_autoptr (VtScandState) another = vt_scand_state_open (other, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (vt_scand_state_get_service (state), !=, vt_scand_state_get_service (another));
}

static void
test_engines_supersede_each_other (StateFixture *fixture, gconstpointer data)
{
  g_autoptr (VtScandState) state = open_state (fixture);
  g_autoptr (GError) error = NULL;

  set_engine (state, "a", 100);
  set_engine (state, "b", 200);
  set_engine (state, "b", 250);
  g_assert_cmpuint (vt_scand_state_get_epoch (state), ==, 3);
  assert_engines (state, "a 100 200\nb 200 0\n");
  set_engine (state, "c", 300);
  /* A rollback. */
  set_engine (state, "a", 400);
  g_assert_cmpuint (vt_scand_state_get_epoch (state), ==, 5);
  assert_engines (state, "b 200 300\nc 300 400\na 400 0\n");
  g_assert_true (vt_scand_state_forget_engines (state, 400, &error));
  g_assert_no_error (error);
  assert_engines (state, "c 300 400\na 400 0\n");
  g_assert_true (vt_scand_state_forget_engines (state, G_MAXINT64, &error));
  assert_engines (state, "a 400 0\n");
  g_assert_cmpuint (vt_scand_state_get_epoch (state), ==, 5);
}

static void
test_changes_come_in_pages (StateFixture *fixture, gconstpointer data)
{
  g_autoptr (VtScandState) state = open_state (fixture);
  g_autoptr (GPtrArray) first = NULL;
  g_autoptr (GPtrArray) second = NULL;
  g_autoptr (GPtrArray) none = NULL;
  VtDigest digest = digest_of (2);
  guint64 until;
  gboolean gap;

  for (guint64 i = 0; i < 3; i++)
    revoke_number (state, i, NOW + (gint64)i);
  set_engine (state, "a", NOW);
  first = get_changes (state, 1, 2, &until, &gap);
  g_assert_cmpuint (first->len, ==, 2);
  g_assert_cmpuint (get_change (first, 0)->epoch, ==, 2);
  g_assert_cmpuint (until, ==, 3);
  g_assert_false (gap);
  second = get_changes (state, until, 2, &until, &gap);
  g_assert_cmpuint (second->len, ==, 1);
  g_assert_cmpuint (get_change (second, 0)->epoch, ==, 4);
  g_assert_cmpstr (get_change (second, 0)->threat, ==, THREAT);
  g_assert_cmpint (get_change (second, 0)->time, ==, NOW + 2);
  g_assert_true (vt_digest_equal (&get_change (second, 0)->digest, &digest));
  /* The engine's epoch has no change, and is answered for as well. */
  g_assert_cmpuint (until, ==, 5);
  none = get_changes (state, until, 2, &until, &gap);
  g_assert_cmpuint (none->len, ==, 0);
  g_assert_cmpuint (until, ==, 5);
  g_assert_false (gap);
}

static void
test_as_many_as_fit_are_all (StateFixture *fixture, gconstpointer data)
{
  g_autoptr (VtScandState) state = open_state (fixture);
  g_autoptr (GPtrArray) changes = NULL;
  guint64 until;
  gboolean gap;

  revoke_number (state, 1, NOW);
  revoke_number (state, 2, NOW);
  set_engine (state, "a", NOW);
  changes = get_changes (state, 0, 2, &until, &gap);
  g_assert_cmpuint (changes->len, ==, 2);
  g_assert_cmpuint (until, ==, 4);
}

static void
assert_gap (VtScandState *state, guint64 since, gboolean expected)
{
  guint64 until;
  gboolean gap;
  g_autoptr (GPtrArray) changes = get_changes (state, since, 100, &until, &gap);

  g_assert_cmpint (gap, ==, expected);
  g_assert_cmpuint (until, ==, vt_scand_state_get_epoch (state));
  if (gap)
    g_assert_cmpuint (changes->len, ==, 0);
}

static void
test_what_was_forgotten_is_a_gap (StateFixture *fixture, gconstpointer data)
{
  g_autoptr (VtScandState) state = open_state (fixture);
  g_autoptr (GError) error = NULL;

  for (guint64 i = 0; i < 4; i++)
    revoke_number (state, i, 100 * (gint64)i);
  assert_gap (state, 0, FALSE);
  /* Epochs 2 and 3. */
  g_assert_true (vt_scand_state_forget_changes (state, 200, &error));
  g_assert_no_error (error);
  assert_gap (state, 0, TRUE);
  assert_gap (state, 2, TRUE);
  assert_gap (state, 3, FALSE);
  g_assert_true (vt_scand_state_forget_changes (state, 100, &error));
  assert_gap (state, 2, TRUE);
  assert_gap (state, 3, FALSE);
  g_clear_pointer (&state, vt_scand_state_free);
  state = open_state (fixture);
  assert_gap (state, 2, TRUE);
  assert_gap (state, 3, FALSE);
}

static void
test_all_forgotten_is_a_gap_too (StateFixture *fixture, gconstpointer data)
{
  g_autoptr (VtScandState) state = open_state (fixture);
  g_autoptr (GError) error = NULL;

  revoke_number (state, 1, NOW);
  g_assert_true (vt_scand_state_forget_changes (state, G_MAXINT64, &error));
  g_assert_true (vt_scand_state_forget_changes (state, G_MAXINT64, &error));
  g_assert_no_error (error);
  assert_gap (state, 1, TRUE);
  assert_gap (state, 2, FALSE);
}

static void
test_the_future_is_another_history (StateFixture *fixture, gconstpointer data)
{
  g_autoptr (VtScandState) state = open_state (fixture);

  assert_gap (state, 1, FALSE);
  assert_gap (state, 2, TRUE);
  assert_gap (state, G_MAXUINT64, TRUE);
}

static void
test_handles_share_one_epoch (StateFixture *fixture, gconstpointer data)
{
  g_autoptr (VtScandState) one = open_state (fixture);
  g_autoptr (VtScandState) other = open_state (fixture);

  revoke_number (one, 1, NOW);
  g_assert_cmpuint (vt_scand_state_get_epoch (other), ==, 1);
  refresh (other);
  g_assert_cmpuint (vt_scand_state_get_epoch (other), ==, 2);
  revoke_number (one, 2, NOW);
  revoke_number (other, 3, NOW);
  g_assert_cmpuint (vt_scand_state_get_epoch (other), ==, 4);
}

/* Takes back verdicts, and tells the epoch of each that is acknowledged, until it is killed. */
static void G_GNUC_NORETURN
revoke_for_ever (const StateFixture *fixture, int pipe_end)
{
  g_autoptr (VtScandState) state = vt_scand_state_open (fixture->path, NULL);

  while (state != NULL) {
    guint64 epoch = vt_scand_state_get_epoch (state) + 1;
    VtDigest digest = digest_of (epoch);

    if (!vt_scand_state_revoke (state, &digest, THREAT, NOW, NULL) ||
        vt_scand_state_get_epoch (state) != epoch ||
        write (pipe_end, &epoch, sizeof epoch) != (gssize)sizeof epoch)
      break;
  }
  _exit (1);
}

/* Waits for a moment of chance: at some time, or just after some epoch was told, which becomes
 * LAST.
 */
static void
wait_for_moment (int pipe_end, gboolean told, guint64 *last)
{
  gint32 n = told ? g_test_rand_int_range (1, KILL_MAX_EPOCHS) : 0;

  if (!told)
    g_usleep ((gulong)g_test_rand_int_range (0, KILL_MAX_US));
  for (gint32 i = 0; i < n; i++)
    g_assert_cmpint (read (pipe_end, last, sizeof *last), ==, sizeof *last);
}

/* Has it killed; the last epoch that it told, or LAST. */
static guint64
kill_once (const StateFixture *fixture, gboolean told, guint64 last)
{
  int ends[2];
  pid_t child;
  guint64 epoch;

  g_assert_cmpint (pipe (ends), ==, 0);
  child = fork ();
  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    revoke_for_ever (fixture, ends[1]);
  close (ends[1]);
  wait_for_moment (ends[0], told, &last);
  kill (child, SIGKILL);
  while (read (ends[0], &epoch, sizeof epoch) == (gssize)sizeof epoch)
    last = epoch;
  close (ends[0]);
  g_assert_cmpint (waitpid (child, NULL, 0), ==, child);
  return last;
}

/* Each epoch up to the present one, and at least to LAST, has its change. */
static guint64
assert_whole (VtScandState *state, guint64 last)
{
  guint64 until = 1;
  guint64 expected = 2;

  g_assert_cmpuint (vt_scand_state_get_epoch (state), >=, last);
  while (until < vt_scand_state_get_epoch (state)) {
    gboolean gap;
    g_autoptr (GPtrArray) changes = get_changes (state, until, PAGE, &until, &gap);

    g_assert_false (gap);
    g_assert_cmpuint (changes->len, >, 0);
    for (guint i = 0; i < changes->len; i++, expected++) {
      VtDigest digest = digest_of (expected);

      g_assert_cmpuint (get_change (changes, i)->epoch, ==, expected);
      g_assert_true (vt_digest_equal (&get_change (changes, i)->digest, &digest));
    }
  }
  g_assert_cmpuint (expected, ==, vt_scand_state_get_epoch (state) + 1);
  return vt_scand_state_get_epoch (state);
}

static void
test_kills_lose_nothing (StateFixture *fixture, gconstpointer data)
{
  guint64 last = 1;

  for (guint i = 0; i < KILLS; i++) {
    g_autoptr (VtScandState) state = NULL;

    last = kill_once (fixture, i % 2 == 1, last);
    state = open_state (fixture);
    last = assert_whole (state, last);
  }
  g_test_message ("%" G_GUINT64_FORMAT " verdicts were taken back", last - 1);
  g_assert_cmpuint (last, >, 1);
}

#define ADD_TEST(name, func)                                                                       \
  g_test_add ("/scand-state/" name, StateFixture, NULL, state_set_up, func, state_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD_TEST ("new-one-is-at-its-first-epoch", test_new_one_is_at_its_first_epoch);
  ADD_TEST ("service-and-epoch-stay", test_service_and_epoch_stay);
  ADD_TEST ("services-differ", test_services_differ);
  ADD_TEST ("engines-supersede-each-other", test_engines_supersede_each_other);
  ADD_TEST ("changes-come-in-pages", test_changes_come_in_pages);
  ADD_TEST ("as-many-as-fit-are-all", test_as_many_as_fit_are_all);
  ADD_TEST ("what-was-forgotten-is-a-gap", test_what_was_forgotten_is_a_gap);
  ADD_TEST ("all-forgotten-is-a-gap-too", test_all_forgotten_is_a_gap_too);
  ADD_TEST ("the-future-is-another-history", test_the_future_is_another_history);
  ADD_TEST ("handles-share-one-epoch", test_handles_share_one_epoch);
  ADD_TEST ("kills-lose-nothing", test_kills_lose_nothing);
  return g_test_run ();
}
