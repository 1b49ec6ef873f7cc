// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * vtemplater verify: whether a template's clean cache may be relied on.
 */
#include "vt-verbs.h"

#include <stdio.h>

#include "vt-cli-output.h"
#include "vt-json-writer.h"
#include "vt-template-source.h"
#include "vt-unwrap.h"
#include "vt-verify.h"

#define SECONDS_A_DAY ((gint64)24 * 60 * 60)

typedef struct {
  VtCliOptions cli;
  char *attestation;
  gboolean deep;
  VtPublicKey *key;
  VtSpawner *spawner;
  VtTemplate *template;
  GOutputStream *output;
} VerifyCommand;

static void
verify_command_clear (VerifyCommand *self)
{
  g_clear_pointer (&self->output, vt_cli_discard_output);
  g_clear_pointer (&self->template, vt_template_unref);
  g_clear_pointer (&self->spawner, vt_spawner_free);
  g_clear_pointer (&self->key, vt_public_key_free);
  g_free (self->attestation);
  vt_cli_options_clear (&self->cli);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VerifyCommand, verify_command_clear)

static void
add_options (GOptionContext *context, gpointer data)
{
  VerifyCommand *self = data;
  const GOptionEntry entries[] = {
      {"attestation", 0, 0, G_OPTION_ARG_FILENAME, &self->attestation,
       "Check the signed statement in FILE and the clean cache beside it, instead of those in the "
       "image",
       "FILE"},
      {"deep", 0, 0, G_OPTION_ARG_NONE, &self->deep,
       "Read and hash every file that the clean cache lists", NULL},
      {"format", 0, 0, G_OPTION_ARG_STRING, &self->cli.format, "text or json (default: text)",
       "FORMAT"},
      {"output", 0, 0, G_OPTION_ARG_FILENAME, &self->cli.output,
       "Write the answer to FILE instead of standard output", "FILE"},
      G_OPTION_ENTRY_NULL};

  g_option_context_add_main_entries (context, entries, NULL);
}

static const VtCliVerb verb = {
    .summary =
        "Checks a template: the signature of its clean cache, whether it is of this image, and\n"
        "whether the image is still as it was.\n"
        "Exit status: 0 all is right, 3 the image was changed since, 2 not to be relied on.",
    .groups = VT_CLI_TRUST | VT_CLI_AGE,
    .add = add_options,
};

static gboolean
read_command_line (VerifyCommand *self, int argc, char **argv, GError **error)
{
  const char *format;

  if (!vt_cli_options_parse (&self->cli, &verb, argc, argv, self, error))
    return FALSE;
  format = self->cli.format ?: "text";
  if (!g_str_equal (format, "text") && !g_str_equal (format, "json")) {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "--format takes text or json here, not '%s'", format);
    return FALSE;
  }
  if (self->cli.pubkey == NULL) {
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                         "--pubkey is needed: the key that the template must be signed with");
    return FALSE;
  }
  self->key = vt_public_key_load (self->cli.pubkey, error);
  return self->key != NULL;
}

static void
on_message (GLogLevelFlags level, const char *text, gpointer user_data)
{
  const VerifyCommand *self = user_data;
  g_autofree char *safe = vt_report_escape (text);

  if (level > G_LOG_LEVEL_WARNING ? self->cli.verbose : !self->cli.quiet)
    fprintf (stderr, "vtemplater: %s\n", safe);
}

static void
on_forged (const char *path, gpointer user_data)
{
  g_autofree char *safe = vt_report_escape (path);

  fprintf (stderr, "vtemplater: %s: looks unchanged, but has another content\n", safe);
}

static gboolean
open_template (VerifyCommand *self, const VtImageOptions *options, GError **error)
{
  g_auto (VtTemplateParts) parts = VT_TEMPLATE_PARTS_INIT;
  const VtStatementPolicy policy = {
      .now = g_get_real_time () / G_USEC_PER_SEC,
      .max_age_s = self->cli.max_verdict_age != VT_CLI_NOT_GIVEN
                       ? self->cli.max_verdict_age * SECONDS_A_DAY
                       : -1,
  };

  if (self->attestation != NULL
          ? !vt_template_parts_read (&parts, self->attestation, error)
          : !vt_template_parts_fetch (&parts, self->spawner, options, NULL, error))
    return FALSE;
  self->template = vt_template_parts_open (&parts, self->key, &policy, options->path, error);
  return self->template != NULL;
}

static void
append_text (const VerifyCommand *self, const VtVerifyCounts *counts, GString *text)
{
  const VtStatement *statement = vt_template_get_statement (self->template);
  g_autoptr (GDateTime) created = g_date_time_new_from_unix_utc (statement->created);
  g_autofree char *time = g_date_time_format_iso8601 (created);

  g_string_append_printf (text, "template     %s, made %s\n", statement->template_id, time);
  g_string_append_printf (text, "signature    right, key %s\n", vt_public_key_get_id (self->key));
  g_string_append_printf (
      text,
      "files        %" G_GUINT64_FORMAT " in the clean cache: %" G_GUINT64_FORMAT
      " as they were%s, %" G_GUINT64_FORMAT " changed, %" G_GUINT64_FORMAT " missing\n",
      counts->files, counts->matched, self->deep ? ", contents hashed" : "", counts->changed,
      counts->missing);
  if (counts->forged > 0)
    g_string_append_printf (
        text, "forged       %" G_GUINT64_FORMAT " look unchanged, but are not\n", counts->forged);
  g_string_append_printf (text, "other files  %" G_GUINT64_FORMAT "\n", counts->added);
}

static void
write_json (const VerifyCommand *self, const VtVerifyCounts *counts, VtSink *sink)
{
  const VtStatement *statement = vt_template_get_statement (self->template);
  g_autoptr (VtJsonWriter) json = vt_json_writer_new (sink, TRUE);

  vt_json_begin_object (json, NULL);
  vt_json_uint (json, "schema", 1);
  vt_json_bytes (json, "image", self->cli.images[0]);
  vt_json_string (json, "template", statement->template_id);
  vt_json_time (json, "created", statement->created);
  vt_json_string (json, "key", vt_public_key_get_id (self->key));
  vt_json_boolean (json, "deep", self->deep);
  vt_json_uint (json, "files", counts->files);
  vt_json_uint (json, "matched", counts->matched);
  vt_json_uint (json, "changed", counts->changed);
  vt_json_uint (json, "missing", counts->missing);
  vt_json_uint (json, "forged", counts->forged);
  vt_json_uint (json, "added", counts->added);
  vt_json_end_object (json);
}

static gboolean
write_answer (VerifyCommand *self, const VtVerifyCounts *counts, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (VtSink) sink = vt_sink_new (self->output);

  if (g_strcmp0 (self->cli.format, "json") == 0) {
    write_json (self, counts, sink);
  } else {
    append_text (self, counts, text);
    vt_sink_puts (sink, text->str);
  }
  if (!vt_sink_finish (sink, error) || !g_output_stream_close (self->output, NULL, error))
    return FALSE;
  g_clear_object (&self->output);
  return TRUE;
}

static VtExit
judge (const VtVerifyCounts *counts)
{
  if (counts->forged > 0)
    return VT_EXIT_FAILED;
  return counts->changed > 0 || counts->missing > 0 || counts->added > 0 ? VT_EXIT_INCOMPLETE
                                                                         : VT_EXIT_CLEAN;
}

static gboolean
run (VerifyCommand *self, VtVerifyCounts *counts, GError **error)
{
  g_autoptr (VtImageOptions) options = vt_cli_make_image_options (&self->cli, self->cli.images[0]);
  VtVerifyOrder order = {
      .options = options,
      .deep = self->deep,
      .message = on_message,
      .forged = on_forged,
      .user_data = self,
  };

  self->spawner = vt_spawner_new (error);
  if (self->spawner == NULL)
    return FALSE;
  self->output = vt_cli_open_output (self->cli.output, error);
  if (self->output == NULL || !open_template (self, options, error))
    return FALSE;
  order.spawner = self->spawner;
  order.template = self->template;
  return vt_verify (&order, counts, error);
}

int
vt_verb_verify (int argc, char **argv)
{
  g_auto (VerifyCommand) self = {0};
  g_autoptr (GError) error = NULL;
  VtVerifyCounts counts = {0};

  if (!read_command_line (&self, argc, argv, &error))
    return vt_cli_fail ("verify", error);
  if (!run (&self, &counts, &error)) {
    g_prefix_error (&error, "%s: ", self.cli.images[0]);
    return vt_cli_fail ("verify", error);
  }
  if (!write_answer (&self, &counts, &error))
    return vt_cli_fail ("verify", error);
  return judge (&counts);
}
