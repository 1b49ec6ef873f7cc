// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Statements and transactions of the state, with their errors.
 */
#include "vt-scand-state-private.h"

#include <errno.h>

gboolean
vt_scand_state_exec (VtScandState *self, const char *sql, const char *doing, GError **error)
{
  errno = 0;
  if (sqlite3_exec (self->db, sql, NULL, NULL, NULL) == SQLITE_OK)
    return TRUE;
  return vt_scand_state_set_error (self, doing, error);
}

sqlite3_stmt *
vt_scand_state_prepare (VtScandState *self, const char *sql, const char *doing, GError **error)
{
  sqlite3_stmt *statement = NULL;

  errno = 0;
  if (sqlite3_prepare_v2 (self->db, sql, -1, &statement, NULL) != SQLITE_OK)
    vt_scand_state_set_error (self, doing, error);
  return statement;
}

gboolean
vt_scand_state_step (
    VtScandState *self, sqlite3_stmt *statement, const char *doing, gboolean *more, GError **error)
{
  int result;

  errno = 0;
  result = sqlite3_step (statement);
  *more = result == SQLITE_ROW;
  return *more || result == SQLITE_DONE || vt_scand_state_set_error (self, doing, error);
}

gboolean
vt_scand_state_finish (VtScandState *self,
                       sqlite3_stmt *statement,
                       const char *doing,
                       GError **error)
{
  gboolean more;

  do
    if (!vt_scand_state_step (self, statement, doing, &more, error))
      return FALSE;
  while (more);
  return TRUE;
}

gboolean
vt_scand_state_exec_with (
    VtScandState *self, const char *sql, gint64 number, const char *doing, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = vt_scand_state_prepare (self, sql, doing, error);

  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, number);
  return vt_scand_state_finish (self, statement, doing, error);
}

gboolean
vt_scand_state_get_number (
    VtScandState *self, const char *sql, const char *doing, gint64 *number, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = vt_scand_state_prepare (self, sql, doing, error);
  gboolean found;

  if (statement == NULL || !vt_scand_state_step (self, statement, doing, &found, error))
    return FALSE;
  if (!found)
    return vt_scand_state_set_corrupt (self, "a row is missing", error);
  *number = sqlite3_column_int64 (statement, 0);
  return TRUE;
}

gboolean
vt_scand_state_begin (VtScandState *self, GError **error)
{
  return vt_scand_state_exec (self, "BEGIN IMMEDIATE", "locking", error);
}

gboolean
vt_scand_state_begin_reading (VtScandState *self, GError **error)
{
  return vt_scand_state_exec (self, "BEGIN", "reading", error);
}

gboolean
vt_scand_state_end (VtScandState *self, gboolean ok, GError **error)
{
  if (ok && vt_scand_state_exec (self, "COMMIT", "writing", error))
    return TRUE;
  /* Some errors have rolled back already; then this one does nothing. */
  sqlite3_exec (self->db, "ROLLBACK", NULL, NULL, NULL);
  return FALSE;
}

void
vt_scand_state_bind_text (sqlite3_stmt *statement, int index, const char *text)
{
  sqlite3_bind_text (statement, index, text, -1, SQLITE_STATIC);
}

char *
vt_scand_state_dup_column (sqlite3_stmt *statement, int column)
{
  const char *text = (const char *)sqlite3_column_text (statement, column);

  return g_strdup (text != NULL ? text : "");
}
