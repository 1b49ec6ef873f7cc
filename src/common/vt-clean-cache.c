// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Reads a clean cache. SQLite is given the sealed bytes where they are mapped (sqlite3_deserialize)
 * and no path: it resolves symbolic links by itself, so that /proc/self/fd/N leads it nowhere.
 * There is no journal either that could stand beside the file.
 */
#include "vt-clean-cache-private.h"

#include <string.h>

struct _VtCleanCache {
  VtCleanCacheBytes bytes;
  sqlite3 *db;
  sqlite3_stmt *find;
  char *template_uuid;
  GPtrArray *fs_uuids; /* of gchar */
  guint64 n_files;
  GArray *contents; /* of VtDigest, sorted: of all rows; NULL: not read yet */
};

static const char *const schema_sql = "SELECT type, name, sql FROM sqlite_schema ORDER BY name";
static const char *const meta_sql = "SELECT value FROM meta WHERE key = ?";
static const char *const count_meta_sql = "SELECT count(*) FROM meta";
static const char *const count_files_sql = "SELECT count(*) FROM file";
static const char *const contents_sql =
    "SELECT sha256 FROM file UNION ALL SELECT sha256 FROM content";

#define SELECT_FILES "SELECT fs, ino, gen, size, mtime_ns, ctime_ns, sha256 FROM file"
static const char *const foreach_sql = SELECT_FILES " ORDER BY fs, ino";
static const char *const find_sql = SELECT_FILES " WHERE fs = ? AND ino = ?";

G_DEFINE_QUARK (vt_clean_cache_error_quark, vt_clean_cache_error)

gboolean
vt_clean_cache_set_error (sqlite3 *db, const char *prefix, GError **error)
{
  int code = sqlite3_errcode (db);
  gboolean damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;

  g_set_error (error, VT_CLEAN_CACHE_ERROR,
               damaged ? VT_CLEAN_CACHE_ERROR_DAMAGED : VT_CLEAN_CACHE_ERROR_FAILED,
               "clean cache: %s: %s", prefix, sqlite3_errmsg (db));
  return FALSE;
}

static gboolean
fail_reading (VtCleanCache *self, GError **error)
{
  return vt_clean_cache_set_error (self->db, "reading it", error);
}

gboolean
vt_clean_cache_fail_damaged (const char *what, GError **error)
{
  g_set_error (error, VT_CLEAN_CACHE_ERROR, VT_CLEAN_CACHE_ERROR_DAMAGED, "clean cache: %s", what);
  return FALSE;
}

/* Nothing that the database itself might bring along is to run. */
static gboolean
restrict_database (VtCleanCache *self, GError **error)
{
  return (sqlite3_db_config (self->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) == SQLITE_OK &&
          sqlite3_db_config (self->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL) == SQLITE_OK &&
          sqlite3_db_config (self->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL) == SQLITE_OK &&
          sqlite3_db_config (self->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL) == SQLITE_OK &&
          sqlite3_exec (self->db, "PRAGMA cell_size_check = ON; PRAGMA query_only = ON", NULL, NULL,
                        NULL) == SQLITE_OK) ||
         fail_reading (self, error);
}

static gboolean
open_database (VtCleanCache *self, GError **error)
{
  if (sqlite3_open_v2 (":memory:", &self->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
      sqlite3_deserialize (self->db, "main", self->bytes.data, (sqlite3_int64)self->bytes.size,
                           (sqlite3_int64)self->bytes.size,
                           SQLITE_DESERIALIZE_READONLY) != SQLITE_OK)
    return fail_reading (self, error);
  return restrict_database (self, error);
}

static gboolean
prepare (VtCleanCache *self, const char *sql, sqlite3_stmt **statement, GError **error)
{
  return sqlite3_prepare_v3 (self->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) ==
             SQLITE_OK ||
         fail_reading (self, error);
}

/* A text without a NUL in it; NULL: it is none. */
static const char *
column_text (sqlite3_stmt *row, int column)
{
  const char *text;

  if (sqlite3_column_type (row, column) != SQLITE_TEXT)
    return NULL;
  text = (const char *)sqlite3_column_text (row, column);
  return text != NULL && strlen (text) == (gsize)sqlite3_column_bytes (row, column) ? text : NULL;
}

static gboolean
check_schema (VtCleanCache *self, GError **error)
{
  g_autoptr (sqlite3_stmt) select = NULL;
  gsize n = 0;
  int step;

  if (!prepare (self, schema_sql, &select, error))
    return FALSE;
  while ((step = sqlite3_step (select)) == SQLITE_ROW) {
    if (n == G_N_ELEMENTS (vt_clean_cache_tables) ||
        g_strcmp0 (column_text (select, 0), "table") != 0 ||
        g_strcmp0 (column_text (select, 1), vt_clean_cache_tables[n].name) != 0 ||
        g_strcmp0 (column_text (select, 2), vt_clean_cache_tables[n].sql) != 0)
      return vt_clean_cache_fail_damaged ("its tables are not those of format 1", error);
    n++;
  }
  if (step != SQLITE_DONE)
    return fail_reading (self, error);
  return n == G_N_ELEMENTS (vt_clean_cache_tables) ||
         vt_clean_cache_fail_damaged ("a table is missing", error);
}

static gboolean
count (VtCleanCache *self, const char *sql, guint64 *number, GError **error)
{
  g_autoptr (sqlite3_stmt) select = NULL;

  if (!prepare (self, sql, &select, error))
    return FALSE;
  if (sqlite3_step (select) != SQLITE_ROW)
    return fail_reading (self, error);
  *number = (guint64)sqlite3_column_int64 (select, 0);
  return TRUE;
}

/* VALUE gets NULL if there is no such key. */
static gboolean
read_meta (VtCleanCache *self, const char *key, char **value, GError **error)
{
  g_autoptr (sqlite3_stmt) select = NULL;
  int step;

  *value = NULL;
  if (!prepare (self, meta_sql, &select, error))
    return FALSE;
  sqlite3_bind_text (select, 1, key, -1, SQLITE_STATIC);
  step = sqlite3_step (select);
  if (step == SQLITE_ROW)
    *value = g_strdup (column_text (select, 0));
  return step == SQLITE_ROW || step == SQLITE_DONE || fail_reading (self, error);
}

static gboolean
load_meta (VtCleanCache *self, GError **error)
{
  guint64 n;

  if (!count (self, count_meta_sql, &n, error) ||
      !read_meta (self, VT_CLEAN_CACHE_META_TEMPLATE, &self->template_uuid, error))
    return FALSE;
  if (self->template_uuid == NULL || !g_uuid_string_is_valid (self->template_uuid))
    return vt_clean_cache_fail_damaged ("it has no UUID of its template", error);
  if (n > VT_CLEAN_CACHE_FILESYSTEMS_MAX + 1)
    return vt_clean_cache_fail_damaged ("it has too many file systems", error);
  self->fs_uuids = g_ptr_array_new_with_free_func (g_free);
  while (self->fs_uuids->len + 1 < n) {
    g_autofree char *key = g_strdup_printf (VT_CLEAN_CACHE_META_FS "%u", self->fs_uuids->len);
    g_autofree char *uuid = NULL;

    if (!read_meta (self, key, &uuid, error))
      return FALSE;
    if (uuid == NULL || !vt_clean_cache_is_fs_uuid (uuid))
      return vt_clean_cache_fail_damaged ("its list of file systems is not one", error);
    g_ptr_array_add (self->fs_uuids, g_steal_pointer (&uuid));
  }
  return TRUE;
}

VtCleanCache *
vt_clean_cache_open (int fd, const VtDigest *expected, GError **error)
{
  g_autoptr (VtCleanCache) self = g_new0 (VtCleanCache, 1);

  if (!vt_clean_cache_map (fd, expected, &self->bytes, error) || !open_database (self, error) ||
      !check_schema (self, error) || !load_meta (self, error) ||
      !count (self, count_files_sql, &self->n_files, error) ||
      !prepare (self, find_sql, &self->find, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
vt_clean_cache_free (VtCleanCache *self)
{
  sqlite3_finalize (self->find);
  sqlite3_close_v2 (self->db);
  vt_clean_cache_unmap (&self->bytes);
  g_free (self->template_uuid);
  g_clear_pointer (&self->fs_uuids, g_ptr_array_unref);
  g_clear_pointer (&self->contents, g_array_unref);
  g_free (self);
}

const char *
vt_clean_cache_get_template (const VtCleanCache *self)
{
  return self->template_uuid;
}

GPtrArray *
vt_clean_cache_get_fs_uuids (const VtCleanCache *self)
{
  return self->fs_uuids;
}

guint64
vt_clean_cache_count_files (const VtCleanCache *self)
{
  return self->n_files;
}

static gboolean
is_integer (sqlite3_stmt *row, int column, gint64 min, gint64 max)
{
  return sqlite3_column_type (row, column) == SQLITE_INTEGER &&
         sqlite3_column_int64 (row, column) >= min && sqlite3_column_int64 (row, column) <= max;
}

static gboolean
read_digest (sqlite3_stmt *row, int column, VtDigest *digest)
{
  const void *bytes;

  if (sqlite3_column_type (row, column) != SQLITE_BLOB)
    return FALSE;
  bytes = sqlite3_column_blob (row, column);
  if (bytes == NULL || sqlite3_column_bytes (row, column) != VT_DIGEST_SIZE)
    return FALSE;
  memcpy (digest->bytes, bytes, VT_DIGEST_SIZE);
  return TRUE;
}

static gboolean
read_file (VtCleanCache *self, sqlite3_stmt *row, VtCleanFile *file, GError **error)
{
  if (!is_integer (row, 0, 0, (gint64)self->fs_uuids->len - 1) ||
      !is_integer (row, 1, G_MININT64, G_MAXINT64) ||
      !is_integer (row, 2, G_MININT32, G_MAXINT32) ||
      !is_integer (row, 3, G_MININT64, G_MAXINT64) ||
      !is_integer (row, 4, G_MININT64, G_MAXINT64) ||
      !is_integer (row, 5, G_MININT64, G_MAXINT64) || !read_digest (row, 6, &file->digest))
    return vt_clean_cache_fail_damaged ("a row of its files is not one", error);
  file->fs = (guint)sqlite3_column_int (row, 0);
  file->inode = (guint64)sqlite3_column_int64 (row, 1);
  file->generation = (guint32)sqlite3_column_int (row, 2);
  file->size = (guint64)sqlite3_column_int64 (row, 3);
  file->mtime_ns = sqlite3_column_int64 (row, 4);
  file->ctime_ns = sqlite3_column_int64 (row, 5);
  return TRUE;
}

gboolean
vt_clean_cache_foreach_file (VtCleanCache *self,
                             VtCleanFileFunc func,
                             gpointer user_data,
                             GError **error)
{
  g_autoptr (sqlite3_stmt) select = NULL;
  int step;

  if (!prepare (self, foreach_sql, &select, error))
    return FALSE;
  while ((step = sqlite3_step (select)) == SQLITE_ROW) {
    VtCleanFile file;

    if (!read_file (self, select, &file, error) || !func (&file, user_data, error))
      return FALSE;
  }
  return step == SQLITE_DONE || fail_reading (self, error);
}

gboolean
vt_clean_cache_find_file (
    VtCleanCache *self, guint fs, guint64 inode, VtCleanFile *file, GError **error)
{
  gboolean found = FALSE;
  int step;

  sqlite3_bind_int64 (self->find, 1, fs);
  sqlite3_bind_int64 (self->find, 2, (gint64)inode);
  step = sqlite3_step (self->find);
  if (step == SQLITE_ROW)
    found = read_file (self, self->find, file, error);
  else if (step != SQLITE_DONE)
    fail_reading (self, error);
  sqlite3_reset (self->find);
  return found;
}

static int
compare_digests (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, VT_DIGEST_SIZE);
}

static gboolean
load_contents (VtCleanCache *self, GError **error)
{
  g_autoptr (GArray) contents =
      g_array_sized_new (FALSE, FALSE, sizeof (VtDigest), (guint)self->n_files);
  g_autoptr (sqlite3_stmt) select = NULL;
  int step;

  if (!prepare (self, contents_sql, &select, error))
    return FALSE;
  while ((step = sqlite3_step (select)) == SQLITE_ROW) {
    VtDigest digest;

    if (!read_digest (select, 0, &digest))
      return vt_clean_cache_fail_damaged ("a digest in it is not one", error);
    g_array_append_val (contents, digest);
  }
  if (step != SQLITE_DONE)
    return fail_reading (self, error);
  g_array_sort (contents, compare_digests);
  self->contents = g_steal_pointer (&contents);
  return TRUE;
}

gboolean
vt_clean_cache_has_content (VtCleanCache *self, const VtDigest *digest, GError **error)
{
  if (self->contents == NULL && !load_contents (self, error))
    return FALSE;
  return g_array_binary_search (self->contents, digest, compare_digests, NULL);
}
