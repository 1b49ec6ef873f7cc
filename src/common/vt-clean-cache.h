// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The clean cache of a template, clean.db: which of its files were scanned and found clean, by
 * their identity and by their content.
 *
 * An SQLite database (format 1) of these tables:
 *   file     a clean file: its file system's number, inode, generation, size in bytes, times in
 *            nanoseconds since 1970, and SHA-256
 *   content  the SHA-256 of clean contents that no row of file has
 *   meta     "template": the template's UUID; "fs.0", "fs.1" and so on: the UUID of each file
 *            system, which may be empty
 * Unsigned 64-bit numbers are stored as signed ones with the same bits, the generation as a signed
 * 32-bit one. The same rows give the same bytes, whatever order they came in.
 *
 * Whoever reads one must know its SHA-256 from a signed statement (vt-statement.h). The bytes are
 * believed only then, and looked at only then; SQLite reads them where nobody can change them.
 *
 * For one thread at a time, and not to be used in a process forked after it was opened.
 */
#pragma once

#include <gio/gio.h>

#include "vt-digest.h"

typedef enum {
  VT_CLEAN_CACHE_ERROR_CHANGED, /* not the bytes whose digest was expected */
  VT_CLEAN_CACHE_ERROR_NEWER,   /* made by a later version of this program */
  VT_CLEAN_CACHE_ERROR_DAMAGED, /* the right bytes, but no clean cache, or too large a one */
  VT_CLEAN_CACHE_ERROR_FAILED,  /* everything else: no memory, rows that contradict each other */
} VtCleanCacheError;

#define VT_CLEAN_CACHE_ERROR (vt_clean_cache_error_quark ())
GQuark vt_clean_cache_error_quark (void);

/* Bytes of the largest database that is made or read. */
#define VT_CLEAN_CACHE_SIZE_MAX ((guint64)1024 * 1024 * 1024)
/* File systems in one. */
#define VT_CLEAN_CACHE_FILESYSTEMS_MAX 1000u

/* A file that is clean as long as all of this is so. */
typedef struct {
  guint fs; /* number of its file system */
  guint64 inode;
  guint32 generation; /* 0 where it is not known */
  guint64 size;       /* bytes */
  gint64 mtime_ns;    /* since 1970 */
  gint64 ctime_ns;
  VtDigest digest;
} VtCleanFile;

/* Whether TEXT can be a file system's UUID in a cache: up to 64 graphic ASCII characters. */
gboolean vt_clean_cache_is_fs_uuid (const char *text);

/* Making one */

/* A database that was made. */
typedef struct {
  int fd;       /* a memfd that is sealed; -1: none */
  guint64 size; /* bytes */
  VtDigest digest;
  guint64 files; /* rows of each table */
  guint64 contents;
} VtCleanDatabase;

#define VT_CLEAN_DATABASE_INIT                                                                     \
  {                                                                                                \
    .fd = -1                                                                                       \
  }
void vt_clean_database_clear (VtCleanDatabase *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VtCleanDatabase, vt_clean_database_clear)

/* What goes into a database, gathered in a temporary one on disk. */
typedef struct _VtCleanCacheBuilder VtCleanCacheBuilder;

/* TEMPLATE_UUID is a UUID (RFC 4122) as text; FS_UUIDS are of gchar, one for each file system, in
 * the order of their numbers. */
VtCleanCacheBuilder *vt_clean_cache_builder_new (const char *template_uuid,
                                                 GPtrArray *fs_uuids,
                                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_clean_cache_builder_free (VtCleanCacheBuilder *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtCleanCacheBuilder, vt_clean_cache_builder_free)

/* The same file may be added again; another one under its file system and inode is an error. */
gboolean vt_clean_cache_builder_add_file (VtCleanCacheBuilder *self,
                                          const VtCleanFile *file,
                                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* May be added more than once, and be a file's. */
gboolean vt_clean_cache_builder_add_content (VtCleanCacheBuilder *self,
                                             const VtDigest *digest,
                                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* To be called once, at the end. DATABASE is set on success only; it takes its size in memory, and
 * as much again until this returns. */
gboolean vt_clean_cache_builder_finish (VtCleanCacheBuilder *self,
                                        VtCleanDatabase *database,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Reading one */

typedef struct _VtCleanCache VtCleanCache;

/*
 * Opens the clean cache in FD, which stays the caller's and may be closed. A sealed memfd is used
 * as it is; of any other regular file the bytes are copied into one first, so what is done to the
 * file later does not matter. EXPECTED is the digest that the bytes must have.
 */
VtCleanCache *
vt_clean_cache_open (int fd, const VtDigest *expected, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_clean_cache_free (VtCleanCache *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtCleanCache, vt_clean_cache_free)

/* The template's UUID. */
const char *vt_clean_cache_get_template (const VtCleanCache *self);
/* Of gchar: the UUID of each file system, by its number; some may be empty. */
GPtrArray *vt_clean_cache_get_fs_uuids (const VtCleanCache *self);
guint64 vt_clean_cache_count_files (const VtCleanCache *self);

/* FALSE, with an error, ends it. */
typedef gboolean (*VtCleanFileFunc) (const VtCleanFile *file, gpointer user_data, GError **error);

/* Calls FUNC for each file, in the order of file systems and, in each, of inodes as signed numbers.
 * FUNC must not use the cache. */
gboolean vt_clean_cache_foreach_file (VtCleanCache *self,
                                      VtCleanFileFunc func,
                                      gpointer user_data,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* FALSE and no error: there is none. */
gboolean vt_clean_cache_find_file (VtCleanCache *self,
                                   guint fs,
                                   guint64 inode,
                                   VtCleanFile *file,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Whether a file, or a content without one, has the digest. FALSE and no error: not known. The
 * first call reads all digests into memory, 32 bytes each. */
gboolean vt_clean_cache_has_content (VtCleanCache *self,
                                     const VtDigest *digest,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
