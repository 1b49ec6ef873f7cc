// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-template-source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "vt-clean-cache.h"
#include "vt-dsse.h"
#include "vt-fd.h"
#include "vt-image-run.h"

/* Taking files out of an image, until it is done. */
typedef struct {
  VtTemplateParts *parts;
  void (*message) (GLogLevelFlags level, const char *text, gpointer user_data); /* or NULL */
  gpointer user_data;
  GError *error;
} Fetch;

void
vt_template_parts_clear (VtTemplateParts *self)
{
  g_clear_pointer (&self->envelope, g_bytes_unref);
  vt_fd_clear (&self->database);
  g_clear_pointer (&self->files, g_ptr_array_unref);
  g_clear_pointer (&self->image, vt_scan_result_free);
}

/* NULL: it cannot be read, or is too large for an envelope. */
static GBytes *
read_envelope (int fd, guint64 size, GError **error)
{
  g_autofree guint8 *bytes = NULL;

  if (size > VT_DSSE_ENVELOPE_MAX) {
    g_set_error (error, VT_DSSE_ERROR, VT_DSSE_ERROR_MALFORMED,
                 "an envelope of %" G_GUINT64_FORMAT " bytes is larger than %zu", size,
                 VT_DSSE_ENVELOPE_MAX);
    return NULL;
  }
  bytes = g_malloc (size);
  if (vt_fd_read_at (fd, 0, bytes, size) != (gssize)size) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "the envelope cannot be read");
    return NULL;
  }
  return g_bytes_new_take (g_steal_pointer (&bytes), size);
}

static void
on_file (VtImageFile *owned, gpointer user_data)
{
  g_autoptr (VtImageFile) file = owned;
  Fetch *self = user_data;
  VtTemplateParts *parts = self->parts;

  if (self->error != NULL || file->memfd < 0)
    return;
  if (g_str_equal (file->result->path, VT_TEMPLATE_ENVELOPE)) {
    g_clear_pointer (&parts->envelope, g_bytes_unref);
    parts->envelope = read_envelope (file->memfd, file->result->size, &self->error);
  } else if (g_str_equal (file->result->path, VT_TEMPLATE_DATABASE)) {
    vt_fd_clear (&parts->database);
    parts->database = vt_fd_steal (&file->memfd);
  }
  g_ptr_array_add (parts->files, g_steal_pointer (&file->result));
}

static void
on_restarted (gpointer user_data)
{
  Fetch *self = user_data;

  g_clear_pointer (&self->parts->envelope, g_bytes_unref);
  vt_fd_clear (&self->parts->database);
  g_ptr_array_set_size (self->parts->files, 0);
  g_clear_error (&self->error);
}

static void
on_message (GLogLevelFlags level, const char *text, gpointer user_data)
{
  const Fetch *self = user_data;

  if (self->message != NULL)
    self->message (level, text, self->user_data);
}

gboolean
vt_template_parts_fetch (VtTemplateParts *self,
                         VtSpawner *spawner,
                         const VtImageOptions *options,
                         GCancellable *cancellable,
                         GError **error)
{
  return vt_template_parts_fetch_with (self, spawner, options, NULL, NULL, cancellable, error);
}

gboolean
vt_template_parts_fetch_with (VtTemplateParts *self,
                              VtSpawner *spawner,
                              const VtImageOptions *options,
                              void (*message) (GLogLevelFlags, const char *, gpointer),
                              gpointer user_data,
                              GCancellable *cancellable,
                              GError **error)
{
  static const char *const paths[] = {VT_TEMPLATE_ENVELOPE, VT_TEMPLATE_DATABASE, NULL};
  g_autoptr (VtImageOptions) copy = vt_image_options_copy (options);
  Fetch fetch = {self, message, user_data, NULL};
  const VtImageRun run = {
      .message = on_message, .restarted = on_restarted, .file = on_file, .user_data = &fetch};

  self->files = g_ptr_array_new_with_free_func ((GDestroyNotify)vt_file_result_free);
  self->image = vt_scan_result_new (options->path);
  copy->mode = VT_IMAGE_FETCH;
  g_strfreev (copy->fetch);
  copy->fetch = g_strdupv ((char **)paths);
  copy->max_file_size = VT_CLEAN_CACHE_SIZE_MAX;
  if (!vt_image_run (spawner, copy, self->image, &run, cancellable, error)) {
    g_clear_error (&fetch.error);
    return FALSE;
  }
  if (fetch.error == NULL)
    return TRUE;
  g_propagate_error (error, fetch.error);
  return FALSE;
}

gboolean
vt_template_is_envelope (const char *file)
{
  vt_autofd fd = open (file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  char start[64];
  gssize n = fd >= 0 ? vt_fd_read_at (fd, 0, start, sizeof start) : 0;
  gssize i = 0;

  while (i < n && g_ascii_isspace (start[i]))
    i++;
  return i < n && start[i] == '{';
}

char *
vt_template_database_path (const char *file)
{
  static const char *const suffixes[] = {".dsse.json", ".dsse", ".json"};
  gsize length = strlen (file);
  g_autofree char *stem = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (suffixes); i++)
    if (g_str_has_suffix (file, suffixes[i])) {
      length -= strlen (suffixes[i]);
      break;
    }
  stem = g_strndup (file, length);
  return g_strconcat (stem, ".clean.db", NULL);
}

static int
open_file (const char *path, guint64 *size, GError **error)
{
  vt_autofd fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  off_t end = fd >= 0 ? lseek (fd, 0, SEEK_END) : -1;

  if (end >= 0) {
    *size = (guint64)end;
    return vt_fd_steal (&fd);
  }
  g_set_error (error, G_IO_ERROR, (gint)g_io_error_from_errno (errno), "%s: %s", path,
               g_strerror (errno));
  return -1;
}

gboolean
vt_template_parts_read (VtTemplateParts *self, const char *file, GError **error)
{
  g_autofree char *database = vt_template_database_path (file);
  guint64 size;
  vt_autofd fd = open_file (file, &size, error);

  if (fd < 0)
    return FALSE;
  self->envelope = read_envelope (fd, size, error);
  if (self->envelope == NULL)
    return FALSE;
  self->database = open_file (database, &size, error);
  if (self->database >= 0)
    return TRUE;
  g_prefix_error (error, "the clean cache beside the envelope: ");
  return FALSE;
}

/* Where a part of the template itself is, if the file can be told again by that. */
static void
add_file (const VtTemplateParts *self, VtTemplate *template, const VtFileResult *file)
{
  const VtFilesystem *filesystem = g_ptr_array_index (self->image->filesystems, file->filesystem);
  gint fs = vt_template_find_filesystem (template, filesystem);
  VtCleanFile clean = {
      .inode = file->inode,
      .generation = file->generation,
      .size = file->size,
      .mtime_ns = file->mtime_ns,
      .ctime_ns = file->ctime_ns,
      .digest = vt_template_get_statement (template)->subject,
  };

  if (fs < 0 || file->inode == 0)
    return;
  clean.fs = (guint)fs;
  if (g_str_equal (file->path, VT_TEMPLATE_ENVELOPE))
    clean.digest = vt_digest_of_data (g_bytes_get_data (self->envelope, NULL),
                                      g_bytes_get_size (self->envelope));
  vt_template_add_file (template, &clean);
}

VtTemplate *
vt_template_parts_open (const VtTemplateParts *self,
                        const VtPublicKey *key,
                        const VtStatementPolicy *policy,
                        const char *image,
                        GError **error)
{
  VtTemplate *template = NULL;

  if (self->envelope != NULL && self->database >= 0) {
    template = vt_template_open (self->envelope, self->database, key, policy, image, error);
    for (guint i = 0; template != NULL && self->files != NULL && i < self->files->len; i++)
      add_file (self, template, g_ptr_array_index (self->files, i));
    return template;
  }
  g_set_error (error, VT_TEMPLATE_ERROR, VT_TEMPLATE_ERROR_NONE,
               "it holds no clean cache: %s is missing",
               self->envelope == NULL ? VT_TEMPLATE_ENVELOPE : VT_TEMPLATE_DATABASE);
  return NULL;
}
