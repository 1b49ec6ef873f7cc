// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-verify.h"

#include <string.h>

#include "vt-image-run.h"
#include "vt-template-open.h"

/* Of the files in a cache, more than a half must be as it says. */
#define MATCHED_MIN(files) ((files) / 2)

typedef struct {
  const VtVerifyOrder *order;
  VtScanResult *result;
  guint8 *seen; /* for each file of the cache */
  VtVerifyCounts counts;
  GError *error;
} Verification;

static gboolean
has_same_identity (const VtCleanFile *known, const VtFileResult *file)
{
  /* What was read through the appliance has no generation. */
  return (known->generation == 0 || file->generation == 0 ||
          known->generation == file->generation) &&
         known->size == file->size && known->mtime_ns == file->mtime_ns &&
         known->ctime_ns == file->ctime_ns;
}

static const VtCleanFile *
find (const Verification *self, const VtFileResult *file, gsize *index)
{
  gint fs = vt_template_find_filesystem (
      self->order->template, g_ptr_array_index (self->result->filesystems, file->filesystem));

  if (fs < 0)
    return NULL;
  return vt_template_find_file (self->order->template, (guint)fs, file->inode, index);
}

/* Whether the content, if it is looked at, is the one in the cache. */
static gboolean
has_same_content (Verification *self, const VtCleanFile *known, const VtImageFile *file)
{
  VtDigest digest = file->result->digest;

  if (!self->order->deep)
    return TRUE;
  if (file->memfd >= 0 && !vt_digest_of_fd (file->memfd, file->result->size, &digest, &self->error))
    return FALSE;
  if (file->memfd >= 0 || file->result->has_digest)
    return vt_digest_equal (&digest, &known->digest);
  if (self->error == NULL)
    self->error = g_error_new (VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE, "%s cannot be read",
                               file->result->path);
  return FALSE;
}

static void
count_known (Verification *self, const VtCleanFile *known, const VtImageFile *file)
{
  if (!has_same_identity (known, file->result)) {
    self->counts.changed++;
  } else if (has_same_content (self, known, file)) {
    self->counts.matched++;
  } else if (self->error == NULL) {
    self->counts.forged++;
    self->order->forged (file->result->path, self->order->user_data);
  }
}

/* Neither the cache nor its envelope is in itself, but they may be in one that is beside the image.
 */
static gboolean
is_the_cache_itself (const VtFileResult *file)
{
  return g_str_equal (file->path, VT_TEMPLATE_DATABASE) ||
         g_str_equal (file->path, VT_TEMPLATE_ENVELOPE);
}

static void
on_file (VtImageFile *owned, gpointer user_data)
{
  g_autoptr (VtImageFile) file = owned;
  Verification *self = user_data;
  const VtCleanFile *known;
  gsize index;

  /* Of file systems without inodes the cache has no files, only contents. */
  if (self->error != NULL || file->result->size == 0 || file->result->inode == 0)
    return;
  known = find (self, file->result, &index);
  if (known == NULL) {
    self->counts.added += !is_the_cache_itself (file->result);
  } else if (!self->seen[index]) {
    self->seen[index] = 1;
    count_known (self, known, file);
  }
}

static void
on_restarted (gpointer user_data)
{
  Verification *self = user_data;

  memset (&self->counts, 0, sizeof self->counts);
  memset (self->seen, 0, vt_template_count_files (self->order->template));
  g_clear_error (&self->error);
}

static void
on_message (GLogLevelFlags level, const char *text, gpointer user_data)
{
  const Verification *self = user_data;

  self->order->message (level, text, self->order->user_data);
}

static gboolean
was_read_whole (const VtScanResult *result, GError **error)
{
  for (guint i = 0; i < result->filesystems->len; i++) {
    const VtFilesystem *filesystem = g_ptr_array_index (result->filesystems, i);

    if (filesystem->reason == VT_REASON_NONE)
      continue;
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE, "%s cannot be read whole: %s",
                 filesystem->id, filesystem->detail ?: vt_reason_to_string (filesystem->reason));
    return FALSE;
  }
  return TRUE;
}

/* Each file system of the template must be there, with its UUID. */
static gboolean
has_the_filesystems (const Verification *self, GError **error)
{
  GPtrArray *expected = vt_template_get_statement (self->order->template)->filesystems;

  for (guint i = 0; i < expected->len; i++) {
    const VtStatementFilesystem *filesystem = g_ptr_array_index (expected, i);
    gboolean found = FALSE;

    for (guint k = 0; k < self->result->filesystems->len && !found; k++) {
      const VtFilesystem *there = g_ptr_array_index (self->result->filesystems, k);

      found = g_str_equal (there->id, filesystem->id) &&
              g_strcmp0 (there->uuid ?: "", filesystem->uuid) == 0;
    }
    if (!found) {
      g_set_error (
          error, VT_TEMPLATE_ERROR, VT_TEMPLATE_ERROR_OTHER,
          "its clean cache is of another image: that has the file system %s (%s), and this "
          "one does not",
          filesystem->uuid, filesystem->id);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
has_the_files (const Verification *self, GError **error)
{
  const VtVerifyCounts *counts = &self->counts;

  if (counts->matched + counts->forged >= MATCHED_MIN (counts->files))
    return TRUE;
  g_set_error (error, VT_TEMPLATE_ERROR, VT_TEMPLATE_ERROR_OTHER,
               "its clean cache is of another image: of %" G_GUINT64_FORMAT
               " files in it, only %" G_GUINT64_FORMAT " are as it says",
               counts->files, counts->matched);
  return FALSE;
}

static gboolean
run (Verification *self, GError **error)
{
  const VtImageRun run = {
      .message = on_message, .restarted = on_restarted, .file = on_file, .user_data = self};
  g_autoptr (VtImageOptions) options = vt_image_options_copy (self->order->options);

  options->mode = self->order->deep ? VT_IMAGE_READ : VT_IMAGE_LIST;
  /* Larger files are hashed by the reader. */
  options->max_spool_size = 0;
  options->max_file_size = VT_IMAGE_BUDGET;
  if (!vt_image_run (self->order->spawner, options, self->result, &run, NULL, error))
    return FALSE;
  if (self->error != NULL) {
    g_propagate_error (error, g_steal_pointer (&self->error));
    return FALSE;
  }
  return was_read_whole (self->result, error);
}

gboolean
vt_verify (const VtVerifyOrder *order, VtVerifyCounts *counts, GError **error)
{
  gsize n_files = vt_template_count_files (order->template);
  g_autofree guint8 *seen = g_new0 (guint8, n_files);
  g_autoptr (VtScanResult) result = vt_scan_result_new (order->options->path);
  Verification self = {.order = order, .result = result, .seen = seen};

  if (!run (&self, error)) {
    g_clear_error (&self.error);
    return FALSE;
  }
  self.counts.files = n_files;
  self.counts.added -=
      MIN (self.counts.added, vt_template_get_statement (order->template)->incomplete);
  for (gsize i = 0; i < n_files; i++)
    self.counts.missing += seen[i] == 0;
  *counts = self.counts;
  return has_the_filesystems (&self, error) && has_the_files (&self, error);
}
