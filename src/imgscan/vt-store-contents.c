// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-store-private.h"

#include <string.h>

#include "vt-store-contents.h"

void
vt_store_set_insert_func (VtStore *self, VtStoreInsertFunc func, gpointer user_data)
{
  self->insert_func = func;
  self->insert_data = user_data;
}

static gboolean
read_digest (sqlite3_stmt *row, int column, VtDigest *digest)
{
  const void *bytes = sqlite3_column_blob (row, column);

  if (sqlite3_column_bytes (row, column) != VT_DIGEST_SIZE)
    return FALSE;
  memcpy (digest->bytes, bytes, VT_DIGEST_SIZE);
  return TRUE;
}

/* Rows that make no verdict count as unknown. */
static void
visit_row (sqlite3_stmt *row, VtStoreVisitFunc func, gpointer user_data)
{
  g_auto (GStrv) members = NULL;
  VtVerdict verdict;
  VtDigest digest;

  if (read_digest (row, 6, &digest) &&
      vt_store_read_row (row, (guint64)sqlite3_column_int64 (row, 0), &verdict, &members))
    func (&digest, &verdict, sqlite3_column_int64 (row, 4), user_data);
}

gboolean
vt_store_visit (
    VtStore *self, const char *engine_id, VtStoreVisitFunc func, gpointer user_data, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = NULL;
  int step;

  if (!vt_store_flush (self, error))
    return FALSE;
  statement = vt_store_prepare (self,
                                "SELECT size, kind, reason, threat, used, members, sha256"
                                " FROM verdict"
                                " WHERE engine = (SELECT id FROM engine WHERE name = ?1)",
                                "reading", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, engine_id, -1, SQLITE_STATIC);
  while ((step = sqlite3_step (statement)) == SQLITE_ROW)
    visit_row (statement, func, user_data);
  return step == SQLITE_DONE || vt_store_set_error (self, "reading", error);
}

gboolean
vt_store_forget (VtStore *self, const VtDigest *digests, gsize n, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = NULL;
  gboolean done = TRUE;

  if (!vt_store_flush (self, error))
    return FALSE;
  statement = vt_store_prepare (
      self, "DELETE FROM verdict WHERE engine IN (SELECT id FROM engine) AND sha256 = ?1",
      "removing verdicts", error);
  if (statement == NULL || !vt_store_begin (self, error))
    return FALSE;
  for (gsize i = 0; i < n && done; i++) {
    sqlite3_bind_blob (statement, 1, digests[i].bytes, VT_DIGEST_SIZE, SQLITE_STATIC);
    done = sqlite3_step (statement) == SQLITE_DONE ||
           vt_store_set_error (self, "removing verdicts", error);
    sqlite3_reset (statement);
  }
  return vt_store_end (self, done, error);
}
