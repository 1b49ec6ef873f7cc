// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vt-verbs.h"

#define SECONDS_A_DAY ((gint64)24 * 60 * 60)

void
vt_cli_options_clear (VtCliOptions *self)
{
  g_free (self->database);
  g_free (self->store);
  g_free (self->format);
  g_free (self->output);
  g_free (self->manifest);
  g_free (self->backend);
  g_free (self->image_format);
  g_free (self->snapshot);
  g_free (self->progress);
  g_free (self->password_file);
  g_free (self->template);
  g_free (self->attestation);
  g_free (self->pubkey);
  vt_cli_limits_clear (&self->limits);
  g_strfreev (self->passwords);
  g_free (self->max_unpacked_image);
  g_strfreev (self->backing);
  g_strfreev (self->keys);
  g_strfreev (self->include);
  g_strfreev (self->exclude);
  g_strfreev (self->images);
  memset (self, 0, sizeof *self);
}

static void
add_image_options (GOptionContext *context, VtCliOptions *self)
{
  const GOptionEntry entries[] = {
      {"image-format", 0, 0, G_OPTION_ARG_STRING, &self->image_format,
       "The image's format, as QEMU names it: qcow2, raw and so on (default: found out)", "FORMAT"},
      {"allow-backing", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &self->backing,
       "Allow the image to lie upon other files: FILE, or all below a directory; may be given more "
       "than once",
       "FILE"},
      {"key", 0, 0, G_OPTION_ARG_STRING_ARRAY, &self->keys,
       "Open an encrypted device: DEVICE:key:STRING or DEVICE:file:FILE; DEVICE may be 'all'",
       "SELECTOR"},
      {"backend", 0, 0, G_OPTION_ARG_STRING, &self->backend,
       "How to read the image: auto, direct or guestfs (default: auto)", "BACKEND"},
      {"launch-timeout", 0, 0, G_OPTION_ARG_INT, &self->launch_timeout,
       "Seconds the appliance may take to start with KVM before it is started without "
       "(default: " G_STRINGIFY (VT_IMAGE_LAUNCH_TIMEOUT_S) ")",
       "SECONDS"},
      {"stall-timeout", 0, 0, G_OPTION_ARG_INT, &self->stall_timeout,
       "Seconds without a sign of life after which the reading of an image is given up "
       "(default: " G_STRINGIFY (VT_IMAGE_STALL_TIMEOUT_S) ")",
       "SECONDS"},
      {"quiet", 'q', 0, G_OPTION_ARG_NONE, &self->quiet, "No progress and no warnings", NULL},
      {"verbose", 'v', 0, G_OPTION_ARG_NONE, &self->verbose, "Tell what is done", NULL},
      {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &self->images, NULL, NULL},
      G_OPTION_ENTRY_NULL};

  g_option_context_add_main_entries (context, entries, NULL);
}

static void
add_reading_options (GOptionContext *context, VtCliOptions *self)
{
  const GOptionEntry entries[] = {
      {"no-unwrap", 0, 0, G_OPTION_ARG_NONE, &self->no_unwrap,
       "Take the file for an image as it is, though it begins like an archive or compressed", NULL},
      {"max-unpacked-image", 0, 0, G_OPTION_ARG_STRING, &self->max_unpacked_image,
       "Largest image that is unpacked from a compressed file (default: 64G)", "SIZE"},
      {"snapshot", 0, 0, G_OPTION_ARG_STRING, &self->snapshot,
       "Read this internal snapshot of a qcow2 image", "NAME"},
      {"format", 0, 0, G_OPTION_ARG_STRING, &self->format, "How the report is written", "FORMAT"},
      {"output", 0, 0, G_OPTION_ARG_FILENAME, &self->output,
       "Write the report to FILE instead of standard output", "FILE"},
      G_OPTION_ENTRY_NULL};

  g_option_context_add_main_entries (context, entries, NULL);
}

static void
add_engine_options (GOptionContext *context, VtCliOptions *self)
{
  const GOptionEntry entries[] = {
      {"database", 0, 0, G_OPTION_ARG_FILENAME, &self->database,
       "Directory of the signatures (default: the system's ClamAV directory)", "DIR"},
      {"store", 0, 0, G_OPTION_ARG_FILENAME, &self->store,
       "The verdict store, or 'none' (default: verdicts.db in the cache directory)", "FILE"},
      {"jobs", 'j', 0, G_OPTION_ARG_INT, &self->jobs,
       "Contents, and up to 4 images, scanned at a time (default: the number of processors)", "N"},
      {"password", 0, 0, G_OPTION_ARG_STRING_ARRAY, &self->passwords,
       "Try PASSWORD for encrypted archives; may be given more than once", "PASSWORD"},
      {"password-file", 0, 0, G_OPTION_ARG_FILENAME, &self->password_file,
       "Try each line of FILE for encrypted archives", "FILE"},
      {"progress", 0, 0, G_OPTION_ARG_STRING, &self->progress,
       "auto, none or plain (default: auto, a bar on a terminal)", "HOW"},
      {"allow-incomplete", 0, 0, G_OPTION_ARG_NONE, &self->allow_incomplete,
       "Go on, and exit with 0, though some files were not scanned whole", NULL},
      G_OPTION_ENTRY_NULL};

  g_option_context_add_main_entries (context, entries, NULL);
  vt_cli_limits_add (context, &self->limits);
}

static void
add_selection_options (GOptionContext *context, VtCliOptions *self)
{
  const GOptionEntry entries[] = {
      {"manifest", 0, 0, G_OPTION_ARG_FILENAME, &self->manifest,
       "Write every file's identity and verdict to FILE, as JSON Lines", "FILE"},
      {"include", 0, 0, G_OPTION_ARG_STRING_ARRAY, &self->include,
       "Scan only files whose path matches GLOB; may be given more than once", "GLOB"},
      {"exclude", 0, 0, G_OPTION_ARG_STRING_ARRAY, &self->exclude,
       "Leave out files whose path matches GLOB; may be given more than once", "GLOB"},
      G_OPTION_ENTRY_NULL};

  g_option_context_add_main_entries (context, entries, NULL);
}

static void
add_template_options (GOptionContext *context, VtCliOptions *self)
{
  const GOptionEntry entries[] = {
      {"template", 0, 0, G_OPTION_ARG_FILENAME, &self->template,
       "The template that the image is a clone of: the template's image, or its envelope with the "
       "clean cache beside it; needs --pubkey",
       "FILE"},
      {"attestation", 0, 0, G_OPTION_ARG_FILENAME, &self->attestation,
       "Take the envelope FILE and the clean cache beside it, instead of those in the template's "
       "image",
       "FILE"},
      G_OPTION_ENTRY_NULL};

  g_option_context_add_main_entries (context, entries, NULL);
}

static void
add_trust_options (GOptionContext *context, VtCliOptions *self)
{
  const GOptionEntry entries[] = {{"pubkey", 0, 0, G_OPTION_ARG_FILENAME, &self->pubkey,
                                   "The public key that a template must be signed with", "FILE"},
                                  G_OPTION_ENTRY_NULL};

  g_option_context_add_main_entries (context, entries, NULL);
}

static void
add_age_options (GOptionContext *context, VtCliOptions *self)
{
  const GOptionEntry entries[] = {
      {"max-verdict-age", 0, 0, G_OPTION_ARG_INT, &self->max_verdict_age,
       "Days that the signatures behind verdicts may be old, where they are not those in use",
       "DAYS"},
      G_OPTION_ENTRY_NULL};

  g_option_context_add_main_entries (context, entries, NULL);
}

gint64
vt_cli_get_max_verdict_age (const VtCliOptions *self)
{
  return self->max_verdict_age != VT_CLI_NOT_GIVEN ? self->max_verdict_age * SECONDS_A_DAY : 0;
}

static const char *const backends[] = {
    [VT_BACKEND_AUTO] = "auto",
    [VT_BACKEND_DIRECT] = "direct",
    [VT_BACKEND_GUESTFS] = "guestfs",
    NULL,
};

/* G_N_ELEMENTS (backends) if there is no such backend. */
static guint
find_backend (const char *name)
{
  for (guint i = 0; backends[i] != NULL; i++)
    if (name == NULL || g_str_equal (backends[i], name))
      return i;
  return G_N_ELEMENTS (backends);
}

static gboolean
check_values (const VtCliOptions *self, GError **error)
{
  if (self->jobs < 0 || self->launch_timeout < 0 || self->stall_timeout < 0) {
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                         "--jobs and the options that take seconds take no negative number");
    return FALSE;
  }
  if (self->max_verdict_age < 0 && self->max_verdict_age != VT_CLI_NOT_GIVEN) {
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                         "--max-verdict-age takes no negative number");
    return FALSE;
  }
  if (find_backend (self->backend) < G_N_ELEMENTS (backends))
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
               "--backend takes auto, direct or guestfs, not '%s'", self->backend);
  return FALSE;
}

static void
add_options (GOptionContext *context, VtCliOptions *self, VtCliGroups groups)
{
  add_image_options (context, self);
  if ((groups & VT_CLI_READING) != 0)
    add_reading_options (context, self);
  if ((groups & VT_CLI_ENGINE) != 0)
    add_engine_options (context, self);
  if ((groups & VT_CLI_SELECTION) != 0)
    add_selection_options (context, self);
  if ((groups & VT_CLI_TEMPLATE) != 0)
    add_template_options (context, self);
  if ((groups & VT_CLI_TRUST) != 0)
    add_trust_options (context, self);
  if ((groups & VT_CLI_AGE) != 0)
    add_age_options (context, self);
}

static gboolean
check_images (const VtCliOptions *self, const char *program, VtCliGroups groups, GError **error)
{
  if (self->images == NULL || self->images[0] == NULL) {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                 "no image was named; '%s --help' tells more", program);
    return FALSE;
  }
  if ((groups & VT_CLI_MANY) != 0 || self->images[1] == NULL)
    return TRUE;
  g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "one image can be named");
  return FALSE;
}

gboolean
vt_cli_options_parse (VtCliOptions *self,
                      const VtCliVerb *verb,
                      int argc,
                      char **argv,
                      gpointer verb_data,
                      GError **error)
{
  gboolean many = (verb->groups & VT_CLI_MANY) != 0;
  g_autoptr (GOptionContext) context = g_option_context_new (many ? "IMAGE..." : "IMAGE");
  g_autofree char *program = g_strdup_printf ("vtemplater %s", argv[0]);

  self->max_verdict_age = VT_CLI_NOT_GIVEN;
  g_set_prgname (program);
  g_option_context_set_summary (context, verb->summary);
  add_options (context, self, verb->groups);
  if (verb->add != NULL)
    verb->add (context, verb_data);
  return g_option_context_parse (context, &argc, &argv, error) && check_values (self, error) &&
         check_images (self, program, verb->groups, error);
}

VtEngineOptions *
vt_cli_make_engine_options (const VtCliOptions *self, GError **error)
{
  g_autoptr (VtEngineOptions) options = vt_engine_options_new ();

  if (self->database != NULL) {
    g_free (options->database_dir);
    options->database_dir = g_strdup (self->database);
  }
  return vt_cli_limits_apply (&self->limits, options, error) ? g_steal_pointer (&options) : NULL;
}

/* They go to another process in one message. */
static gboolean
check_passwords (GStrv passwords, GError **error)
{
  gsize bytes = 0;

  for (char **password = passwords; *password != NULL; password++)
    bytes += strlen (*password) + 1;
  if (bytes <= VT_CLI_PASSWORDS_MAX)
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
               "passwords: %zu bytes in all, at most %zu are taken", bytes, VT_CLI_PASSWORDS_MAX);
  return FALSE;
}

gboolean
vt_cli_read_passwords (const VtCliOptions *self, GStrv *passwords, GError **error)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  *passwords = NULL;
  if (self->passwords == NULL && self->password_file == NULL)
    return TRUE;
  if (self->passwords != NULL)
    g_strv_builder_addv (builder, (const char **)self->passwords);
  if (self->password_file != NULL &&
      !g_file_get_contents (self->password_file, &text, NULL, error)) {
    g_prefix_error (error, "passwords: ");
    return FALSE;
  }
  lines = g_strsplit (text ?: "", "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (**line != '\0')
      g_strv_builder_add (builder, g_strchomp (*line));
  *passwords = g_strv_builder_end (builder);
  return check_passwords (*passwords, error);
}

gboolean
vt_cli_make_wrapper_options (const VtCliOptions *self, VtWrapperOptions *options, GError **error)
{
  *options = (VtWrapperOptions){.max_size = VT_WRAPPER_MAX_SIZE,
                                .stall_timeout_s = VT_IMAGE_STALL_TIMEOUT_S,
                                .take_as_it_is = self->no_unwrap};
  if (self->stall_timeout > 0)
    options->stall_timeout_s = (guint)self->stall_timeout;
  if (self->max_unpacked_image != NULL &&
      !vt_cli_parse_size ("--max-unpacked-image", self->max_unpacked_image, &options->max_size,
                          error))
    return FALSE;
  options->max_size = MIN (options->max_size, G_MAXINT64);
  return TRUE;
}

static void
replace_strv (GStrv *field, GStrv values)
{
  if (values == NULL)
    return;
  g_strfreev (*field);
  *field = g_strdupv (values);
}

VtImageOptions *
vt_cli_make_image_options (const VtCliOptions *self, const char *image)
{
  g_autoptr (VtImageOptions) options = vt_image_options_new (image);

  options->format = g_strdup (self->image_format);
  options->snapshot = g_strdup (self->snapshot);
  replace_strv (&options->backing, self->backing);
  replace_strv (&options->keys, self->keys);
  replace_strv (&options->include, self->include);
  replace_strv (&options->exclude, self->exclude);
  options->backend = (VtBackend)find_backend (self->backend);
  if (self->launch_timeout > 0)
    options->launch_timeout_s = (guint)self->launch_timeout;
  if (self->stall_timeout > 0)
    options->stall_timeout_s = (guint)self->stall_timeout;
  return g_steal_pointer (&options);
}

gboolean
vt_cli_get_report_format (const VtCliOptions *self, VtReportFormat *format, GError **error)
{
  *format = VT_REPORT_TEXT;
  if (self->format == NULL || vt_report_format_from_string (self->format, format))
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
               "--format takes text, json, sarif or junit, not '%s'", self->format);
  return FALSE;
}

gboolean
vt_cli_get_progress_style (const VtCliOptions *self, VtProgressStyle *style, GError **error)
{
  const char *name = self->progress ?: "auto";

  if (g_str_equal (name, "auto")) {
    *style = isatty (STDERR_FILENO) ? VT_PROGRESS_BAR : VT_PROGRESS_NONE;
  } else if (g_str_equal (name, "plain")) {
    *style = VT_PROGRESS_PLAIN;
  } else if (g_str_equal (name, "none")) {
    *style = VT_PROGRESS_NONE;
  } else {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "--progress takes auto, none or plain, not '%s'", name);
    return FALSE;
  }
  if (self->quiet)
    *style = VT_PROGRESS_NONE;
  return TRUE;
}

int
vt_cli_fail (const char *verb, const GError *error)
{
  g_autofree char *safe = vt_report_escape (error->message);

  fprintf (stderr, "vtemplater: %s: %s\n", verb, safe);
  return VT_EXIT_FAILED;
}
