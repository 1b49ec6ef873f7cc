// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-direct-read.h"

#include "vt-fs.h"
#include "vt-fd.h"

typedef struct {
  const VtReadPlan *plan;
  VtDirectTemplate *template; /* or NULL */
  VtFileList *list;
} Reading;

static gboolean
on_name (const char *path, const VtFsStat *stat, gpointer user_data, GError **error)
{
  const Reading *self = user_data;
  const VtListedFile file = {
      .inode = stat->inode,
      .generation = stat->generation,
      .size = stat->size,
      .mtime_ns = stat->mtime_ns,
      .ctime_ns = stat->ctime_ns,
      .unreadable = stat->unreadable,
  };

  return vt_file_list_add (self->list, path, &file, stat->links,
                           vt_read_plan_accepts (self->plan, path), error);
}

static gboolean
on_file (gpointer data,
         int memfd,
         const VtDigest *digest,
         VtReason reason,
         gpointer user_data,
         GError **error)
{
  const Reading *self = user_data;
  g_autoptr (VtFileResult) result = vt_file_result_new ();
  vt_autofd content = memfd;

  result->has_digest = digest != NULL;
  if (digest != NULL)
    result->digest = *digest;
  if (reason != VT_REASON_NONE)
    result->verdict = vt_verdict_incomplete (reason);
  return vt_read_plan_send (self->plan, data, result, content, error);
}

/* Files that are as they were in the template have their digest and no content. */
static gboolean
send_unchanged (Reading *self, VtFs *fs, char **refusal, GError **error)
{
  GPtrArray *files = vt_file_list_get_files (self->list);

  for (guint i = 0; i < files->len; i++) {
    VtListedFile *file = g_ptr_array_index (files, i);
    const VtDigest *digest = NULL;

    if (!file->wanted || file->unreadable || file->size == 0)
      continue;
    if (!vt_direct_template_find (self->template, fs, file, &digest, refusal, error))
      return FALSE;
    if (digest != NULL && !on_file (file, -1, digest, VT_REASON_NONE, self, error))
      return FALSE;
  }
  return TRUE;
}

static GArray *
make_wanted (VtFileList *list)
{
  GPtrArray *files = vt_file_list_get_files (list);
  GArray *wanted = g_array_new (FALSE, FALSE, sizeof (VtFsWanted));

  for (guint i = 0; i < files->len; i++) {
    VtListedFile *file = g_ptr_array_index (files, i);
    const VtFsWanted entry = {file->inode, file->size, file};

    if (file->wanted && !file->unreadable && !file->delivered)
      g_array_append_val (wanted, entry);
  }
  return wanted;
}

static gboolean
read_batch (Reading *self, VtFs *fs, char **refusal, GError **error)
{
  g_autoptr (GArray) wanted = NULL;
  const VtContentPlace place = vt_read_plan_get_place (self->plan);

  if (self->plan->options->mode == VT_IMAGE_LIST)
    return vt_read_plan_send_list (self->plan, self->list, error);
  if (self->template != NULL && !send_unchanged (self, fs, refusal, error))
    return FALSE;
  wanted = make_wanted (self->list);
  return vt_fs_read_files (fs, (const VtFsWanted *)wanted->data, wanted->len, &place, on_file, self,
                           refusal, error) &&
         vt_read_plan_send_missing (self->plan, self->list, error);
}

static gboolean
list_batch (Reading *self, VtFs *fs, char **refusal, GError **error)
{
  vt_file_list_begin (self->list);
  return vt_fs_list (fs, on_name, self, refusal, error) && vt_file_list_end (self->list, error);
}

gboolean
vt_direct_read_fs (
    VtFs *fs, VtDirectTemplate *template, const VtReadPlan *plan, char **refusal, GError **error)
{
  g_autoptr (VtFileList) list = vt_file_list_new (0);
  Reading self = {plan, template, list};
  gboolean expected = FALSE;

  do {
    VtFileTotals totals;

    if (!list_batch (&self, fs, refusal, error))
      return FALSE;
    totals = vt_file_list_get_totals (list);
    if ((!expected &&
         !vt_image_sink_expect (plan->sink, totals.names, totals.bytes, totals.excluded, error)) ||
        !read_batch (&self, fs, refusal, error))
      return FALSE;
    expected = TRUE;
  } while (vt_file_list_has_more (list));
  return TRUE;
}
