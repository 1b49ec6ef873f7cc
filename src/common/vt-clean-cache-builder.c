// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Makes a clean cache. Rows are gathered in a temporary database, which has them in the order of
 * their keys but its pages as they came. VACUUM then writes a copy whose pages depend on the rows
 * alone, and are full.
 */
#include "vt-clean-cache-private.h"

#include <errno.h>

#include "vt-fd.h"
#include "vt-memfd.h"

#define COPY_SIZE (256 * 1024)

struct _VtCleanCacheBuilder {
  sqlite3 *db;
  sqlite3_stmt *add_file;
  sqlite3_stmt *has_file;
  sqlite3_stmt *add_content;
  guint n_filesystems;
};

/*
 * A database without a name is a file in $SQLITE_TMPDIR, $TMPDIR or /var/tmp that is deleted
 * already when it is made.
 */
static const char *const prepare_sql =
    "PRAGMA encoding = 'UTF-8';"
    "PRAGMA page_size = " G_STRINGIFY (4096) ";"
                                             "PRAGMA auto_vacuum = NONE;"
                                             "PRAGMA journal_mode = OFF;"
                                             "PRAGMA synchronous = OFF;"
                                             "PRAGMA temp_store = FILE;"
                                             "PRAGMA cache_size = -8192;";

G_STATIC_ASSERT (VT_CLEAN_CACHE_PAGE_SIZE == 4096);

static const char *const add_file_sql =
    "INSERT INTO file (fs, ino, gen, size, mtime_ns, ctime_ns, sha256)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";

static const char *const has_file_sql =
    "SELECT 1 FROM file WHERE fs = ? AND ino = ? AND gen = ? AND size = ? AND mtime_ns = ?"
    " AND ctime_ns = ? AND sha256 = ?";

static const char *const add_content_sql =
    "INSERT INTO content (sha256) VALUES (?) ON CONFLICT DO NOTHING";

static const char *const add_meta_sql = "INSERT INTO meta (key, value) VALUES (?, ?)";

/* Each content stands in one table only. */
static const char *const finish_sql =
    "DELETE FROM content WHERE sha256 IN (SELECT sha256 FROM file);"
    "COMMIT";

void
vt_clean_database_clear (VtCleanDatabase *self)
{
  vt_fd_clear (&self->fd);
}

gboolean
vt_clean_cache_is_fs_uuid (const char *text)
{
  gsize length = 0;

  while (length <= VT_CLEAN_CACHE_FS_UUID_MAX && g_ascii_isgraph (text[length]))
    length++;
  return length <= VT_CLEAN_CACHE_FS_UUID_MAX && text[length] == '\0';
}

static gboolean
exec (VtCleanCacheBuilder *self, const char *sql, GError **error)
{
  return sqlite3_exec (self->db, sql, NULL, NULL, NULL) == SQLITE_OK ||
         vt_clean_cache_set_error (self->db, "making it", error);
}

static gboolean
prepare (VtCleanCacheBuilder *self, const char *sql, sqlite3_stmt **statement, GError **error)
{
  return sqlite3_prepare_v3 (self->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) ==
             SQLITE_OK ||
         vt_clean_cache_set_error (self->db, "making it", error);
}

/* Runs a statement of which at most one row is of interest: whether there was one. */
static gboolean
run (VtCleanCacheBuilder *self, sqlite3_stmt *statement, gboolean *row, GError **error)
{
  int step = sqlite3_step (statement);
  gboolean done = step == SQLITE_DONE || step == SQLITE_ROW ||
                  vt_clean_cache_set_error (self->db, "making it", error);

  *row = step == SQLITE_ROW;
  sqlite3_reset (statement);
  return done;
}

static gboolean
create (VtCleanCacheBuilder *self, GError **error)
{
  g_autofree char *numbers =
      g_strdup_printf ("PRAGMA application_id = %u; PRAGMA user_version = %u; BEGIN",
                       VT_CLEAN_CACHE_APPLICATION_ID, VT_CLEAN_CACHE_FORMAT);

  if (!exec (self, prepare_sql, error) || !exec (self, numbers, error))
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (vt_clean_cache_tables); i++) {
    if (!exec (self, vt_clean_cache_tables[i].sql, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
add_meta (VtCleanCacheBuilder *self, const char *key, const char *value, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = NULL;
  gboolean row;

  if (!prepare (self, add_meta_sql, &statement, error))
    return FALSE;
  sqlite3_bind_text (statement, 1, key, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 2, value, -1, SQLITE_STATIC);
  return run (self, statement, &row, error);
}

static gboolean
add_all_meta (VtCleanCacheBuilder *self,
              const char *template_uuid,
              GPtrArray *fs_uuids,
              GError **error)
{
  if (!add_meta (self, VT_CLEAN_CACHE_META_TEMPLATE, template_uuid, error))
    return FALSE;
  for (guint i = 0; i < fs_uuids->len; i++) {
    g_autofree char *key = g_strdup_printf (VT_CLEAN_CACHE_META_FS "%u", i);

    if (!add_meta (self, key, g_ptr_array_index (fs_uuids, i), error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
check_meta (const char *template_uuid, GPtrArray *fs_uuids, GError **error)
{
  if (!g_uuid_string_is_valid (template_uuid)) {
    g_set_error (error, VT_CLEAN_CACHE_ERROR, VT_CLEAN_CACHE_ERROR_FAILED,
                 "clean cache: \"%s\" is not a UUID", template_uuid);
    return FALSE;
  }
  if (fs_uuids->len > VT_CLEAN_CACHE_FILESYSTEMS_MAX) {
    g_set_error (error, VT_CLEAN_CACHE_ERROR, VT_CLEAN_CACHE_ERROR_FAILED,
                 "clean cache: %u file systems, and at most %u fit in", fs_uuids->len,
                 VT_CLEAN_CACHE_FILESYSTEMS_MAX);
    return FALSE;
  }
  for (guint i = 0; i < fs_uuids->len; i++) {
    if (vt_clean_cache_is_fs_uuid (g_ptr_array_index (fs_uuids, i)))
      continue;
    g_set_error (error, VT_CLEAN_CACHE_ERROR, VT_CLEAN_CACHE_ERROR_FAILED,
                 "clean cache: the UUID of file system %u is not one", i);
    return FALSE;
  }
  return TRUE;
}

VtCleanCacheBuilder *
vt_clean_cache_builder_new (const char *template_uuid, GPtrArray *fs_uuids, GError **error)
{
  g_autoptr (VtCleanCacheBuilder) self = g_new0 (VtCleanCacheBuilder, 1);

  if (!check_meta (template_uuid, fs_uuids, error))
    return NULL;
  self->n_filesystems = fs_uuids->len;
  /* SQLITE_OPEN_URI is for the name that VACUUM writes to. */
  if (sqlite3_open_v2 ("", &self->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI,
                       NULL) != SQLITE_OK) {
    vt_clean_cache_set_error (self->db, "making it", error);
    return NULL;
  }
  if (!create (self, error) || !add_all_meta (self, template_uuid, fs_uuids, error) ||
      !prepare (self, add_file_sql, &self->add_file, error) ||
      !prepare (self, has_file_sql, &self->has_file, error) ||
      !prepare (self, add_content_sql, &self->add_content, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
vt_clean_cache_builder_free (VtCleanCacheBuilder *self)
{
  sqlite3_finalize (self->add_file);
  sqlite3_finalize (self->has_file);
  sqlite3_finalize (self->add_content);
  sqlite3_close_v2 (self->db);
  g_free (self);
}

static void
bind_file (sqlite3_stmt *statement, const VtCleanFile *file)
{
  sqlite3_bind_int64 (statement, 1, file->fs);
  sqlite3_bind_int64 (statement, 2, (gint64)file->inode);
  sqlite3_bind_int64 (statement, 3, (gint32)file->generation);
  sqlite3_bind_int64 (statement, 4, (gint64)file->size);
  sqlite3_bind_int64 (statement, 5, file->mtime_ns);
  sqlite3_bind_int64 (statement, 6, file->ctime_ns);
  sqlite3_bind_blob (statement, 7, file->digest.bytes, VT_DIGEST_SIZE, SQLITE_STATIC);
}

gboolean
vt_clean_cache_builder_add_file (VtCleanCacheBuilder *self, const VtCleanFile *file, GError **error)
{
  gboolean row;

  if (file->fs >= self->n_filesystems) {
    g_set_error (error, VT_CLEAN_CACHE_ERROR, VT_CLEAN_CACHE_ERROR_FAILED,
                 "clean cache: a file of file system %u, and there are %u", file->fs,
                 self->n_filesystems);
    return FALSE;
  }
  bind_file (self->add_file, file);
  if (!run (self, self->add_file, &row, error))
    return FALSE;
  if (sqlite3_changes (self->db) == 1)
    return TRUE;
  bind_file (self->has_file, file);
  if (!run (self, self->has_file, &row, error))
    return FALSE;
  if (row)
    return TRUE;
  g_set_error (error, VT_CLEAN_CACHE_ERROR, VT_CLEAN_CACHE_ERROR_FAILED,
               "clean cache: inode %" G_GUINT64_FORMAT
               " of file system %u is there twice, and not as the same file",
               file->inode, file->fs);
  return FALSE;
}

gboolean
vt_clean_cache_builder_add_content (VtCleanCacheBuilder *self,
                                    const VtDigest *digest,
                                    GError **error)
{
  gboolean row;

  sqlite3_bind_blob (self->add_content, 1, digest->bytes, VT_DIGEST_SIZE, SQLITE_STATIC);
  return run (self, self->add_content, &row, error);
}

static gboolean
count (VtCleanCacheBuilder *self, const char *sql, guint64 *number, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = NULL;

  if (!prepare (self, sql, &statement, error))
    return FALSE;
  if (sqlite3_step (statement) != SQLITE_ROW)
    return vt_clean_cache_set_error (self->db, "making it", error);
  *number = (guint64)sqlite3_column_int64 (statement, 0);
  return TRUE;
}

/* Writes the file of an SQLite database to MEMFD. */
static gboolean
copy_to_memfd (sqlite3 *db, int memfd, VtCleanDatabase *database, GError **error)
{
  g_autoptr (VtHasher) hasher = vt_hasher_new ();
  g_autofree guint8 *buffer = g_malloc (COPY_SIZE);
  sqlite3_file *file = NULL;
  sqlite3_int64 size = 0;

  if (sqlite3_file_control (db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
      file->pMethods->xFileSize (file, &size) != SQLITE_OK)
    return vt_clean_cache_set_error (db, "copying it", error);
  for (sqlite3_int64 done = 0; done < size;) {
    int n = (int)MIN (COPY_SIZE, size - done);

    if (file->pMethods->xRead (file, buffer, n, done) != SQLITE_OK)
      return vt_clean_cache_set_error (db, "copying it", error);
    if (!vt_fd_write_at (memfd, (guint64)done, buffer, (gsize)n)) {
      g_set_error (error, VT_CLEAN_CACHE_ERROR, VT_CLEAN_CACHE_ERROR_FAILED,
                   "clean cache: memory for it: %s", g_strerror (errno));
      return FALSE;
    }
    vt_hasher_update (hasher, buffer, (gsize)n);
    done += n;
  }
  database->size = (guint64)size;
  database->digest = vt_hasher_finish (hasher);
  return TRUE;
}

static gboolean
take_copy (sqlite3 *db, VtCleanDatabase *database, GError **error)
{
  vt_autofd memfd = vt_memfd_new ("clean.db");

  if (memfd < 0) {
    g_set_error (error, VT_CLEAN_CACHE_ERROR, VT_CLEAN_CACHE_ERROR_FAILED,
                 "clean cache: memory for it: %s", g_strerror (errno));
    return FALSE;
  }
  if (!copy_to_memfd (db, memfd, database, error))
    return FALSE;
  if (!vt_memfd_seal (memfd)) {
    g_set_error (error, VT_CLEAN_CACHE_ERROR, VT_CLEAN_CACHE_ERROR_FAILED,
                 "clean cache: sealing it: %s", g_strerror (errno));
    return FALSE;
  }
  database->fd = vt_fd_steal (&memfd);
  return TRUE;
}

gboolean
vt_clean_cache_builder_finish (VtCleanCacheBuilder *self, VtCleanDatabase *database, GError **error)
{
  VtCleanDatabase made = VT_CLEAN_DATABASE_INIT;
  /* The other connection sees what VACUUM writes, and is what the file's bytes are read through: it
   * is in memory, so nobody else can have a hand in it. SQLite bounds it to a gibibyte. */
  g_autofree char *name = g_strdup_printf ("file:/vtemplater-clean-%p?vfs=memdb", (void *)self);
  g_autofree char *vacuum = g_strdup_printf ("VACUUM INTO '%s'", name);
  g_autoptr (sqlite3) copy = NULL;

  if (!exec (self, finish_sql, error) ||
      !count (self, "SELECT count(*) FROM file", &made.files, error) ||
      !count (self, "SELECT count(*) FROM content", &made.contents, error))
    return FALSE;
  if (sqlite3_open_v2 (name, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI,
                       NULL) != SQLITE_OK)
    return vt_clean_cache_set_error (copy, "copying it", error);
  if (!exec (self, vacuum, error) || !take_copy (copy, &made, error))
    return FALSE;
  *database = made;
  return TRUE;
}
