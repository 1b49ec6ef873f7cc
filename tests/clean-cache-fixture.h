// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Clean caches for tests. */
#pragma once

#include "vt-clean-cache.h"
#include "vt-fd.h"
#include "vt-memfd.h"

#define TEMPLATE "3d8a6f0e-6f5b-4a7c-9a57-0d1c2b3a4958"

static inline VtDigest
digest_of_number (guint number)
{
  return vt_digest_of_data (&number, sizeof number);
}

static inline VtCleanFile
new_file (guint fs, guint64 inode)
{
  return (VtCleanFile){
      .fs = fs,
      .inode = inode,
      .generation = 0xfffffff0u + (guint)inode,
      .size = 1000 + inode,
      .mtime_ns = -1,
      .ctime_ns = G_GINT64_CONSTANT (1700000000123456789),
      .digest = digest_of_number ((guint)inode),
  };
}

static inline VtCleanCacheBuilder *
new_builder (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) uuids = g_ptr_array_new ();
  VtCleanCacheBuilder *builder;

  g_ptr_array_add (uuids, (gpointer) "0b5c6a4e-1111-4a7c-9a57-0d1c2b3a4958");
  g_ptr_array_add (uuids, (gpointer) "");
  builder = vt_clean_cache_builder_new (TEMPLATE, uuids, &error);
  g_assert_no_error (error);
  return builder;
}

static inline void
add_file (VtCleanCacheBuilder *builder, VtCleanFile file)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (vt_clean_cache_builder_add_file (builder, &file, &error));
  g_assert_no_error (error);
}

static inline void
add_content (VtCleanCacheBuilder *builder, guint number)
{
  g_autoptr (GError) error = NULL;
  VtDigest digest = digest_of_number (number);

  g_assert_true (vt_clean_cache_builder_add_content (builder, &digest, &error));
  g_assert_no_error (error);
}

/* Takes BUILDER. */
static inline VtCleanDatabase
finish (VtCleanCacheBuilder *builder)
{
  g_autoptr (GError) error = NULL;
  VtCleanDatabase database = VT_CLEAN_DATABASE_INIT;

  g_assert_true (vt_clean_cache_builder_finish (builder, &database, &error));
  g_assert_no_error (error);
  vt_clean_cache_builder_free (builder);
  return database;
}

/* As an ext4 file system has them: numbers of some millions, generations of any value. */
static inline VtCleanDatabase
make_realistic (guint n)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  VtCleanCacheBuilder *builder = new_builder ();
  guint64 inode = 12;

  for (guint i = 0; i < n; i++) {
    VtCleanFile file = {
        .fs = i < n / 10 ? 0 : 1,
        .inode = inode,
        .generation = g_rand_int (rand),
        .size = g_rand_int (rand) % (1u << (i % 24 + 1)),
        .mtime_ns = G_GINT64_CONSTANT (1500000000000000000) + ((gint64)g_rand_int (rand) << 25),
        .ctime_ns = G_GINT64_CONSTANT (1700000000000000000) + ((gint64)g_rand_int (rand) << 20),
        .digest = digest_of_number (i),
    };

    add_file (builder, file);
    inode += (guint64)g_rand_int_range (rand, 1, 30);
  }
  return finish (builder);
}

static inline VtCleanCache *
open_cache (int fd, const VtDigest *digest)
{
  g_autoptr (GError) error = NULL;
  VtCleanCache *cache = vt_clean_cache_open (fd, digest, &error);

  g_assert_no_error (error);
  return cache;
}

static inline gboolean
on_file (const VtCleanFile *file, gpointer user_data, GError **error)
{
  g_string_append_printf (user_data, "%u/%" G_GINT64_FORMAT " ", file->fs, (gint64)file->inode);
  if (file->inode != 99)
    return TRUE;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "enough");
  return FALSE;
}

static inline void
assert_refused (int fd, const VtDigest *digest, VtCleanCacheError code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtCleanCache) cache = vt_clean_cache_open (fd, digest, &error);

  g_assert_null (cache);
  g_assert_error (error, VT_CLEAN_CACHE_ERROR, (int)code);
}

/* An unsealed file with the bytes of the database, and N more. */
static inline int
copy_database (const VtCleanDatabase *database, gsize n)
{
  g_autofree guint8 *data = g_malloc0 (database->size + n);
  int fd = vt_memfd_new ("test");

  g_assert_cmpint (vt_fd_read_at (database->fd, 0, data, database->size), ==,
                   (gssize)database->size);
  g_assert_true (vt_fd_write_at (fd, 0, data, database->size + n));
  return fd;
}
