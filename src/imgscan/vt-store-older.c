// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Verdicts of engines before the one in force, for who takes them up to an age.
 *
 * Their age is that of their signatures: the time of the newest database, as it was when the first
 * verdict was written, and not later than that moment. What would make them younger than they are
 * does not count: a database of a time in the future, files that were touched, a clock that was set
 * back.
 *
 * One engine is older than another only if both had the same settings, and the same databases but
 * for their versions. Else the few signatures of a test, used once on the same store, would speak
 * for the published ones. Those that stand in plain files may come and go: nothing tells a new one
 * from one that was missing.
 */
#include "vt-store-private.h"

#include <string.h>

/* "bytecode/daily/main": of those that have a version. An update may change their suffix. */
static char *
name_databases (const VtEngineId *engine)
{
  g_autoptr (GString) names = g_string_new (NULL);

  for (guint i = 0; i < engine->databases->len; i++) {
    const VtEngineDatabase *database = g_ptr_array_index (engine->databases, i);
    const char *suffix = strrchr (database->name, '.');

    if (database->version == 0)
      continue;
    if (names->len > 0)
      g_string_append_c (names, '/');
    g_string_append_len (names, database->name, suffix != NULL ? suffix - database->name : -1);
  }
  return g_string_free (g_steal_pointer (&names), FALSE);
}

void
vt_store_engine_clear (VtStoreEngine *engine)
{
  g_free (engine->id);
  g_free (engine->settings);
  g_free (engine->databases);
  *engine = (VtStoreEngine){0};
}

void
vt_store_set_engine (VtStore *self, const VtEngineId *engine, gint64 now, gint64 max_age)
{
  g_return_if_fail (max_age >= 0);
  vt_store_engine_clear (&self->engine);
  self->engine.id = g_strdup (engine->id);
  self->engine.settings = g_strdup (engine->settings);
  self->engine.databases = name_databases (engine);
  self->engine.signatures = MIN (vt_engine_id_get_signature_time (engine), now);
  self->now = now;
  self->max_age = max_age;
}

void
vt_store_bind_engine (const VtStore *self, sqlite3_stmt *statement, const char *engine_id)
{
  const VtStoreEngine *engine = &self->engine;

  if (g_strcmp0 (engine_id, engine->id) != 0)
    return;
  sqlite3_bind_text (statement, 2, engine->settings, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 3, engine->databases, -1, SQLITE_STATIC);
  sqlite3_bind_int64 (statement, 4, engine->signatures);
}

/* The time of the oldest signatures that may be taken. */
static gint64
get_oldest (const VtStore *self)
{
  return self->max_age < self->now ? self->now - self->max_age : 0;
}

/* Signatures of a time that is still to come are of no known age. */
static gboolean
may_be_taken (const VtStore *self, const VtVerdict *verdict, gint64 signatures)
{
  return verdict->kind != VT_VERDICT_CLEAN || signatures <= self->now;
}

static gboolean
take_row (const VtStore *self, sqlite3_stmt *row, guint64 size, VtVerdict *verdict)
{
  g_auto (GStrv) members = NULL;

  return vt_store_read_row (row, size, verdict, &members) &&
         may_be_taken (self, verdict, sqlite3_column_int64 (row, 6));
}

static void
bind_lookup (VtStore *self, sqlite3_stmt *statement, const VtDigest *digest)
{
  sqlite3_bind_text (statement, 1, self->engine.settings, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 2, self->engine.databases, -1, SQLITE_STATIC);
  sqlite3_bind_int64 (statement, 3, get_oldest (self));
  sqlite3_bind_blob (statement, 4, digest->bytes, VT_DIGEST_SIZE, SQLITE_STATIC);
  sqlite3_bind_int (statement, 5, VT_VERDICT_CLEAN);
}

gboolean
vt_store_lookup_older (VtStore *self,
                       const VtDigest *digest,
                       guint64 size,
                       VtVerdict *verdict,
                       gint64 *age,
                       GError **error)
{
  sqlite3_stmt *statement = self->statements[VT_STORE_STATEMENT_LOOKUP_OLDER];
  g_autofree char *engine_id = NULL;
  gboolean found = FALSE;
  gint64 used = 0;
  int step;

  if (self->max_age == 0)
    return FALSE;
  bind_lookup (self, statement, digest);
  step = sqlite3_step (statement);
  if (step == SQLITE_ROW) {
    found = take_row (self, statement, size, verdict);
    used = sqlite3_column_int64 (statement, 4);
    *age = MAX (self->now - sqlite3_column_int64 (statement, 6), 1);
    engine_id = g_strdup ((const char *)sqlite3_column_text (statement, 7));
  } else if (step != SQLITE_DONE) {
    vt_store_set_error (self, "reading", error);
  }
  sqlite3_reset (statement);
  sqlite3_clear_bindings (statement);
  if (found && verdict->kind == VT_VERDICT_CLEAN)
    vt_store_note_use (self, engine_id, digest, used);
  return found;
}

gboolean
vt_store_has_older (VtStore *self, gboolean *has, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = NULL;

  *has = FALSE;
  if (self->max_age == 0)
    return TRUE;
  statement =
      vt_store_prepare (self,
                        "SELECT EXISTS (SELECT 1 FROM engine WHERE settings = ?1"
                        " AND databases = ?2 AND signatures BETWEEN ?3 AND ?4 AND name <> ?5)",
                        "reading", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, self->engine.settings, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 2, self->engine.databases, -1, SQLITE_STATIC);
  sqlite3_bind_int64 (statement, 3, get_oldest (self));
  sqlite3_bind_int64 (statement, 4, self->now);
  sqlite3_bind_text (statement, 5, self->engine.id, -1, SQLITE_STATIC);
  if (sqlite3_step (statement) != SQLITE_ROW)
    return vt_store_set_error (self, "reading", error);
  *has = sqlite3_column_int (statement, 0) != 0;
  return TRUE;
}
