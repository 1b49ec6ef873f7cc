// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-unpack-private.h"

#include <string.h>

#define BUFFER_SIZE ((gsize)128 * 1024)

void
vt_input_init (VtInput *self, VtInputRead read, gpointer source)
{
  *self = (VtInput){.read = read, .source = source, .buffer = g_malloc (BUFFER_SIZE)};
}

void
vt_input_clear (VtInput *self)
{
  g_clear_pointer (&self->buffer, g_free);
}

/* Reads until there are WANTED bytes at hand, or the end came. */
static gboolean
fill (VtInput *self, gsize wanted)
{
  if (self->end - self->start >= wanted)
    return TRUE;
  memmove (self->buffer, self->buffer + self->start, self->end - self->start);
  self->end -= self->start;
  self->start = 0;
  while (self->end < wanted) {
    gssize n = self->read (self->source, self->buffer + self->end, BUFFER_SIZE - self->end);

    if (n <= 0)
      return n == 0;
    self->end += (gsize)n;
  }
  return TRUE;
}

gboolean
vt_input_peek (VtInput *self, const guint8 **bytes, gsize *n)
{
  if (!fill (self, VT_INPUT_PEEK))
    return FALSE;
  *bytes = self->buffer + self->start;
  *n = self->end - self->start;
  return TRUE;
}

gssize
vt_input_take (VtInput *self, const guint8 **bytes)
{
  gsize n;

  if (!fill (self, 1))
    return -1;
  n = self->end - self->start;
  *bytes = self->buffer + self->start;
  self->start = self->end;
  self->position += n;
  return (gssize)n;
}

gboolean
vt_input_give_back (VtInput *self, guint64 n)
{
  if (n > self->start)
    return FALSE;
  self->start -= (gsize)n;
  self->position -= n;
  return TRUE;
}

gboolean
vt_input_skip (VtInput *self, guint64 n)
{
  while (n > 0) {
    const guint8 *bytes = NULL;
    gssize got = vt_input_take (self, &bytes);

    if (got <= 0)
      return got == 0;
    if ((guint64)got > n)
      return vt_input_give_back (self, (guint64)got - n);
    n -= (guint64)got;
  }
  return TRUE;
}

gboolean
vt_input_skip_zeros (VtInput *self, gboolean *at_end)
{
  for (;;) {
    const guint8 *bytes = NULL;
    gssize n = vt_input_take (self, &bytes);
    gssize zeros = 0;

    *at_end = n == 0;
    if (n <= 0)
      return n == 0;
    while (zeros < n && bytes[zeros] == 0)
      zeros++;
    if (zeros < n)
      return vt_input_give_back (self, (guint64)(n - zeros));
  }
}

gboolean
vt_input_look (VtInput *self, VtContainerType *type)
{
  VtContainerView view = {.size = G_MAXUINT64};

  if (!vt_input_peek (self, &view.head, &view.head_size))
    return FALSE;
  *type = vt_container_look (&view);
  return TRUE;
}

gboolean
vt_unpack_bytes (VtUnpacking *self, VtInput *input, const char *name, guint64 n, VtReason reason)
{
  g_auto (VtMember) member = {0};
  guint64 come = 0;
  gssize got = 0;

  vt_member_init (&member, self, name);
  if (reason != VT_REASON_NONE)
    vt_member_refuse (&member, reason);
  while (come < n) {
    const guint8 *bytes = NULL;
    gsize more;

    got = vt_input_take (input, &bytes);
    if (got <= 0)
      break;
    more = (gsize)MIN ((guint64)got, n - come);
    come += more;
    if (!vt_input_give_back (input, (guint64)got - more) ||
        !vt_member_write (&member, member.size, bytes, more))
      return FALSE;
  }
  if (come == n || (got == 0 && n == G_MAXUINT64))
    return vt_member_finish (&member, 0);
  vt_member_refuse (&member, VT_REASON_DAMAGED);
  return vt_member_finish (&member, 0) &&
         vt_unpacking_fail (self, VT_REASON_DAMAGED, "%s: ends early", name);
}
