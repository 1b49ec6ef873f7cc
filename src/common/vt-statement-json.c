// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Writes a statement; vt-statement-parse.c reads it. */
#include "vt-statement.h"

#include <json-glib/json-glib.h>

static void
add_text (JsonBuilder *json, const char *name, const char *text)
{
  json_builder_set_member_name (json, name);
  if (text != NULL)
    json_builder_add_string_value (json, text);
  else
    json_builder_add_null_value (json);
}

/* More than fits becomes negative, and is then refused. */
static void
add_number (JsonBuilder *json, const char *name, guint64 number)
{
  json_builder_set_member_name (json, name);
  json_builder_add_int_value (json, (gint64)number);
}

/* A time that no date stands for becomes an empty text, and is then refused: null would be never.
 */
static void
add_time (JsonBuilder *json, const char *name, gint64 time)
{
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (time);
  g_autofree char *text = date != NULL ? g_date_time_format (date, "%Y-%m-%dT%H:%M:%SZ") : NULL;

  add_text (json, name, text != NULL ? text : "");
}

static void
add_digest (JsonBuilder *json, const char *name, const VtDigest *digest)
{
  char hex[VT_DIGEST_HEX_SIZE];

  add_text (json, name, vt_digest_to_hex (digest, hex));
}

static void
begin_object (JsonBuilder *json, const char *name)
{
  json_builder_set_member_name (json, name);
  json_builder_begin_object (json);
}

static void
begin_array (JsonBuilder *json, const char *name)
{
  json_builder_set_member_name (json, name);
  json_builder_begin_array (json);
}

static void
add_numbers (JsonBuilder *json, const char *name, GPtrArray *numbers)
{
  begin_object (json, name);
  for (guint i = 0; i < numbers->len; i++) {
    const VtStatementNumber *number = g_ptr_array_index (numbers, i);

    add_number (json, number->name, number->value);
  }
  json_builder_end_object (json);
}

static void
add_subject (JsonBuilder *json, const VtStatement *self)
{
  begin_array (json, "subject");
  json_builder_begin_object (json);
  add_text (json, "name", VT_STATEMENT_SUBJECT);
  begin_object (json, "digest");
  add_digest (json, "sha256", &self->subject);
  json_builder_end_object (json);
  json_builder_end_object (json);
  json_builder_end_array (json);
}

static void
add_template (JsonBuilder *json, const VtStatement *self)
{
  begin_object (json, "template");
  add_text (json, "id", self->template_id);
  add_time (json, "created", self->created);
  if (self->expires == VT_STATEMENT_NEVER)
    add_text (json, "expires", NULL);
  else
    add_time (json, "expires", self->expires);
  json_builder_end_object (json);
}

static void
add_databases (JsonBuilder *json, const VtStatement *self)
{
  begin_array (json, "databases");
  for (guint i = 0; i < self->databases->len; i++) {
    const VtStatementDatabase *database = g_ptr_array_index (self->databases, i);

    json_builder_begin_object (json);
    add_text (json, "name", database->name);
    add_number (json, "version", database->version);
    add_number (json, "signatures", database->signatures);
    add_time (json, "time", database->time);
    add_digest (json, "sha256", &database->digest);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

static void
add_scanner (JsonBuilder *json, const VtStatement *self)
{
  begin_object (json, "scanner");
  add_text (json, "uri", self->scanner_uri);
  add_text (json, "version", self->scanner_version);
  begin_object (json, "engine");
  add_text (json, "version", self->engine_version);
  add_number (json, "flevel", self->flevel);
  add_text (json, "id", self->engine_id);
  add_text (json, "settings", self->settings);
  add_databases (json, self);
  json_builder_end_object (json);
  json_builder_end_object (json);
}

static void
add_counts (JsonBuilder *json, const VtStatement *self)
{
  begin_object (json, "counts");
  add_number (json, "files", self->files);
  add_number (json, "bytes", self->bytes);
  add_number (json, "clean", self->clean);
  add_number (json, "incomplete", self->incomplete);
  add_numbers (json, "reasons", self->reasons);
  json_builder_end_object (json);
}

static void
add_filesystems (JsonBuilder *json, const VtStatement *self)
{
  begin_array (json, "filesystems");
  for (guint i = 0; i < self->filesystems->len; i++) {
    const VtStatementFilesystem *filesystem = g_ptr_array_index (self->filesystems, i);

    json_builder_begin_object (json);
    add_text (json, "id", filesystem->id);
    add_text (json, "type", filesystem->type);
    add_text (json, "uuid", filesystem->uuid);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

static void
add_system (JsonBuilder *json, const VtStatement *self)
{
  if (self->product == NULL && self->arch == NULL) {
    add_text (json, "system", NULL);
    return;
  }
  begin_object (json, "system");
  add_text (json, "product", self->product);
  add_text (json, "arch", self->arch);
  json_builder_end_object (json);
}

static GBytes *
write_json (const VtStatement *self)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (JsonNode) root = NULL;
  char *text;
  gsize size;

  json_builder_begin_object (json);
  add_text (json, "_type", VT_STATEMENT_TYPE);
  add_subject (json, self);
  add_text (json, "predicateType", VT_STATEMENT_PREDICATE_TYPE);
  begin_object (json, "predicate");
  add_template (json, self);
  add_scanner (json, self);
  add_numbers (json, "options", self->options);
  add_counts (json, self);
  add_filesystems (json, self);
  add_system (json, self);
  json_builder_end_object (json);
  json_builder_end_object (json);
  root = json_builder_get_root (json);
  json_generator_set_root (generator, root);
  text = json_generator_to_data (generator, &size);
  return g_bytes_new_take (text, size);
}

GBytes *
vt_statement_to_json (const VtStatement *self, GError **error)
{
  g_autoptr (GBytes) text = write_json (self);
  g_autoptr (VtStatement) again = vt_statement_parse (text, error);

  if (again == NULL)
    return NULL;
  /* An object has one member of a name. */
  if (again->options->len != self->options->len || again->reasons->len != self->reasons->len) {
    g_set_error_literal (error, VT_STATEMENT_ERROR, VT_STATEMENT_ERROR_MALFORMED,
                         "statement: two options or two reasons have one name");
    return NULL;
  }
  return g_steal_pointer (&text);
}
