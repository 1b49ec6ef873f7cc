// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Where the members of one container come from: a process that unpacks it, or one that reads it as
 * a disk image.
 */
#pragma once

#include "vt-unpack.h"

typedef struct _VtMemberSource VtMemberSource;

/* Each is called with the pointer that the source was made with, and may free the source. */
typedef struct {
  /* A member of the container; the callee takes its content. When it is done with that, it gives
   * CREDIT back by vt_member_source_release(). */
  void (*member) (const VtUnpackMember *member, gpointer credit, gpointer user_data);
  /* All begins anew: the members that came come again. */
  void (*restarted) (gpointer user_data);
  /* The last event: REASON is NONE if all of the container was handed out; DETAIL is for people,
   * or empty. */
  void (*ended) (VtReason reason, const char *detail, gpointer user_data);
} VtMemberEvents;

/* What a kind of source begins with. */
struct _VtMemberSource {
  void (*release) (VtMemberSource *self, gpointer credit);
  void (*free) (VtMemberSource *self);
};

/* Of a member that has content, once. */
static inline void
vt_member_source_release (VtMemberSource *self, gpointer credit)
{
  self->release (self, credit);
}

/* Ends it, finished or not. No event comes any more. */
static inline void
vt_member_source_free (VtMemberSource *self)
{
  self->free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtMemberSource, vt_member_source_free)
