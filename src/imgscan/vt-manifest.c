// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-manifest.h"

#include <string.h>

#include "vt-json-writer.h"
#include "vt-sqlite.h"

struct _VtManifest {
  sqlite3 *db;
  sqlite3_stmt *add;
};

/*
 * A database without a name is a file in $SQLITE_TMPDIR, $TMPDIR or /var/tmp that is deleted
 * already when it is made; nobody else reads it, and nobody needs it after a crash. What does not
 * fit into the cache (4 MiB) goes to that file, sorting included.
 */
static const char *const schema =
    "PRAGMA journal_mode = OFF;"
    "PRAGMA synchronous = OFF;"
    "PRAGMA temp_store = FILE;"
    "PRAGMA cache_size = -4096;"
    "CREATE TABLE file (fs, path, inode, size, mtime, ctime, sha256, kind, reason, threat, source,"
    " members, generation);"
    "CREATE TABLE failed (fs INTEGER PRIMARY KEY, reason);"
    "BEGIN";

static const char *const add_sql =
    "INSERT INTO file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

static const char *const apply_failures_sql =
    "UPDATE file SET kind = 3, reason = failed.reason FROM failed"
    " WHERE file.fs = failed.fs AND file.kind = 1";

/*
 * Whichever of the names was read first: the first in order gets the source of the verdict (1 to 3
 * and 5), the others are hard links (4). Inode 0 is none.
 */
static const char *const order_links_sql =
    "UPDATE file SET source = linked.source FROM ("
    "  SELECT id, CASE WHEN rank > 1 THEN 4 ELSE coalesce(best, 4) END AS source FROM ("
    "    SELECT rowid AS id, row_number() OVER names AS rank,"
    "      min(nullif(source, 4)) OVER (PARTITION BY fs, inode) AS best"
    "    FROM file WHERE inode != 0"
    "    WINDOW names AS (PARTITION BY fs, inode ORDER BY path, size, mtime, ctime, sha256)"
    "  )"
    ") AS linked WHERE file.rowid = linked.id AND file.source != linked.source";

/* The same for one content in several files: engine (1) for the first, store (2) for the others. */
static const char *const order_contents_sql =
    "UPDATE file SET source = copies.source FROM ("
    "  SELECT rowid AS id, CASE row_number() OVER copy WHEN 1 THEN 1 ELSE 2 END AS source,"
    "    min(source) OVER (PARTITION BY sha256) AS best"
    "  FROM file WHERE sha256 IS NOT NULL AND source IN (1, 2)"
    "  WINDOW copy AS (PARTITION BY sha256 ORDER BY fs, path, inode, size, mtime, ctime)"
    ") AS copies"
    " WHERE copies.best = 1 AND file.rowid = copies.id AND file.source != copies.source";

/* By everything, lest a damaged directory with one name twice gave its lines in any order. */
static const char *const select_sql =
    "SELECT fs, path, inode, size, mtime, ctime, sha256, kind, reason, threat, source, members "
    "FROM file"
    " ORDER BY fs, path, inode, size, mtime, ctime, sha256, kind, reason, threat, source, members";

/* A content that some file's verdict does not call clean. */
#define DOUBTFUL "(SELECT sha256 FROM file WHERE kind != 1 AND sha256 IS NOT NULL)"

/*
 * Names of one inode are one file, whatever a damaged file system says; if they differ in anything,
 * nothing is known of it by its inode. A time so far off that it was cut (vt-fs.h) may be any.
 */
static const char *const clean_files_sql =
    "SELECT fs, inode, max(generation), max(size), max(mtime), max(ctime), max(sha256) FROM file"
    " WHERE inode != 0 GROUP BY fs, inode"
    " HAVING min(kind) = 1 AND max(kind) = 1 AND count(sha256) = count(*)"
    " AND min(sha256) = max(sha256) AND min(generation) = max(generation)"
    " AND min(size) = max(size) AND min(mtime) = max(mtime) AND min(ctime) = max(ctime)"
    " AND max(size) != 0 AND max(sha256) NOT IN " DOUBTFUL
    " AND max(mtime) NOT IN (-9223372036854775807 - 1, 9223372036854775807)"
    " AND max(ctime) NOT IN (-9223372036854775807 - 1, 9223372036854775807)"
    " ORDER BY fs, inode";

static const char *const clean_contents_sql =
    "SELECT DISTINCT sha256 FROM file WHERE kind = 1 AND size != 0 AND sha256 IS NOT NULL"
    " AND sha256 NOT IN " DOUBTFUL " ORDER BY sha256";

/* The statements above have these numbers in them. */
G_STATIC_ASSERT (VT_VERDICT_CLEAN == 1 && VT_VERDICT_INCOMPLETE == 3);
G_STATIC_ASSERT (VT_SOURCE_ENGINE == 1 && VT_SOURCE_STORE == 2 && VT_SOURCE_HARDLINK == 4);

static gboolean
set_error (VtManifest *self, GError **error)
{
  int code = sqlite3_errcode (self->db);

  g_set_error (error, G_IO_ERROR, code == SQLITE_FULL ? G_IO_ERROR_NO_SPACE : G_IO_ERROR_FAILED,
               "manifest: temporary database: %s", sqlite3_errmsg (self->db));
  return FALSE;
}

static gboolean
exec (VtManifest *self, const char *sql, GError **error)
{
  if (sqlite3_exec (self->db, sql, NULL, NULL, NULL) == SQLITE_OK)
    return TRUE;
  return set_error (self, error);
}

VtManifest *
vt_manifest_new (GError **error)
{
  g_autoptr (VtManifest) self = g_new0 (VtManifest, 1);

  if (sqlite3_open ("", &self->db) != SQLITE_OK || !exec (self, schema, NULL) ||
      sqlite3_prepare_v3 (self->db, add_sql, -1, SQLITE_PREPARE_PERSISTENT, &self->add, NULL) !=
          SQLITE_OK) {
    set_error (self, error);
    return NULL;
  }
  return g_steal_pointer (&self);
}

void
vt_manifest_free (VtManifest *self)
{
  sqlite3_finalize (self->add);
  sqlite3_close_v2 (self->db);
  g_free (self);
}

gboolean
vt_manifest_add (VtManifest *self, const VtFileResult *file, GError **error)
{
  g_autoptr (GBytes) members = vt_members_pack ((const char *const *)file->members);
  gboolean done;

  sqlite3_bind_int64 (self->add, 1, file->filesystem);
  sqlite3_bind_blob (self->add, 2, file->path, (int)strlen (file->path), SQLITE_STATIC);
  /* Unsigned numbers keep their bits, and come back as they were. */
  sqlite3_bind_int64 (self->add, 3, (gint64)file->inode);
  sqlite3_bind_int64 (self->add, 4, (gint64)file->size);
  sqlite3_bind_int64 (self->add, 5, file->mtime_ns);
  sqlite3_bind_int64 (self->add, 6, file->ctime_ns);
  if (file->has_digest)
    sqlite3_bind_blob (self->add, 7, file->digest.bytes, VT_DIGEST_SIZE, SQLITE_STATIC);
  sqlite3_bind_int (self->add, 8, (int)file->verdict.kind);
  sqlite3_bind_int (self->add, 9, (int)file->verdict.reason);
  sqlite3_bind_text (self->add, 10, file->verdict.threat, -1, SQLITE_STATIC);
  sqlite3_bind_int (self->add, 11, (int)file->source);
  sqlite3_bind_blob (self->add, 12, g_bytes_get_data (members, NULL),
                     (int)g_bytes_get_size (members), SQLITE_STATIC);
  sqlite3_bind_int64 (self->add, 13, file->generation);
  done = sqlite3_step (self->add) == SQLITE_DONE || set_error (self, error);
  sqlite3_reset (self->add);
  sqlite3_clear_bindings (self->add);
  return done;
}

gboolean
vt_manifest_clear (VtManifest *self, GError **error)
{
  return exec (self, "DELETE FROM file; DELETE FROM failed", error);
}

gboolean
vt_manifest_fail_filesystem (VtManifest *self, guint filesystem, VtReason reason, GError **error)
{
  g_autofree char *sql = g_strdup_printf ("INSERT INTO failed VALUES (%u, %u)"
                                          " ON CONFLICT DO NOTHING",
                                          filesystem, (guint)reason);

  return exec (self, sql, error);
}

/* A query over what is clean, once the failures of file systems have reached their files. */
static sqlite3_stmt *
select_clean (VtManifest *self, const char *sql, GError **error)
{
  sqlite3_stmt *select = NULL;

  if (!exec (self, apply_failures_sql, error))
    return NULL;
  if (sqlite3_prepare_v2 (self->db, sql, -1, &select, NULL) != SQLITE_OK)
    set_error (self, error);
  return select;
}

gboolean
vt_manifest_foreach_clean_file (VtManifest *self,
                                VtCleanFileFunc func,
                                gpointer user_data,
                                GError **error)
{
  g_autoptr (sqlite3_stmt) select = select_clean (self, clean_files_sql, error);
  int step;

  if (select == NULL)
    return FALSE;
  while ((step = sqlite3_step (select)) == SQLITE_ROW) {
    const VtCleanFile file = {
        .fs = (guint)sqlite3_column_int64 (select, 0),
        .inode = (guint64)sqlite3_column_int64 (select, 1),
        .generation = (guint32)sqlite3_column_int64 (select, 2),
        .size = (guint64)sqlite3_column_int64 (select, 3),
        .mtime_ns = sqlite3_column_int64 (select, 4),
        .ctime_ns = sqlite3_column_int64 (select, 5),
        .digest = *(const VtDigest *)sqlite3_column_blob (select, 6),
    };

    if (!func (&file, user_data, error))
      return FALSE;
  }
  return step == SQLITE_DONE || set_error (self, error);
}

gboolean
vt_manifest_foreach_clean_content (VtManifest *self,
                                   VtManifestContentFunc func,
                                   gpointer user_data,
                                   GError **error)
{
  g_autoptr (sqlite3_stmt) select = select_clean (self, clean_contents_sql, error);
  int step;

  if (select == NULL)
    return FALSE;
  while ((step = sqlite3_step (select)) == SQLITE_ROW) {
    const VtDigest digest = *(const VtDigest *)sqlite3_column_blob (select, 0);

    if (!func (&digest, user_data, error))
      return FALSE;
  }
  return step == SQLITE_DONE || set_error (self, error);
}

static void
write_members (VtJsonWriter *json, sqlite3_stmt *row)
{
  const void *packed = sqlite3_column_blob (row, 11);
  g_auto (GStrv) members = NULL;

  /* This process wrote it. */
  if (!vt_members_unpack (packed, (gsize)sqlite3_column_bytes (row, 11), &members))
    g_warn_if_reached ();
  vt_json_bytes_array (json, "members", (const char *const *)members);
}

static void
write_line (VtJsonWriter *json, const VtScanResult *result, sqlite3_stmt *row)
{
  const VtFilesystem *filesystem =
      g_ptr_array_index (result->filesystems, (guint)sqlite3_column_int64 (row, 0));
  const char *bytes = sqlite3_column_blob (row, 1); /* NULL for none */
  g_autofree char *path =
      bytes != NULL ? g_strndup (bytes, (gsize)sqlite3_column_bytes (row, 1)) : g_strdup ("");
  VtVerdictKind kind = (VtVerdictKind)sqlite3_column_int (row, 7);
  VtReason reason = (VtReason)sqlite3_column_int (row, 8);
  const VtDigest *digest = sqlite3_column_blob (row, 6);
  const char *threat = (const char *)sqlite3_column_text (row, 9);
  char hex[VT_DIGEST_HEX_SIZE];

  vt_json_begin_object (json, NULL);
  vt_json_bytes (json, "path", path);
  vt_json_string (json, "fs", filesystem->id);
  vt_json_uint (json, "inode", (guint64)sqlite3_column_int64 (row, 2));
  vt_json_uint (json, "size", (guint64)sqlite3_column_int64 (row, 3));
  vt_json_int (json, "mtime_ns", sqlite3_column_int64 (row, 4));
  vt_json_int (json, "ctime_ns", sqlite3_column_int64 (row, 5));
  vt_json_string (json, "sha256", digest != NULL ? vt_digest_to_hex (digest, hex) : NULL);
  vt_json_string (json, "verdict", vt_verdict_kind_to_string (kind));
  vt_json_string (json, "threat", kind == VT_VERDICT_INFECTED ? threat : NULL);
  vt_json_string (json, "reason", reason != VT_REASON_NONE ? vt_reason_to_string (reason) : NULL);
  vt_json_string (json, "source", vt_source_to_string ((VtSource)sqlite3_column_int (row, 10)));
  write_members (json, row);
  vt_json_end_object (json);
}

static gboolean
write_lines (VtManifest *self, const VtScanResult *result, VtSink *sink, GError **error)
{
  g_autoptr (VtJsonWriter) json = vt_json_writer_new (sink, FALSE);
  g_autoptr (sqlite3_stmt) select = NULL;
  int step;

  if (sqlite3_prepare_v2 (self->db, select_sql, -1, &select, NULL) != SQLITE_OK)
    return set_error (self, error);
  while ((step = sqlite3_step (select)) == SQLITE_ROW && !vt_sink_has_failed (sink)) {
    if (sqlite3_column_int64 (select, 0) >= result->filesystems->len) {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "manifest: file system %d of %u",
                   sqlite3_column_int (select, 0), result->filesystems->len);
      return FALSE;
    }
    write_line (json, result, select);
  }
  return step == SQLITE_DONE || step == SQLITE_ROW || set_error (self, error);
}

gboolean
vt_manifest_write (VtManifest *self,
                   const VtScanResult *result,
                   GOutputStream *stream,
                   GError **error)
{
  g_autoptr (VtSink) sink = vt_sink_new (stream);

  if (!exec (self, apply_failures_sql, error) || !exec (self, order_links_sql, error) ||
      !exec (self, order_contents_sql, error) || !write_lines (self, result, sink, error))
    return FALSE;
  if (vt_sink_finish (sink, error))
    return TRUE;
  g_prefix_error (error, "manifest: ");
  return FALSE;
}
