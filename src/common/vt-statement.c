// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-statement.h"

#define DAY_S ((gint64)24 * 60 * 60)

/* How far clocks may be apart. */
#define CLOCK_SKEW_S DAY_S

G_DEFINE_QUARK (vt_statement_error_quark, vt_statement_error)

static void
database_free (gpointer data)
{
  VtStatementDatabase *self = data;

  g_free (self->name);
  g_free (self);
}

static void
number_free (gpointer data)
{
  VtStatementNumber *self = data;

  g_free (self->name);
  g_free (self);
}

static void
filesystem_free (gpointer data)
{
  VtStatementFilesystem *self = data;

  g_free (self->id);
  g_free (self->type);
  g_free (self->uuid);
  g_free (self);
}

VtStatement *
vt_statement_new (void)
{
  VtStatement *self = g_new0 (VtStatement, 1);

  self->expires = VT_STATEMENT_NEVER;
  self->databases = g_ptr_array_new_with_free_func (database_free);
  self->options = g_ptr_array_new_with_free_func (number_free);
  self->reasons = g_ptr_array_new_with_free_func (number_free);
  self->filesystems = g_ptr_array_new_with_free_func (filesystem_free);
  return self;
}

void
vt_statement_free (VtStatement *self)
{
  g_free (self->template_id);
  g_free (self->scanner_uri);
  g_free (self->scanner_version);
  g_free (self->engine_version);
  g_free (self->engine_id);
  g_free (self->settings);
  g_free (self->product);
  g_free (self->arch);
  g_ptr_array_unref (self->databases);
  g_ptr_array_unref (self->options);
  g_ptr_array_unref (self->reasons);
  g_ptr_array_unref (self->filesystems);
  g_free (self);
}

void
vt_statement_add_database (VtStatement *self,
                           const char *name,
                           guint64 version,
                           guint64 signatures,
                           gint64 time,
                           const VtDigest *digest)
{
  VtStatementDatabase *database = g_new0 (VtStatementDatabase, 1);

  database->name = g_strdup (name);
  database->version = version;
  database->signatures = signatures;
  database->time = time;
  database->digest = *digest;
  g_ptr_array_add (self->databases, database);
}

static void
add_number (GPtrArray *numbers, const char *name, guint64 value)
{
  VtStatementNumber *number = g_new0 (VtStatementNumber, 1);

  number->name = g_strdup (name);
  number->value = value;
  g_ptr_array_add (numbers, number);
}

void
vt_statement_add_option (VtStatement *self, const char *name, guint64 value)
{
  add_number (self->options, name, value);
}

void
vt_statement_add_reason (VtStatement *self, const char *name, guint64 files)
{
  add_number (self->reasons, name, files);
}

void
vt_statement_add_filesystem (VtStatement *self, const char *id, const char *type, const char *uuid)
{
  VtStatementFilesystem *filesystem = g_new0 (VtStatementFilesystem, 1);

  filesystem->id = g_strdup (id);
  filesystem->type = g_strdup (type);
  filesystem->uuid = g_strdup (uuid);
  g_ptr_array_add (self->filesystems, filesystem);
}

gint64
vt_statement_get_signature_time (const VtStatement *self)
{
  gint64 newest = G_MININT64;

  for (guint i = 0; i < self->databases->len; i++) {
    const VtStatementDatabase *database = g_ptr_array_index (self->databases, i);

    newest = MAX (newest, database->time);
  }
  return MIN (newest, self->created);
}

static gint64
days_of (gint64 seconds)
{
  return seconds / DAY_S + (seconds % DAY_S > 0);
}

static gboolean
check_time (const VtStatement *self, gint64 now, GError **error)
{
  if (self->created > now && self->created - now > CLOCK_SKEW_S) {
    g_set_error (error, VT_STATEMENT_ERROR, VT_STATEMENT_ERROR_EXPIRED,
                 "template: it was made %" G_GINT64_FORMAT
                 " days from now: is the clock of this machine right?",
                 days_of (self->created - now));
    return FALSE;
  }
  if (now < self->expires)
    return TRUE;
  g_set_error (error, VT_STATEMENT_ERROR, VT_STATEMENT_ERROR_EXPIRED,
               "template: it expired %" G_GINT64_FORMAT " days ago; refresh it",
               days_of (now - self->expires));
  return FALSE;
}

gboolean
vt_statement_check (const VtStatement *self, const VtStatementPolicy *policy, GError **error)
{
  gint64 age;

  if (!check_time (self, policy->now, error))
    return FALSE;
  if (policy->max_age_s < 0)
    return TRUE;
  age = policy->now - vt_statement_get_signature_time (self);
  if (age <= policy->max_age_s)
    return TRUE;
  g_set_error (error, VT_STATEMENT_ERROR, VT_STATEMENT_ERROR_TOO_OLD,
               "template: its signatures are %" G_GINT64_FORMAT
               " days old, and at most %" G_GINT64_FORMAT " days are taken; refresh it",
               days_of (age), policy->max_age_s / DAY_S);
  return FALSE;
}

gboolean
vt_statement_check_subject (const VtStatement *self, const VtDigest *digest, GError **error)
{
  char hex[VT_DIGEST_HEX_SIZE];
  char subject_hex[VT_DIGEST_HEX_SIZE];

  if (vt_digest_equal (&self->subject, digest))
    return TRUE;
  g_set_error (error, VT_STATEMENT_ERROR, VT_STATEMENT_ERROR_OTHER_DATABASE,
               "template: it is about a " VT_STATEMENT_SUBJECT
               " with the SHA-256 %s, and this one has %s",
               vt_digest_to_hex (&self->subject, subject_hex), vt_digest_to_hex (digest, hex));
  return FALSE;
}
