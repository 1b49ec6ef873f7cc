// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * vt-scand token: what agents join with.
 */
#include "vt-scand-verbs.h"

#include <stdio.h>

#include "vt-config.h"
#include "vt-report.h"
#include "vt-scand-cli.h"
#include "vt-scand-files.h"
#include "vt-secret.h"

#define USES_DEFAULT    1
#define USES_MAX        ((guint64)1000 * 1000 * 1000)
#define EXPIRES_DEFAULT "24h"
/* Ten years: who wants a token for longer wants another one by then. */
#define EXPIRES_MAX_S ((guint64)3650 * 24 * 60 * 60)

typedef struct {
  char *state_dir;
  char *uses_text;
  char *expires_text;
  char *group;
  char *out;
} NewOptions;

static void
new_options_clear (NewOptions *self)
{
  g_free (self->state_dir);
  g_free (self->uses_text);
  g_free (self->expires_text);
  g_free (self->group);
  g_free (self->out);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (NewOptions, new_options_clear)

static gboolean
take_expires (const char *text, gint64 now, gint64 *expires, GError **error)
{
  guint64 seconds;

  if (vt_config_parse_duration (text != NULL ? text : EXPIRES_DEFAULT, &seconds) && seconds >= 1 &&
      seconds <= EXPIRES_MAX_S) {
    *expires = now + (gint64)seconds;
    return TRUE;
  }
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
               "--expires: '%s' is not a time such as 90s, 30m, 12h or 7d, up to "
               "%" G_GUINT64_FORMAT "d",
               text, EXPIRES_MAX_S / (24 * 60 * 60));
  return FALSE;
}

/* TOKEN to where it was wished. */
static gboolean
give (const char *token, const char *id, const char *out, GError **error)
{
  vt_autosecret *line = NULL;

  if (out == NULL) {
    puts (token);
    return vt_scand_cli_flush (error);
  }
  line = g_strconcat (token, "\n", NULL);
  if (!vt_scand_file_write_new (out, line, 0600, VT_SCAND_FILE_OWN, error))
    return FALSE;
  printf ("Token id: %s\n", id);
  return vt_scand_cli_flush (error);
}

static gboolean
make (
    VtScandState *state, const VtScandTokenWish *wish, gint64 now, const char *out, GError **error)
{
  g_autofree char *id = NULL;
  vt_autosecret *token = vt_scand_state_add_token (state, wish, now, &id, error);
  g_autoptr (GError) ignored = NULL;

  if (token == NULL)
    return FALSE;
  if (give (token, id, out, error))
    return TRUE;
  /* Nobody has it: it is of no use to anybody, and if it stays, it expires. */
  if (!vt_scand_state_remove_token (state, id, &ignored))
    g_debug ("%s", ignored->message);
  return FALSE;
}

static gboolean
parse_new (NewOptions *self, int *argc, char ***argv, GError **error)
{
  static const VtScandCliUse how = {
      .summary = "Makes a token that agents join with, and prints it. It is shown only once."};
  const GOptionEntry entries[] = {
      {"uses", 0, 0, G_OPTION_ARG_STRING, &self->uses_text,
       "How many agents may join with it (" G_STRINGIFY (USES_DEFAULT) "); 0: any number", "N"},
      {"expires", 0, 0, G_OPTION_ARG_STRING, &self->expires_text,
       "How long it is valid, such as 30m, 12h or 7d (" EXPIRES_DEFAULT ")", "TIME"},
      {"group", 0, 0, G_OPTION_ARG_STRING, &self->group, "The group of those who join", "GROUP"},
      {"out", 0, 0, G_OPTION_ARG_FILENAME, &self->out,
       "Write it to FILE, which must not be there yet, not to standard output", "FILE"},
      G_OPTION_ENTRY_NULL};

  return vt_scand_cli_parse (&how, entries, argc, argv, &self->state_dir, error);
}

static gboolean
run_new (int argc, char **argv, GError **error)
{
  g_auto (NewOptions) options = {0};
  gint64 now = vt_scand_cli_now ();
  g_autoptr (VtScandState) state = NULL;
  VtScandTokenWish wish = {0};

  if (!parse_new (&options, &argc, &argv, error) ||
      !vt_scand_cli_take_number ("--uses", options.uses_text, 0, USES_MAX, USES_DEFAULT, &wish.uses,
                                 error) ||
      !take_expires (options.expires_text, now, &wish.expires, error) ||
      (options.out != NULL && !vt_scand_file_check_free (options.out, error)))
    return FALSE;
  wish.group = options.group;
  state = vt_scand_cli_open_state (options.state_dir, error);
  return state != NULL && make (state, &wish, now, options.out, error);
}

static void
print_token (const VtScandToken *token, gint64 now)
{
  g_autofree char *group = vt_report_escape (token->group[0] != '\0' ? token->group : "-");
  g_autofree char *expires = vt_scand_cli_format_time (token->expires);
  g_autofree char *uses =
      token->uses == 0 ? g_strdup ("any") : g_strdup_printf ("%" G_GUINT64_FORMAT, token->uses);
  const char *status = "valid";

  if (token->expires <= now)
    status = "expired";
  else if (token->uses != 0 && token->used >= token->uses)
    status = "used up";
  printf ("%-8s  %-17s  %-7s  %6" G_GUINT64_FORMAT "  %6s  %s\n", token->id, expires, status,
          token->used, uses, group);
}

static gboolean
run_list (int argc, char **argv, GError **error)
{
  static const VtScandCliUse how = {.summary = "Lists the tokens; their texts are not kept."};
  g_autofree char *state_dir = NULL;
  g_autoptr (VtScandState) state = NULL;
  g_autoptr (GPtrArray) tokens = NULL;

  if (!vt_scand_cli_parse (&how, NULL, &argc, &argv, &state_dir, error) ||
      (state = vt_scand_cli_open_state (state_dir, error)) == NULL ||
      (tokens = vt_scand_state_list_tokens (state, error)) == NULL)
    return FALSE;
  printf ("%-8s  %-17s  %-7s  %6s  %6s  %s\n", "ID", "EXPIRES", "STATUS", "USED", "OF", "GROUP");
  for (guint i = 0; i < tokens->len; i++)
    print_token (g_ptr_array_index (tokens, i), vt_scand_cli_now ());
  return vt_scand_cli_flush (error);
}

static gboolean
run_remove (int argc, char **argv, GError **error)
{
  static const VtScandCliUse how = {
      .arguments = "ID",
      .summary = "Withdraws a token. Agents that have joined with it already stay.",
      .min = 1,
      .max = 1};
  g_autofree char *state_dir = NULL;
  g_autoptr (VtScandState) state = NULL;

  if (!vt_scand_cli_parse (&how, NULL, &argc, &argv, &state_dir, error) ||
      (state = vt_scand_cli_open_state (state_dir, error)) == NULL)
    return FALSE;
  return vt_scand_state_remove_token (state, argv[1], error);
}

int
vt_scand_verb_token (int argc, char **argv)
{
  static const VtScandCliAction actions[] = {
      {"new", "make a token that agents join with", run_new},
      {"list", "list the tokens", run_list},
      {"remove", "withdraw a token", run_remove},
  };

  return vt_scand_cli_run ("token", actions, G_N_ELEMENTS (actions), argc, argv);
}
