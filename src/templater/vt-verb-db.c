// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * vtemplater db: which signatures are in use, and an update of them by freshclam(1).
 */
#include "vt-verbs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vt-cli.h"
#include "vt-engine-id.h"

static const char summary[] = "status: shows the signatures in use, their versions and age.\n"
                              "update: runs freshclam, ClamAV's updater.";

typedef struct {
  char *database;
  GStrv words;
} DbOptions;

static void
db_options_clear (DbOptions *self)
{
  g_free (self->database);
  g_strfreev (self->words);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DbOptions, db_options_clear)

static VtEngineOptions *
make_engine_options (const DbOptions *self)
{
  VtEngineOptions *options = vt_engine_options_new ();

  if (self->database != NULL) {
    g_free (options->database_dir);
    options->database_dir = g_strdup (self->database);
  }
  return options;
}

static void
print_database (const VtEngineDatabase *database)
{
  g_autofree char *age = vt_report_format_age (database->time);

  printf ("%-24s", database->name);
  if (database->version > 0)
    printf (" version %u, %u signatures,", database->version, database->signatures);
  printf (" of %s\n", age != NULL ? age : "an unknown date");
}

static int
show_status (const DbOptions *options)
{
  g_autoptr (VtEngineOptions) engine = make_engine_options (options);
  g_autoptr (GError) error = NULL;
  g_autoptr (VtEngineId) id = vt_engine_id_new (engine, NULL, &error);

  if (id == NULL)
    return vt_cli_fail ("db status", error);
  printf ("engine     libclamav %s, functionality level %u\n", id->version, id->flevel);
  printf ("directory  %s\n", engine->database_dir);
  printf ("engine id  %s\n", id->id);
  for (guint i = 0; i < id->databases->len; i++)
    print_database (g_ptr_array_index (id->databases, i));
  return VT_EXIT_CLEAN;
}

static int
update (const DbOptions *options)
{
  g_autofree char *datadir = g_strdup_printf ("--datadir=%s", options->database ?: "");
  const char *argv[] = {"freshclam", options->database != NULL ? datadir : NULL, NULL};

  execvp (argv[0], (char **)argv);
  fprintf (stderr, "vtemplater: db update: freshclam (package clamav-freshclam): %s\n",
           g_strerror (errno));
  return VT_EXIT_FAILED;
}

int
vt_verb_db (int argc, char **argv)
{
  g_auto (DbOptions) options = {0};
  g_autoptr (GOptionContext) context = g_option_context_new ("status|update");
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
      {"database", 0, 0, G_OPTION_ARG_FILENAME, &options.database,
       "Directory of the signatures (default: the system's ClamAV directory)", "DIR"},
      {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.words, NULL, NULL},
      G_OPTION_ENTRY_NULL};

  g_set_prgname ("vtemplater db");
  g_option_context_set_summary (context, summary);
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    return vt_cli_fail ("db", error);
  if (options.words != NULL && g_strv_length (options.words) == 1) {
    if (g_str_equal (options.words[0], "status"))
      return show_status (&options);
    if (g_str_equal (options.words[0], "update"))
      return update (&options);
  }
  fputs ("vtemplater: db: 'status' or 'update' must be named\n", stderr);
  return VT_EXIT_FAILED;
}
