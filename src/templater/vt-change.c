// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-change.h"

#include <stdio.h>
#include <string.h>

#include "vt-image-run.h"

/* Bytes that an edit has in a message beside its strings, roughly. */
#define EDIT_OVERHEAD 64

void
vt_change_begin (VtChange *self, VtSession *session, const char *image)
{
  self->session = session;
  self->image = image;
  self->options = vt_session_new_image_options (session, image);
}

gboolean
vt_change_aim (VtChange *self, const char *output, const char *output_format, GError **error)
{
  self->output = output;
  self->output_format = output_format;
  return output != NULL || vt_commit_target_look_at (self->image, &self->target, error);
}

void
vt_change_clear (VtChange *self)
{
  g_clear_pointer (&self->options, vt_image_options_free);
  g_clear_pointer (&self->overlay, vt_overlay_free);
}

void
vt_change_print_message (GLogLevelFlags level, const char *text, gpointer data)
{
  const VtChange *self = data;
  const VtCliOptions *cli = self->session->cli;
  g_autofree char *image = vt_report_escape (self->image);
  g_autofree char *safe = vt_report_escape (text);

  if (level > G_LOG_LEVEL_WARNING ? cli->verbose : !cli->quiet)
    fprintf (stderr, "vtemplater: %s: %s\n", image, safe);
}

void
vt_change_say (const VtChange *self, const char *what)
{
  if (self->session->progress != VT_PROGRESS_NONE)
    fprintf (stderr, "vtemplater: %s\n", what);
}

gboolean
vt_change_inspect (VtChange *self, VtScanResult *result, GError **error)
{
  const VtImageRun run = {.message = vt_change_print_message, .user_data = self};
  g_autoptr (VtImageOptions) options = vt_image_options_copy (self->options);

  options->mode = VT_IMAGE_INSPECT;
  return vt_image_run (self->session->spawner, options, result, &run, self->session->cancellable,
                       error);
}

gboolean
vt_change_start_over (VtChange *self, guint64 virtual_size, GError **error)
{
  g_clear_pointer (&self->options->overlay, g_free);
  g_clear_pointer (&self->overlay, vt_overlay_free);
  self->overlay = vt_overlay_new (virtual_size, error);
  if (self->overlay == NULL)
    return FALSE;
  self->options->overlay = g_strdup (vt_overlay_get_path (self->overlay));
  return TRUE;
}

/* As many of EDITS, from FIRST on, as go in one run. */
static GPtrArray *
take_some (GPtrArray *edits, guint first)
{
  g_autoptr (GPtrArray) some = g_ptr_array_new ();
  gsize bytes = 0;

  for (guint i = first; i < edits->len && some->len < VT_IMAGE_EDITS_MAX; i++) {
    const VtImageEdit *edit = g_ptr_array_index (edits, i);

    bytes += strlen (edit->path) + strlen (edit->source) + EDIT_OVERHEAD;
    if (edit->label != NULL)
      bytes += g_bytes_get_size (edit->label);
    if (some->len > 0 && bytes > VT_IMAGE_PATHS_SIZE_MAX)
      break;
    g_ptr_array_add (some, (gpointer)edit);
  }
  return vt_image_edits_copy (some);
}

gboolean
vt_change_edit (VtChange *self, GPtrArray *edits, GError **error)
{
  const VtImageRun run = {.message = vt_change_print_message, .user_data = self};

  for (guint done = 0; done < edits->len;) {
    g_autoptr (VtImageOptions) options = vt_image_options_copy (self->options);
    g_autoptr (VtScanResult) result = vt_scan_result_new (self->image);

    options->mode = VT_IMAGE_EDIT;
    g_ptr_array_unref (options->edits);
    options->edits = take_some (edits, done);
    done += options->edits->len;
    if (!vt_image_run (self->session->spawner, options, result, &run, self->session->cancellable,
                       error))
      return FALSE;
  }
  return TRUE;
}

gboolean
vt_change_put_in_place (VtChange *self, GError **error)
{
  vt_change_say (self, "writing the image");
  if (self->output != NULL)
    return vt_commit_to_new_file (self->session->spawner, self->options, self->output,
                                  self->output_format, self->session->cancellable, error);
  return vt_commit_in_place (self->session->spawner, self->options, &self->target,
                             self->session->cancellable, error);
}
