// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scand-cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vt-report.h"

static void
print_help (const char *verb, const VtScandCliAction *actions, gsize n, FILE *stream)
{
  fprintf (stream, "Usage: vt-scand %s ACTION [OPTION...] [ARGUMENT...]\n\nActions:\n", verb);
  for (gsize i = 0; i < n; i++)
    fprintf (stream, "  %-8s %s\n", actions[i].name, actions[i].summary);
  fprintf (stream, "\n'vt-scand %s ACTION --help' shows an action's options.\n", verb);
}

static int
run_action (const char *verb, const VtScandCliAction *action, int argc, char **argv, GError **error)
{
  g_autofree char *name = g_strdup_printf ("vt-scand %s %s", verb, action->name);

  g_set_prgname (name);
  return action->run (argc, argv, error);
}

static gboolean
find_and_run (const char *verb,
              const VtScandCliAction *actions,
              gsize n,
              int argc,
              char **argv,
              GError **error)
{
  for (gsize i = 0; i < n; i++)
    if (g_str_equal (actions[i].name, argv[1]))
      return run_action (verb, &actions[i], argc - 1, argv + 1, error);
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
               "%s has no action '%s'; 'vt-scand %s --help' lists them", verb, argv[1], verb);
  return FALSE;
}

int
vt_scand_cli_run (const char *verb, const VtScandCliAction *actions, gsize n, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *safe = NULL;

  if (argc < 2) {
    print_help (verb, actions, n, stderr);
    return 2;
  }
  if (g_str_equal (argv[1], "--help") || g_str_equal (argv[1], "-h")) {
    print_help (verb, actions, n, stdout);
    return fflush (stdout) == 0 ? 0 : 2;
  }
  if (find_and_run (verb, actions, n, argc, argv, &error))
    return 0;
  safe = vt_report_escape (error->message);
  fprintf (stderr, "vt-scand: %s\n", safe);
  return 2;
}

gboolean
vt_scand_cli_parse (const VtScandCliUse *use,
                    const GOptionEntry *entries,
                    int *argc,
                    char ***argv,
                    char **state_dir,
                    GError **error)
{
  g_autoptr (GOptionContext) context = g_option_context_new (use->arguments);
  const GOptionEntry shared[] = {{"state-dir", 0, 0, G_OPTION_ARG_FILENAME, state_dir,
                                  "Where the service keeps its state (" VT_SCAND_STATE_DIR ")",
                                  "DIR"},
                                 G_OPTION_ENTRY_NULL};

  g_option_context_set_summary (context, use->summary);
  if (entries != NULL)
    g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_main_entries (context, shared, NULL);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  /* What follows a "--" is an argument, whatever it looks like. */
  if (*argc > 1 && g_str_equal ((*argv)[1], "--")) {
    (*argv)[1] = (*argv)[0];
    (*argv)++;
    (*argc)--;
  }
  if (*argc - 1 < use->min || *argc - 1 > use->max) {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                 "%d arguments were given, not %d to %d; --help tells more", *argc - 1, use->min,
                 use->max);
    return FALSE;
  }
  if (*state_dir == NULL)
    *state_dir = g_strdup (VT_SCAND_STATE_DIR);
  return TRUE;
}

gboolean
vt_scand_cli_take_number (const char *name,
                          const char *text,
                          guint64 min,
                          guint64 max,
                          guint64 fallback,
                          guint64 *number,
                          GError **error)
{
  *number = fallback;
  if (text == NULL || g_ascii_string_to_unsigned (text, 10, min, max, number, NULL))
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
               "%s: '%s' is not a whole number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
               name, text, min, max);
  return FALSE;
}

VtScandState *
vt_scand_cli_open_state (const char *state_dir, GError **error)
{
  g_autofree char *path = g_build_filename (state_dir, "state.db", NULL);

  return vt_scand_state_open (path, error);
}

gint64
vt_scand_cli_now (void)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

char *
vt_scand_cli_format_time (gint64 time)
{
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (time);

  return date != NULL ? g_date_time_format (date, "%Y-%m-%dT%H:%MZ")
                      : g_strdup_printf ("%" G_GINT64_FORMAT, time);
}

gboolean
vt_scand_cli_flush (GError **error)
{
  if (fflush (stdout) == 0)
    return TRUE;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
               "standard output cannot be written: %s", g_strerror (errno));
  return FALSE;
}
