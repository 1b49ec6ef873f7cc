// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Between the parts of the state: vt-scand-state-schema.c opens the database and makes its tables,
 * -statements.c runs what the others ask, -changes.c has engines and changes, -tokens.c and
 * -certificates.c what their names say; vt-scand-state.c is what holds them together.
 */
#pragma once

#include "vt-scand-state.h"
#include "vt-sqlite.h"

/* "VtSd": marks a database as a state. Never to be changed. */
#define VT_SCAND_STATE_APPLICATION_ID 0x56745364

struct _VtScandState {
  char *path;
  sqlite3 *db;
  char *service;
  guint64 epoch;
  gint64 data_version; /* of the database when it was last taken in (PRAGMA data_version) */
  GHashTable *revoked; /* set of canonical serial numbers */
};

/* Opens self->path as self->db, makes or migrates the schema. */
gboolean vt_scand_state_open_database (VtScandState *self,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Sets ERROR from the last SQLite call, which was for DOING, and before which errno was set to 0.
 * Always returns FALSE. */
gboolean vt_scand_state_set_error (const VtScandState *self, const char *doing, GError **error);
/* What the database should have and does not. Always returns FALSE. */
gboolean vt_scand_state_set_corrupt (const VtScandState *self, const char *why, GError **error);

gboolean vt_scand_state_exec (VtScandState *self,
                              const char *sql,
                              const char *doing,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* NULL, with an error, if it cannot be prepared; else to be freed with sqlite3_finalize(). */
sqlite3_stmt *vt_scand_state_prepare (VtScandState *self,
                                      const char *sql,
                                      const char *doing,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Takes a step; MORE tells whether that was a row. */
gboolean vt_scand_state_step (VtScandState *self,
                              sqlite3_stmt *statement,
                              const char *doing,
                              gboolean *more,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Goes to the end of a statement whose rows, if any, are of no interest. */
gboolean vt_scand_state_finish (VtScandState *self,
                                sqlite3_stmt *statement,
                                const char *doing,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* All in one for a statement with one parameter, a number. */
gboolean vt_scand_state_exec_with (VtScandState *self,
                                   const char *sql,
                                   gint64 number,
                                   const char *doing,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The number in the first column of the first row, which must be there. */
gboolean vt_scand_state_get_number (VtScandState *self,
                                    const char *sql,
                                    const char *doing,
                                    gint64 *number,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* BEGIN IMMEDIATE: from here on no other handle writes. */
gboolean vt_scand_state_begin (VtScandState *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* BEGIN: all that is read from here on is of one moment. */
gboolean vt_scand_state_begin_reading (VtScandState *self,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Commits if OK; rolls back if not, or if that fails. Returns whether it was committed. */
gboolean
vt_scand_state_end (VtScandState *self, gboolean ok, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* TEXT becomes parameter INDEX; it must stay as long as the statement is used. */
void vt_scand_state_bind_text (sqlite3_stmt *statement, int index, const char *text);
/* A column as text, "" for NULL; free with g_free(). */
char *vt_scand_state_dup_column (sqlite3_stmt *statement, int column);

/* GROUP, or "" for NULL; NULL and _INVALID if it cannot be one. */
const char *vt_scand_state_check_group (const char *group,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Reads self->revoked anew. */
gboolean vt_scand_state_load_revoked (VtScandState *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
