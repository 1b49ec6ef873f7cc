// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Between the parts of the verdict store: vt-store-file.c decides whether a file may be trusted,
 * vt-store-schema.c opens it as a database, vt-store.c looks up and inserts, vt-store-older.c knows
 * of engines that are not in force any more, vt-store-admin.c keeps house.
 */
#pragma once

#include "vt-sqlite.h"
#include "vt-store-contents.h"

/* "VtVd": marks a database as a verdict store. Never to be changed. */
#define VT_STORE_APPLICATION_ID 0x56745664

typedef enum {
  VT_STORE_STATEMENT_LOOKUP,
  VT_STORE_STATEMENT_LOOKUP_OLDER,
  VT_STORE_STATEMENT_ADD_ENGINE,
  VT_STORE_STATEMENT_INSERT,
  VT_STORE_STATEMENT_TOUCH,
  VT_STORE_N_STATEMENTS,
} VtStoreStatement;

/* The engine in force, as its row has it; all NULL and 0: none was named. */
typedef struct {
  char *id;
  char *settings;
  char *databases;
  gint64 signatures;
} VtStoreEngine;

struct _VtStore {
  char *path; /* resolved: no part of it is a symbolic link */
  sqlite3 *db;
  gboolean identified; /* it has been seen to be a verdict store */
  sqlite3_stmt *statements[VT_STORE_N_STATEMENTS];
  GStringChunk *engine_ids;
  GHashTable *pending; /* set of PendingVerdict: not written yet */
  GHashTable *touched; /* set of PendingVerdict: of use today, which is not noted yet */
  gint64 pending_since;
  guint flush_at; /* size of pending or touched that makes it worth a write */
  VtStoreEngine engine;
  gint64 now;     /* when that was named: seconds since 1970 */
  gint64 max_age; /* of what older verdicts may be found with, in seconds; 0: none count */
  VtStoreInsertFunc insert_func; /* NULL: nobody is told */
  gpointer insert_data;
};

/* PATH resolved, made with its directory if it does not exist, and found fit to be trusted. */
char *vt_store_prepare_file (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* That nobody else put one of SQLite's own files beside the database. */
gboolean vt_store_check_sidecars (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Opens self->path as self->db, makes or migrates the schema. */
gboolean vt_store_open_database (VtStore *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Sets ERROR from the last SQLite call, which was for DOING. Always returns FALSE. */
gboolean vt_store_set_error (const VtStore *self, const char *doing, GError **error);
gboolean vt_store_exec (VtStore *self, const char *sql, const char *doing, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* NULL, with an error, if it cannot be prepared; else to be freed with sqlite3_finalize(). */
sqlite3_stmt *vt_store_prepare (VtStore *self, const char *sql, const char *doing, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* BEGIN IMMEDIATE: from here on no other process writes. */
gboolean vt_store_begin (VtStore *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Commits if OK; rolls back if not, or if that fails. Returns whether it was committed. */
gboolean vt_store_end (VtStore *self, gboolean ok, GError **error) G_GNUC_WARN_UNUSED_RESULT;

void vt_store_drop_pending (VtStore *self);
/* The first six columns of a row: size, kind, reason, threat, used, members. FALSE: no verdict. */
gboolean vt_store_read_row (sqlite3_stmt *row, guint64 size, VtVerdict *verdict, GStrv *members);

/* To parameters 2 to 4: what is known of ENGINE_ID beside its name; NULL where nothing is. */
void vt_store_bind_engine (const VtStore *self, sqlite3_stmt *statement, const char *engine_id);
void vt_store_engine_clear (VtStoreEngine *engine);
