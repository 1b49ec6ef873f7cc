// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Engines and changes: what raises the epoch.
 */
#include "vt-scand-state-private.h"

#include <string.h>

static const char reading_engines[] = "reading engines";
static const char reading_changes[] = "reading changes";
static const char setting_engine[] = "noting an engine";
static const char revoking[] = "taking back a verdict";

static void
engine_free (gpointer data)
{
  VtScandPastEngine *engine = data;

  g_free (engine->id);
  g_free (engine);
}

void
vt_scand_change_free (VtScandChange *change)
{

  g_free (change->threat);
  g_free (change);
}

/* The next epoch, in a transaction that writes; another handle may have raised it too. */
static gboolean
raise_epoch (VtScandState *self, gint64 *epoch, GError **error)
{
  return vt_scand_state_exec (self, "UPDATE service SET epoch = epoch + 1", "raising the epoch",
                              error) &&
         vt_scand_state_get_number (self, "SELECT epoch FROM service", "raising the epoch", epoch,
                                    error);
}

static gboolean
is_in_force (VtScandState *self, const char *id, gboolean *answer, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = vt_scand_state_prepare (
      self, "SELECT 1 FROM engine WHERE name = ? AND superseded = 0", reading_engines, error);

  if (statement == NULL)
    return FALSE;
  vt_scand_state_bind_text (statement, 1, id);
  return vt_scand_state_step (self, statement, reading_engines, answer, error);
}

static gboolean
put_in_force (VtScandState *self, const char *id, gint64 now, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = NULL;

  /* 0 is what the one in force has. */
  if (!vt_scand_state_exec_with (self,
                                 "UPDATE engine SET superseded = max (?, 1) WHERE superseded = 0",
                                 now, setting_engine, error))
    return FALSE;
  statement = vt_scand_state_prepare (
      self,
      "INSERT INTO engine (name, since, superseded) VALUES (?, ?, 0)"
      " ON CONFLICT (name) DO UPDATE SET since = excluded.since, superseded = 0",
      setting_engine, error);
  if (statement == NULL)
    return FALSE;
  vt_scand_state_bind_text (statement, 1, id);
  sqlite3_bind_int64 (statement, 2, now);
  return vt_scand_state_finish (self, statement, setting_engine, error);
}

static gboolean
change_engine (VtScandState *self, const char *id, gint64 now, gint64 *epoch, GError **error)
{
  gboolean same;

  if (!is_in_force (self, id, &same, error))
    return FALSE;
  if (same)
    return vt_scand_state_get_number (self, "SELECT epoch FROM service", reading_engines, epoch,
                                      error);
  return put_in_force (self, id, now, error) && raise_epoch (self, epoch, error);
}

gboolean
vt_scand_state_set_engine (VtScandState *self, const char *engine_id, gint64 now, GError **error)
{
  gint64 epoch;

  if (!vt_scand_state_begin (self, error) ||
      !vt_scand_state_end (self, change_engine (self, engine_id, now, &epoch, error), error))
    return FALSE;
  self->epoch = (guint64)epoch;
  return TRUE;
}

GPtrArray *
vt_scand_state_get_engines (VtScandState *self, GError **error)
{
  g_autoptr (sqlite3_stmt) statement =
      vt_scand_state_prepare (self,
                              "SELECT name, since, superseded FROM engine"
                              " ORDER BY superseded = 0, superseded, id",
                              reading_engines, error);
  g_autoptr (GPtrArray) engines = g_ptr_array_new_with_free_func (engine_free);
  gboolean more;

  if (statement == NULL)
    return NULL;
  for (;;) {
    VtScandPastEngine *engine;

    if (!vt_scand_state_step (self, statement, reading_engines, &more, error))
      return NULL;
    if (!more)
      return g_steal_pointer (&engines);
    engine = g_new0 (VtScandPastEngine, 1);
    engine->id = vt_scand_state_dup_column (statement, 0);
    engine->since = sqlite3_column_int64 (statement, 1);
    engine->superseded = sqlite3_column_int64 (statement, 2);
    g_ptr_array_add (engines, engine);
  }
}

gboolean
vt_scand_state_forget_engines (VtScandState *self, gint64 superseded_before, GError **error)
{
  return vt_scand_state_exec_with (self,
                                   "DELETE FROM engine WHERE superseded <> 0 AND superseded < ?",
                                   superseded_before, "forgetting engines", error);
}

static gboolean
add_change (VtScandState *self,
            const VtDigest *digest,
            const char *threat,
            gint64 now,
            gint64 *epoch,
            GError **error)
{
  g_autoptr (sqlite3_stmt) statement = NULL;

  if (!raise_epoch (self, epoch, error))
    return FALSE;
  statement = vt_scand_state_prepare (
      self, "INSERT INTO change (epoch, sha256, threat, time) VALUES (?, ?, ?, ?)", revoking,
      error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, *epoch);
  sqlite3_bind_blob (statement, 2, digest->bytes, VT_DIGEST_SIZE, SQLITE_STATIC);
  vt_scand_state_bind_text (statement, 3, threat);
  sqlite3_bind_int64 (statement, 4, now);
  return vt_scand_state_finish (self, statement, revoking, error);
}

gboolean
vt_scand_state_revoke (
    VtScandState *self, const VtDigest *digest, const char *threat, gint64 now, GError **error)
{
  gint64 epoch;

  if (!vt_scand_state_begin (self, error) ||
      !vt_scand_state_end (self, add_change (self, digest, threat, now, &epoch, error), error))
    return FALSE;
  self->epoch = (guint64)epoch;
  return TRUE;
}

static VtScandChange *
read_change (VtScandState *self, sqlite3_stmt *row, GError **error)
{
  VtScandChange *change;

  if (sqlite3_column_bytes (row, 1) != VT_DIGEST_SIZE) {
    vt_scand_state_set_corrupt (self, "a digest that is none", error);
    return NULL;
  }
  change = g_new0 (VtScandChange, 1);
  change->epoch = (guint64)sqlite3_column_int64 (row, 0);
  memcpy (change->digest.bytes, sqlite3_column_blob (row, 1), VT_DIGEST_SIZE);
  change->threat = vt_scand_state_dup_column (row, 2);
  change->time = sqlite3_column_int64 (row, 3);
  return change;
}

/* Adds up to MAX changes after epoch SINCE to CHANGES; MORE tells whether there are others. */
static gboolean
read_changes (VtScandState *self,
              guint64 since,
              guint max,
              GPtrArray *changes,
              gboolean *more,
              GError **error)
{
  g_autoptr (sqlite3_stmt) statement = vt_scand_state_prepare (
      self, "SELECT epoch, sha256, threat, time FROM change WHERE epoch > ? ORDER BY epoch",
      reading_changes, error);

  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, (gint64)since);
  for (;;) {
    VtScandChange *change;

    if (!vt_scand_state_step (self, statement, reading_changes, more, error))
      return FALSE;
    if (!*more || changes->len >= max)
      return TRUE;
    change = read_change (self, statement, error);
    if (change == NULL)
      return FALSE;
    g_ptr_array_add (changes, change);
  }
}

static gboolean
answer (VtScandState *self,
        guint64 since,
        guint max,
        GPtrArray *changes,
        guint64 *until,
        gboolean *gap,
        GError **error)
{
  gboolean more = FALSE;
  gint64 epoch;
  gint64 forgotten;

  if (!vt_scand_state_get_number (self, "SELECT epoch FROM service", reading_changes, &epoch,
                                  error) ||
      !vt_scand_state_get_number (self, "SELECT forgotten FROM service", reading_changes,
                                  &forgotten, error))
    return FALSE;
  *gap = since > (guint64)epoch || since < (guint64)forgotten;
  if (!*gap && !read_changes (self, since, max, changes, &more, error))
    return FALSE;
  *until = (guint64)epoch;
  if (more)
    *until = ((const VtScandChange *)g_ptr_array_index (changes, changes->len - 1))->epoch;
  return TRUE;
}

GPtrArray *
vt_scand_state_get_changes (
    VtScandState *self, guint64 since, guint max, guint64 *until, gboolean *gap, GError **error)
{
  g_autoptr (GPtrArray) changes =
      g_ptr_array_new_with_free_func ((GDestroyNotify)vt_scand_change_free);

  if (!vt_scand_state_begin_reading (self, error) ||
      !vt_scand_state_end (self, answer (self, since, MAX (max, 1), changes, until, gap, error),
                           error))
    return NULL;
  return g_steal_pointer (&changes);
}

GPtrArray *
vt_scand_state_list_changes (VtScandState *self, GError **error)
{
  g_autoptr (GPtrArray) changes =
      g_ptr_array_new_with_free_func ((GDestroyNotify)vt_scand_change_free);
  gboolean more;

  if (!read_changes (self, 0, G_MAXUINT, changes, &more, error))
    return NULL;
  return g_steal_pointer (&changes);
}

static gboolean
drop_changes (VtScandState *self, gint64 older_than, GError **error)
{
  static const char doing[] = "forgetting changes";

  return vt_scand_state_exec_with (
             self,
             "UPDATE service SET forgotten ="
             " max (forgotten, ifnull ((SELECT max (epoch) FROM change WHERE time < ?), 0))",
             older_than, doing, error) &&
         /* By epoch, as clocks may go back: what is kept has no holes. */
         vt_scand_state_exec (self,
                              "DELETE FROM change WHERE epoch <= (SELECT forgotten FROM service)",
                              doing, error);
}

gboolean
vt_scand_state_forget_changes (VtScandState *self, gint64 older_than, GError **error)
{
  return vt_scand_state_begin (self, error) &&
         vt_scand_state_end (self, drop_changes (self, older_than, error), error);
}
