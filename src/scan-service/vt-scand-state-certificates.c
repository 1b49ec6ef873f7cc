// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Certificates: which were issued, and which are not to be taken any more.
 */
#include "vt-scand-state-private.h"

#include <string.h>

#include "vt-certificate.h"

static const char adding[] = "noting a certificate";
static const char revoking[] = "revoking";
static const char listing[] = "reading certificates";

static void
certificate_free (gpointer data)
{
  VtScandCertificate *certificate = data;

  g_free (certificate->serial);
  g_free (certificate->name);
  g_free (certificate->group);
  g_free (certificate);
}

/* The one way to write a serial number: lower-case digits, two for each byte, no zeros in front as
 * long as something else is left. NULL: it is none. */
static char *
canonicalise (const char *serial)
{
  char digits[VT_SCAND_SERIAL_MAX + 1];
  gsize n = 0;
  gsize first = 0;

  for (const char *from = serial; *from != '\0'; from++) {
    if (*from == ':')
      continue;
    if (!g_ascii_isxdigit (*from) || n == VT_SCAND_SERIAL_MAX)
      return NULL;
    digits[n++] = g_ascii_tolower (*from);
  }
  digits[n] = '\0';
  while (first + 1 < n && digits[first] == '0')
    first++;
  return n > 0 ? g_strconcat ((n - first) % 2 == 1 ? "0" : "", digits + first, NULL) : NULL;
}

static char *
take_serial (const char *serial, GError **error)
{
  char *canonical = canonicalise (serial);

  if (canonical == NULL)
    g_set_error (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_INVALID,
                 "'%s' is no serial number: 1 to %d hexadecimal digits", serial,
                 VT_SCAND_SERIAL_MAX);
  return canonical;
}

gboolean
vt_scand_state_load_revoked (VtScandState *self, GError **error)
{
  g_autoptr (sqlite3_stmt) statement =
      vt_scand_state_prepare (self, "SELECT serial FROM revoked", listing, error);
  g_autoptr (GHashTable) revoked = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  gboolean more;

  if (statement == NULL)
    return FALSE;
  for (;;) {
    if (!vt_scand_state_step (self, statement, listing, &more, error))
      return FALSE;
    if (!more)
      break;
    g_hash_table_add (revoked, vt_scand_state_dup_column (statement, 0));
  }
  g_hash_table_unref (self->revoked);
  self->revoked = g_steal_pointer (&revoked);
  return TRUE;
}

gboolean
vt_scand_state_is_revoked (const VtScandState *self, const char *serial)
{
  g_autofree char *canonical = canonicalise (serial);

  return canonical == NULL || g_hash_table_contains (self->revoked, canonical);
}

/* Whether there is a row for TEXT and NUMBER. */
static gboolean
exists (VtScandState *self,
        const char *sql,
        const char *text,
        gint64 number,
        gboolean *found,
        GError **error)
{
  g_autoptr (sqlite3_stmt) statement = vt_scand_state_prepare (self, sql, adding, error);

  if (statement == NULL)
    return FALSE;
  vt_scand_state_bind_text (statement, 1, text);
  sqlite3_bind_int64 (statement, 2, number);
  return vt_scand_state_step (self, statement, adding, found, error);
}

static gboolean
check_unused (VtScandState *self,
              const char *serial,
              const VtScandCertificate *certificate,
              GError **error)
{
  gboolean found;

  if (!exists (self, "SELECT 1 FROM certificate WHERE serial = ?1 AND ?2 = ?2", serial, 0, &found,
               error))
    return FALSE;
  if (!found && !exists (self,
                         "SELECT 1 FROM certificate WHERE name = ? AND expires > ?"
                         " AND serial NOT IN (SELECT serial FROM revoked)",
                         certificate->name, certificate->issued, &found, error))
    return FALSE;
  if (!found)
    return TRUE;
  g_set_error (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_EXISTS,
               "%s: there is a certificate of that name that is valid; revoke it first",
               certificate->name);
  return FALSE;
}

static gboolean
insert (VtScandState *self,
        const char *serial,
        const VtScandCertificate *certificate,
        GError **error)
{
  g_autoptr (sqlite3_stmt) statement = NULL;

  if (!check_unused (self, serial, certificate, error))
    return FALSE;
  statement = vt_scand_state_prepare (
      self,
      "INSERT INTO certificate (serial, name, group_name, issued, expires) VALUES (?, ?, ?, ?, ?)",
      adding, error);
  if (statement == NULL)
    return FALSE;
  vt_scand_state_bind_text (statement, 1, serial);
  vt_scand_state_bind_text (statement, 2, certificate->name);
  vt_scand_state_bind_text (statement, 3, certificate->group != NULL ? certificate->group : "");
  sqlite3_bind_int64 (statement, 4, certificate->issued);
  sqlite3_bind_int64 (statement, 5, certificate->expires);
  return vt_scand_state_finish (self, statement, adding, error);
}

gboolean
vt_scand_state_add_certificate (VtScandState *self,
                                const VtScandCertificate *certificate,
                                GError **error)
{
  g_autofree char *serial = take_serial (certificate->serial, error);

  if (serial == NULL || vt_scand_state_check_group (certificate->group, error) == NULL)
    return FALSE;
  if (!vt_certificate_is_name (certificate->name)) {
    g_set_error (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_INVALID,
                 "'%s' is no name of a certificate", certificate->name);
    return FALSE;
  }
  return vt_scand_state_begin (self, error) &&
         vt_scand_state_end (self, insert (self, serial, certificate, error), error);
}

/* Runs STATEMENT, whose rows are the serial numbers that it has revoked, in a transaction. */
static gboolean
collect (VtScandState *self, sqlite3_stmt *statement, GPtrArray *serials, GError **error)
{
  gboolean more;

  for (;;) {
    if (!vt_scand_state_step (self, statement, revoking, &more, error))
      return FALSE;
    if (!more)
      return TRUE;
    g_ptr_array_add (serials, vt_scand_state_dup_column (statement, 0));
  }
}

/* SQL has WHAT and NOW as its parameters. */
static gboolean
insert_revoked (VtScandState *self,
                const char *sql,
                const char *what,
                gint64 now,
                GPtrArray *serials,
                GError **error)
{
  g_autoptr (sqlite3_stmt) statement = vt_scand_state_prepare (self, sql, revoking, error);

  if (statement == NULL)
    return FALSE;
  vt_scand_state_bind_text (statement, 1, what);
  sqlite3_bind_int64 (statement, 2, now);
  return collect (self, statement, serials, error);
}

static gboolean
revoke_and_remember (
    VtScandState *self, const char *sql, const char *what, gint64 now, guint *n, GError **error)
{
  g_autoptr (GPtrArray) serials = g_ptr_array_new_with_free_func (g_free);

  if (!vt_scand_state_begin (self, error) ||
      !vt_scand_state_end (self, insert_revoked (self, sql, what, now, serials, error), error))
    return FALSE;
  for (guint i = 0; i < serials->len; i++)
    g_hash_table_add (self->revoked, g_strdup (g_ptr_array_index (serials, i)));
  if (n != NULL)
    *n = serials->len;
  return TRUE;
}

gboolean
vt_scand_state_revoke_certificates (
    VtScandState *self, const char *name, gint64 now, guint *n, GError **error)
{
  return revoke_and_remember (self,
                              "INSERT INTO revoked (serial, time)"
                              " SELECT serial, max (?2, 1) FROM certificate WHERE name = ?1"
                              " ON CONFLICT (serial) DO NOTHING RETURNING serial",
                              name, now, n, error);
}

gboolean
vt_scand_state_revoke_serial (VtScandState *self, const char *serial, gint64 now, GError **error)
{
  g_autofree char *canonical = take_serial (serial, error);

  return canonical != NULL &&
         revoke_and_remember (self,
                              "INSERT INTO revoked (serial, time) VALUES (?1, max (?2, 1))"
                              " ON CONFLICT (serial) DO NOTHING RETURNING serial",
                              canonical, now, NULL, error);
}

char *
vt_scand_state_get_group (VtScandState *self, const char *serial, GError **error)
{
  g_autofree char *canonical = take_serial (serial, error);
  g_autoptr (sqlite3_stmt) statement = NULL;
  gboolean found;

  if (canonical == NULL)
    return NULL;
  statement = vt_scand_state_prepare (self, "SELECT group_name FROM certificate WHERE serial = ?",
                                      listing, error);
  if (statement == NULL)
    return NULL;
  vt_scand_state_bind_text (statement, 1, canonical);
  if (!vt_scand_state_step (self, statement, listing, &found, error))
    return NULL;
  if (found)
    return vt_scand_state_dup_column (statement, 0);
  g_set_error (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_NOT_FOUND,
               "%s: this service has issued no such certificate", canonical);
  return NULL;
}

static VtScandCertificate *
read_certificate (sqlite3_stmt *row)
{
  VtScandCertificate *certificate = g_new0 (VtScandCertificate, 1);

  certificate->serial = vt_scand_state_dup_column (row, 0);
  certificate->name = g_strdup ((const char *)sqlite3_column_text (row, 1));
  certificate->group = vt_scand_state_dup_column (row, 2);
  certificate->issued = sqlite3_column_int64 (row, 3);
  certificate->expires = sqlite3_column_int64 (row, 4);
  certificate->revoked = sqlite3_column_int64 (row, 5);
  return certificate;
}

GPtrArray *
vt_scand_state_list_certificates (VtScandState *self, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = vt_scand_state_prepare (
      self,
      "SELECT serial, name, group_name, issued, expires, ifnull (time, 0), certificate.rowid"
      "  FROM certificate LEFT JOIN revoked USING (serial)"
      " UNION ALL SELECT serial, NULL, NULL, 0, 0, time, NULL FROM revoked"
      "  WHERE serial NOT IN (SELECT serial FROM certificate)"
      " ORDER BY 7 NULLS LAST, 6, 1",
      listing, error);
  g_autoptr (GPtrArray) certificates = g_ptr_array_new_with_free_func (certificate_free);
  gboolean more;

  if (statement == NULL)
    return NULL;
  for (;;) {
    if (!vt_scand_state_step (self, statement, listing, &more, error))
      return NULL;
    if (!more)
      return g_steal_pointer (&certificates);
    g_ptr_array_add (certificates, read_certificate (statement));
  }
}

static gboolean
drop_expired (VtScandState *self, gint64 expired_before, GError **error)
{
  static const char doing[] = "forgetting certificates";

  return vt_scand_state_exec_with (
             self,
             "DELETE FROM revoked"
             " WHERE serial IN (SELECT serial FROM certificate WHERE expires < ?)",
             expired_before, doing, error) &&
         vt_scand_state_exec_with (self, "DELETE FROM certificate WHERE expires < ?",
                                   expired_before, doing, error);
}

gboolean
vt_scand_state_forget_certificates (VtScandState *self, gint64 expired_before, GError **error)
{
  return vt_scand_state_begin (self, error) &&
         vt_scand_state_end (self, drop_expired (self, expired_before, error), error) &&
         /* An expired one is of no use, so that it still counts as revoked here does no harm; but
          * this handle's writes do not show as a change to it. */
         vt_scand_state_begin_reading (self, error) &&
         vt_scand_state_end (self, vt_scand_state_load_revoked (self, error), error);
}
