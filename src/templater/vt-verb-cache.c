// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * vtemplater cache: looks at and cuts down the verdict store. Never makes one.
 */
#include "vt-verbs.h"

#include <gio/gio.h>
#include <gio/gunixoutputstream.h>
#include <string.h>
#include <unistd.h>

#include "vt-json-writer.h"
#include "vt-report.h"
#include "vt-sink.h"
#include "vt-store.h"

#define SECONDS_PER_DAY ((gint64)24 * 60 * 60)
/* A hundred years and more; the seconds still fit. */
#define MAX_AGE_DAYS_MAX ((gint64)100000)

/* An option that was not given. */
#define NOT_GIVEN ((gint64)-1)

/* Of the JSON output. */
#define SCHEMA_VERSION 1

typedef struct {
  char *store;
  char *max_age;
  char *max_count;
  char *format;
  gint64 max_age_days; /* NOT_GIVEN, or at least 0; so the next */
  gint64 max_verdicts;
  gboolean json;
} Options;

static void
options_clear (Options *options)
{
  g_free (options->store);
  g_free (options->max_age);
  g_free (options->max_count);
  g_free (options->format);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

/* A whole number of at least 0; TEXT may be NULL. */
static gboolean
parse_number (const char *name, const char *text, gint64 max, gint64 *number, GError **error)
{
  guint64 value;

  *number = NOT_GIVEN;
  if (text == NULL)
    return TRUE;
  if (!g_ascii_string_to_unsigned (text, 10, 0, (guint64)max, &value, NULL)) {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "%s: %s: not a whole number from 0 to %" G_GINT64_FORMAT, name, text, max);
    return FALSE;
  }
  *number = (gint64)value;
  return TRUE;
}

static gboolean
check_options (Options *options, const char *action, GError **error)
{
  const char *format = options->format != NULL ? options->format : "text";
  gboolean prune = g_str_equal (action, "prune");
  gboolean limited = options->max_age != NULL || options->max_count != NULL;

  if (!prune && !g_str_equal (action, "stats") && !g_str_equal (action, "clear"))
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "%s: not one of stats, prune and clear", action);
  else if (!g_str_equal (format, "text") && !g_str_equal (format, "json"))
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--format: %s: not text or json",
                 format);
  else if (prune && !limited)
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                         "prune needs --max-age, --max-count or both");
  else if (!prune && limited)
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                         "--max-age and --max-count are for prune");
  else if (g_strcmp0 (options->store, "none") == 0)
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                         "--store: none: there is nothing to do without a store");
  else {
    options->json = g_str_equal (format, "json");
    return parse_number ("--max-age", options->max_age, MAX_AGE_DAYS_MAX, &options->max_age_days,
                         error) &&
           parse_number ("--max-count", options->max_count, G_MAXINT64, &options->max_verdicts,
                         error);
  }
  return FALSE;
}

/* The action, which is ARGV's own; NULL and ERROR if the command line makes no sense. */
static const char *
parse_options (int *argc, char ***argv, Options *options, GError **error)
{
  const GOptionEntry entries[] = {
      {"store", 0, 0, G_OPTION_ARG_FILENAME, &options->store, "The verdict store", "FILE"},
      {"max-age", 0, 0, G_OPTION_ARG_STRING, &options->max_age,
       "prune: remove what was last used more than DAYS days ago", "DAYS"},
      {"max-count", 0, 0, G_OPTION_ARG_STRING, &options->max_count,
       "prune: keep only the N verdicts used last", "N"},
      {"format", 0, 0, G_OPTION_ARG_STRING, &options->format, "text (default) or json", "FORMAT"},
      {NULL},
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("stats|prune|clear");

  g_option_context_set_summary (
      context, "Shows, prunes or empties the store of verdicts kept between scans.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, error))
    return NULL;
  if (*argc != 2) {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                 "%d actions given, not one of stats, prune and clear", *argc - 1);
    return NULL;
  }
  if (!check_options (options, (*argv)[1], error))
    return NULL;
  if (options->store == NULL)
    options->store = vt_store_default_path ();
  return (*argv)[1];
}

static void
print_date (VtSink *sink, const char *what, gint64 seconds)
{
  g_autofree char *date = vt_report_format_date (seconds);

  vt_sink_printf (sink, "%s: %s\n", what, date != NULL ? date : "unknown");
}

static void
print_stats_text (VtSink *sink, const char *path, const VtStoreStats *stats)
{
  g_autofree char *store = vt_report_escape (path);
  g_autofree char *size = vt_report_format_size (stats->file_size);

  vt_sink_printf (sink, "Store: %s\n", store);
  vt_sink_printf (sink, "Size: %s\n", size);
  vt_sink_printf (sink, "Verdicts: %" G_GUINT64_FORMAT "\n", stats->verdicts);
  vt_sink_printf (sink, "Clean: %" G_GUINT64_FORMAT "\n", stats->clean);
  vt_sink_printf (sink, "Infected: %" G_GUINT64_FORMAT "\n", stats->infected);
  vt_sink_printf (sink, "Incomplete: %" G_GUINT64_FORMAT "\n", stats->incomplete);
  vt_sink_printf (sink, "Engines: %" G_GUINT64_FORMAT "\n", stats->engines);
  if (stats->verdicts > 0) {
    print_date (sink, "Oldest use", stats->oldest_use);
    print_date (sink, "Newest use", stats->newest_use);
  }
}

static void
print_time_json (VtJsonWriter *json, const char *name, const VtStoreStats *stats, gint64 time)
{
  if (stats->verdicts > 0)
    vt_json_time (json, name, time);
  else
    vt_json_null (json, name);
}

static void
print_stats_json (VtSink *sink, const char *path, const VtStoreStats *stats)
{
  g_autoptr (VtJsonWriter) json = vt_json_writer_new (sink, TRUE);

  vt_json_begin_object (json, NULL);
  vt_json_uint (json, "schema", SCHEMA_VERSION);
  vt_json_bytes (json, "store", path);
  vt_json_uint (json, "file_size", stats->file_size);
  vt_json_uint (json, "verdicts", stats->verdicts);
  vt_json_uint (json, "clean", stats->clean);
  vt_json_uint (json, "infected", stats->infected);
  vt_json_uint (json, "incomplete", stats->incomplete);
  vt_json_uint (json, "engines", stats->engines);
  print_time_json (json, "oldest_use", stats, stats->oldest_use);
  print_time_json (json, "newest_use", stats, stats->newest_use);
  vt_json_end_object (json);
}

static void
print_removed (VtSink *sink, const Options *options, guint64 removed, guint64 left)
{
  if (options->json) {
    g_autoptr (VtJsonWriter) json = vt_json_writer_new (sink, TRUE);

    vt_json_begin_object (json, NULL);
    vt_json_uint (json, "schema", SCHEMA_VERSION);
    vt_json_bytes (json, "store", options->store);
    vt_json_uint (json, "removed", removed);
    vt_json_uint (json, "verdicts", left);
    vt_json_end_object (json);
  } else {
    vt_sink_printf (sink,
                    "Removed: %" G_GUINT64_FORMAT " verdicts\n"
                    "Left: %" G_GUINT64_FORMAT " verdicts\n",
                    removed, left);
  }
}

/* STORE is NULL when there is none; that is one without verdicts. */
static gboolean
show_stats (VtStore *store, const Options *options, VtSink *sink, GError **error)
{
  VtStoreStats stats = {0};

  if (store != NULL && !vt_store_get_stats (store, &stats, error))
    return FALSE;
  if (options->json)
    print_stats_json (sink, options->store, &stats);
  else
    print_stats_text (sink, options->store, &stats);
  return TRUE;
}

static gboolean
prune (VtStore *store, const Options *options, VtSink *sink, GError **error)
{
  gint64 max_age =
      options->max_age_days == NOT_GIVEN ? G_MAXINT64 : options->max_age_days * SECONDS_PER_DAY;
  guint64 max_count =
      options->max_verdicts == NOT_GIVEN ? G_MAXUINT64 : (guint64)options->max_verdicts;
  VtStoreStats stats = {0};
  guint64 removed = 0;

  if (store != NULL && (!vt_store_prune (store, max_age, max_count, &removed, error) ||
                        !vt_store_get_stats (store, &stats, error)))
    return FALSE;
  print_removed (sink, options, removed, stats.verdicts);
  return TRUE;
}

static gboolean
clear (VtStore *store, const Options *options, VtSink *sink, GError **error)
{
  VtStoreStats stats = {0};

  if (store != NULL &&
      (!vt_store_get_stats (store, &stats, error) || !vt_store_clear (store, error)))
    return FALSE;
  print_removed (sink, options, stats.verdicts, 0);
  return TRUE;
}

static gboolean
act (const char *action, const Options *options, VtSink *sink, GError **error)
{
  g_autoptr (VtStore) store = NULL;

  if (g_file_test (options->store, G_FILE_TEST_EXISTS)) {
    store = vt_store_open (options->store, error);
    if (store == NULL)
      return FALSE;
  }
  if (g_str_equal (action, "stats"))
    return show_stats (store, options, sink, error);
  if (g_str_equal (action, "prune"))
    return prune (store, options, sink, error);
  return clear (store, options, sink, error);
}

/* What is damaged cannot be cleared by a statement. */
static gboolean
clear_damaged (const Options *options, VtSink *sink, GError **error)
{
  if (!vt_store_remove (options->store, error))
    return FALSE;
  g_printerr ("vtemplater cache: the damaged store was removed\n");
  print_removed (sink, options, 0, 0);
  return TRUE;
}

static gboolean
act_and_print (const char *action, const Options *options, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GOutputStream) stream = g_unix_output_stream_new (STDOUT_FILENO, FALSE);
  g_autoptr (VtSink) sink = vt_sink_new (stream);
  gboolean done = act (action, options, sink, &local_error);

  if (g_error_matches (local_error, VT_STORE_ERROR, VT_STORE_ERROR_CORRUPT) &&
      g_str_equal (action, "clear")) {
    g_clear_error (&local_error);
    done = clear_damaged (options, sink, &local_error);
  }
  if (!done) {
    g_propagate_error (error, g_steal_pointer (&local_error));
    return FALSE;
  }
  if (vt_sink_finish (sink, error))
    return TRUE;
  g_prefix_error (error, "standard output: ");
  return FALSE;
}

int
vt_verb_cache (int argc, char **argv)
{
  g_auto (Options) options = {0};
  g_autoptr (GError) error = NULL;
  const char *action;

  g_set_prgname ("vtemplater cache");
  action = parse_options (&argc, &argv, &options, &error);
  if (action != NULL && act_and_print (action, &options, &error))
    return VT_EXIT_CLEAN;
  g_printerr ("vtemplater cache: %s\n", error->message);
  return VT_EXIT_FAILED;
}
