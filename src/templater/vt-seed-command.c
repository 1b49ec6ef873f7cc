// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-seed-command.h"

#include <stdio.h>

#include "vt-cli-output.h"
#include "vt-cli-passphrase.h"
#include "vt-judge.h"
#include "vt-seed.h"

#define SECONDS_A_DAY  ((gint64)24 * 60 * 60)
#define EXPIRES_MAX    (100 * 365)
#define DEFAULT_FORMAT "qcow2"

typedef struct {
  VtCliOptions cli;
  VtSession session;
  VtCliSigning signing;
  VtPrivateKey *key;
  char *report;
  char *output;
  char *output_format;
  char *attestation;
  char *agent;
  gboolean in_place;
  int expires;
  const char *name; /* of the verb */
  VtSeedKind kind;
  VtReportFormat format;
  GOutputStream *report_stream;
} SeedCommand;

static void
seed_command_clear (SeedCommand *self)
{
  g_clear_pointer (&self->report_stream, vt_cli_discard_output);
  vt_session_clear (&self->session);
  g_clear_pointer (&self->key, vt_private_key_free);
  vt_cli_signing_clear (&self->signing);
  g_free (self->report);
  g_free (self->output);
  g_free (self->output_format);
  g_free (self->attestation);
  g_free (self->agent);
  vt_cli_options_clear (&self->cli);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SeedCommand, seed_command_clear)

static void
add_new_options (GOptionContext *context, SeedCommand *self)
{
  const GOptionEntry entries[] = {
      {"output", 0, 0, G_OPTION_ARG_FILENAME, &self->output,
       "Write the template to FILE, which must not be there, and leave the image as it is", "FILE"},
      {"agent", 0, 0, G_OPTION_ARG_FILENAME, &self->agent,
       "Install what is in DIR, as it is to be in the guest's root directory", "DIR"},
      G_OPTION_ENTRY_NULL};

  g_option_context_add_main_entries (context, entries, NULL);
}

static void
add_refresh_options (GOptionContext *context, SeedCommand *self)
{
  const GOptionEntry entries[] = {
      {"in-place", 0, 0, G_OPTION_ARG_NONE, &self->in_place,
       "Put the new clean cache into the image; clones that lie upon it are lost then", NULL},
      {"output", 0, 0, G_OPTION_ARG_FILENAME, &self->output,
       "Write the image with the new clean cache to FILE, which must not be there", "FILE"},
      G_OPTION_ENTRY_NULL};

  g_option_context_add_main_entries (context, entries, NULL);
}

static void
add_common_options (GOptionContext *context, SeedCommand *self)
{
  const GOptionEntry entries[] = {
      {"output-format", 0, 0, G_OPTION_ARG_STRING, &self->output_format,
       "The format of that file, as QEMU names it (default: " DEFAULT_FORMAT ")", "FORMAT"},
      {"attestation", 0, 0, G_OPTION_ARG_FILENAME, &self->attestation,
       "Where the signed statement is written to beside the image, and its clean cache next to it "
       "(default: the image's name with .dsse.json after it)",
       "FILE"},
      {"expires", 0, 0, G_OPTION_ARG_INT, &self->expires,
       "Days after which the template is not trusted any more (default: it always is)", "DAYS"},
      {"format", 0, 0, G_OPTION_ARG_STRING, &self->cli.format,
       "How the scan's report is written: text, json, sarif or junit", "FORMAT"},
      {"report", 0, 0, G_OPTION_ARG_FILENAME, &self->report,
       "Write the scan's report to FILE instead of standard output", "FILE"},
      G_OPTION_ENTRY_NULL};

  g_option_context_add_main_entries (context, entries, NULL);
  vt_cli_signing_add (context, &self->signing);
}

static void
add_options (GOptionContext *context, gpointer data)
{
  SeedCommand *self = data;

  if (self->kind == VT_SEED_NEW)
    add_new_options (context, self);
  else
    add_refresh_options (context, self);
  add_common_options (context, self);
}

static gboolean
check_values (const SeedCommand *self, GError **error)
{
  if (self->expires < 0 || self->expires > EXPIRES_MAX) {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "--expires takes up to %d days, not %d", EXPIRES_MAX, self->expires);
    return FALSE;
  }
  if (self->output != NULL && self->in_place) {
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                         "--output and --in-place cannot both be given");
    return FALSE;
  }
  return vt_cli_check_new_image (self->output, self->output_format, error);
}

static gboolean
read_command_line (SeedCommand *self, const char *summary, int argc, char **argv, GError **error)
{
  const VtCliVerb verb = {.summary = summary, .groups = VT_CLI_ENGINE, .add = add_options};

  if (!vt_cli_options_parse (&self->cli, &verb, argc, argv, self, error) ||
      !check_values (self, error) || !vt_cli_get_report_format (&self->cli, &self->format, error) ||
      !vt_session_init (&self->session, &self->cli, error))
    return FALSE;
  /* Before the first process is forked; the key is read after that. */
  if (!vt_cli_signing_hide (&self->signing, error))
    return FALSE;
  if (self->in_place || (self->kind != VT_SEED_NEW && self->output != NULL))
    self->kind = VT_SEED_REFRESH_INSIDE;
  return TRUE;
}

static gboolean
set_up (SeedCommand *self, GError **error)
{
  if (!vt_session_begin (&self->session, error))
    return FALSE;
  self->key = vt_cli_signing_load (&self->signing, error);
  if (self->key == NULL || !vt_session_complete (&self->session, error))
    return FALSE;
  self->report_stream = vt_cli_open_output (self->report, error);
  return self->report_stream != NULL;
}

static gboolean
write_report (SeedCommand *self, VtScanResult *result, GError **error)
{
  g_autoptr (GPtrArray) results = g_ptr_array_new ();

  g_ptr_array_add (results, result);
  if (!vt_report_write (self->format, results, self->report_stream, error) ||
      !g_output_stream_close (self->report_stream, NULL, error))
    return FALSE;
  g_clear_object (&self->report_stream);
  return TRUE;
}

static char *
get_attestation (const SeedCommand *self)
{
  if (self->attestation != NULL)
    return g_strdup (self->attestation);
  return g_strconcat (self->output ?: self->cli.images[0], ".dsse.json", NULL);
}

/* The image is in place: what fails now is told, and the image stays. */
static gboolean
write_attestation (SeedCommand *self, const VtMadeTemplate *made, GError **error)
{
  g_autofree char *file = get_attestation (self);
  g_autofree char *safe = vt_report_escape (file);

  if (!vt_made_template_write (made, file, error)) {
    g_prefix_error_literal (error, "the template is made, but not its attestation: ");
    return FALSE;
  }
  if (!self->cli.quiet)
    fprintf (stderr,
             "vtemplater: template %s: %" G_GUINT64_FORMAT " files in the clean cache; %s\n",
             made->id, made->database.files, safe);
  return TRUE;
}

/* Why there is no template, if it is for what was found. */
static void
print_refusal (const SeedCommand *self, VtExit verdict)
{
  g_autofree char *image = vt_report_escape (self->cli.images[0]);

  if (verdict == VT_EXIT_INFECTED)
    fprintf (stderr, "vtemplater: %s: something in it is infected: nothing was signed\n", image);
  else if (verdict == VT_EXIT_INCOMPLETE)
    fprintf (stderr,
             "vtemplater: %s: something in it was not scanned whole: nothing was signed "
             "(--allow-incomplete leaves it out of the clean cache)\n",
             image);
}

static VtExit
run (SeedCommand *self, GError **error)
{
  const VtSeedOrder order = {
      .kind = self->kind,
      .image = self->cli.images[0],
      .output = self->output,
      .output_format = self->output_format ?: DEFAULT_FORMAT,
      .agent = self->agent,
      .wish = {.expires_s = self->expires * SECONDS_A_DAY, .key = self->key},
  };
  g_auto (VtMadeTemplate) made = VT_MADE_TEMPLATE_INIT;
  g_autoptr (VtScanResult) result = NULL;
  VtSeedOutcome outcome = vt_seed (&self->session, &order, &result, &made, error);
  VtExit verdict = VT_EXIT_FAILED;

  if (outcome == VT_SEED_FAILED)
    g_prefix_error (error, "%s: ", order.image);
  if (outcome == VT_SEED_DONE && !write_attestation (self, &made, error))
    return VT_EXIT_FAILED;
  if (result != NULL) {
    g_autoptr (GError) failure = NULL;

    if (!write_report (self, result, &failure)) {
      vt_cli_fail (self->name, failure);
      return VT_EXIT_FAILED;
    }
    vt_judge_print_failure (result);
    verdict = vt_judge_result (result, self->cli.allow_incomplete);
    print_refusal (self, verdict);
  }
  return outcome == VT_SEED_FAILED ? VT_EXIT_FAILED : verdict;
}

int
vt_seed_command_run (VtSeedKind kind, const char *summary, int argc, char **argv)
{
  g_auto (SeedCommand) self = {.name = argv[0], .kind = kind};
  g_autoptr (GError) error = NULL;
  VtExit status;

  if (!read_command_line (&self, summary, argc, argv, &error) || !set_up (&self, &error))
    return vt_cli_fail (self.name, error);
  vt_session_catch_signals (&self.session);
  status = run (&self, &error);
  return error != NULL ? vt_cli_fail (self.name, error) : (int)status;
}
