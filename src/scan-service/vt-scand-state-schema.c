// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Who may have written the file, the tables and their history, and what SQLite's errors mean.
 */
#include "vt-scand-state-private.h"

#include <errno.h>
#include <string.h>

#include "vt-scand-files.h"

/*
 * Schema history; the number is the database's user_version:
 *   1: service, engine, change, token, certificate, revoked
 */
#define SCHEMA_VERSION 1

static const char *const migrations[] = {
    /* One row. */
    "CREATE TABLE service ("
    "  id INTEGER PRIMARY KEY CHECK (id = 1),"
    "  uuid TEXT NOT NULL,"
    "  epoch INTEGER NOT NULL,"
    "  forgotten INTEGER NOT NULL" /* the greatest epoch of a change that is not kept any more */
    ") STRICT;"
    "CREATE TABLE engine ("
    "  id INTEGER PRIMARY KEY,"
    "  name TEXT NOT NULL UNIQUE,"
    "  since INTEGER NOT NULL,"
    "  superseded INTEGER NOT NULL" /* 0: in force */
    ") STRICT;"
    "CREATE UNIQUE INDEX engine_in_force ON engine (superseded) WHERE superseded = 0;"
    "CREATE TABLE change ("
    "  epoch INTEGER PRIMARY KEY,"
    "  sha256 BLOB NOT NULL CHECK (length (sha256) = 32),"
    "  threat TEXT NOT NULL,"
    "  time INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE token ("
    "  id TEXT PRIMARY KEY,"
    "  sha256 BLOB NOT NULL CHECK (length (sha256) = 32)," /* of the whole text */
    "  group_name TEXT NOT NULL,"
    "  uses INTEGER NOT NULL," /* 0: any number */
    "  used INTEGER NOT NULL,"
    "  made INTEGER NOT NULL,"
    "  expires INTEGER NOT NULL"
    ") STRICT;"
    /* Serial numbers are as vt-scand-state-certificates.c writes them. */
    "CREATE TABLE certificate ("
    "  serial TEXT PRIMARY KEY,"
    "  name TEXT NOT NULL,"
    "  group_name TEXT NOT NULL,"
    "  issued INTEGER NOT NULL,"
    "  expires INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX certificate_by_name ON certificate (name);"
    /* Those that this service did not issue as well. */
    "CREATE TABLE revoked ("
    "  serial TEXT PRIMARY KEY,"
    "  time INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;",
};
G_STATIC_ASSERT (G_N_ELEMENTS (migrations) == SCHEMA_VERSION);

/* How long to wait for another process, which holds the state for one write. */
#define BUSY_TIMEOUT_MS 5000
/* Between two tries of what SQLite itself does not wait for: the switch to WAL mode. */
#define RETRY_PAUSE_US 20000

static const char *const connection_settings =
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA cell_size_check = ON;"
    /* A commit is on the disk before it is acknowledged. */
    "PRAGMA synchronous = FULL;"
    "PRAGMA journal_size_limit = 4194304;";

static VtScandStateError
kind_of_system_error (int code)
{
  switch (code) {
  case ENOSPC:
  case EDQUOT:
  case EFBIG:
    return VT_SCAND_STATE_ERROR_FULL;
  case EACCES:
  case EPERM:
  case EROFS:
    return VT_SCAND_STATE_ERROR_READ_ONLY;
  case ENOENT:
    return VT_SCAND_STATE_ERROR_NOT_FOUND;
  default:
    return VT_SCAND_STATE_ERROR_FAILED;
  }
}

static VtScandStateError
kind_of_error (sqlite3 *db)
{
  int last_errno = errno;
  int code = sqlite3_extended_errcode (db);
  /* Of a statement that could not be written SQLite keeps none. */
  int system_errno = sqlite3_system_errno (db) != 0 ? sqlite3_system_errno (db) : last_errno;

  switch (code & 0xff) {
  case SQLITE_NOTADB:
  case SQLITE_CORRUPT:
  /* Our statements are right: where they do not fit, the schema is not ours. */
  case SQLITE_ERROR:
  case SQLITE_SCHEMA:
  case SQLITE_MISMATCH:
  case SQLITE_CONSTRAINT:
    return VT_SCAND_STATE_ERROR_CORRUPT;
  case SQLITE_READONLY:
  case SQLITE_PERM:
    return VT_SCAND_STATE_ERROR_READ_ONLY;
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
  case SQLITE_PROTOCOL:
    return VT_SCAND_STATE_ERROR_BUSY;
  case SQLITE_FULL:
    return VT_SCAND_STATE_ERROR_FULL;
  case SQLITE_IOERR:
    if (code == SQLITE_IOERR_SHORT_READ || code == SQLITE_IOERR_CORRUPTFS)
      return VT_SCAND_STATE_ERROR_CORRUPT;
    return kind_of_system_error (system_errno);
  case SQLITE_CANTOPEN:
    return kind_of_system_error (system_errno);
  default:
    return VT_SCAND_STATE_ERROR_FAILED;
  }
}

gboolean
vt_scand_state_set_corrupt (const VtScandState *self, const char *why, GError **error)
{
  g_set_error (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_CORRUPT,
               "state: %s: not a scan service's state, or a damaged one: %s; put a copy in its "
               "place, or remove it with its -wal and -shm: then all join tokens and what was "
               "revoked are forgotten",
               self->path, why);
  return FALSE;
}

gboolean
vt_scand_state_set_error (const VtScandState *self, const char *doing, GError **error)
{
  VtScandStateError kind = kind_of_error (self->db);

  if (kind == VT_SCAND_STATE_ERROR_CORRUPT)
    return vt_scand_state_set_corrupt (self, sqlite3_errmsg (self->db), error);
  if (kind == VT_SCAND_STATE_ERROR_BUSY)
    g_set_error (error, VT_SCAND_STATE_ERROR, kind,
                 "state: %s: %s: another process has held it for more than %d s", self->path, doing,
                 BUSY_TIMEOUT_MS / 1000);
  else if (kind == VT_SCAND_STATE_ERROR_FULL)
    g_set_error (error, VT_SCAND_STATE_ERROR, kind, "state: %s: %s: no room on the disk",
                 self->path, doing);
  else
    g_set_error (error, VT_SCAND_STATE_ERROR, kind, "state: %s: %s: %s", self->path, doing,
                 sqlite3_errmsg (self->db));
  return FALSE;
}

/* Whose database it is, and of which version; 0 for one that is empty. */
static gboolean
identify (VtScandState *self, gint64 *version, GError **error)
{
  static const char doing[] = "opening";
  gint64 application_id = 0;
  gint64 objects = 0;

  if (!vt_scand_state_get_number (self, "PRAGMA application_id", doing, &application_id, error) ||
      !vt_scand_state_get_number (self, "PRAGMA user_version", doing, version, error) ||
      !vt_scand_state_get_number (self, "SELECT count(*) FROM sqlite_schema", doing, &objects,
                                  error))
    return FALSE;
  if (application_id == 0 && *version == 0 && objects == 0)
    return TRUE;
  if (application_id != VT_SCAND_STATE_APPLICATION_ID || *version < 1)
    return vt_scand_state_set_corrupt (self, "a database of another program", error);
  if (*version <= SCHEMA_VERSION)
    return TRUE;
  g_set_error (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_NEWER,
               "state: %s: made by a later version of this program (schema %" G_GINT64_FORMAT
               ", this one knows up to %d)",
               self->path, *version, SCHEMA_VERSION);
  return FALSE;
}

static gboolean
run_migrations (VtScandState *self, GError **error)
{
  g_autofree char *uuid = g_uuid_string_random ();
  g_autofree char *first = g_strdup_printf (
      "INSERT INTO service (id, uuid, epoch, forgotten) VALUES (1, '%s', 1, 0)", uuid);
  g_autofree char *mark = g_strdup_printf ("PRAGMA application_id = %d; PRAGMA user_version = %d",
                                           VT_SCAND_STATE_APPLICATION_ID, SCHEMA_VERSION);
  static const char doing[] = "making the tables";
  gint64 version;

  /* Another process may have been faster. */
  if (!identify (self, &version, error))
    return FALSE;
  for (gint64 i = version; i < SCHEMA_VERSION; i++)
    if (!vt_scand_state_exec (self, migrations[i], doing, error))
      return FALSE;
  return (version > 0 || vt_scand_state_exec (self, first, doing, error)) &&
         vt_scand_state_exec (self, mark, doing, error);
}

static gboolean
migrate (VtScandState *self, GError **error)
{
  return vt_scand_state_begin (self, error) &&
         vt_scand_state_end (self, run_migrations (self, error), error);
}

static gboolean
enter_wal_mode (VtScandState *self, GError **error)
{
  static const char doing[] = "opening";
  g_autoptr (sqlite3_stmt) statement =
      vt_scand_state_prepare (self, "PRAGMA journal_mode = WAL", doing, error);
  gboolean found;

  if (statement == NULL || !vt_scand_state_step (self, statement, doing, &found, error))
    return FALSE;
  if (found && g_strcmp0 ((const char *)sqlite3_column_text (statement, 0), "wal") == 0)
    return TRUE;
  g_set_error (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_FAILED,
               "state: %s: this file system cannot hold it: no write-ahead log there", self->path);
  return FALSE;
}

/* It is small, and everything that it says decides who may do what. */
static gboolean
look_for_damage (VtScandState *self, GError **error)
{
  static const char doing[] = "looking for damage";
  g_autoptr (sqlite3_stmt) statement =
      vt_scand_state_prepare (self, "PRAGMA quick_check(1)", doing, error);
  g_autofree char *found = NULL;
  const char *newline;
  gboolean any;

  if (statement == NULL || !vt_scand_state_step (self, statement, doing, &any, error))
    return FALSE;
  found = any ? vt_scand_state_dup_column (statement, 0) : g_strdup ("no answer");
  if (g_str_equal (found, "ok"))
    return TRUE;
  /* Before what it has found there may be a line that names the database. */
  newline = strrchr (found, '\n');
  return vt_scand_state_set_corrupt (self, newline != NULL ? newline + 1 : found, error);
}

/* Nothing is written to a database before it is known to be ours, or empty. */
static gboolean
initialise (VtScandState *self, GError **error)
{
  gint64 version;

  if (!vt_scand_state_exec (self, connection_settings, "opening", error) ||
      !vt_scand_state_begin_reading (self, error) ||
      /* Three numbers of one moment: another process may be making the tables just now. */
      !vt_scand_state_end (self, identify (self, &version, error), error) ||
      !enter_wal_mode (self, error))
    return FALSE;
  return version == SCHEMA_VERSION || migrate (self, error);
}

static gboolean
initialise_patiently (VtScandState *self, GError **error)
{
  gint64 deadline = g_get_monotonic_time () + (gint64)BUSY_TIMEOUT_MS * 1000;
  g_autoptr (GError) local_error = NULL;

  while (!initialise (self, &local_error)) {
    if (!g_error_matches (local_error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_BUSY) ||
        g_get_monotonic_time () >= deadline) {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
    g_clear_error (&local_error);
    g_usleep (RETRY_PAUSE_US);
  }
  return TRUE;
}

/* FORBIDDEN is what an error of permissions means. Always returns FALSE. */
static gboolean
set_file_error (const GError *cause, VtScandStateError forbidden, GError **error)
{
  VtScandStateError kind = VT_SCAND_STATE_ERROR_FAILED;

  if (g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED))
    kind = forbidden;
  else if (g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_READ_ONLY))
    kind = VT_SCAND_STATE_ERROR_READ_ONLY;
  else if (g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    kind = VT_SCAND_STATE_ERROR_NOT_FOUND;
  else if (g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_NO_SPACE))
    kind = VT_SCAND_STATE_ERROR_FULL;
  g_set_error (error, VT_SCAND_STATE_ERROR, kind, "state: %s", cause->message);
  return FALSE;
}

/* Its own file, and what SQLite puts beside it. */
static gboolean
check_files (const VtScandState *self, GError **error)
{
  static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};

  for (gsize i = 0; i < G_N_ELEMENTS (suffixes); i++) {
    g_autofree char *file = g_strconcat (self->path, suffixes[i], NULL);
    g_autoptr (GError) local_error = NULL;

    if (!vt_scand_file_check (file, VT_SCAND_FILE_OTHERS_WRITE, &local_error) &&
        /* Other processes make and remove SQLite's own files at any time. */
        (i == 0 || !g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND)))
      return set_file_error (local_error, VT_SCAND_STATE_ERROR_UNTRUSTED, error);
  }
  return TRUE;
}

static gboolean
make_file (const VtScandState *self, GError **error)
{
  g_autoptr (GError) local_error = NULL;

  return vt_scand_file_make_empty (self->path, 0600, &local_error) ||
         g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_EXISTS) ||
         set_file_error (local_error, VT_SCAND_STATE_ERROR_READ_ONLY, error);
}

gboolean
vt_scand_state_open_database (VtScandState *self, GError **error)
{
  if (!make_file (self, error) || !check_files (self, error))
    return FALSE;
  errno = 0;
  if (sqlite3_open_v2 (self->path, &self->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
    return vt_scand_state_set_error (self, "opening", error);
  sqlite3_extended_result_codes (self->db, 1);
  sqlite3_busy_timeout (self->db, BUSY_TIMEOUT_MS);
  sqlite3_db_config (self->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  return initialise_patiently (self, error) && look_for_damage (self, error);
}
