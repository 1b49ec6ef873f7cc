// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Opens the database, makes or migrates its schema, and tells what SQLite's errors mean.
 */
#include "vt-store-private.h"

#include <errno.h>

/*
 * Schema history; the number is the database's user_version:
 *   1: engine, verdict
 *   2: verdict.members
 *   3: host_file
 *   4: engine.settings, engine.databases, engine.signatures
 * An engine's number is never used again (AUTOINCREMENT), so that no process can take another
 * engine's verdicts for its own after a prune.
 */
#define SCHEMA_VERSION 4

static const char *const migrations[] = {
    "CREATE TABLE engine ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  name TEXT NOT NULL UNIQUE"
    ") STRICT;"
    "CREATE TABLE verdict ("
    "  engine INTEGER NOT NULL,"
    "  sha256 BLOB NOT NULL,"
    "  size INTEGER NOT NULL,"
    "  kind INTEGER NOT NULL,"   /* VtVerdictKind */
    "  reason INTEGER NOT NULL," /* VtReason */
    "  threat TEXT NOT NULL,"
    "  used INTEGER NOT NULL," /* seconds since 1970, to the day */
    "  PRIMARY KEY (engine, sha256)"
    ") STRICT, WITHOUT ROWID;",
    /* Names, each with its closing NUL (vt-members.h). */
    "ALTER TABLE verdict ADD COLUMN members BLOB NOT NULL DEFAULT x'';",
    /* VtFileStamp. The greater an id, the later it was added. */
    "CREATE TABLE host_file ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  device INTEGER NOT NULL,"
    "  inode INTEGER NOT NULL,"
    "  size INTEGER NOT NULL,"
    "  mtime INTEGER NOT NULL," /* nanoseconds since 1970 */
    "  ctime INTEGER NOT NULL," /* likewise */
    "  sha256 BLOB NOT NULL,"
    "  UNIQUE (device, inode)"
    ") STRICT;",
    /* NULL where an earlier version wrote the row: nobody knows how old its verdicts are. */
    "ALTER TABLE engine ADD COLUMN settings TEXT;"      /* VtEngineId.settings */
    "ALTER TABLE engine ADD COLUMN databases TEXT;"     /* vt-store-older.c */
    "ALTER TABLE engine ADD COLUMN signatures INTEGER;" /* time of the newest: seconds since 1970 */
    "CREATE INDEX engine_by_signatures ON engine (settings, databases, signatures);",
};
G_STATIC_ASSERT (G_N_ELEMENTS (migrations) == SCHEMA_VERSION);

/* How long to wait for another process, which holds the store for one batch of writes. */
#define BUSY_TIMEOUT_MS 10000
/* Between two tries of what SQLite itself does not wait for: the switch to WAL mode. */
#define RETRY_PAUSE_US 20000

static const char *const connection_settings =
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA cell_size_check = ON;"
    /* Safe from a kill at any point; a power cut may lose the last writes, never the database. */
    "PRAGMA synchronous = NORMAL;"
    "PRAGMA journal_size_limit = 16777216;";

static VtStoreError
kind_of_system_error (int code)
{
  switch (code) {
  case ENOSPC:
  case EDQUOT:
    return VT_STORE_ERROR_FULL;
  case EACCES:
  case EPERM:
  case EROFS:
    return VT_STORE_ERROR_READ_ONLY;
  default:
    return VT_STORE_ERROR_FAILED;
  }
}

static VtStoreError
kind_of_error (sqlite3 *db)
{
  int code = sqlite3_extended_errcode (db);

  switch (code & 0xff) {
  case SQLITE_NOTADB:
  case SQLITE_CORRUPT:
  /* Our statements are right: where they do not fit, the schema is not ours. */
  case SQLITE_ERROR:
  case SQLITE_SCHEMA:
  case SQLITE_MISMATCH:
  case SQLITE_CONSTRAINT:
    return VT_STORE_ERROR_CORRUPT;
  case SQLITE_READONLY:
  case SQLITE_PERM:
    return VT_STORE_ERROR_READ_ONLY;
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
  case SQLITE_PROTOCOL:
    return VT_STORE_ERROR_BUSY;
  case SQLITE_FULL:
    return VT_STORE_ERROR_FULL;
  case SQLITE_IOERR:
    if (code == SQLITE_IOERR_SHORT_READ || code == SQLITE_IOERR_CORRUPTFS)
      return VT_STORE_ERROR_CORRUPT;
    return kind_of_system_error (sqlite3_system_errno (db));
  case SQLITE_CANTOPEN:
    return kind_of_system_error (sqlite3_system_errno (db));
  default:
    return VT_STORE_ERROR_FAILED;
  }
}

static void
set_corrupt (const VtStore *self, const char *doing, const char *why, GError **error)
{
  if (self->identified)
    g_set_error (error, VT_STORE_ERROR, VT_STORE_ERROR_CORRUPT,
                 "verdict store: %s: %s: damaged (%s); empty it with \"vtemplater cache clear "
                 "--store %s\"",
                 self->path, doing, why, self->path);
  else
    g_set_error (error, VT_STORE_ERROR, VT_STORE_ERROR_CORRUPT,
                 "verdict store: %s: %s: not a verdict store, or a damaged one (%s); name another "
                 "file, or remove this one with \"vtemplater cache clear --store %s\" or by hand",
                 self->path, doing, why, self->path);
}

gboolean
vt_store_set_error (const VtStore *self, const char *doing, GError **error)
{
  VtStoreError kind = kind_of_error (self->db);

  if (kind == VT_STORE_ERROR_CORRUPT)
    set_corrupt (self, doing, sqlite3_errmsg (self->db), error);
  else if (kind == VT_STORE_ERROR_BUSY)
    g_set_error (error, VT_STORE_ERROR, kind,
                 "verdict store: %s: %s: another process has held it for more than %d s",
                 self->path, doing, BUSY_TIMEOUT_MS / 1000);
  else
    g_set_error (error, VT_STORE_ERROR, kind, "verdict store: %s: %s: %s", self->path, doing,
                 sqlite3_errmsg (self->db));
  return FALSE;
}

sqlite3_stmt *
vt_store_prepare (VtStore *self, const char *sql, const char *doing, GError **error)
{
  sqlite3_stmt *statement = NULL;

  if (sqlite3_prepare_v2 (self->db, sql, -1, &statement, NULL) != SQLITE_OK)
    vt_store_set_error (self, doing, error);
  return statement;
}

gboolean
vt_store_exec (VtStore *self, const char *sql, const char *doing, GError **error)
{
  if (sqlite3_exec (self->db, sql, NULL, NULL, NULL) == SQLITE_OK)
    return TRUE;
  return vt_store_set_error (self, doing, error);
}

gboolean
vt_store_begin (VtStore *self, GError **error)
{
  return vt_store_exec (self, "BEGIN IMMEDIATE", "locking", error);
}

gboolean
vt_store_end (VtStore *self, gboolean ok, GError **error)
{
  if (ok && vt_store_exec (self, "COMMIT", "writing", error))
    return TRUE;
  /* Some errors have rolled back already; then this one does nothing. */
  sqlite3_exec (self->db, "ROLLBACK", NULL, NULL, NULL);
  return FALSE;
}

static gboolean
get_number (VtStore *self, const char *sql, gint64 *number, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = NULL;

  if (sqlite3_prepare_v2 (self->db, sql, -1, &statement, NULL) != SQLITE_OK ||
      sqlite3_step (statement) != SQLITE_ROW)
    return vt_store_set_error (self, "opening", error);
  *number = sqlite3_column_int64 (statement, 0);
  return TRUE;
}

/* Whose database it is, and of which version; 0 for one that is empty. */
static gboolean
identify (VtStore *self, gint64 *version, GError **error)
{
  gint64 application_id = 0;
  gint64 objects = 0;

  if (!get_number (self, "PRAGMA application_id", &application_id, error) ||
      !get_number (self, "PRAGMA user_version", version, error) ||
      !get_number (self, "SELECT count(*) FROM sqlite_schema", &objects, error))
    return FALSE;
  if (application_id == 0 && *version == 0 && objects == 0)
    return TRUE;
  if (application_id != VT_STORE_APPLICATION_ID || *version < 1) {
    set_corrupt (self, "opening", "a database of another program", error);
    return FALSE;
  }
  self->identified = TRUE;
  if (*version <= SCHEMA_VERSION)
    return TRUE;
  g_set_error (
      error, VT_STORE_ERROR, VT_STORE_ERROR_NEWER,
      "verdict store: %s: made by a later version of this program (schema %" G_GINT64_FORMAT
      ", this one knows up to %d)",
      self->path, *version, SCHEMA_VERSION);
  return FALSE;
}

static gboolean
run_migrations (VtStore *self, GError **error)
{
  g_autofree char *mark = g_strdup_printf ("PRAGMA application_id = %d; PRAGMA user_version = %d",
                                           VT_STORE_APPLICATION_ID, SCHEMA_VERSION);
  gint64 version;

  /* Another process may have been faster. */
  if (!identify (self, &version, error))
    return FALSE;
  for (gint64 i = version; i < SCHEMA_VERSION; i++) {
    if (!vt_store_exec (self, migrations[i], "making the tables", error))
      return FALSE;
  }
  return vt_store_exec (self, mark, "making the tables", error);
}

static gboolean
migrate (VtStore *self, GError **error)
{
  return vt_store_begin (self, error) && vt_store_end (self, run_migrations (self, error), error);
}

static gboolean
enter_wal_mode (VtStore *self, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = NULL;

  if (sqlite3_prepare_v2 (self->db, "PRAGMA journal_mode = WAL", -1, &statement, NULL) !=
          SQLITE_OK ||
      sqlite3_step (statement) != SQLITE_ROW)
    return vt_store_set_error (self, "opening", error);
  if (g_strcmp0 ((const char *)sqlite3_column_text (statement, 0), "wal") == 0)
    return TRUE;
  g_set_error (error, VT_STORE_ERROR, VT_STORE_ERROR_FAILED,
               "verdict store: %s: this file system cannot hold it: no write-ahead log there",
               self->path);
  return FALSE;
}

/* Three numbers of one moment: another process may be making the tables just now. */
static gboolean
identify_at_once (VtStore *self, gint64 *version, GError **error)
{
  return vt_store_exec (self, "BEGIN", "opening", error) &&
         vt_store_end (self, identify (self, version, error), error);
}

/* Nothing is written to a database before it is known to be ours, or empty. */
static gboolean
initialise (VtStore *self, GError **error)
{
  gint64 version;

  if (!vt_store_exec (self, connection_settings, "opening", error) ||
      !identify_at_once (self, &version, error) || !enter_wal_mode (self, error))
    return FALSE;
  return version == SCHEMA_VERSION || migrate (self, error);
}

gboolean
vt_store_open_database (VtStore *self, GError **error)
{
  gint64 deadline = g_get_monotonic_time () + (gint64)BUSY_TIMEOUT_MS * 1000;
  g_autoptr (GError) local_error = NULL;

  if (sqlite3_open_v2 (self->path, &self->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
    return vt_store_set_error (self, "opening", error);
  sqlite3_extended_result_codes (self->db, 1);
  sqlite3_busy_timeout (self->db, BUSY_TIMEOUT_MS);
  sqlite3_db_config (self->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  while (!initialise (self, &local_error)) {
    if (!g_error_matches (local_error, VT_STORE_ERROR, VT_STORE_ERROR_BUSY) ||
        g_get_monotonic_time () >= deadline) {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
    g_clear_error (&local_error);
    g_usleep (RETRY_PAUSE_US);
  }
  /* Once more: in a sticky directory another user could have been faster than SQLite. */
  return vt_store_check_sidecars (self->path, error);
}
