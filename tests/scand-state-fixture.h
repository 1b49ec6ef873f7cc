// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A state in a directory of its own. A test that forks has no handle open then: what SQLite knows
 * of locks is not true in the child.
 */
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include "vt-paths.h"
#include "vt-scand-state.h"

/* Seconds since 1970; nothing here depends on the clock. */
#define NOW ((gint64)1700000000)

typedef struct {
  char *dir;
  char *path;
} StateFixture;

static inline void
state_set_up (StateFixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture->dir = g_dir_make_tmp ("vt-scand-state-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->path = g_build_filename (fixture->dir, "state.db", NULL);
}

static inline void
state_tear_down (StateFixture *fixture, gconstpointer data)
{
  vt_paths_remove_tree (fixture->dir);
  g_free (fixture->dir);
  g_free (fixture->path);
}

static inline VtScandState *
open_state (const StateFixture *fixture)
{
  g_autoptr (GError) error = NULL;
  VtScandState *state = vt_scand_state_open (fixture->path, &error);

  g_assert_no_error (error);
  g_assert_nonnull (state);
  return state;
}

static inline void
assert_not_opened (const StateFixture *fixture, VtScandStateError code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (vt_scand_state_open (fixture->path, &error));
  g_assert_error (error, VT_SCAND_STATE_ERROR, (gint)code);
  g_test_message ("%s", error->message);
}

static inline void
refresh (VtScandState *state)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (vt_scand_state_refresh (state, &error));
  g_assert_no_error (error);
}

/* The status that PROCESS ends with by itself. */
static inline int
wait_for (pid_t process)
{
  int status;

  g_assert_cmpint (waitpid (process, &status, 0), ==, process);
  g_assert_true (WIFEXITED (status));
  return WEXITSTATUS (status);
}
