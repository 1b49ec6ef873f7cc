// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A content's way through a scan job: hashed in a thread, looked up in the store, scanned once even
 * when it comes several times while the engine is at it.
 */
#include "vt-scan-job-private.h"

/* Files that wait for the engine's verdict on one content. */
typedef struct {
  VtScanJob *job;  /* a reference */
  VtDigest digest; /* the key in the job's table points here */
  guint64 size;
  GPtrArray *tasks; /* of VtScanTask; the first one's content is what the engine scans */
} VtContentWait;

static void
content_wait_free (VtContentWait *self)
{
  g_ptr_array_unref (self->tasks);
  g_object_unref (self->job);
  g_free (self);
}

static void
keep_verdict (VtContentWait *wait, const VtVerdict *verdict)
{
  VtScanJob *self = wait->job;
  g_autoptr (GError) error = NULL;

  if (!vt_verdict_is_repeatable (verdict)) {
    g_hash_table_replace (self->failures, g_memdup2 (&wait->digest, sizeof wait->digest),
                          g_memdup2 (verdict, sizeof *verdict));
    return;
  }
  if (!vt_store_insert (self->context.store, self->context.engine_id->id, &wait->digest, wait->size,
                        verdict, &error))
    vt_scan_job_warn_of_store (self, error);
}

static void
on_scanned (const VtVerdict *verdict, gpointer user_data)
{
  VtContentWait *wait = user_data;
  VtSource source = VT_SOURCE_ENGINE;

  g_hash_table_steal (wait->job->contents, &wait->digest);
  if (!wait->job->ended)
    keep_verdict (wait, verdict);
  for (guint i = 0; i < wait->tasks->len; i++) {
    vt_scan_job_finish_task (g_ptr_array_index (wait->tasks, i), verdict, source);
    source = VT_SOURCE_STORE;
  }
  content_wait_free (wait);
}

static void
submit (VtScanTask *task, const VtDigest *digest)
{
  VtScanJob *self = task->job;
  VtContentWait *wait = g_hash_table_lookup (self->contents, digest);

  if (wait != NULL) {
    g_ptr_array_add (wait->tasks, task);
    return;
  }
  wait = g_new0 (VtContentWait, 1);
  wait->job = g_object_ref (self);
  wait->digest = *digest;
  wait->size = task->file->result->size;
  wait->tasks = g_ptr_array_new ();
  g_ptr_array_add (wait->tasks, task);
  g_hash_table_insert (self->contents, &wait->digest, wait);
  vt_scan_job_load_engine (self);
  vt_scan_pool_submit (self->context.pool, self, task->file->memfd, wait->size, on_scanned, wait);
}

static void
look_up (VtScanTask *task)
{
  VtScanJob *self = task->job;
  const VtFileResult *file = task->file->result;
  const VtVerdict *failure = g_hash_table_lookup (self->failures, &file->digest);
  g_autoptr (GError) error = NULL;
  VtVerdict verdict;

  if (failure != NULL)
    vt_scan_job_finish_task (task, failure, VT_SOURCE_STORE);
  else if (vt_store_lookup (self->context.store, self->context.engine_id->id, &file->digest,
                            file->size, &verdict, &error))
    vt_scan_job_finish_task (task, &verdict, VT_SOURCE_STORE);
  else if (error == NULL)
    submit (task, &file->digest);
  else {
    const VtVerdict none = vt_verdict_incomplete (VT_REASON_ENGINE_ERROR);

    vt_scan_job_fail (self, error);
    vt_scan_job_finish_task (task, &none, VT_SOURCE_NONE);
  }
}

static gboolean
on_hashed (gpointer user_data)
{
  VtScanTask *task = user_data;
  const VtVerdict unread = vt_verdict_incomplete (VT_REASON_READ_ERROR);

  task->job->hashing--;
  if (task->error != NULL || task->job->ended)
    vt_scan_job_finish_task (task, &unread, VT_SOURCE_NONE);
  else
    look_up (task);
  return G_SOURCE_REMOVE;
}

void
vt_scan_job_hash (gpointer data, gpointer user_data)
{
  VtScanTask *task = data;
  VtFileResult *file = task->file->result;

  g_autoptr (GSource) source = g_idle_source_new ();

  file->has_digest = vt_digest_of_fd (task->file->memfd, file->size, &file->digest, &task->error);
  /* Not g_main_context_invoke(): between two iterations that would run the callback here. */
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, on_hashed, task, NULL);
  g_source_attach (source, task->job->main_context);
}

static VtScanTask *
scan_task_new (VtScanJob *self, VtImageFile *file)
{
  VtScanTask *task = g_new0 (VtScanTask, 1);

  task->job = g_object_ref (self);
  task->file = file;
  task->generation = self->generation;
  self->underway++;
  return task;
}

void
vt_scan_job_take_file (VtScanJob *self, VtImageFile *file)
{
  VtScanTask *task = scan_task_new (self, file);
  VtFileResult *result = file->result;
  const VtVerdict clean = vt_verdict_clean ();

  if (file->memfd < 0) {
    const VtVerdict given = result->verdict;
    vt_scan_job_finish_task (task, &given, VT_SOURCE_NONE);
  } else if (result->size == 0) {
    result->digest = vt_digest_of_data ("", 0);
    result->has_digest = TRUE;
    vt_scan_job_finish_task (task, &clean, VT_SOURCE_EMPTY);
  } else {
    self->hashing++;
    g_thread_pool_push (self->hashers, task, NULL);
  }
}
