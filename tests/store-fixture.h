// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What the tests of the verdict store share: a directory of their own, and short ways to use a
 * store that must work.
 */
#pragma once

#include "vt-store-private.h"

#define ENGINE_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ENGINE_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

typedef struct {
  char *dir;
  char *path; /* of a store in a directory, neither of which exists yet */
} StoreFixture;

void store_fixture_set_up (StoreFixture *fixture, gconstpointer data);
void store_fixture_tear_down (StoreFixture *fixture, gconstpointer data);
VtDigest digest_of_number (guint number);
VtStore *open_store (const char *path);
void insert_number (VtStore *store, const char *engine, guint number, VtVerdict verdict);
void flush_store (VtStore *store);
/* The verdict's kind; UNKNOWN if there is none. */
VtVerdictKind look_up (VtStore *store, const char *engine, guint number);
VtStoreStats get_stats (VtStore *store);
/* A connection beside the store's own. */
sqlite3 *open_raw (const char *path);
void run_raw (const char *path, const char *sql);
char *query_raw (sqlite3 *db, const char *sql);
void assert_query (const char *path, const char *sql, const char *expected);
void assert_open_fails (const char *path, VtStoreError code);
