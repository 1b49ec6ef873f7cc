// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-store-private.h"

#include <string.h>

#include "vt-members.h"

/*
 * Writes are gathered until there are this many, or the first has waited this long: a transaction
 * for every verdict would cost more than many a scan.
 */
#define FLUSH_ROWS        1000
#define FLUSH_INTERVAL_US ((gint64)2 * G_USEC_PER_SEC)
/* Most that is kept while writing fails; about 6 MB, and the names of members. */
#define PENDING_MAX 20000

/* How old the note of the last use gets before it is written again, so that lookups only read. */
#define TOUCH_INTERVAL_S ((gint64)24 * 60 * 60)

G_DEFINE_QUARK (vt - store - error - quark, vt_store_error)

typedef struct {
  const char *engine_id; /* in the store's engine_ids: the same pointer for the same id */
  VtDigest digest;
  gint64 size;
  gint64 used;
  VtVerdict verdict;
  GStrv members; /* NULL for none */
} PendingVerdict;

static const char *const statement_sql[] = {
    [VT_STORE_STATEMENT_LOOKUP] =
        "SELECT size, kind, reason, threat, used, members FROM verdict"
        " WHERE engine = (SELECT id FROM engine WHERE name = ?1) AND sha256 = ?2",
    /* Engines come from the newest to the oldest, and of two that are as new as each other the one
     * with the worse answer first: whether its verdict may be taken is for who asks. */
    [VT_STORE_STATEMENT_LOOKUP_OLDER] =
        "SELECT size, kind, reason, threat, used, members, signatures, name"
        " FROM engine CROSS JOIN verdict ON verdict.engine = engine.id"
        " WHERE settings = ?1 AND databases = ?2 AND signatures >= ?3 AND sha256 = ?4"
        " ORDER BY signatures DESC, kind = ?5 LIMIT 1",
    /* The same signatures do not get younger by having their files touched. */
    [VT_STORE_STATEMENT_ADD_ENGINE] =
        "INSERT INTO engine (name, settings, databases, signatures) VALUES (?1, ?2, ?3, ?4)"
        " ON CONFLICT (name) DO UPDATE SET settings = excluded.settings,"
        " databases = excluded.databases, signatures = excluded.signatures"
        " WHERE excluded.signatures < ifnull (engine.signatures, 9223372036854775807)",
    [VT_STORE_STATEMENT_INSERT] =
        "INSERT OR REPLACE INTO verdict (engine, sha256, used, size, kind, reason, threat, members)"
        " SELECT id, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM engine WHERE name = ?1",
    [VT_STORE_STATEMENT_TOUCH] =
        "UPDATE verdict SET used = ?3"
        " WHERE engine = (SELECT id FROM engine WHERE name = ?1) AND sha256 = ?2",
};

static guint
pending_hash (gconstpointer key)
{
  const PendingVerdict *pending = key;

  return vt_digest_hash (&pending->digest) ^ g_direct_hash (pending->engine_id);
}

static gboolean
pending_equal (gconstpointer a, gconstpointer b)
{
  const PendingVerdict *left = a;
  const PendingVerdict *right = b;

  return left->engine_id == right->engine_id && vt_digest_equal (&left->digest, &right->digest);
}

static void
pending_free (gpointer data)
{
  PendingVerdict *pending = data;

  g_strfreev (pending->members);
  g_free (pending);
}

static gint64
now_seconds (void)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

static gboolean
prepare_statements (VtStore *self, GError **error)
{
  for (gsize i = 0; i < VT_STORE_N_STATEMENTS; i++) {
    if (sqlite3_prepare_v3 (self->db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                            &self->statements[i], NULL) != SQLITE_OK)
      return vt_store_set_error (self, "opening", error);
  }
  return TRUE;
}

VtStore *
vt_store_open (const char *path, GError **error)
{
  g_autoptr (VtStore) self = g_new0 (VtStore, 1);

  self->engine_ids = g_string_chunk_new (256);
  self->pending = g_hash_table_new_full (pending_hash, pending_equal, pending_free, NULL);
  self->touched = g_hash_table_new_full (pending_hash, pending_equal, pending_free, NULL);
  self->flush_at = FLUSH_ROWS;
  self->path = vt_store_prepare_file (path, error);
  if (self->path == NULL || !vt_store_open_database (self, error) ||
      !prepare_statements (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
vt_store_free (VtStore *self)
{
  g_autoptr (GError) error = NULL;

  if (!vt_store_flush (self, &error))
    g_warning ("%s", error->message);
  for (gsize i = 0; i < VT_STORE_N_STATEMENTS; i++)
    sqlite3_finalize (self->statements[i]);
  sqlite3_close_v2 (self->db);
  g_hash_table_unref (self->pending);
  g_hash_table_unref (self->touched);
  g_string_chunk_free (self->engine_ids);
  vt_store_engine_clear (&self->engine);
  g_free (self->path);
  g_free (self);
}

void
vt_store_drop_pending (VtStore *self)
{
  g_hash_table_remove_all (self->pending);
  g_hash_table_remove_all (self->touched);
  self->flush_at = FLUSH_ROWS;
}

static sqlite3_stmt *
bind_key (VtStore *self, VtStoreStatement which, const PendingVerdict *key)
{
  sqlite3_stmt *statement = self->statements[which];

  sqlite3_bind_text (statement, 1, key->engine_id, -1, SQLITE_STATIC);
  sqlite3_bind_blob (statement, 2, key->digest.bytes, VT_DIGEST_SIZE, SQLITE_STATIC);
  return statement;
}

/* For statements that give no rows. */
static gboolean
run (VtStore *self, sqlite3_stmt *statement, GError **error)
{
  gboolean done = sqlite3_step (statement) == SQLITE_DONE;

  if (!done)
    vt_store_set_error (self, "writing", error);
  sqlite3_reset (statement);
  sqlite3_clear_bindings (statement);
  return done;
}

/* An empty blob, and not NULL, for no names. */
static void
bind_members (sqlite3_stmt *statement, int column, const PendingVerdict *pending)
{
  g_autoptr (GBytes) packed = vt_members_pack ((const char *const *)pending->members);
  gsize size;
  const void *data = g_bytes_get_data (packed, &size);

  sqlite3_bind_blob (statement, column, size > 0 ? data : "", (int)size, SQLITE_TRANSIENT);
}

static gboolean
write_pending (VtStore *self, GError **error)
{
  GHashTableIter iter;
  PendingVerdict *pending;
  const char *added = NULL;

  g_hash_table_iter_init (&iter, self->pending);
  while (g_hash_table_iter_next (&iter, (gpointer *)&pending, NULL)) {
    sqlite3_stmt *statement = self->statements[VT_STORE_STATEMENT_ADD_ENGINE];

    /* Also one that is known: another process may have pruned it since. */
    if (pending->engine_id != added) {
      sqlite3_bind_text (statement, 1, pending->engine_id, -1, SQLITE_STATIC);
      vt_store_bind_engine (self, statement, pending->engine_id);
      if (!run (self, statement, error))
        return FALSE;
      added = pending->engine_id;
    }
    statement = bind_key (self, VT_STORE_STATEMENT_INSERT, pending);
    sqlite3_bind_int64 (statement, 3, pending->used);
    sqlite3_bind_int64 (statement, 4, pending->size);
    sqlite3_bind_int (statement, 5, (int)pending->verdict.kind);
    sqlite3_bind_int (statement, 6, (int)pending->verdict.reason);
    sqlite3_bind_text (statement, 7, pending->verdict.threat, -1, SQLITE_STATIC);
    bind_members (statement, 8, pending);
    if (!run (self, statement, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
write_touched (VtStore *self, GError **error)
{
  GHashTableIter iter;
  PendingVerdict *touched;

  g_hash_table_iter_init (&iter, self->touched);
  while (g_hash_table_iter_next (&iter, (gpointer *)&touched, NULL)) {
    sqlite3_stmt *statement = bind_key (self, VT_STORE_STATEMENT_TOUCH, touched);

    sqlite3_bind_int64 (statement, 3, touched->used);
    if (!run (self, statement, error))
      return FALSE;
  }
  return TRUE;
}

static guint
count_pending (VtStore *self)
{
  return g_hash_table_size (self->pending) + g_hash_table_size (self->touched);
}

gboolean
vt_store_flush (VtStore *self, GError **error)
{
  if (count_pending (self) == 0)
    return TRUE;
  if (vt_store_begin (self, error) &&
      vt_store_end (self, write_pending (self, error) && write_touched (self, error), error)) {
    vt_store_drop_pending (self);
    return TRUE;
  }
  if (count_pending (self) >= PENDING_MAX)
    vt_store_drop_pending (self);
  /* Not again for every verdict: each try may wait for the other process. */
  self->flush_at = count_pending (self) + FLUSH_ROWS;
  self->pending_since = g_get_monotonic_time ();
  return FALSE;
}

/* Takes ADDED, and flushes when it is time to. */
static gboolean
gather (VtStore *self, GHashTable *where, PendingVerdict *added, GError **error)
{
  gint64 now = g_get_monotonic_time ();

  if (count_pending (self) == 0)
    self->pending_since = now;
  g_hash_table_add (where, added);
  if (count_pending (self) < self->flush_at && now - self->pending_since < FLUSH_INTERVAL_US)
    return TRUE;
  return vt_store_flush (self, error);
}

static PendingVerdict
make_key (VtStore *self, const char *engine_id, const VtDigest *digest)
{
  return (PendingVerdict){.engine_id = g_string_chunk_insert_const (self->engine_ids, engine_id),
                          .digest = *digest};
}

static gboolean
is_number (sqlite3_stmt *row, int column, gint64 max)
{
  return sqlite3_column_type (row, column) == SQLITE_INTEGER &&
         sqlite3_column_int64 (row, column) >= 0 && sqlite3_column_int64 (row, column) <= max;
}

static gboolean
read_members (sqlite3_stmt *row, int column, GStrv *members)
{
  const void *data = sqlite3_column_blob (row, column);

  return vt_members_unpack (data, (gsize)sqlite3_column_bytes (row, column), members);
}

gboolean
vt_store_read_row (sqlite3_stmt *row, guint64 size, VtVerdict *verdict, GStrv *members)
{
  const char *threat = (const char *)sqlite3_column_text (row, 3);
  guint kind;
  guint reason;

  if (!is_number (row, 0, G_MAXINT64) || (guint64)sqlite3_column_int64 (row, 0) != size ||
      !is_number (row, 1, G_MAXUINT8) || !is_number (row, 2, G_MAXUINT8))
    return FALSE;
  kind = (guint)sqlite3_column_int (row, 1);
  reason = (guint)sqlite3_column_int (row, 2);
  if (threat == NULL || strlen (threat) != (gsize)sqlite3_column_bytes (row, 3) ||
      !vt_verdict_is_valid (kind, reason, threat))
    return FALSE;
  *verdict = (VtVerdict){.kind = (VtVerdictKind)kind, .reason = (VtReason)reason};
  g_strlcpy (verdict->threat, threat, sizeof verdict->threat);
  /* What would not have been kept cannot be believed either. */
  return vt_verdict_is_repeatable (verdict) && read_members (row, 5, members);
}

static gboolean
needs_touch (gint64 used, gint64 now)
{
  return used > now || used < now - TOUCH_INTERVAL_S;
}

void
vt_store_note_use (VtStore *self, const char *engine_id, const VtDigest *digest, gint64 used)
{
  PendingVerdict key = make_key (self, engine_id, digest);
  g_autoptr (GError) error = NULL;
  gint64 now = now_seconds ();
  PendingVerdict *touched;

  if (!needs_touch (used, now) || g_hash_table_contains (self->touched, &key))
    return;
  touched = g_memdup2 (&key, sizeof key);
  touched->used = now;
  /* The verdict is good all the same; what cannot be noted only looks older than it is. */
  if (!gather (self, self->touched, touched, &error))
    g_debug ("%s", error->message);
}

gboolean
vt_store_find (VtStore *self,
               const char *engine_id,
               const VtDigest *digest,
               guint64 *size,
               VtVerdict *verdict,
               GStrv *members,
               GError **error)
{
  PendingVerdict key = make_key (self, engine_id, digest);
  const PendingVerdict *pending = g_hash_table_lookup (self->pending, &key);
  gint64 used = 0;
  gboolean found = FALSE;
  sqlite3_stmt *statement;
  int step;

  *members = NULL;
  if (pending != NULL) {
    *size = (guint64)pending->size;
    *verdict = pending->verdict;
    *members = g_strdupv (pending->members);
    return TRUE;
  }
  statement = bind_key (self, VT_STORE_STATEMENT_LOOKUP, &key);
  step = sqlite3_step (statement);
  if (step == SQLITE_ROW) {
    *size = (guint64)sqlite3_column_int64 (statement, 0);
    found = vt_store_read_row (statement, *size, verdict, members);
    used = sqlite3_column_int64 (statement, 4);
  } else if (step != SQLITE_DONE) {
    vt_store_set_error (self, "reading", error);
  }
  sqlite3_reset (statement);
  sqlite3_clear_bindings (statement);
  if (found)
    vt_store_note_use (self, engine_id, digest, used);
  return found;
}

gboolean
vt_store_lookup (VtStore *self,
                 const char *engine_id,
                 const VtDigest *digest,
                 guint64 size,
                 VtVerdict *verdict,
                 GStrv *members,
                 GError **error)
{
  guint64 found_size;

  if (!vt_store_find (self, engine_id, digest, &found_size, verdict, members, error))
    return FALSE;
  if (found_size == size)
    return TRUE;
  g_clear_pointer (members, g_strfreev);
  return FALSE;
}

gboolean
vt_store_insert (VtStore *self,
                 const char *engine_id,
                 const VtDigest *digest,
                 guint64 size,
                 const VtVerdict *verdict,
                 const char *const *members,
                 GError **error)
{
  PendingVerdict *pending;

  if (!vt_verdict_is_repeatable (verdict) || size > G_MAXINT64)
    return TRUE;
  pending = g_new (PendingVerdict, 1);
  *pending = make_key (self, engine_id, digest);
  pending->size = (gint64)size;
  pending->used = now_seconds ();
  pending->verdict = *verdict;
  pending->members = g_strdupv ((char **)members);
  if (self->insert_func != NULL)
    self->insert_func (engine_id, digest, verdict, self->insert_data);
  return gather (self, self->pending, pending, error);
}
