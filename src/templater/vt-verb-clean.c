// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * vtemplater clean: takes what is infected out of an image.
 */
#include "vt-verbs.h"

#include <stdio.h>
#include <string.h>

#include "vt-clean-report.h"
#include "vt-cli-output.h"

#define DEFAULT_FORMAT "qcow2"

typedef struct {
  VtCliOptions cli;
  VtSession session;
  VtClone clone;
  char *from;
  char *action;
  char *quarantine;
  GStrv restore;
  gboolean containers;
  gboolean dry_run;
  char *output;
  char *output_format;
  char *report;
  VtCleanAction action_kind;
  VtReportFormat format;
  GOutputStream *report_stream;
} CleanCommand;

static void
clean_command_clear (CleanCommand *self)
{
  g_clear_pointer (&self->report_stream, vt_cli_discard_output);
  vt_clone_clear (&self->clone);
  vt_session_clear (&self->session);
  g_free (self->from);
  g_free (self->action);
  g_free (self->quarantine);
  g_strfreev (self->restore);
  g_free (self->output);
  g_free (self->output_format);
  g_free (self->report);
  vt_cli_options_clear (&self->cli);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CleanCommand, clean_command_clear)

static void
add_options (GOptionContext *context, gpointer data)
{
  CleanCommand *self = data;
  const GOptionEntry entries[] = {
      {"from", 0, 0, G_OPTION_ARG_FILENAME, &self->from,
       "Take the findings of a scan's JSON report, instead of scanning", "REPORT"},
      {"action", 0, 0, G_OPTION_ARG_STRING, &self->action,
       "quarantine or remove (default: quarantine)", "ACTION"},
      {"quarantine", 0, 0, G_OPTION_ARG_FILENAME, &self->quarantine,
       "The directory that keeps what is removed; made if it is missing", "DIR"},
      {"restore", 0, 0, G_OPTION_ARG_STRING_ARRAY, &self->restore,
       "Put a file back from quarantine, and do nothing else; may be given more than once", "ID"},
      {"containers", 0, 0, G_OPTION_ARG_NONE, &self->containers,
       "Of what is in a container, clean the container as a whole", NULL},
      {"dry-run", 0, 0, G_OPTION_ARG_NONE, &self->dry_run,
       "Tell what would be done, and change nothing", NULL},
      {"output", 0, 0, G_OPTION_ARG_FILENAME, &self->output,
       "Write the result to FILE, which must not be there, and leave the image as it is", "FILE"},
      {"output-format", 0, 0, G_OPTION_ARG_STRING, &self->output_format,
       "The format of that file, as QEMU names it (default: " DEFAULT_FORMAT ")", "FORMAT"},
      {"format", 0, 0, G_OPTION_ARG_STRING, &self->cli.format,
       "How it is told what was done: text or json", "FORMAT"},
      {"report", 0, 0, G_OPTION_ARG_FILENAME, &self->report,
       "Tell it in FILE instead of on standard output", "FILE"},
      G_OPTION_ENTRY_NULL};

  g_option_context_add_main_entries (context, entries, NULL);
}

static const VtCliVerb verb = {
    .summary =
        "Quarantines or removes what is infected in a disk image, which is scanned first. Until "
        "that is\ndone, the image is as it was.\n"
        "Exit status: 0 nothing infected is left; 1 something is; 2 failed; 3 something was not "
        "scanned whole.",
    .groups = VT_CLI_ENGINE | VT_CLI_TEMPLATE | VT_CLI_TRUST,
    .add = add_options,
};

static gboolean
refuse (GError **error, const char *message)
{
  g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, message);
  return FALSE;
}

static gboolean
check_action (CleanCommand *self, GError **error)
{
  const char *action = self->action ?: "quarantine";

  if (self->restore != NULL) {
    if (self->from != NULL || self->action != NULL || self->containers)
      return refuse (error, "--restore goes with none of --from, --action and --containers");
    return self->quarantine != NULL ||
           refuse (error, "--restore needs --quarantine: the directory to take files from");
  }
  self->action_kind = g_str_equal (action, "remove") ? VT_CLEAN_REMOVE : VT_CLEAN_QUARANTINE;
  if (self->action_kind == VT_CLEAN_QUARANTINE && !g_str_equal (action, "quarantine")) {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "--action takes quarantine or remove, not '%s'", action);
    return FALSE;
  }
  if (self->action_kind == VT_CLEAN_REMOVE && self->quarantine != NULL)
    return refuse (error, "--action remove keeps nothing, and --quarantine goes not with it");
  return self->action_kind == VT_CLEAN_REMOVE || self->quarantine != NULL ||
         refuse (error, "--quarantine DIR is needed, or --action remove");
}

static gboolean
check_source (const CleanCommand *self, GError **error)
{
  const VtCliOptions *cli = &self->cli;
  gboolean has_template = cli->template != NULL || cli->pubkey != NULL || cli->attestation != NULL;

  return !has_template || (self->from == NULL && self->restore == NULL) ||
         refuse (error, "--template, --pubkey and --attestation are for a scan, and there is none; "
                        "what the image lies upon is named with --allow-backing");
}

static gboolean
check_values (CleanCommand *self, GError **error)
{
  if (!vt_cli_check_new_image (self->output, self->output_format, error) ||
      !vt_cli_get_report_format (&self->cli, &self->format, error))
    return FALSE;
  if (self->format != VT_REPORT_TEXT && self->format != VT_REPORT_JSON) {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "--format takes text or json, not '%s'", self->cli.format);
    return FALSE;
  }
  return check_action (self, error) && check_source (self, error);
}

/* Where nothing is scanned, no signatures are needed. */
static gboolean
start_session (CleanCommand *self, GError **error)
{
  VtSession *session = &self->session;

  if (self->from == NULL && self->restore == NULL)
    return vt_session_begin (session, error) && vt_clone_open (&self->clone, error) &&
           vt_session_complete (session, error);
  session->spawner = vt_spawner_new (error);
  if (session->spawner == NULL)
    return FALSE;
  session->cancellable = g_cancellable_new ();
  return TRUE;
}

static gboolean
set_up (CleanCommand *self, int argc, char **argv, GError **error)
{
  if (!vt_cli_options_parse (&self->cli, &verb, argc, argv, self, error) ||
      !check_values (self, error) || !vt_session_init (&self->session, &self->cli, error) ||
      !vt_clone_init (&self->clone, &self->session, error) || !start_session (self, error))
    return FALSE;
  self->report_stream = vt_cli_open_output (self->report, error);
  return self->report_stream != NULL;
}

/* The image is in place: what fails now is told, and the image stays. */
static gboolean
finish_report (CleanCommand *self, gboolean written, GError **error)
{
  if (!written || !g_output_stream_close (self->report_stream, NULL, error)) {
    g_prefix_error_literal (error, "all is done, but could not be told: ");
    return FALSE;
  }
  g_clear_object (&self->report_stream);
  return TRUE;
}

static void
print_warnings (const CleanCommand *self, const VtCleaned *cleaned)
{
  g_autofree char *image = vt_report_escape (self->output ?: self->cli.images[0]);

  /* A clone has its template's, which is as good as before. */
  if (cleaned->changed && cleaned->has_template && self->cli.template == NULL && !self->cli.quiet)
    fprintf (stderr,
             "vtemplater: %s: a clean cache is in it: as a template, it %s to be seeded again\n",
             image, self->dry_run ? "would have" : "has");
}

static VtExit
judge (const CleanCommand *self, const VtCleaned *cleaned)
{
  guint done = vt_clean_plan_count (cleaned->items);
  gboolean would_be = self->dry_run && done > 0;

  if (done < cleaned->items->len || cleaned->unlisted > 0 || would_be)
    return VT_EXIT_INFECTED;
  return cleaned->findings->incomplete && !self->cli.allow_incomplete ? VT_EXIT_INCOMPLETE
                                                                      : VT_EXIT_CLEAN;
}

static VtExit
clean (CleanCommand *self, GError **error)
{
  const VtCleanOrder order = {
      .image = self->cli.images[0],
      .output = self->output,
      .output_format = self->output_format ?: DEFAULT_FORMAT,
      .report = self->from,
      .clone = &self->clone,
      .action = self->action_kind,
      .quarantine = self->quarantine,
      .containers = self->containers,
      .dry_run = self->dry_run,
  };
  g_auto (VtCleaned) cleaned = {0};
  gboolean written;

  if (!vt_clean (&self->session, &order, &cleaned, error)) {
    g_prefix_error (error, "%s: ", order.image);
    return VT_EXIT_FAILED;
  }
  print_warnings (self, &cleaned);
  written = vt_clean_report_write (&order, &cleaned, self->format == VT_REPORT_JSON,
                                   self->report_stream, error);
  return finish_report (self, written, error) ? judge (self, &cleaned) : VT_EXIT_FAILED;
}

static VtExit
restore (CleanCommand *self, GError **error)
{
  const VtRestoreOrder order = {
      .image = self->cli.images[0],
      .output = self->output,
      .output_format = self->output_format ?: DEFAULT_FORMAT,
      .quarantine = self->quarantine,
      .ids = self->restore,
      .dry_run = self->dry_run,
  };
  g_autoptr (GPtrArray) entries = NULL;
  gboolean written;

  if (!vt_restore (&self->session, &order, &entries, error)) {
    g_prefix_error (error, "%s: ", order.image);
    return VT_EXIT_FAILED;
  }
  written = vt_clean_report_write_restored (&order, entries, self->format == VT_REPORT_JSON,
                                            self->report_stream, error);
  return finish_report (self, written, error) ? VT_EXIT_CLEAN : VT_EXIT_FAILED;
}

int
vt_verb_clean (int argc, char **argv)
{
  g_auto (CleanCommand) self = {0};
  g_autoptr (GError) error = NULL;
  VtExit status;

  if (!set_up (&self, argc, argv, &error))
    return vt_cli_fail ("clean", error);
  vt_session_catch_signals (&self.session);
  status = self.restore != NULL ? restore (&self, &error) : clean (&self, &error);
  return error != NULL ? vt_cli_fail ("clean", error) : (int)status;
}
