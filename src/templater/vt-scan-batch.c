// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scan-batch.h"

#include <sys/resource.h>

#include "vt-fd.h"

/* Images at a time, however many processors there are: all share one thread that hands on what they
 * hold, and more of them only wait for the engine. */
#define IMAGES_MAX 4
/* Bytes of memory that an image may take, the appliance's 1 GiB among them, and descriptors. */
#define MEMORY_AN_IMAGE      ((guint64)2 * 1024 * 1024 * 1024)
#define DESCRIPTORS_AN_IMAGE 2048

/* A scan that goes on. */
typedef struct {
  VtScanBatch *batch;
  VtScanJob *job;
  VtProgress *progress;
  int file;     /* what its options name, or -1 */
  guint number; /* of its result */
  double seconds;
} Running;

struct _VtScanBatch {
  VtSession *session;
  guint images_max;   /* at a time */
  GPtrArray *running; /* of Running */
  GPtrArray *results; /* of VtScanResult; NULL: not there yet */
};

static void
running_free (gpointer data)
{
  Running *self = data;

  g_clear_pointer (&self->progress, vt_progress_free);
  g_clear_object (&self->job);
  vt_fd_clear (&self->file);
  g_free (self);
}

static void
free_result (gpointer result)
{
  if (result != NULL)
    vt_scan_result_free (result);
}

static guint
count_images_max (const VtSession *session)
{
  guint64 memory = (guint64)sysconf (_SC_PHYS_PAGES) * (guint64)sysconf (_SC_PAGESIZE);
  guint64 max = MIN (vt_session_get_jobs (session), IMAGES_MAX);
  struct rlimit descriptors;

  max = MIN (max, memory / MEMORY_AN_IMAGE);
  if (getrlimit (RLIMIT_NOFILE, &descriptors) == 0)
    max = MIN (max, descriptors.rlim_cur / DESCRIPTORS_AN_IMAGE);
  return (guint)MAX (max, 1);
}

VtScanBatch *
vt_scan_batch_new (VtSession *session)
{
  VtScanBatch *self = g_new0 (VtScanBatch, 1);

  self->session = session;
  self->images_max = count_images_max (session);
  self->running = g_ptr_array_new_with_free_func (running_free);
  self->results = g_ptr_array_new_with_free_func (free_result);
  return self;
}

static void
on_done (VtScanJob *job, Running *running)
{
  VtScanBatch *self = running->batch;
  VtScanResult *result = vt_scan_job_finish (job);

  result->stats.open_seconds += running->seconds;
  result->stats.total_seconds += running->seconds;
  g_ptr_array_index (self->results, running->number) = result;
  g_ptr_array_remove (self->running, running);
}

static void
stop_all (VtScanBatch *self)
{
  for (guint i = 0; i < self->running->len; i++)
    vt_scan_job_stop (((Running *)g_ptr_array_index (self->running, i))->job);
}

/* Lets the scans go on until something happens. There must be one. */
static void
iterate (VtScanBatch *self)
{
  if (g_cancellable_is_cancelled (self->session->cancellable))
    stop_all (self);
  g_main_context_iteration (NULL, TRUE);
}

void
vt_scan_batch_free (VtScanBatch *self)
{
  stop_all (self);
  while (self->running->len > 0)
    iterate (self);
  g_ptr_array_unref (self->running);
  g_ptr_array_unref (self->results);
  g_free (self);
}

void
vt_scan_batch_wait_for_room (VtScanBatch *self)
{
  while (self->running->len >= self->images_max)
    iterate (self);
}

guint
vt_scan_batch_start (VtScanBatch *self,
                     const VtImageOptions *options,
                     int file,
                     VtTemplate *template,
                     VtManifest *manifest,
                     double seconds)
{
  Running *running = g_new0 (Running, 1);

  running->batch = self;
  running->job = vt_session_new_job (self->session, options, template, manifest);
  running->progress = vt_session_new_progress (self->session, running->job, options->path);
  running->file = file;
  running->number = self->results->len;
  running->seconds = seconds;
  g_ptr_array_add (self->results, NULL);
  g_ptr_array_add (self->running, running);
  g_signal_connect (running->job, "done", G_CALLBACK (on_done), running);
  vt_scan_job_start (running->job);
  return running->number;
}

void
vt_scan_batch_add (VtScanBatch *self, VtScanResult *result)
{
  g_ptr_array_add (self->results, result);
}

const VtScanResult *
vt_scan_batch_wait (VtScanBatch *self, guint number)
{
  while (g_ptr_array_index (self->results, number) == NULL)
    iterate (self);
  return g_ptr_array_index (self->results, number);
}

GPtrArray *
vt_scan_batch_wait_for_all (VtScanBatch *self)
{
  while (self->running->len > 0)
    iterate (self);
  return self->results;
}
