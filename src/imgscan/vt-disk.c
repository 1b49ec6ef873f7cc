// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The account of a disk's reads. DONE is called from vt_disk_wait() and vt_disk_read() only and
 * never from within a source, so that it may submit more without nesting.
 */
#include "vt-disk-private.h"

struct _VtDisk {
  const VtDiskClass *class;
  gpointer source;
  guint64 size;
  GQueue pending;   /* of VtDiskRead */
  GQueue completed; /* of VtDiskRead; DONE is still to be called */
  GError *lost;     /* why nothing can be read any more */
};

G_DEFINE_QUARK (vt - disk - error - quark, vt_disk_error)

VtDisk *
vt_disk_new (const VtDiskClass *class, gpointer source, guint64 size)
{
  VtDisk *self = g_new0 (VtDisk, 1);

  self->class = class;
  self->source = source;
  self->size = size;
  return self;
}

static void
disk_read_free (VtDiskRead *read)
{
  g_clear_error (&read->error);
  g_free (read);
}

static void
free_reads (GQueue *reads)
{
  GList *link;

  while ((link = g_queue_pop_head_link (reads)) != NULL)
    disk_read_free (link->data);
}

void
vt_disk_free (VtDisk *self)
{
  /* First, as its callbacks know the reads. */
  self->class->free (self->source);
  free_reads (&self->pending);
  free_reads (&self->completed);
  g_clear_error (&self->lost);
  g_free (self);
}

guint64
vt_disk_get_size (const VtDisk *self)
{
  return self->size;
}

void
vt_disk_read_fail (VtDiskRead *read, VtDiskError code, const char *why)
{
  if (read->error == NULL)
    read->error =
        g_error_new (VT_DISK_ERROR, (gint)code, "disk: %zu bytes at %" G_GUINT64_FORMAT ": %s",
                     read->size, read->offset, why);
}

void
vt_disk_read_complete (VtDiskRead *read)
{
  g_queue_unlink (&read->disk->pending, &read->link);
  g_queue_push_tail_link (&read->disk->completed, &read->link);
}

/* Takes ERROR. */
static void
lose (VtDisk *self, GError *error)
{
  GList *link;

  if (self->lost == NULL)
    self->lost = error;
  else
    g_error_free (error);
  while ((link = g_queue_peek_head_link (&self->pending)) != NULL) {
    vt_disk_read_fail (link->data, VT_DISK_ERROR_LOST, self->lost->message);
    vt_disk_read_complete (link->data);
  }
}

static gboolean
check_lost (VtDisk *self, GError **error)
{
  if (self->lost == NULL)
    return TRUE;
  g_propagate_error (error, g_error_copy (self->lost));
  return FALSE;
}

gboolean
vt_disk_submit (VtDisk *self,
                guint64 offset,
                void *buffer,
                gsize size,
                VtDiskDone done,
                gpointer user_data,
                GError **error)
{
  g_autoptr (GError) local_error = NULL;
  VtDiskRead *read;

  if (offset > self->size || size > self->size - offset) {
    g_set_error (error, VT_DISK_ERROR, VT_DISK_ERROR_RANGE,
                 "%zu bytes at %" G_GUINT64_FORMAT " of a disk of %" G_GUINT64_FORMAT, size, offset,
                 self->size);
    return FALSE;
  }
  if (!check_lost (self, error))
    return FALSE;
  read = g_new0 (VtDiskRead, 1);
  *read = (VtDiskRead){.disk = self,
                       .offset = offset,
                       .buffer = buffer,
                       .size = size,
                       .done = done,
                       .user_data = user_data,
                       .link = {.data = read}};
  g_queue_push_tail_link (&self->pending, &read->link);
  if (size == 0) {
    vt_disk_read_complete (read);
  } else if (!self->class->start (self->source, read, &local_error)) {
    g_queue_unlink (&self->pending, &read->link);
    disk_read_free (read);
    lose (self, g_error_copy (local_error));
    g_propagate_error (error, g_steal_pointer (&local_error));
    return FALSE;
  }
  return TRUE;
}

static void
dispatch (VtDisk *self)
{
  GList *link;

  while ((link = g_queue_pop_head_link (&self->completed)) != NULL) {
    VtDiskRead *read = link->data;

    read->done (read->error, read->user_data);
    disk_read_free (read);
  }
}

/* All that has come is dispatched; more is waited for once. */
static void
advance (VtDisk *self)
{
  GError *error = NULL;

  if (self->pending.length > 0 && !self->class->wait (self->source, &error))
    lose (self, error);
  dispatch (self);
}

gboolean
vt_disk_wait (VtDisk *self, guint max_in_flight, GError **error)
{
  dispatch (self);
  while (self->pending.length > max_in_flight)
    advance (self);
  return check_lost (self, error);
}

typedef struct {
  gboolean done;
  GError *error;
} Single;

static void
on_single_done (const GError *error, gpointer user_data)
{
  Single *self = user_data;

  self->done = TRUE;
  self->error = error != NULL ? g_error_copy (error) : NULL;
}

gboolean
vt_disk_read (VtDisk *self, guint64 offset, void *buffer, gsize size, GError **error)
{
  Single single = {FALSE, NULL};

  if (!vt_disk_submit (self, offset, buffer, size, on_single_done, &single, error))
    return FALSE;
  dispatch (self);
  while (!single.done)
    advance (self);
  if (single.error == NULL)
    return TRUE;
  g_propagate_error (error, single.error);
  return FALSE;
}
