// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A process may be taken over by what it opens, so nothing it sends is believed to be well-formed,
 * and nothing it does or leaves undone can block its starter.
 */
#include "vt-unpack-pool.h"

#include <glib-unix.h>
#include <string.h>

#include "vt-content.h"
#include "vt-fd.h"
#include "vt-ipc.h"
#include "vt-members.h"
#include "vt-source.h"
#include "vt-unpack-protocol-private.h"

/* Credit is told when there is this much of it, or when the process waits. */
#define CREDIT_STEP (VT_UNPACK_BUDGET / 4)

typedef struct _VtUnpackSession VtUnpackSession;

/* One process, and the container it has. */
typedef struct {
  VtChild child;
  GSource *input;
  VtUnpackSession *session; /* NULL: idle */
} Lane;

/* The processes and the waiting containers of one level. */
typedef struct {
  GPtrArray *lanes; /* of Lane */
  GQueue waiting;   /* of VtUnpackSession */
} Level;

struct _VtUnpackPool {
  VtSpawner *spawner;
  VtUnpackPoolOptions options;
  GMainContext *context;
  GPtrArray *levels; /* of Level */
};

struct _VtUnpackSession {
  VtMemberSource base;
  VtUnpackPool *pool;
  guint level;
  int fd;
  guint64 size;
  VtContainerKind kind;
  VtUnpackLimits limits;
  GStrv passwords;
  const VtMemberEvents *events;
  gpointer user_data;

  Lane *lane; /* NULL: waits for one, or has lost it */
  gboolean ended;
  guint64 underway; /* cost of the members handed on and not given back */
  guint64 credit;   /* given back and not told to the process */
  gboolean waiting; /* the process waits for credit */
  guint seconds;    /* that it has worked */
  GSource *ticker;  /* once a second */
  GSource *failure; /* it could not be started */
};

static void
lane_free (gpointer data)
{
  Lane *self = data;

  vt_source_clear (&self->input);
  vt_child_clear (&self->child);
  g_free (self);
}

static void
level_free (gpointer data)
{
  Level *self = data;

  g_ptr_array_unref (self->lanes);
  g_queue_clear (&self->waiting);
  g_free (self);
}

VtUnpackPool *
vt_unpack_pool_new (VtSpawner *spawner, const VtUnpackPoolOptions *options)
{
  VtUnpackPool *self = g_new0 (VtUnpackPool, 1);

  self->spawner = spawner;
  self->options = *options;
  self->context = g_main_context_ref_thread_default ();
  self->levels = g_ptr_array_new_with_free_func (level_free);
  return self;
}

void
vt_unpack_pool_free (VtUnpackPool *self)
{
  g_ptr_array_unref (self->levels);
  g_main_context_unref (self->context);
  g_free (self);
}

static Level *
get_level (VtUnpackPool *self, guint number)
{
  while (self->levels->len <= number) {
    Level *level = g_new0 (Level, 1);

    level->lanes = g_ptr_array_new_with_free_func (lane_free);
    g_queue_init (&level->waiting);
    g_ptr_array_add (self->levels, level);
  }
  return g_ptr_array_index (self->levels, number);
}

/* The last event; the session may be gone afterwards. */
static void
end (VtUnpackSession *self, VtReason reason, const char *detail)
{
  self->ended = TRUE;
  vt_source_clear (&self->ticker);
  self->events->ended (reason, detail, self->user_data);
}

/* Ends the process, which is of no more use. */
static void
drop_lane (VtUnpackSession *self)
{
  Level *level = get_level (self->pool, self->level);
  Lane *lane = g_steal_pointer (&self->lane);

  g_ptr_array_remove_fast (level->lanes, lane);
}

static void
lose (VtUnpackSession *self, VtReason reason, const char *what)
{
  g_autofree char *kept = g_strdup (what);

  drop_lane (self);
  end (self, reason, kept);
}

static void
tell_credit (VtUnpackSession *self)
{
  GVariant *value = g_variant_new_uint64 (self->credit);

  /* If it cannot be sent, the process is gone, which the input source tells. */
  if (!vt_ipc_send (self->lane->child.socket,
                    g_variant_new ("(yv)", (guchar)VT_UNPACK_CREDIT, value), NULL, 0, NULL))
    g_debug ("unpacker: no credit sent");
  self->credit = 0;
  self->waiting = FALSE;
}

static void
take_wait (VtUnpackSession *self)
{
  self->waiting = TRUE;
  if (self->credit > 0)
    tell_credit (self);
}

/* A process that counts right never is out of room: it knows of no release before this one does. */
static gboolean
member_is_sound (const VtUnpackSession *self, const VtUnpackMember *member, guint reason)
{
  if (member->content < 0)
    return reason > VT_REASON_NONE && reason < VT_REASON_N;
  return reason == VT_REASON_NONE && member->size <= self->limits.max_member_size &&
         vt_content_is_sealed (member->content, member->size) &&
         vt_budget_has_room (VT_UNPACK_BUDGET, self->underway, vt_content_cost (member->size));
}

static void
take_member (VtUnpackSession *self, GVariant *value, VtIpcFds *fds)
{
  g_autoptr (GVariant) name = NULL;
  g_autofree char *text = NULL;
  VtUnpackMember member = {.content = fds->fd[0]};
  gsize length;
  const char *bytes;
  guchar reason;
  guint64 cost;

  g_variant_get (value, "(@ayty)", &name, &member.size, &reason);
  bytes = g_variant_get_fixed_array (name, &length, 1);
  text = g_strndup (bytes, length);
  member.name = text;
  member.reason = reason;
  cost = member.content >= 0 ? vt_content_cost (member.size) : 0;
  if (length == 0 || length > VT_MEMBER_NAME_MAX || strlen (text) != length ||
      !member_is_sound (self, &member, reason)) {
    lose (self, VT_REASON_ENGINE_CRASH, "an unpacker sent a member that makes no sense");
    return;
  }
  vt_fd_steal (&fds->fd[0]);
  self->underway += cost;
  self->waiting = FALSE;
  self->events->member (&member, GSIZE_TO_POINTER (cost), self->user_data);
}

static void
take_message (VtUnpackSession *self, GVariant *message, VtIpcFds *fds)
{
  g_autoptr (GVariant) value = NULL;
  g_autofree char *text = NULL;
  const char *detail;
  guchar kind;
  guchar reason;

  g_variant_get (message, "(yv)", &kind, &value);
  if (kind >= VT_UNPACK_N_REPLIES ||
      !g_variant_is_of_type (value, G_VARIANT_TYPE (vt_unpack_reply_types[kind]))) {
    lose (self, VT_REASON_ENGINE_CRASH, "an unpacker sent a message that makes no sense");
  } else if (kind == VT_UNPACK_MEMBER) {
    take_member (self, value, fds);
  } else if (kind == VT_UNPACK_WAIT) {
    take_wait (self);
  } else if (kind == VT_UNPACK_FAILED) {
    text = g_strdup_printf ("an unpacker could not start: %s", g_variant_get_string (value, NULL));
    lose (self, VT_REASON_ENGINE_ERROR, text);
  } else {
    g_variant_get (value, "(y&s)", &reason, &detail);
    if (reason >= VT_REASON_N)
      lose (self, VT_REASON_ENGINE_CRASH, "an unpacker gave an answer that makes no sense");
    else
      end (self, reason, detail);
  }
}

/* The session, or even the lane, may be gone after an event: nothing is touched after that. */
static gboolean
on_input (gint fd, GIOCondition condition, gpointer data)
{
  Lane *lane = data;
  g_auto (VtIpcFds) fds = VT_IPC_FDS_INIT;
  g_autoptr (GVariant) message = vt_ipc_receive (fd, VT_UNPACK_MESSAGE_TYPE, &fds, NULL);

  if (lane->session == NULL || lane->session->ended) {
    /* It has nothing to say now; whatever comes next ends its session. */
    vt_source_clear (&lane->input);
    return G_SOURCE_REMOVE;
  }
  if (message != NULL)
    take_message (lane->session, message, &fds);
  else
    lose (lane->session, VT_REASON_ENGINE_CRASH, "an unpacker ended unexpectedly");
  return G_SOURCE_CONTINUE;
}

static gboolean
on_tick (gpointer data)
{
  VtUnpackSession *self = data;

  /* While all that was handed out is given back, nothing is there to wait for. */
  if (self->waiting && self->underway > 0)
    return G_SOURCE_CONTINUE;
  if (self->seconds++ < self->pool->options.max_time_s)
    return G_SOURCE_CONTINUE;
  lose (self, VT_REASON_TIME_LIMIT, "unpacking took too long");
  return G_SOURCE_REMOVE;
}

static gboolean
on_failure (gpointer data)
{
  VtUnpackSession *self = data;

  vt_source_clear (&self->failure);
  end (self, VT_REASON_ENGINE_ERROR, "no unpacker could be started");
  return G_SOURCE_REMOVE;
}

static Lane *
lane_new (VtUnpackPool *self)
{
  Lane *lane = g_new0 (Lane, 1);
  g_autoptr (GError) error = NULL;

  lane->child = (VtChild)VT_CHILD_INIT;
  if (!vt_spawner_spawn (self->spawner, self->options.worker,
                         g_variant_new ("t", self->options.max_file_size), &lane->child, &error)) {
    g_debug ("unpacker: %s", error->message);
    g_free (lane);
    return NULL;
  }
  /* One that does not read must not make its starter wait. */
  g_unix_set_fd_nonblocking (lane->child.socket, TRUE, NULL);
  lane->input = g_unix_fd_source_new (lane->child.socket, G_IO_IN);
  g_source_set_callback (lane->input, G_SOURCE_FUNC (on_input), lane, NULL);
  g_source_attach (lane->input, self->context);
  return lane;
}

/* An idle lane, a new one if there may be more, or NULL. */
static Lane *
find_lane (VtUnpackPool *self, guint number, gboolean *failed)
{
  Level *level = get_level (self, number);
  guint max = number == 0 ? MAX (self->options.jobs, 1) : 1;
  Lane *lane;

  for (guint i = level->lanes->len; i > 0; i--) {
    lane = g_ptr_array_index (level->lanes, i - 1);
    if (lane->session == NULL && lane->input != NULL)
      return lane;
    if (lane->session == NULL)
      g_ptr_array_remove_index_fast (level->lanes, i - 1);
  }
  if (level->lanes->len >= max)
    return NULL;
  lane = lane_new (self);
  *failed = lane == NULL;
  if (lane != NULL)
    g_ptr_array_add (level->lanes, lane);
  return lane;
}

static void
start (VtUnpackSession *self, Lane *lane)
{
  const VtUnpackLimits *limits = &self->limits;
  static const char *const none[] = {NULL};
  const char *const *passwords =
      self->passwords != NULL ? (const char *const *)self->passwords : none;
  GVariant *request =
      g_variant_new ("(tutttt^aay)", self->size, (guint)self->kind, limits->max_member_size,
                     limits->max_size, limits->max_members, limits->max_ratio, passwords);

  self->lane = lane;
  lane->session = self;
  /* If it cannot be sent, the process is gone, which the input source tells. */
  if (!vt_ipc_send (lane->child.socket, g_variant_new ("(yv)", (guchar)VT_UNPACK_OPEN, request),
                    &self->fd, 1, NULL))
    g_debug ("unpacker: no request sent");
  self->ticker = g_timeout_source_new_seconds (1);
  g_source_set_callback (self->ticker, on_tick, self, NULL);
  g_source_attach (self->ticker, self->pool->context);
}

static void
fail_later (VtUnpackSession *self)
{
  self->failure = g_idle_source_new ();
  g_source_set_callback (self->failure, on_failure, self, NULL);
  g_source_attach (self->failure, self->pool->context);
}

static void
pump (VtUnpackPool *self, guint number)
{
  Level *level = get_level (self, number);

  while (!g_queue_is_empty (&level->waiting)) {
    gboolean failed = FALSE;
    Lane *lane = find_lane (self, number, &failed);

    if (lane != NULL)
      start (g_queue_pop_head (&level->waiting), lane);
    else if (failed)
      fail_later (g_queue_pop_head (&level->waiting));
    else
      return;
  }
}

static void
session_release (VtMemberSource *source, gpointer credit)
{
  VtUnpackSession *self = (VtUnpackSession *)source;
  guint64 cost = GPOINTER_TO_SIZE (credit);

  self->underway -= MIN (self->underway, cost);
  self->credit += cost;
  if (!self->ended && self->lane != NULL && (self->waiting || self->credit >= CREDIT_STEP))
    tell_credit (self);
}

static void
session_free (VtMemberSource *source)
{
  VtUnpackSession *self = (VtUnpackSession *)source;
  VtUnpackPool *pool = self->pool;
  guint level = self->level;

  g_queue_remove (&get_level (pool, level)->waiting, self);
  vt_source_clear (&self->ticker);
  vt_source_clear (&self->failure);
  if (self->lane != NULL && self->ended)
    self->lane->session = NULL;
  else if (self->lane != NULL)
    drop_lane (self);
  g_strfreev (self->passwords);
  g_free (self);
  pump (pool, level);
}

VtMemberSource *
vt_unpack_pool_open (VtUnpackPool *self,
                     guint level,
                     int fd,
                     guint64 size,
                     VtContainerKind kind,
                     const VtUnpackLimits *limits,
                     const VtMemberEvents *events,
                     gpointer user_data)
{
  VtUnpackSession *session = g_new0 (VtUnpackSession, 1);

  session->base.release = session_release;
  session->base.free = session_free;
  session->pool = self;
  session->level = level;
  session->fd = fd;
  session->size = size;
  session->kind = kind;
  session->limits = *limits;
  session->passwords = g_strdupv ((char **)limits->passwords);
  session->events = events;
  session->user_data = user_data;
  g_queue_push_tail (&get_level (self, level)->waiting, session);
  pump (self, level);
  return &session->base;
}
