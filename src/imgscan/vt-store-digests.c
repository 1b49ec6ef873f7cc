// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Digests of the host's own files, the signature databases, in the verdict store.
 */
#include "vt-store-private.h"

#include <string.h>

/* Rows that are kept: an update of the signatures adds a few. */
#define ROWS_MAX "1000"

static void
read_row (sqlite3_stmt *row, VtFileDigests *digests)
{
  VtFileDigest file = {
      .stamp =
          {
              .device = (guint64)sqlite3_column_int64 (row, 0),
              .inode = (guint64)sqlite3_column_int64 (row, 1),
              .size = (guint64)sqlite3_column_int64 (row, 2),
              .mtime_ns = sqlite3_column_int64 (row, 3),
              .ctime_ns = sqlite3_column_int64 (row, 4),
          },
  };
  const void *digest = sqlite3_column_blob (row, 5);

  if (digest == NULL || sqlite3_column_bytes (row, 5) != VT_DIGEST_SIZE)
    return;
  memcpy (file.digest.bytes, digest, VT_DIGEST_SIZE);
  vt_file_digests_add (digests, &file);
}

gboolean
vt_store_load_digests (VtStore *self, VtFileDigests *digests, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = vt_store_prepare (
      self, "SELECT device, inode, size, mtime, ctime, sha256 FROM host_file", "reading", error);
  int step;

  if (statement == NULL)
    return FALSE;
  while ((step = sqlite3_step (statement)) == SQLITE_ROW)
    read_row (statement, digests);
  return step == SQLITE_DONE || vt_store_set_error (self, "reading", error);
}

static gboolean
insert (VtStore *self, const GArray *files, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = vt_store_prepare (
      self,
      "INSERT OR REPLACE INTO host_file (device, inode, size, mtime, ctime, sha256)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
      "writing", error);

  for (guint i = 0; statement != NULL && i < files->len; i++) {
    const VtFileDigest *file = &g_array_index (files, VtFileDigest, i);

    sqlite3_bind_int64 (statement, 1, (gint64)file->stamp.device);
    sqlite3_bind_int64 (statement, 2, (gint64)file->stamp.inode);
    sqlite3_bind_int64 (statement, 3, (gint64)file->stamp.size);
    sqlite3_bind_int64 (statement, 4, file->stamp.mtime_ns);
    sqlite3_bind_int64 (statement, 5, file->stamp.ctime_ns);
    sqlite3_bind_blob (statement, 6, file->digest.bytes, VT_DIGEST_SIZE, SQLITE_STATIC);
    if (sqlite3_step (statement) != SQLITE_DONE)
      return vt_store_set_error (self, "writing", error);
    sqlite3_reset (statement);
  }
  return statement != NULL;
}

gboolean
vt_store_save_digests (VtStore *self, const VtFileDigests *digests, GError **error)
{
  const GArray *files = vt_file_digests_get_new (digests);

  if (files->len == 0)
    return TRUE;
  if (!vt_store_begin (self, error))
    return FALSE;
  return vt_store_end (self,
                       insert (self, files, error) &&
                           vt_store_exec (self,
                                          "DELETE FROM host_file WHERE id <="
                                          " (SELECT max(id) FROM host_file) - " ROWS_MAX,
                                          "writing", error),
                       error);
}

gboolean
vt_store_forget_digests (VtStore *self, GError **error)
{
  return vt_store_exec (self, "DELETE FROM host_file", "writing", error);
}
