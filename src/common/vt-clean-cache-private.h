// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What a clean cache is made of, for those who make one and those who read one. */
#pragma once

#include "vt-clean-cache.h"
#include "vt-sqlite.h"

/* "VTcc", in the header of the database ("Application ID" in SQLite's file format). */
#define VT_CLEAN_CACHE_APPLICATION_ID 0x56546363u
#define VT_CLEAN_CACHE_FORMAT         1u
#define VT_CLEAN_CACHE_PAGE_SIZE      4096u

/* Longest UUID of a file system: FAT and NTFS have shorter ones, none has a longer one. */
#define VT_CLEAN_CACHE_FS_UUID_MAX 64

#define VT_CLEAN_CACHE_META_TEMPLATE "template"
#define VT_CLEAN_CACHE_META_FS       "fs."

typedef struct {
  const char *name;
  const char *sql; /* as SQLite keeps it */
} VtCleanCacheTable;

/* In the order of their names. Nothing else is in a database: no index, view or trigger. */
static const VtCleanCacheTable vt_clean_cache_tables[] = {
    {"content", "CREATE TABLE content(sha256 BLOB PRIMARY KEY) STRICT, WITHOUT ROWID"},
    {"file",
     "CREATE TABLE file(fs INTEGER, ino INTEGER, gen INTEGER, size INTEGER, mtime_ns INTEGER,"
     " ctime_ns INTEGER, sha256 BLOB, PRIMARY KEY (fs, ino)) STRICT, WITHOUT ROWID"},
    {"meta", "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT) STRICT, WITHOUT ROWID"},
};

/* Sets an error of DB, with PREFIX and what it says; returns FALSE. */
gboolean vt_clean_cache_set_error (sqlite3 *db, const char *prefix, GError **error);

/* Sets VT_CLEAN_CACHE_ERROR_DAMAGED; returns FALSE. */
gboolean vt_clean_cache_fail_damaged (const char *what, GError **error);

/* The bytes of a database, mapped from a sealed memfd. */
typedef struct {
  void *data; /* NULL: there are none */
  gsize size;
} VtCleanCacheBytes;

/* Maps what is in FD, or a copy of it, if its digest is EXPECTED and its header is right. BYTES are
 * to be unmapped in either case. */
gboolean vt_clean_cache_map (int fd,
                             const VtDigest *expected,
                             VtCleanCacheBytes *bytes,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_clean_cache_unmap (VtCleanCacheBytes *bytes);
