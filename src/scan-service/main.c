// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "vt-scand-service.h"
#include "vt-scand-verbs.h"

/* A connection of each agent, and the contents that are being scanned. */
#define OPEN_FILES_WANTED 65536

/* Every client can do TLS 1.2 (RFC 5246); GnuTLS would take what is older. */
#define TLS_PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

#define EXIT_OPTIONS 2

typedef struct {
  char *config;
  gboolean check;
  gboolean print;
  gboolean version;
} Options;

static const struct {
  const char *name;
  int (*run) (int argc, char **argv);
} verbs[] = {
    {"ca", vt_scand_verb_ca},
    {"token", vt_scand_verb_token},
};

static const char description[] =
    "Verbs, each with --help of its own:\n"
    "  vt-scand ca ...      certificates of the service and its agents\n"
    "  vt-scand token ...   tokens by which clones get certificates\n\n"
    "vt-scand(8) and scand.conf(5) tell more.";

static gboolean
parse_options (Options *self, int argc, char **argv, GError **error)
{
  g_autoptr (GOptionContext) context = g_option_context_new ("- scan service");
  const GOptionEntry entries[] = {
      {"config", 'c', 0, G_OPTION_ARG_FILENAME, &self->config,
       "Configuration (default: /etc/vtemplater/scand.conf)", "FILE"},
      {"check", 0, 0, G_OPTION_ARG_NONE, &self->check, "Check the configuration, and end", NULL},
      {"print-config", 0, 0, G_OPTION_ARG_NONE, &self->print,
       "Print all keys of the configuration with their values, and end", NULL},
      {"version", 0, 0, G_OPTION_ARG_NONE, &self->version, "Print the version, and end", NULL},
      G_OPTION_ENTRY_NULL};

  g_option_context_set_description (context, description);
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, error))
    return FALSE;
  if (argc == 1)
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "there is no verb '%s'", argv[1]);
  return FALSE;
}

/* To the journal with its fields, to anything else a line. */
static GLogWriterOutput
write_log (GLogLevelFlags level, const GLogField *fields, gsize n, gpointer user_data)
{
  if (g_log_writer_is_journald (STDERR_FILENO))
    return g_log_writer_journald (level, fields, n, user_data);
  if (level == G_LOG_LEVEL_DEBUG && g_getenv ("G_MESSAGES_DEBUG") == NULL)
    return G_LOG_WRITER_HANDLED;
  for (gsize i = 0; i < n; i++)
    if (g_str_equal (fields[i].key, "MESSAGE"))
      fprintf (stderr, "vt-scand: %s\n", (const char *)fields[i].value);
  return G_LOG_WRITER_HANDLED;
}

static void
raise_limit_of_open_files (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
    return;
  limit.rlim_cur = MAX (limit.rlim_cur, MIN (limit.rlim_max, OPEN_FILES_WANTED));
  if (setrlimit (RLIMIT_NOFILE, &limit) != 0)
    g_debug ("limit of open files: %s", g_strerror (errno));
}

/* With one of the standard descriptors closed, a socket of ours would get its number. */
static void
open_standard_descriptors (void)
{
  int fd;

  do
    fd = open ("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0)
    close (fd);
}

static gboolean
on_quit (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_CONTINUE;
}

/* An engine has been in force. */
static gboolean is_ready;

static gboolean
on_reload (gpointer service)
{
  g_autoptr (GError) error = NULL;

  sd_notifyf (FALSE, "RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time ());
  if (!vt_scand_service_reload (service, &error))
    g_warning ("not reloaded, all stays as it was: %s", error->message);
  if (is_ready)
    sd_notify (FALSE, "READY=1");
  return G_SOURCE_CONTINUE;
}

static gboolean
on_watchdog (gpointer user_data)
{
  sd_notify (FALSE, "WATCHDOG=1");
  return G_SOURCE_CONTINUE;
}

static void
on_ready (gpointer user_data)
{
  is_ready = TRUE;
  sd_notify (FALSE, "READY=1\nSTATUS=An engine is in force.");
}

static void
start_watchdog (void)
{
  guint64 usec;

  if (sd_watchdog_enabled (FALSE, &usec) > 0)
    g_timeout_add ((guint)MAX (usec / 2000, 1), on_watchdog, NULL);
}

static int
serve (VtScandService *service)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);

  g_unix_signal_add (SIGTERM, on_quit, loop);
  g_unix_signal_add (SIGINT, on_quit, loop);
  g_unix_signal_add (SIGHUP, on_reload, service);
  start_watchdog ();
  vt_scand_service_set_ready_func (service, on_ready, NULL);
  g_message ("port %u, local port %u", vt_scand_service_get_port (service),
             vt_scand_service_get_local_port (service));
  g_main_loop_run (loop);
  sd_notify (FALSE, "STOPPING=1");
  return 0;
}

static int
print_config (const VtScandConfig *config)
{
  g_autofree char *text = vt_scand_config_print (config);

  fputs (text, stdout);
  if (fflush (stdout) == 0)
    return 0;
  fprintf (stderr, "vt-scand: standard output cannot be written: %s\n", g_strerror (errno));
  return EXIT_OPTIONS;
}

/* The spawner is forked first of all, while there is one thread. */
static int
run (VtScandConfig *taken)
{
  g_autoptr (VtScandConfig) config = taken;
  g_autoptr (GError) error = NULL;
  g_autoptr (VtSpawner) spawner = NULL;
  g_autoptr (VtScandService) service = NULL;
  int n = sd_listen_fds (TRUE);
  g_autofree int *fds = g_new (int, MAX (n, 0) + 1);

  for (int i = 0; i < n; i++)
    fds[i] = SD_LISTEN_FDS_START + i;
  spawner = vt_spawner_new (&error);
  if (spawner != NULL)
    service =
        vt_scand_service_new (g_steal_pointer (&config), spawner, fds, (gsize)MAX (n, 0), &error);
  if (service != NULL)
    return serve (service);
  g_warning ("%s", error->message);
  return EXIT_OPTIONS;
}

static int
run_with_options (int argc, char **argv)
{
  g_autoptr (VtScandConfig) config = NULL;
  g_autoptr (GError) error = NULL;
  Options options = {0};
  int status = 0;

  if (!parse_options (&options, argc, argv, &error)) {
    fprintf (stderr, "vt-scand: %s; 'vt-scand --help' tells more\n", error->message);
    return EXIT_OPTIONS;
  }
  if (options.version) {
    puts ("vt-scand " VT_VERSION);
    g_free (options.config);
    return 0;
  }
  config = vt_scand_config_new (
      options.config != NULL ? options.config : "/etc/vtemplater/scand.conf", &error);
  if (config == NULL) {
    fprintf (stderr, "vt-scand: %s\n", error->message);
    status = EXIT_OPTIONS;
  } else if (options.check) {
    puts ("The configuration is good.");
  } else if (options.print) {
    status = print_config (config);
  } else {
    status = run (g_steal_pointer (&config));
  }
  g_free (options.config);
  return status;
}

int
main (int argc, char **argv)
{
  open_standard_descriptors ();
  setlocale (LC_ALL, "");
  g_set_prgname ("vt-scand");
  g_log_set_writer_func (write_log, NULL, NULL);
  for (gsize i = 0; argc > 1 && i < G_N_ELEMENTS (verbs); i++)
    if (strcmp (argv[1], verbs[i].name) == 0)
      return verbs[i].run (argc - 1, argv + 1);
  g_setenv ("G_TLS_GNUTLS_PRIORITY", TLS_PRIORITY, FALSE);
  raise_limit_of_open_files ();
  return run_with_options (argc, argv);
}
