// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-read-plan.h"

#include "vt-path-filter.h"

void
vt_read_outcome_clear (VtReadOutcome *self)
{
  g_clear_pointer (&self->detail, g_free);
}

void
vt_read_outcome_set (VtReadOutcome *self, VtReason reason, const char *detail)
{
  if (self->reason != VT_REASON_NONE || reason == VT_REASON_NONE)
    return;
  self->reason = reason;
  g_free (self->detail);
  self->detail = g_strdup (detail);
}

/* As reports name it: below the mount point, if an operating system claims the file system. */
static char *
make_display_path (const VtReadPlan *self, const char *path)
{
  const char *mountpoint = self->filesystem->mountpoint;

  if (mountpoint == NULL || g_str_equal (mountpoint, "/"))
    return g_strdup (path);
  return g_strconcat (mountpoint, path, NULL);
}

gboolean
vt_read_plan_accepts (const VtReadPlan *self, const char *path)
{
  g_autofree char *display = make_display_path (self, path);

  return vt_path_filter_accepts ((const char *const *)self->options->include,
                                 (const char *const *)self->options->exclude, display);
}

static int
open_spool (guint64 size, guint64 data, gpointer sink)
{
  return vt_image_sink_open_spool (sink, size, data);
}

static void
tell_lost (guint64 size, int error, gpointer sink)
{
  vt_image_sink_log (sink, G_LOG_LEVEL_WARNING,
                     "a file of %" G_GUINT64_FORMAT
                     " bytes is not looked into: it cannot be copied to disk: %s",
                     size, g_strerror (error));
}

VtContentPlace
vt_read_plan_get_place (const VtReadPlan *self)
{
  return (VtContentPlace){
      .max_size = self->options->max_file_size,
      .open_spool = self->options->max_spool_size > 0 ? open_spool : NULL,
      .lost = tell_lost,
      .user_data = self->sink,
  };
}

static GPtrArray *
make_links (const VtReadPlan *self, const VtListedFile *file)
{
  GPtrArray *links = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; file->links != NULL && i < file->links->len; i++)
    g_ptr_array_add (links, make_display_path (self, g_ptr_array_index (file->links, i)));
  g_ptr_array_add (links, NULL);
  return links;
}

/* FAT has none, and every reader makes numbers up as it likes. */
static gboolean
has_inodes (const VtReadPlan *self)
{
  return !g_str_equal (self->filesystem->type, "vfat");
}

/* NTFS counts in its records, but no guest's kernel tells that number. */
static gboolean
has_generations (const VtReadPlan *self)
{
  return g_str_has_prefix (self->filesystem->type, "ext");
}

gboolean
vt_read_plan_send (
    const VtReadPlan *self, VtListedFile *file, VtFileResult *result, int content, GError **error)
{
  g_autoptr (GPtrArray) links = make_links (self, file);

  result->filesystem = self->index;
  result->inode = has_inodes (self) ? file->inode : 0;
  result->generation = has_generations (self) ? file->generation : 0;
  result->size = file->size;
  result->mtime_ns = file->mtime_ns;
  result->ctime_ns = file->ctime_ns;
  g_free (result->path);
  result->path = make_display_path (self, file->path);
  file->delivered = TRUE;
  return vt_image_sink_file (self->sink, result, (char **)links->pdata, content, error);
}

gboolean
vt_read_plan_send_unread (const VtReadPlan *self,
                          VtListedFile *file,
                          VtReason reason,
                          GError **error)
{
  g_autoptr (VtFileResult) result = vt_file_result_new ();

  result->verdict = vt_verdict_incomplete (reason);
  return vt_read_plan_send (self, file, result, -1, error);
}

gboolean
vt_read_plan_send_list (const VtReadPlan *self, VtFileList *list, GError **error)
{
  GPtrArray *files = vt_file_list_get_files (list);

  for (guint i = 0; i < files->len; i++) {
    VtListedFile *file = g_ptr_array_index (files, i);
    g_autoptr (VtFileResult) result = vt_file_result_new ();

    if (file->wanted && !vt_read_plan_send (self, file, result, VT_IMAGE_SINK_LISTED, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
vt_read_plan_send_missing (const VtReadPlan *self, VtFileList *list, GError **error)
{
  GPtrArray *files = vt_file_list_get_files (list);

  for (guint i = 0; i < files->len; i++) {
    VtListedFile *file = g_ptr_array_index (files, i);

    if (file->wanted && !file->delivered &&
        !vt_read_plan_send_unread (self, file, VT_REASON_READ_ERROR, error))
      return FALSE;
  }
  return TRUE;
}
