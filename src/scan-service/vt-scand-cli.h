// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What the operator's verbs share: a verb is a table of actions, and each of those has options.
 */
#pragma once

#include <gio/gio.h>

#include "vt-scand-state.h"

#define VT_SCAND_STATE_DIR "/var/lib/vt-scand"

typedef struct {
  const char *name;
  const char *summary;
  /* ARGV[0] is the action. */
  gboolean (*run) (int argc, char **argv, GError **error);
} VtScandCliAction;

/* Runs the action of N that ARGV[1] names; what main() is to return. */
int vt_scand_cli_run (
    const char *verb, const VtScandCliAction *actions, gsize n, int argc, char **argv);

/* How an action is called. */
typedef struct {
  const char *arguments; /* as in its help, such as "NAME" */
  const char *summary;
  int min; /* how many arguments that are no options */
  int max;
} VtScandCliUse;

/* Takes the options of ENTRIES, and --state-dir, out of the arguments. STATE_DIR gets the
 * directory, the default if it was not given; free with g_free(). */
gboolean vt_scand_cli_parse (const VtScandCliUse *use,
                             const GOptionEntry *entries,
                             int *argc,
                             char ***argv,
                             char **state_dir,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A whole number of MIN to MAX, which option NAME was given as TEXT; FALLBACK if that is NULL. */
gboolean vt_scand_cli_take_number (const char *name,
                                   const char *text,
                                   guint64 min,
                                   guint64 max,
                                   guint64 fallback,
                                   guint64 *number,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The state in STATE_DIR, which must be there; the state itself need not. */
VtScandState *vt_scand_cli_open_state (const char *state_dir,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

gint64 vt_scand_cli_now (void);
/* TIME, in seconds since 1970, in UTC, to the minute: "2026-01-31T12:00Z". Free with g_free(). */
char *vt_scand_cli_format_time (gint64 time);
/* Whether all that was printed has been written. */
gboolean vt_scand_cli_flush (GError **error) G_GNUC_WARN_UNUSED_RESULT;
