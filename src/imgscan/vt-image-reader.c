// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The reader process of an image: export, launch, inspect, then one file system after the other.
 */
#include "vt-image-reader.h"

#include <stdlib.h>

#include "vt-block-export.h"
#include "vt-guestfs-reader.h"

typedef struct {
  const VtReaderArguments *arguments;
  VtImageSink *sink;
  VtBlockExport *export;
  VtAppliance *appliance;
  GPtrArray *filesystems; /* of VtFilesystem */
} Reader;

static void
reader_clear (Reader *self)
{
  g_clear_pointer (&self->filesystems, g_ptr_array_unref);
  g_clear_pointer (&self->appliance, vt_appliance_free);
  g_clear_pointer (&self->export, vt_block_export_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Reader, reader_clear)

static gboolean
export_image (Reader *self, GError **error)
{
  const VtImageOptions *options = self->arguments->options;
  g_auto (VtBlockInfo) info = {0};
  g_autofree char *path = g_canonicalize_filename (options->path, NULL);

  if (!vt_image_sink_phase (self->sink, "open", error))
    return FALSE;
  if (!g_file_test (path, G_FILE_TEST_EXISTS) || g_file_test (path, G_FILE_TEST_IS_DIR)) {
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_NOT_FOUND, "%s: no such file",
                 options->path);
    return FALSE;
  }
  if (!vt_block_info_read (path, options->format, options->snapshot, &info, error) ||
      !vt_image_sink_described (self->sink, info.format, info.virtual_size, error))
    return FALSE;
  self->export =
      vt_block_export_start (path, info.format, options->snapshot, self->arguments->run_dir, error);
  return self->export != NULL;
}

static gboolean
launch (Reader *self, GError **error)
{
  if (!vt_image_sink_phase (self->sink, "launch", error))
    return FALSE;
  self->appliance =
      vt_appliance_launch (vt_block_export_get_socket (self->export), self->arguments->run_dir,
                           self->arguments->force_tcg, self->sink, error);
  return self->appliance != NULL;
}

static gboolean
inspect (Reader *self, GError **error)
{
  const char *const *keys = (const char *const *)self->arguments->options->keys;

  if (!vt_image_sink_phase (self->sink, "inspect", error))
    return FALSE;
  self->filesystems = vt_guestfs_inspect (self->appliance->g, keys, self->sink, error);
  return self->filesystems != NULL;
}

/* What cannot be read costs that file system, not the scan. */
static gboolean
read_filesystem (Reader *self, guint index, VtReadOutcome *outcome, GError **error)
{
  const VtFilesystem *filesystem = g_ptr_array_index (self->filesystems, index);
  const VtReadPlan plan = {filesystem, index, self->arguments->options, self->sink};

  vt_read_outcome_set (outcome, filesystem->reason, filesystem->detail);
  if (!vt_guestfs_is_readable (filesystem))
    return vt_image_sink_expect (self->sink, 0, 0, 0, error);
  if (!vt_guestfs_read_filesystem (self->appliance, &plan, self->arguments->run_dir, outcome,
                                   error))
    return FALSE;
  if (outcome->reason != VT_REASON_NONE)
    vt_image_sink_log (self->sink, G_LOG_LEVEL_WARNING, "%s cannot be read whole: %s",
                       filesystem->id, outcome->detail);
  return TRUE;
}

static gboolean
read_all (Reader *self, GError **error)
{
  if (!vt_image_sink_phase (self->sink, "read", error))
    return FALSE;
  for (guint i = 0; i < self->filesystems->len; i++) {
    g_auto (VtReadOutcome) outcome = {0};

    if (!read_filesystem (self, i, &outcome, error) ||
        !vt_image_sink_filesystem_end (self->sink, i, outcome.reason, outcome.detail, error))
      return FALSE;
  }
  return TRUE;
}

/* Without reading, a file system's judgement is all there is to say of it. */
static gboolean
end_all (Reader *self, GError **error)
{
  for (guint i = 0; i < self->filesystems->len; i++) {
    const VtFilesystem *filesystem = g_ptr_array_index (self->filesystems, i);

    if (!vt_image_sink_filesystem_end (self->sink, i, filesystem->reason, filesystem->detail,
                                       error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
read_image (Reader *self, GError **error)
{
  if (!export_image (self, error) || !launch (self, error) || !inspect (self, error))
    return FALSE;
  return self->arguments->options->mode == VT_IMAGE_READ ? read_all (self, error)
                                                         : end_all (self, error);
}

int
vt_image_reader_main (int socket, GVariant *value)
{
  g_auto (VtReaderArguments) arguments = {0};
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);
  g_auto (Reader) self = {.arguments = &arguments, .sink = sink};
  g_autoptr (GError) error = NULL;
  gboolean sent;

  vt_reader_arguments_parse (&arguments, value);
  if (read_image (&self, &error)) {
    sent = vt_image_sink_done (sink, NULL);
  } else {
    /* The starter may be gone: then there is nobody to tell. */
    sent = vt_image_sink_failed (sink, error, NULL);
  }
  return sent ? EXIT_SUCCESS : EXIT_FAILURE;
}
