// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * vt-scand ca: the authority and its certificates.
 */
#include "vt-scand-verbs.h"

#include <errno.h>
#include <stdio.h>

#include "vt-report.h"
#include "vt-scand-ca.h"
#include "vt-scand-cli.h"

#define AUTHORITY_NAME "vt-scand"
#define AUTHORITY_DAYS 3650
#define SERVICE_DAYS   825
#define AGENT_DAYS     365

static char *
get_ca_dir (const char *state_dir)
{
  return g_build_filename (state_dir, "ca", NULL);
}

static gboolean
make_state_dir (const char *dir, GError **error)
{
  if (g_mkdir_with_parents (dir, 0700) == 0)
    return TRUE;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "%s: cannot be made: %s", dir,
               g_strerror (errno));
  return FALSE;
}

static gboolean
run_init (int argc, char **argv, GError **error)
{
  static const VtScandCliUse how = {
      .summary = "Makes an authority of the service's own: a key, which stays in the state "
                 "directory, and its\ncertificate, which agents are given."};
  g_autofree char *state_dir = NULL;
  g_autofree char *name = NULL;
  g_autofree char *days_text = NULL;
  const GOptionEntry entries[] = {
      {"name", 0, 0, G_OPTION_ARG_STRING, &name, "What it is called (" AUTHORITY_NAME ")", "TEXT"},
      {"days", 0, 0, G_OPTION_ARG_STRING, &days_text,
       "How long it is valid (" G_STRINGIFY (AUTHORITY_DAYS) ")", "N"},
      G_OPTION_ENTRY_NULL};
  g_autofree char *ca_dir = NULL;
  g_autofree char *safe = NULL;
  guint64 days;

  if (!vt_scand_cli_parse (&how, entries, &argc, &argv, &state_dir, error) ||
      !vt_scand_cli_take_number ("--days", days_text, 1, VT_SCAND_CA_DAYS_MAX, AUTHORITY_DAYS,
                                 &days, error) ||
      !make_state_dir (state_dir, error))
    return FALSE;
  ca_dir = get_ca_dir (state_dir);
  if (!vt_scand_ca_init (ca_dir, name != NULL ? name : AUTHORITY_NAME, (guint)days, error))
    return FALSE;
  safe = vt_report_escape (ca_dir);
  printf ("Authority: %s\nCertificate: %s/authority.pem\n", safe, safe);
  return vt_scand_cli_flush (error);
}

typedef struct {
  char *state_dir;
  gboolean service;
  GStrv addresses;
  char *group;
  char *days_text;
  char *out;
} IssueOptions;

static void
issue_options_clear (IssueOptions *self)
{
  g_free (self->state_dir);
  g_strfreev (self->addresses);
  g_free (self->group);
  g_free (self->days_text);
  g_free (self->out);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (IssueOptions, issue_options_clear)

static gboolean
parse_issue (IssueOptions *self, int *argc, char ***argv, GError **error)
{
  static const VtScandCliUse how = {
      .arguments = "NAME",
      .summary = "Makes a key and its certificate, NAME.key and NAME.pem: of an agent, or of a "
                 "service.",
      .min = 1,
      .max = 1};
  const GOptionEntry entries[] = {
      {"service", 0, 0, G_OPTION_ARG_NONE, &self->service, "For a service, not an agent", NULL},
      {"address", 0, 0, G_OPTION_ARG_STRING_ARRAY, &self->addresses,
       "DNS name or IP address of the service; may be repeated", "ADDRESS"},
      {"group", 0, 0, G_OPTION_ARG_STRING, &self->group, "The agent's group", "GROUP"},
      {"days", 0, 0, G_OPTION_ARG_STRING, &self->days_text,
       "How long it is valid (" G_STRINGIFY (AGENT_DAYS) "; of a service " G_STRINGIFY (
           SERVICE_DAYS) ")",
       "N"},
      {"out", 0, 0, G_OPTION_ARG_FILENAME, &self->out, "Where the files go (.)", "DIR"},
      G_OPTION_ENTRY_NULL};

  if (!vt_scand_cli_parse (&how, entries, argc, argv, &self->state_dir, error))
    return FALSE;
  if (self->service && self->addresses == NULL)
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                         "--service needs --address, once or more");
  else if (self->service && self->group != NULL)
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                         "--group is for agents, not for a --service");
  else if (!self->service && self->addresses != NULL)
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                         "--address is for a --service");
  else
    return TRUE;
  return FALSE;
}

static gboolean
issue (const IssueOptions *options, const char *name, GError **error)
{
  const char *out = options->out != NULL ? options->out : ".";
  g_autofree char *ca_dir = get_ca_dir (options->state_dir);
  g_autoptr (VtAuthority) authority = vt_scand_ca_load (ca_dir, error);
  g_autoptr (VtScandState) state = NULL;
  g_autofree char *path = g_build_filename (out, name, NULL);
  g_autofree char *safe = vt_report_escape (path);
  guint64 days;
  VtScandCaWish wish = {
      .name = name, .group = options->group, .addresses = (const char *const *)options->addresses};
  gboolean done;

  if (authority == NULL ||
      !vt_scand_cli_take_number ("--days", options->days_text, 1, VT_SCAND_CA_DAYS_MAX,
                                 options->service ? SERVICE_DAYS : AGENT_DAYS, &days, error))
    return FALSE;
  wish.days = (guint)days;
  state = vt_scand_cli_open_state (options->state_dir, error);
  if (state == NULL)
    return FALSE;
  done = options->service ? vt_scand_ca_issue_service (authority, state, &wish, out, error)
                          : vt_scand_ca_issue_agent (authority, state, &wish, out, error);
  if (!done)
    return FALSE;
  printf ("Private key: %s.key\nCertificate: %s.pem\n", safe, safe);
  return vt_scand_cli_flush (error);
}

static gboolean
run_issue (int argc, char **argv, GError **error)
{
  g_auto (IssueOptions) options = {0};

  return parse_issue (&options, &argc, &argv, error) && issue (&options, argv[1], error);
}

static gboolean
revoke_name (VtScandState *state, const char *name, GError **error)
{
  guint n;

  if (!vt_scand_state_revoke_certificates (state, name, vt_scand_cli_now (), &n, error))
    return FALSE;
  if (n == 0) {
    g_set_error (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_NOT_FOUND,
                 "%s: there is no certificate of that name that is not revoked yet", name);
    return FALSE;
  }
  printf ("Revoked: %u\n", n);
  return vt_scand_cli_flush (error);
}

static gboolean
run_revoke (int argc, char **argv, GError **error)
{
  static const VtScandCliUse how = {
      .arguments = "NAME | --serial HEX",
      .summary = "Revokes all certificates of NAME, or one by its serial number, which another "
                 "authority may have\nissued. A service that runs knows within a moment.",
      .max = 1};
  g_autofree char *state_dir = NULL;
  g_autofree char *serial = NULL;
  const GOptionEntry entries[] = {{"serial", 0, 0, G_OPTION_ARG_STRING, &serial,
                                   "The number, as openssl-x509(1) shows it with -serial", "HEX"},
                                  G_OPTION_ENTRY_NULL};
  g_autoptr (VtScandState) state = NULL;

  if (!vt_scand_cli_parse (&how, entries, &argc, &argv, &state_dir, error))
    return FALSE;
  if ((argc > 1) == (serial != NULL)) {
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                         "either NAME must be given, or --serial");
    return FALSE;
  }
  state = vt_scand_cli_open_state (state_dir, error);
  if (state == NULL)
    return FALSE;
  if (serial == NULL)
    return revoke_name (state, argv[1], error);
  return vt_scand_state_revoke_serial (state, serial, vt_scand_cli_now (), error);
}

static void
print_certificate (const VtScandCertificate *certificate, gint64 now)
{
  gboolean foreign = certificate->name == NULL;
  g_autofree char *name = vt_report_escape (foreign ? "-" : certificate->name);
  g_autofree char *group =
      vt_report_escape (certificate->group[0] != '\0' ? certificate->group : "-");
  g_autofree char *issued =
      foreign ? g_strdup ("-") : vt_scand_cli_format_time (certificate->issued);
  g_autofree char *expires =
      foreign ? g_strdup ("-") : vt_scand_cli_format_time (certificate->expires);
  const char *status = "valid";

  if (certificate->revoked != 0)
    status = "revoked";
  else if (certificate->expires <= now)
    status = "expired";
  printf ("%-40s  %-17s  %-17s  %-7s  %s  %s\n", certificate->serial, issued, expires, status, name,
          group);
}

static gboolean
run_list (int argc, char **argv, GError **error)
{
  static const VtScandCliUse how = {
      .summary = "Lists the certificates that were issued, and what else was revoked."};
  g_autofree char *state_dir = NULL;
  g_autoptr (VtScandState) state = NULL;
  g_autoptr (GPtrArray) certificates = NULL;

  if (!vt_scand_cli_parse (&how, NULL, &argc, &argv, &state_dir, error) ||
      (state = vt_scand_cli_open_state (state_dir, error)) == NULL ||
      (certificates = vt_scand_state_list_certificates (state, error)) == NULL)
    return FALSE;
  printf ("%-40s  %-17s  %-17s  %-7s  %s  %s\n", "SERIAL", "ISSUED", "EXPIRES", "STATUS", "NAME",
          "GROUP");
  for (guint i = 0; i < certificates->len; i++)
    print_certificate (g_ptr_array_index (certificates, i), vt_scand_cli_now ());
  return vt_scand_cli_flush (error);
}

int
vt_scand_verb_ca (int argc, char **argv)
{
  static const VtScandCliAction actions[] = {
      {"init", "make an authority", run_init},
      {"issue", "make a key and its certificate", run_issue},
      {"revoke", "let certificates be taken no more", run_revoke},
      {"list", "list certificates", run_list},
  };

  return vt_scand_cli_run ("ca", actions, G_N_ELEMENTS (actions), argc, argv);
}
