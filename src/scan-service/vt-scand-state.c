// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scand-state-private.h"

#include "vt-certificate.h"

G_DEFINE_QUARK (vt_scand_state_error_quark, vt_scand_state_error)

void
vt_scand_state_free (VtScandState *self)
{
  g_clear_pointer (&self->db, sqlite3_close_v2);
  g_hash_table_unref (self->revoked);
  g_free (self->service);
  g_free (self->path);
  g_free (self);
}

/* What is kept in memory, all of one moment. */
static gboolean
take_in (VtScandState *self, GError **error)
{
  static const char doing[] = "reading";
  g_autoptr (sqlite3_stmt) statement =
      vt_scand_state_prepare (self, "SELECT uuid, epoch FROM service", doing, error);
  gboolean found;

  if (statement == NULL || !vt_scand_state_step (self, statement, doing, &found, error))
    return FALSE;
  if (!found || sqlite3_column_int64 (statement, 1) < 1)
    return vt_scand_state_set_corrupt (self, "it does not say whose it is", error);
  g_free (self->service);
  self->service = vt_scand_state_dup_column (statement, 0);
  self->epoch = (guint64)sqlite3_column_int64 (statement, 1);
  return vt_scand_state_load_revoked (self, error);
}

gboolean
vt_scand_state_refresh (VtScandState *self, GError **error)
{
  gint64 version;

  /* First of all: what is written from here on is a reason to come again. */
  if (!vt_scand_state_get_number (self, "PRAGMA data_version", "reading", &version, error))
    return FALSE;
  if (version == self->data_version)
    return TRUE;
  if (!vt_scand_state_begin_reading (self, error) ||
      !vt_scand_state_end (self, take_in (self, error), error))
    return FALSE;
  self->data_version = version;
  return TRUE;
}

VtScandState *
vt_scand_state_open (const char *path, GError **error)
{
  g_autoptr (VtScandState) self = g_new0 (VtScandState, 1);

  self->path = g_strdup (path);
  self->revoked = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  /* No version that SQLite gives. */
  self->data_version = -1;
  if (!vt_scand_state_open_database (self, error) || !vt_scand_state_refresh (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

const char *
vt_scand_state_get_service (const VtScandState *self)
{
  return self->service;
}

guint64
vt_scand_state_get_epoch (const VtScandState *self)
{
  return self->epoch;
}

const char *
vt_scand_state_check_group (const char *group, GError **error)
{
  if (group == NULL || group[0] == '\0')
    return "";
  if (vt_certificate_is_name (group))
    return group;
  g_set_error (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_INVALID,
               "'%s' is no group: 1 to %zu letters, digits or signs but / \\ \" ' `", group,
               VT_CERTIFICATE_NAME_MAX);
  return NULL;
}
