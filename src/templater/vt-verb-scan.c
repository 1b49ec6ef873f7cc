// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * vtemplater scan: scans disk images, a few at a time, and writes one report.
 */
#include "vt-verbs.h"

#include <stdio.h>

#include "vt-cli-output.h"
#include "vt-clone.h"
#include "vt-fd.h"
#include "vt-judge.h"
#include "vt-scan-batch.h"

static const VtCliVerb verb = {
    .summary =
        "Scans disk images offline: qcow2, raw, vmdk, vhd, vhdx, vdi, or a block device;\n"
        "also within an OVA, or compressed by gzip, xz, Zstandard or bzip2.\n"
        "Exit status: 0 clean, 1 something infected, 2 failed, 3 something not scanned whole.",
    .groups = VT_CLI_READING | VT_CLI_ENGINE | VT_CLI_SELECTION | VT_CLI_TEMPLATE | VT_CLI_TRUST |
              VT_CLI_AGE | VT_CLI_MANY,
};

/* Everything a scan needs, in the order it is set up; taken down in the opposite one. */
typedef struct {
  VtCliOptions cli;
  VtReportFormat format;
  VtSession session;
  VtClone clone;
  GOutputStream *output;
  GOutputStream *manifest;
  VtScanBatch *batch;
  GPtrArray *results; /* of VtScanResult, the batch's; once all have ended */
  gint64 start;       /* when the opening of the next one began, waiting for others left out */
  guint begun;        /* images named that were, in whatever number of results they have */
} ScanCommand;

static void
scan_command_clear (ScanCommand *self)
{
  g_clear_pointer (&self->manifest, vt_cli_discard_output);
  g_clear_pointer (&self->output, vt_cli_discard_output);
  g_clear_pointer (&self->batch, vt_scan_batch_free);
  vt_clone_clear (&self->clone);
  vt_session_clear (&self->session);
  vt_cli_options_clear (&self->cli);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScanCommand, scan_command_clear)

static gboolean
read_command_line (ScanCommand *self, int argc, char **argv, GError **error)
{
  if (!vt_cli_options_parse (&self->cli, &verb, argc, argv, NULL, error) ||
      !vt_cli_get_report_format (&self->cli, &self->format, error))
    return FALSE;
  if (self->cli.manifest != NULL && self->cli.images[1] != NULL) {
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                         "--manifest describes one image: name one only");
    return FALSE;
  }
  return vt_session_init (&self->session, &self->cli, error) &&
         vt_clone_init (&self->clone, &self->session, error);
}

/* What others have on disk would be missed by what is to be unpacked. */
static void
wait_for_all (gpointer user_data)
{
  ScanCommand *self = user_data;
  gint64 start = g_get_monotonic_time ();

  vt_scan_batch_wait_for_all (self->batch);
  self->start += g_get_monotonic_time () - start;
}

static gboolean
set_up (ScanCommand *self, GError **error)
{
  if (!vt_session_begin (&self->session, error) || !vt_clone_open (&self->clone, error) ||
      !vt_session_complete (&self->session, error))
    return FALSE;
  /* Before the scan: what cannot be written is said before it has cost anything. */
  self->output = vt_cli_open_output (self->cli.output, error);
  if (self->output == NULL)
    return FALSE;
  if (self->cli.manifest != NULL) {
    self->manifest = vt_cli_open_output (self->cli.manifest, error);
    if (self->manifest == NULL)
      return FALSE;
  }
  self->batch = vt_scan_batch_new (&self->session);
  self->session.unwrap.make_room = wait_for_all;
  self->session.unwrap.user_data = self;
  return TRUE;
}

/* What went wrong with it is told, and leaves the report and its judgement alone. */
static gboolean
write_manifest (ScanCommand *self, VtManifest *manifest, const VtScanResult *result, GError **error)
{
  if (result->error != NULL || result->partial) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                         "not written, since the scan did not reach its end");
    return FALSE;
  }
  if (!vt_manifest_write (manifest, result, self->manifest, error) ||
      !g_output_stream_close (self->manifest, NULL, error))
    return FALSE;
  g_clear_object (&self->manifest);
  return TRUE;
}

/* Of an image that could not be opened, or was not begun: ERROR says why, or that it was cancelled.
 */
static void
add_failure (ScanCommand *self, const char *path, const GError *error)
{
  VtScanResult *result = vt_scan_result_new (path);

  result->engine = self->session.engine_id;
  result->snapshot = g_strdup (self->cli.snapshot);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    result->partial = TRUE;
  else
    result->error = g_error_copy (error);
  vt_scan_batch_add (self->batch, result);
}

/* What the scan of one image needs, once it has been opened. */
typedef struct {
  VtImageOptions *options;
  int file; /* what they name, or -1 */
  VtTemplate *template;
} Opened;

static void
opened_clear (Opened *self)
{
  g_clear_pointer (&self->options, vt_image_options_free);
  g_clear_pointer (&self->template, vt_template_unref);
  vt_fd_clear (&self->file);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Opened, opened_clear)

static gboolean
open_part (ScanCommand *self, VtWrapper *wrapper, guint index, Opened *opened, GError **error)
{
  GCancellable *cancellable = self->session.cancellable;

  return !g_cancellable_set_error_if_cancelled (cancellable, error) &&
         vt_unwrap_prepare (&self->session.unwrap, wrapper, index, opened->options, cancellable,
                            error) &&
         vt_wrapper_hold (wrapper, opened->options, &opened->file, error) &&
         vt_clone_prepare (&self->clone, opened->options, &opened->template, error);
}

/* With a manifest there is one image only. */
static gboolean
scan_with_manifest (ScanCommand *self, Opened *opened, double seconds, GError **error)
{
  g_autoptr (VtManifest) manifest = vt_manifest_new (error);
  guint number;

  if (manifest == NULL)
    return FALSE;
  number = vt_scan_batch_start (self->batch, opened->options, vt_fd_steal (&opened->file),
                                opened->template, manifest, seconds);
  if (write_manifest (self, manifest, vt_scan_batch_wait (self->batch, number), error))
    return TRUE;
  g_prefix_error_literal (error, "manifest: ");
  return FALSE;
}

static gboolean
scan_part (ScanCommand *self, VtWrapper *wrapper, guint index, GError **error)
{
  const char *name = vt_wrapper_get_name (wrapper, index);
  g_auto (Opened) opened = {vt_session_new_image_options (&self->session, name), -1, NULL};
  g_autoptr (GError) failure = NULL;
  double seconds;
  guint number;

  if (!open_part (self, wrapper, index, &opened, &failure)) {
    add_failure (self, name, failure);
    return TRUE;
  }
  seconds = (double)(g_get_monotonic_time () - self->start) / G_USEC_PER_SEC;
  if (self->manifest != NULL)
    return scan_with_manifest (self, &opened, seconds, error);
  number = vt_scan_batch_start (self->batch, opened.options, vt_fd_steal (&opened.file),
                                opened.template, NULL, seconds);
  /* What is unpacked, and the large files of others, would take each other's room on disk. */
  if (self->session.unwrap.unpacked)
    vt_scan_batch_wait (self->batch, number);
  return TRUE;
}

static gboolean
check_manifest (const ScanCommand *self, const VtWrapper *wrapper, GError **error)
{
  guint n = vt_wrapper_get_n_images (wrapper);

  if (self->manifest == NULL || n == 1)
    return TRUE;
  g_set_error (
      error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
      "--manifest describes one image, and there are %u in it; unpack it, and scan them one "
      "by one",
      n);
  return FALSE;
}

/* FALSE: something could not be written; what went wrong with the image is in its result. */
static gboolean
scan_image (ScanCommand *self, const char *image, GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_autoptr (VtWrapper) wrapper = NULL;

  self->start = g_get_monotonic_time ();
  wrapper = vt_unwrap_open (&self->session.unwrap, image, self->session.cancellable, &failure);
  if (wrapper == NULL || !check_manifest (self, wrapper, &failure)) {
    add_failure (self, image, failure);
    return TRUE;
  }
  for (guint i = 0; i < vt_wrapper_get_n_images (wrapper); i++) {
    if (!scan_part (self, wrapper, i, error))
      return FALSE;
    vt_scan_batch_wait_for_room (self->batch);
    self->start = g_get_monotonic_time ();
  }
  return TRUE;
}

static gboolean
write_report (ScanCommand *self, GError **error)
{
  if (!vt_report_write (self->format, self->results, self->output, error) ||
      !g_output_stream_close (self->output, NULL, error))
    return FALSE;
  g_clear_object (&self->output);
  return TRUE;
}

/* Of several images, an infected one wins over a failed one, and that over an incomplete one. */
static VtExit
judge (const ScanCommand *self)
{
  static const VtExit order[] = {VT_EXIT_INFECTED, VT_EXIT_FAILED, VT_EXIT_INCOMPLETE};
  guint left = 0;

  /* Stopped between two images: of those that were not begun nothing is known. */
  if (g_cancellable_is_cancelled (self->session.cancellable))
    left = g_strv_length (self->cli.images) - self->begun;
  for (gsize i = 0; i < G_N_ELEMENTS (order); i++) {
    if (order[i] == VT_EXIT_FAILED && left > 0)
      return VT_EXIT_FAILED;
    for (guint k = 0; k < self->results->len; k++)
      if (vt_judge_result (g_ptr_array_index (self->results, k), self->cli.allow_incomplete) ==
          order[i])
        return order[i];
  }
  return VT_EXIT_CLEAN;
}

static void
print_failures (const ScanCommand *self)
{
  for (guint i = self->begun; self->cli.images[i] != NULL; i++) {
    g_autofree char *path = vt_report_escape (self->cli.images[i]);
    fprintf (stderr, "vtemplater: %s: stopped before it was begun: not scanned\n", path);
  }
  for (guint i = 0; i < self->results->len; i++)
    vt_judge_print_failure (g_ptr_array_index (self->results, i));
}

/* Scans all images, as far as there is no interrupt. FALSE: something could not be written. */
static gboolean
scan_all (ScanCommand *self)
{
  gboolean written = TRUE;

  for (char **image = self->cli.images; *image != NULL; image++) {
    g_autoptr (GError) error = NULL;

    if (g_cancellable_is_cancelled (self->session.cancellable))
      break;
    self->begun++;
    if (!scan_image (self, *image, &error)) {
      vt_cli_fail ("scan", error);
      written = FALSE;
    }
  }
  self->results = vt_scan_batch_wait_for_all (self->batch);
  return written;
}

int
vt_verb_scan (int argc, char **argv)
{
  g_auto (ScanCommand) self = {0};
  g_autoptr (GError) error = NULL;
  gboolean written;
  VtExit verdict;

  if (!read_command_line (&self, argc, argv, &error) || !set_up (&self, &error))
    return vt_cli_fail ("scan", error);
  vt_session_catch_signals (&self.session);
  written = scan_all (&self);
  if (self.results->len > 0 && !write_report (&self, &error)) {
    vt_cli_fail ("scan", error);
    written = FALSE;
  }
  print_failures (&self);
  verdict = judge (&self);
  /* Something infected wins over all. */
  return verdict == VT_EXIT_INFECTED || written ? verdict : VT_EXIT_FAILED;
}
