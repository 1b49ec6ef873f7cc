// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scan-queue-private.h"

struct _VtScanQueue {
  GSequence *requests;
};

static gint
compare_requests (gconstpointer a, gconstpointer b, gpointer user_data)
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

  self->requests = g_sequence_new (NULL);
  return self;
}

void
vt_scan_queue_free (VtScanQueue *self)
{
  VtScanRequest *request;

  while ((request = vt_scan_queue_pop (self)) != NULL)
    g_free (request);
  g_sequence_free (self->requests);
  g_free (self);
}

void
vt_scan_queue_push (VtScanQueue *self, VtScanRequest *request)
{
  g_sequence_insert_sorted (self->requests, request, compare_requests, NULL);
}

VtScanRequest *
vt_scan_queue_pop (VtScanQueue *self)
{
  GSequenceIter *first = g_sequence_get_begin_iter (self->requests);
  VtScanRequest *request;

  if (g_sequence_iter_is_end (first))
    return NULL;
  request = g_sequence_get (first);
  g_sequence_remove (first);
  return request;
}

GPtrArray *
vt_scan_queue_take_owned (VtScanQueue *self, gconstpointer owner)
{
  GPtrArray *requests = g_ptr_array_new ();
  GSequenceIter *next = g_sequence_get_begin_iter (self->requests);

  while (!g_sequence_iter_is_end (next)) {
    GSequenceIter *iter = next;
    VtScanRequest *request = g_sequence_get (iter);

    next = g_sequence_iter_next (iter);
    if (request->owner != owner)
      continue;
    g_sequence_remove (iter);
    g_ptr_array_add (requests, request);
  }
  return requests;
}

guint
vt_scan_queue_get_length (VtScanQueue *self)
{
  return (guint)g_sequence_get_length (self->requests);
}
