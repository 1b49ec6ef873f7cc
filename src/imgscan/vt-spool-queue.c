// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-spool-queue.h"

struct _VtSpoolQueue {
  VtSpoolQueueFunc func;
  gpointer owner; /* who has the turn; NULL: nobody */
  GQueue waiting;
};

VtSpoolQueue *
vt_spool_queue_new (VtSpoolQueueFunc func)
{
  VtSpoolQueue *self = g_new0 (VtSpoolQueue, 1);

  self->func = func;
  return self;
}

void
vt_spool_queue_free (VtSpoolQueue *self)
{
  g_queue_clear (&self->waiting);
  g_free (self);
}

static gboolean
is_next (VtSpoolQueue *self, gpointer user)
{
  return self->waiting.length == 0 || g_queue_peek_head (&self->waiting) == user;
}

gboolean
vt_spool_queue_enter (VtSpoolQueue *self, gpointer user)
{
  if ((self->owner == NULL || self->owner == user) && is_next (self, user)) {
    g_queue_remove (&self->waiting, user);
    self->owner = user;
    return TRUE;
  }
  if (g_queue_find (&self->waiting, user) == NULL)
    g_queue_push_tail (&self->waiting, user);
  return FALSE;
}

void
vt_spool_queue_pass_on (VtSpoolQueue *self, gpointer user)
{
  if (self->owner != user)
    return;
  self->owner = NULL;
  if (self->waiting.length > 0)
    self->func (g_queue_peek_head (&self->waiting));
}

void
vt_spool_queue_withdraw (VtSpoolQueue *self, gpointer user)
{
  g_queue_remove (&self->waiting, user);
}
