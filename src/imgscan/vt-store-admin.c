// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Keeping house in the verdict store: counting, pruning, clearing.
 */
#include "vt-store-private.h"

#include <sys/stat.h>

gboolean
vt_store_count (VtStore *self, const char *engine_id, guint64 *count, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = NULL;

  if (!vt_store_flush (self, error))
    return FALSE;
  statement = vt_store_prepare (self,
                                "SELECT count(*) FROM verdict"
                                " WHERE engine = (SELECT id FROM engine WHERE name = ?1)",
                                "reading", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, engine_id, -1, SQLITE_STATIC);
  if (sqlite3_step (statement) != SQLITE_ROW)
    return vt_store_set_error (self, "reading", error);
  *count = (guint64)sqlite3_column_int64 (statement, 0);
  return TRUE;
}

static guint64
get_file_size (const char *path, const char *suffix)
{
  g_autofree char *name = g_strconcat (path, suffix, NULL);
  struct stat status;

  return stat (name, &status) == 0 ? (guint64)status.st_size : 0;
}

gboolean
vt_store_get_stats (VtStore *self, VtStoreStats *stats, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = NULL;

  if (!vt_store_flush (self, error))
    return FALSE;
  statement =
      vt_store_prepare (self,
                        "SELECT count(*), count(*) FILTER (WHERE kind = ?1),"
                        " count(*) FILTER (WHERE kind = ?2), count(*) FILTER (WHERE kind = ?3),"
                        " count(DISTINCT engine), coalesce(min(used), 0), coalesce(max(used), 0)"
                        " FROM verdict",
                        "reading", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int (statement, 1, VT_VERDICT_CLEAN);
  sqlite3_bind_int (statement, 2, VT_VERDICT_INFECTED);
  sqlite3_bind_int (statement, 3, VT_VERDICT_INCOMPLETE);
  if (sqlite3_step (statement) != SQLITE_ROW)
    return vt_store_set_error (self, "reading", error);
  *stats = (VtStoreStats){
      .verdicts = (guint64)sqlite3_column_int64 (statement, 0),
      .clean = (guint64)sqlite3_column_int64 (statement, 1),
      .infected = (guint64)sqlite3_column_int64 (statement, 2),
      .incomplete = (guint64)sqlite3_column_int64 (statement, 3),
      .engines = (guint64)sqlite3_column_int64 (statement, 4),
      .oldest_use = sqlite3_column_int64 (statement, 5),
      .newest_use = sqlite3_column_int64 (statement, 6),
      .file_size = get_file_size (self->path, "") + get_file_size (self->path, "-wal"),
  };
  return TRUE;
}

/* Runs SQL with its one parameter; adds the rows it changed to CHANGED. */
static gboolean
change (VtStore *self, const char *sql, gint64 parameter, guint64 *changed, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = vt_store_prepare (self, sql, "reading", error);

  if (statement == NULL)
    return FALSE;
  if (sqlite3_bind_parameter_count (statement) > 0)
    sqlite3_bind_int64 (statement, 1, parameter);
  if (sqlite3_step (statement) != SQLITE_DONE)
    return vt_store_set_error (self, "removing verdicts", error);
  *changed += (guint64)sqlite3_changes64 (self->db);
  return TRUE;
}

static gboolean
remove_rows (VtStore *self, gint64 max_age, guint64 max_count, guint64 *removed, GError **error)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  guint64 engines = 0;

  if (max_age < now &&
      !change (self, "DELETE FROM verdict WHERE used < ?1", now - max_age, removed, error))
    return FALSE;
  if (max_count <= G_MAXINT64 &&
      !change (self,
               "DELETE FROM verdict WHERE (engine, sha256) IN (SELECT engine, sha256 FROM verdict"
               " ORDER BY used DESC, engine DESC, sha256 LIMIT -1 OFFSET ?1)",
               (gint64)max_count, removed, error))
    return FALSE;
  return change (self,
                 "DELETE FROM engine WHERE NOT EXISTS"
                 " (SELECT 1 FROM verdict WHERE verdict.engine = engine.id)",
                 0, &engines, error);
}

/* Gives the space back to the file system. Not while others use the store; then the next time. */
static void
shrink (VtStore *self)
{
  if (sqlite3_exec (self->db, "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL) !=
      SQLITE_OK)
    g_debug ("verdict store: %s: not shrunk: %s", self->path, sqlite3_errmsg (self->db));
}

gboolean
vt_store_prune (VtStore *self, gint64 max_age, guint64 max_count, guint64 *removed, GError **error)
{
  guint64 count = 0;

  g_return_val_if_fail (max_age >= 0, FALSE);
  if (!vt_store_flush (self, error) || !vt_store_begin (self, error) ||
      !vt_store_end (self, remove_rows (self, max_age, max_count, &count, error), error))
    return FALSE;
  if (count > 0)
    shrink (self);
  if (removed != NULL)
    *removed = count;
  return TRUE;
}

gboolean
vt_store_clear (VtStore *self, GError **error)
{
  vt_store_drop_pending (self);
  if (!vt_store_begin (self, error) ||
      !vt_store_end (
          self,
          vt_store_exec (self, "DELETE FROM verdict; DELETE FROM engine; DELETE FROM host_file",
                         "clearing", error),
          error))
    return FALSE;
  shrink (self);
  return TRUE;
}
