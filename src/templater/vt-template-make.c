// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-template-make.h"

#include "vt-clean-rows.h"
#include "vt-dsse.h"
#include "vt-fd.h"
#include "vt-memfd.h"
#include "vt-scan-own.h"
#include "vt-statement.h"
#include "vt-template-source.h"

#define SCANNER_URI "https://vtemplater.org/"

void
vt_made_template_clear (VtMadeTemplate *self)
{
  vt_clean_database_clear (&self->database);
  g_clear_pointer (&self->envelope, g_bytes_unref);
  g_clear_pointer (&self->id, g_free);
}

static void
describe_scanner (VtStatement *statement, const VtEngineId *engine)
{
  statement->scanner_uri = g_strdup (SCANNER_URI);
  statement->scanner_version = g_strdup (VT_VERSION);
  statement->engine_version = g_strdup (engine->version);
  statement->flevel = engine->flevel;
  statement->engine_id = g_strdup (engine->id);
  statement->settings = g_strdup (engine->settings);
  for (guint i = 0; i < engine->databases->len; i++) {
    const VtEngineDatabase *database = g_ptr_array_index (engine->databases, i);

    vt_statement_add_database (statement, database->name, database->version, database->signatures,
                               database->time, &database->digest);
  }
}

static void
describe_options (VtStatement *statement, const VtEngineOptions *options)
{
  const VtStatementNumber numbers[] = {
      {(char *)"max-file-size", options->max_file_size},
      {(char *)"max-scan-size", options->max_scan_size},
      {(char *)"max-scan-time", options->max_scan_time_s},
      {(char *)"max-recursion", options->max_recursion},
      {(char *)"max-files", options->max_files},
      {(char *)"max-unpacked-size", options->max_unpacked_size},
      {(char *)"max-ratio", options->max_ratio},
      {(char *)"max-unpack-time", options->max_unpack_time_s},
      {(char *)"nested", options->max_nested},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    vt_statement_add_option (statement, numbers[i].name, numbers[i].value);
}

static void
describe_counts (VtStatement *statement, const VtScanResult *result)
{
  guint64 by_reason[VT_REASON_N] = {0};

  statement->files = result->stats.files;
  statement->bytes = result->stats.bytes;
  statement->clean = result->stats.clean;
  statement->incomplete = result->stats.incomplete;
  for (guint i = 0; i < result->incomplete->len; i++)
    by_reason[((const VtFileResult *)g_ptr_array_index (result->incomplete, i))->verdict.reason]++;
  for (guint i = 0; i < VT_REASON_N; i++)
    if (by_reason[i] > 0)
      vt_statement_add_reason (statement, vt_reason_to_string ((VtReason)i), by_reason[i]);
}

static void
describe_image (VtStatement *statement, const VtScanResult *result)
{
  for (guint i = 0; i < result->filesystems->len; i++) {
    const VtFilesystem *filesystem = g_ptr_array_index (result->filesystems, i);

    vt_statement_add_filesystem (statement, filesystem->id, filesystem->type,
                                 filesystem->uuid ?: "");
  }
  if (result->systems->len > 0) {
    const VtOperatingSystem *system = g_ptr_array_index (result->systems, 0);

    statement->product = g_strdup (system->product ?: "");
    statement->arch = g_strdup (system->arch ?: "");
  }
}

static GBytes *
make_statement (const VtSession *session,
                const VtScanResult *result,
                const VtTemplateWish *wish,
                const VtMadeTemplate *made,
                GError **error)
{
  g_autoptr (VtStatement) statement = vt_statement_new ();

  statement->subject = made->database.digest;
  statement->template_id = g_strdup (made->id);
  statement->created = g_get_real_time () / G_USEC_PER_SEC;
  if (wish->expires_s > 0)
    statement->expires = statement->created + wish->expires_s;
  describe_scanner (statement, session->engine_id);
  describe_options (statement, session->engine_options);
  describe_counts (statement, result);
  describe_image (statement, result);
  return vt_statement_to_json (statement, error);
}

static gboolean
sign (const VtSession *session,
      const VtScanResult *result,
      const VtTemplateWish *wish,
      VtMadeTemplate *made,
      GError **error)
{
  g_autoptr (GBytes) payload = make_statement (session, result, wish, made, error);

  if (payload == NULL)
    return FALSE;
  made->envelope = vt_dsse_sign (VT_STATEMENT_MEDIA_TYPE, payload, wish->key, error);
  return made->envelope != NULL;
}

gboolean
vt_template_make (VtSession *session,
                  VtManifest *manifest,
                  const VtScanResult *result,
                  const VtTemplateWish *wish,
                  VtMadeTemplate *made,
                  GError **error)
{
  g_auto (VtMadeTemplate) new = VT_MADE_TEMPLATE_INIT;

  new.id = wish->id != NULL ? g_strdup (wish->id) : g_uuid_string_random ();
  if (!vt_clean_rows_build (manifest, result, new.id, &new.database, error) ||
      !vt_scan_own_content (session, new.database.fd, new.database.size, "the clean cache",
                            error) ||
      !sign (session, result, wish, &new, error) ||
      !vt_scan_own_bytes (session, new.envelope, "the signed statement", error))
    return FALSE;
  *made = new;
  new = (VtMadeTemplate)VT_MADE_TEMPLATE_INIT;
  return TRUE;
}

/* The envelope last: one that is there has its cache beside it. */
gboolean
vt_made_template_write (const VtMadeTemplate *self, const char *file, GError **error)
{
  g_autofree char *path = vt_template_database_path (file);
  g_autofree char *bytes = g_malloc (self->database.size);
  gsize size;
  const char *envelope = g_bytes_get_data (self->envelope, &size);

  if (vt_fd_read_at (self->database.fd, 0, bytes, self->database.size) !=
      (gssize)self->database.size) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "the clean cache cannot be read");
    return FALSE;
  }
  return g_file_set_contents_full (path, bytes, (gssize)self->database.size,
                                   G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                   0644, error) &&
         g_file_set_contents_full (file, envelope, (gssize)size,
                                   G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                   0644, error);
}
