// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scan-queue-private.h"

struct _VtScanQueue {
  GSequence *jobs;
};

static gint
compare_jobs (gconstpointer a, gconstpointer b, gpointer user_data)
{
  const VtScanRequest *first = a;
  const VtScanRequest *second = b;

  if (first->size != second->size)
    return first->size > second->size ? -1 : 1;
  return first->serial < second->serial ? -1 : first->serial > second->serial;
}

VtScanQueue *
vt_scan_queue_new (void)
{
  VtScanQueue *self = g_new (VtScanQueue, 1);

  self->jobs = g_sequence_new (NULL);
  return self;
}

void
vt_scan_queue_free (VtScanQueue *self)
{
  VtScanRequest *job;

  while ((job = vt_scan_queue_pop (self)) != NULL)
    g_free (job);
  g_sequence_free (self->jobs);
  g_free (self);
}

void
vt_scan_queue_push (VtScanQueue *self, VtScanRequest *job)
{
  g_sequence_insert_sorted (self->jobs, job, compare_jobs, NULL);
}

VtScanRequest *
vt_scan_queue_pop (VtScanQueue *self)
{
  GSequenceIter *first = g_sequence_get_begin_iter (self->jobs);
  VtScanRequest *job;

  if (g_sequence_iter_is_end (first))
    return NULL;
  job = g_sequence_get (first);
  g_sequence_remove (first);
  return job;
}

GPtrArray *
vt_scan_queue_take_owned (VtScanQueue *self, gconstpointer owner)
{
  GPtrArray *jobs = g_ptr_array_new ();
  GSequenceIter *next = g_sequence_get_begin_iter (self->jobs);

  while (!g_sequence_iter_is_end (next)) {
    GSequenceIter *iter = next;
    VtScanRequest *job = g_sequence_get (iter);

    next = g_sequence_iter_next (iter);
    if (job->owner != owner)
      continue;
    g_sequence_remove (iter);
    g_ptr_array_add (jobs, job);
  }
  return jobs;
}

guint
vt_scan_queue_get_length (VtScanQueue *self)
{
  return (guint)g_sequence_get_length (self->jobs);
}
