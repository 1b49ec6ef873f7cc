// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* A file of the image, from its reader to the books. */
#include "vt-scan-content-private.h"
#include "vt-scan-job-private.h"

#include "vt-fd.h"

typedef struct {
  VtScanJob *job; /* a reference */
  VtImageFile *file;
  guint generation; /* the job's when the file came */
} FileTask;

static void
finish (FileTask *task)
{
  g_autoptr (VtScanJob) self = task->job;
  VtImageFile *file = task->file;

  /* What a reader sent that was given up comes again from the next one. */
  if (!vt_scan_scope_has_ended (self->scope) && task->generation == self->generation)
    vt_scan_job_book_file (self, file);
  self->underway--;
  vt_scan_job_look_at_end (self);
  if (self->image != NULL)
    vt_image_release (self->image, file);
  vt_image_file_free (file);
  g_free (task);
}

static void
finish_without_content (FileTask *task, VtSource source)
{
  task->file->result->source = source;
  finish (task);
}

static void
count_members (VtScanJob *self, const VtScanContent *content)
{
  VtScanStats *stats = &self->result->stats;

  stats->members += content->tree_members;
  stats->member_bytes += content->tree_bytes;
  stats->scanned_members += content->tree_scanned;
  stats->scanned_member_bytes += content->tree_scanned_bytes;
}

static void
on_settled (VtScanContent *settled, gpointer user_data)
{
  g_autoptr (VtScanContent) content = settled;
  FileTask *task = user_data;
  VtFileResult *result = task->file->result;

  if (!vt_scan_scope_has_ended (content->scope) && task->generation == task->job->generation)
    count_members (task->job, content);

  result->digest = content->digest;
  result->has_digest = content->has_digest;
  result->verdict = content->verdict;
  result->members = g_steal_pointer (&content->members);
  result->source = content->source;
  result->verdict_age = content->verdict_age;
  finish (task);
}

/* What is known under the present engine comes before an older verdict of the template's. */
static gboolean
find_unchanged (VtScanJob *self, VtFileResult *result, VtSource *source, GError **error)
{
  const VtScanContext *context = vt_scan_scope_get_context (self->scope);
  GError *failure = NULL;

  if (context->template == NULL)
    return FALSE;
  if (vt_template_get_age (context->template) > 0 &&
      vt_store_lookup (context->store, context->engine_id->id, &result->digest, result->size,
                       &result->verdict, &result->members, &failure)) {
    *source = VT_SOURCE_STORE;
    return TRUE;
  }
  if (failure == NULL)
    return vt_template_lookup (context->template, &result->digest, &result->verdict,
                               &result->members, source, &result->verdict_age);
  g_propagate_error (error, failure);
  return FALSE;
}

/* Nothing of it was read: its digest is the template's, and known. */
static void
take_unchanged (VtScanJob *self, FileTask *task)
{
  VtFileResult *result = task->file->result;
  VtSource source = VT_SOURCE_NONE;
  g_autoptr (GError) error = NULL;

  if (find_unchanged (self, result, &source, &error)) {
    finish_without_content (task, source);
    return;
  }
  if (error == NULL)
    error =
        g_error_new_literal (VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER,
                             "the process that reads the image says that a file is as it was in "
                             "the template, which does not have it");
  result->verdict = vt_verdict_incomplete (VT_REASON_READ_ERROR);
  vt_scan_job_fail (self, error);
  finish_without_content (task, VT_SOURCE_NONE);
}

void
vt_scan_job_take_file (VtScanJob *self, VtImageFile *file)
{
  FileTask *task = g_new0 (FileTask, 1);
  VtFileResult *result = file->result;

  task->job = g_object_ref (self);
  task->file = file;
  task->generation = self->generation;
  self->underway++;
  if (vt_scan_scope_has_ended (self->scope)) {
    finish_without_content (task, VT_SOURCE_NONE);
  } else if (file->unchanged) {
    take_unchanged (self, task);
  } else if (file->memfd < 0) {
    finish_without_content (task, VT_SOURCE_NONE);
  } else if (result->size == 0) {
    result->digest = vt_digest_of_data ("", 0);
    result->has_digest = TRUE;
    result->verdict = vt_verdict_clean ();
    finish_without_content (task, VT_SOURCE_EMPTY);
  } else {
    vt_scan_content_start (vt_scan_content_new (self->scope, NULL, vt_fd_steal (&file->memfd),
                                                result->size, on_settled, task));
  }
}
