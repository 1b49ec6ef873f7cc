// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * vtemplater inspect: what is in an image, in a few lines or as JSON.
 */
#include "vt-verbs.h"

#include <stdio.h>
#include <string.h>

#include "vt-cli-output.h"
#include "vt-cli.h"
#include "vt-image-run.h"
#include "vt-inspect-template.h"
#include "vt-template-source.h"
#include "vt-unwrap.h"

static const VtCliVerb verb = {
    .summary =
        "Shows the file systems and operating systems of a disk image, and the clean cache of a\n"
        "template that is in it, without changing it.",
    .groups = VT_CLI_READING | VT_CLI_TRUST,
};

typedef struct {
  VtCliOptions cli;
  VtUnwrap unwrap;
  VtPublicKey *key;
  GPtrArray *results; /* of VtScanResult */
} Inspection;

static void
inspection_clear (Inspection *self)
{
  g_clear_pointer (&self->results, g_ptr_array_unref);
  g_clear_pointer (&self->key, vt_public_key_free);
  vt_cli_options_clear (&self->cli);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Inspection, inspection_clear)

static void
on_message (GLogLevelFlags level, const char *text, gpointer user_data)
{
  const Inspection *self = user_data;
  g_autofree char *safe = vt_report_escape (text);

  if (level > G_LOG_LEVEL_WARNING ? self->cli.verbose : !self->cli.quiet)
    fprintf (stderr, "vtemplater: %s\n", safe);
}

/* Nearly every word of it is the image's: the line is escaped as a whole. LINE is taken. */
static void
append_line (GString *out, GString *line)
{
  g_autofree char *text = g_string_free (line, FALSE);
  g_autofree char *safe = vt_report_escape (text);

  g_string_append (out, safe);
  g_string_append_c (out, '\n');
}

static void
append_system (GString *out, const VtOperatingSystem *system)
{
  GString *line = g_string_new (NULL);

  g_string_append_printf (line, "system       %s: %s", system->root,
                          system->product[0] != '\0' ? system->product : system->type);
  if (system->arch[0] != '\0')
    g_string_append_printf (line, ", %s", system->arch);
  if (system->hostname[0] != '\0')
    g_string_append_printf (line, ", host name %s", system->hostname);
  if (system->package_manager[0] != '\0')
    g_string_append_printf (line, ", packages by %s (%s)", system->package_manager,
                            system->package_format);
  append_line (out, line);
}

static void
append_filesystem (GString *out, const VtFilesystem *filesystem)
{
  g_autofree char *size = vt_report_format_size (filesystem->size);
  GString *line = g_string_new (NULL);

  g_string_append_printf (line, "file system  %s: %s, %s", filesystem->id, filesystem->type, size);
  if (filesystem->uuid[0] != '\0')
    g_string_append_printf (line, ", UUID %s", filesystem->uuid);
  if (filesystem->label[0] != '\0')
    g_string_append_printf (line, ", label %s", filesystem->label);
  if (filesystem->mountpoint != NULL)
    g_string_append_printf (line, ", mounted at %s", filesystem->mountpoint);
  if (filesystem->reason != VT_REASON_NONE)
    g_string_append_printf (line, " (%s: %s)", vt_reason_to_string (filesystem->reason),
                            filesystem->detail ?: "");
  append_line (out, line);
}

static char *
format_day (gint64 time)
{
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (time);

  return date != NULL ? g_date_time_format (date, "%Y-%m-%d") : g_strdup ("an unknown day");
}

/* All of it may be anybody's word unless the signature was checked. */
static void
append_cache (GString *out, const VtEmbeddedCache *cache)
{
  GString *line = g_string_new ("template     ");

  if (cache->id == NULL) {
    g_string_append (line, "its clean cache cannot be read");
  } else {
    g_autofree char *created = format_day (cache->created);
    g_autofree char *signatures = format_day (cache->signatures_time);

    g_string_append_printf (
        line, "%s, made on %s, %" G_GUINT64_FORMAT " clean files, engine %s, signatures of %s",
        cache->id, created, cache->clean, cache->engine, signatures);
    if (cache->expires != G_MAXINT64) {
      g_autofree char *expires = format_day (cache->expires);
      g_string_append_printf (line, ", until %s", expires);
    }
  }
  append_line (out, line);
  line = g_string_new ("signature    ");
  if (cache->problem != NULL)
    g_string_append_printf (line, "NOT VALID: %s", cache->problem);
  else
    g_string_append (line, cache->checked ? "valid" : "not checked (--pubkey)");
  append_line (out, line);
}

static void
append_image (GString *out, const VtScanResult *result)
{
  g_autofree char *size = vt_report_format_size (result->virtual_size);
  GString *line = g_string_new (NULL);

  if (out->len > 0)
    g_string_append_c (out, '\n');
  g_string_append_printf (line, "image        %s: %s, %s", result->path, result->format, size);
  append_line (out, line);
  for (guint i = 0; i < result->systems->len; i++)
    append_system (out, g_ptr_array_index (result->systems, i));
  for (guint i = 0; i < result->filesystems->len; i++)
    append_filesystem (out, g_ptr_array_index (result->filesystems, i));
  if (result->cache != NULL)
    append_cache (out, result->cache);
}

static gboolean
write_report (const Inspection *self, GError **error)
{
  g_autoptr (GOutputStream) stream = vt_cli_open_output (self->cli.output, error);
  g_autoptr (GString) text = g_string_new (NULL);

  if (stream == NULL)
    return FALSE;
  if (g_strcmp0 (self->cli.format, "json") == 0)
    return vt_report_write_inspection (self->results, stream, error) &&
           g_output_stream_close (stream, NULL, error);
  for (guint i = 0; i < self->results->len; i++)
    append_image (text, g_ptr_array_index (self->results, i));
  return g_output_stream_write_all (stream, text->str, text->len, NULL, NULL, error) &&
         g_output_stream_close (stream, NULL, error);
}

/* Whether it is about a file in the image; all else would fail once more. */
static gboolean
is_about_the_cache (const GError *error)
{
  return error->domain != VT_IMAGE_ERROR || error->code == VT_IMAGE_ERROR_BAD_IMAGE;
}

/* What is in the image, without a look for a clean cache. */
static VtScanResult *
look_into_without_cache (Inspection *self, VtImageOptions *options, GError **error)
{
  const VtImageRun run = {.message = on_message, .user_data = self};
  g_autoptr (VtScanResult) result = vt_scan_result_new (options->path);

  options->mode = VT_IMAGE_INSPECT;
  if (!vt_image_run (self->unwrap.spawner, options, result, &run, NULL, error))
    return NULL;
  return g_steal_pointer (&result);
}

static VtScanResult *
look_into (Inspection *self, VtImageOptions *options, GError **error)
{
  g_auto (VtTemplateParts) parts = VT_TEMPLATE_PARTS_INIT;
  g_autoptr (GError) failure = NULL;

  if (vt_template_parts_fetch_with (&parts, self->unwrap.spawner, options, on_message, self, NULL,
                                    &failure)) {
    vt_inspect_template (&parts, self->key, parts.image);
    return g_steal_pointer (&parts.image);
  }
  if (is_about_the_cache (failure)) {
    on_message (G_LOG_LEVEL_INFO, failure->message, self);
    return look_into_without_cache (self, options, error);
  }
  g_propagate_error (error, g_steal_pointer (&failure));
  return NULL;
}

static gboolean
inspect_part (Inspection *self, VtWrapper *wrapper, guint index, GError **error)
{
  const char *name = vt_wrapper_get_name (wrapper, index);
  g_autoptr (VtImageOptions) options = vt_cli_make_image_options (&self->cli, name);
  VtScanResult *result = NULL;

  if (vt_unwrap_prepare (&self->unwrap, wrapper, index, options, NULL, error))
    result = look_into (self, options, error);
  if (result != NULL)
    g_ptr_array_add (self->results, result);
  else
    g_prefix_error (error, "%s: ", name);
  return result != NULL;
}

static gboolean
run (Inspection *self, GError **error)
{
  const char *path = self->cli.images[0];
  g_autoptr (VtSpawner) spawner = vt_spawner_new (error);
  g_autoptr (VtWrapper) wrapper = NULL;

  if (spawner == NULL)
    return FALSE;
  self->unwrap.spawner = spawner;
  self->results = g_ptr_array_new_with_free_func ((GDestroyNotify)vt_scan_result_free);
  wrapper = vt_unwrap_open (&self->unwrap, path, NULL, error);
  if (wrapper == NULL) {
    g_prefix_error (error, "%s: ", path);
    return FALSE;
  }
  for (guint i = 0; i < vt_wrapper_get_n_images (wrapper); i++)
    if (!inspect_part (self, wrapper, i, error))
      return FALSE;
  return TRUE;
}

static gboolean
check_arguments (Inspection *self, GError **error)
{
  const char *format = self->cli.format ?: "text";

  if (self->cli.pubkey != NULL &&
      (self->key = vt_public_key_load (self->cli.pubkey, error)) == NULL)
    return FALSE;
  if (g_str_equal (format, "text") || g_str_equal (format, "json"))
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
               "--format takes text or json here, not '%s'", format);
  return FALSE;
}

int
vt_verb_inspect (int argc, char **argv)
{
  g_auto (Inspection) self = {0};
  g_autoptr (GError) error = NULL;

  if (!vt_cli_options_parse (&self.cli, &verb, argc, argv, NULL, &error) ||
      !check_arguments (&self, &error) || !vt_unwrap_init (&self.unwrap, &self.cli, &error) ||
      !run (&self, &error) || !write_report (&self, &error))
    return vt_cli_fail ("inspect", error);
  return VT_EXIT_CLEAN;
}
