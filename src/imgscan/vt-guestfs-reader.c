// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The reader process that works through libguestfs's appliance: export, launch, inspect, then one
 * file system after the other.
 */
#include <stdlib.h>
#include <string.h>

#include "vt-block-export.h"
#include "vt-guestfs-list.h"
#include "vt-guestfs-tar.h"
#include "vt-image-reader.h"
#include "vt-ipc.h"

typedef struct {
  const VtReaderArguments *arguments;
  VtImageSink *sink;
  VtAppliance *appliance;
  GPtrArray *filesystems; /* of VtFilesystem */
  GPtrArray *lists;       /* of VtFileList, or NULL where a file system cannot be read */
} Reader;

static VtBlockExport *
export_image (const VtReaderArguments *arguments, VtImageSink *sink, GError **error)
{
  const VtImageOptions *options = arguments->options;
  g_auto (VtBlockInfo) info = {0};
  g_autofree char *path = g_canonicalize_filename (options->path, NULL);

  if (!vt_image_sink_phase (sink, "open", error))
    return NULL;
  if (!g_file_test (path, G_FILE_TEST_EXISTS) || g_file_test (path, G_FILE_TEST_IS_DIR)) {
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_NOT_FOUND, "%s: no such file",
                 options->path);
    return NULL;
  }
  if (!vt_block_info_read (path, options->format, options->snapshot, &info, error) ||
      !vt_image_sink_described (sink, info.format, info.virtual_size, error))
    return NULL;
  return vt_block_export_start (path, info.format, options->snapshot, arguments->run_dir, error);
}

/* What cannot be mounted or listed costs that file system, not the scan. */
static void
note_unreadable (Reader *self, VtFilesystem *filesystem, const GError *why)
{
  filesystem->reason = VT_REASON_READ_ERROR;
  g_free (filesystem->detail);
  filesystem->detail = g_strdup (why->message);
  vt_image_sink_log (self->sink, G_LOG_LEVEL_WARNING, "%s cannot be read: %s", filesystem->id,
                     why->message);
}

static VtFileList *
list_filesystem (Reader *self, VtFilesystem *filesystem)
{
  guestfs_h *g = self->appliance->g;
  g_autoptr (GError) error = NULL;
  g_autofree char *messages = NULL;
  VtFileList *list = NULL;

  if (!vt_guestfs_is_readable (filesystem))
    return NULL;
  if (vt_guestfs_mount (g, filesystem, &error))
    list =
        vt_guestfs_list (self->appliance, filesystem, self->arguments->options, &messages, &error);
  if (error == NULL && messages != NULL)
    error = g_error_new (VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER, "not listed whole: %.*s",
                         (int)strcspn (messages, "\n"), messages);
  if (error != NULL)
    note_unreadable (self, filesystem, error);
  guestfs_umount_all (g);
  return list;
}

static gboolean
list_all (Reader *self, GError **error)
{
  guint64 names = 0;
  guint64 bytes = 0;
  guint64 excluded = 0;

  for (guint i = 0; i < self->filesystems->len; i++) {
    VtFileList *list = list_filesystem (self, g_ptr_array_index (self->filesystems, i));
    guint64 more_names;
    guint64 more_bytes;

    g_ptr_array_add (self->lists, list);
    if (list == NULL)
      continue;
    vt_file_list_count_wanted (list, &more_names, &more_bytes);
    names += more_names;
    bytes += more_bytes;
    excluded += vt_file_list_count_excluded (list);
  }
  return vt_image_sink_expect (self->sink, names, bytes, excluded, error);
}

static gboolean
read_filesystem (Reader *self, guint index, VtReadOutcome *outcome, GError **error)
{
  const VtFilesystem *filesystem = g_ptr_array_index (self->filesystems, index);
  const VtReadPlan plan = {filesystem, index, g_ptr_array_index (self->lists, index),
                           self->arguments->options};

  if (plan.list == NULL) {
    outcome->reason = filesystem->reason;
    outcome->detail = g_strdup (filesystem->detail);
    return TRUE;
  }
  if (!vt_guestfs_mount (self->appliance->g, filesystem, error) ||
      !vt_guestfs_read_files (self->appliance, &plan, self->arguments->run_dir, self->sink, outcome,
                              error))
    return FALSE;
  /* What is listed was read, but the list may not be whole. */
  if (outcome->reason == VT_REASON_NONE && filesystem->reason != VT_REASON_NONE) {
    outcome->reason = filesystem->reason;
    outcome->detail = g_strdup (filesystem->detail);
  }
  guestfs_umount_all (self->appliance->g);
  return TRUE;
}

static gboolean
read_all (Reader *self, GError **error)
{
  if (!list_all (self, error) || !vt_image_sink_phase (self->sink, "read", error))
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
  const VtImageOptions *options = self->arguments->options;
  g_autoptr (VtBlockExport) export = export_image (self->arguments, self->sink, error);
  g_autoptr (VtAppliance) appliance = NULL;

  if (export == NULL || !vt_image_sink_phase (self->sink, "launch", error))
    return FALSE;
  appliance = vt_appliance_launch (vt_block_export_get_socket (export), self->arguments->run_dir,
                                   self->arguments->force_tcg, self->sink, error);
  if (appliance == NULL || !vt_image_sink_phase (self->sink, "inspect", error))
    return FALSE;
  self->appliance = appliance;
  self->filesystems =
      vt_guestfs_inspect (appliance->g, (const char *const *)options->keys, self->sink, error);
  if (self->filesystems == NULL)
    return FALSE;
  return options->mode == VT_IMAGE_READ ? read_all (self, error) : end_all (self, error);
}

static void
file_list_free_or_null (gpointer list)
{
  if (list != NULL)
    vt_file_list_free (list);
}

int
vt_guestfs_reader_main (int socket, GVariant *value)
{
  g_auto (VtReaderArguments) arguments = {0};
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);
  g_autoptr (GPtrArray) lists = g_ptr_array_new_with_free_func (file_list_free_or_null);
  g_autoptr (GError) error = NULL;
  Reader self = {.arguments = &arguments, .sink = sink, .lists = lists};
  gboolean sent;

  vt_reader_arguments_parse (&arguments, value);
  if (read_image (&self, &error)) {
    sent = vt_image_sink_done (sink, NULL);
  } else {
    /* The starter may be gone: then there is nobody to tell. */
    sent = vt_image_sink_failed (sink, error, NULL);
  }
  g_clear_pointer (&self.filesystems, g_ptr_array_unref);
  return sent ? EXIT_SUCCESS : EXIT_FAILURE;
}
