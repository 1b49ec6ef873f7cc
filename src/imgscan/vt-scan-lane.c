// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scan-lane-private.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <sys/socket.h>

#include "vt-engine-protocol-private.h"
#include "vt-fd.h"
#include "vt-ipc.h"
#include "vt-source.h"
#include "vt-spawner.h"

/* How long a worker may take to enter its sandbox; it takes milliseconds. */
#define START_SECONDS_MAX 60

/*
 * The engine ends each scan by itself when its time is up, but looks at the clock only now and
 * then: it may first go once over a content. Only a worker that hangs takes this much longer.
 */
#define GRACE_SECONDS          10
#define GRACE_BYTES_PER_SECOND ((guint64)1024 * 1024)

typedef enum {
  LANE_STARTING,
  LANE_IDLE,
  LANE_BUSY,
} LaneState;

struct _VtScanLane {
  guint64 serial;
  LaneState state;
  int socket;
  int pidfd; /* -1 until the host has told */
  guint scan_seconds;
  VtScanRequest *request;
  GMainContext *context;
  GSource *input;
  GSource *deadline;
  const VtScanLaneEvents *events;
  gpointer owner;
};

static void
lose (VtScanLane *self, VtReason reason, const char *what)
{
  VtScanRequest *request = vt_scan_lane_steal_request (self);

  vt_source_clear (&self->input);
  vt_source_clear (&self->deadline);
  self->events->lost (self, request, reason, what, self->owner);
}

static gboolean
on_deadline (gpointer data)
{
  VtScanLane *self = data;
  struct pollfd answered = {.fd = self->socket, .events = POLLIN};

  /* The main loop may have been busy elsewhere while the worker's answer came in time. */
  if (poll (&answered, 1, 0) > 0)
    return G_SOURCE_CONTINUE;
  if (self->state == LANE_BUSY)
    lose (self, VT_REASON_TIME_LIMIT, "a worker hung in a scan and was killed");
  else
    lose (self, VT_REASON_ENGINE_ERROR, "a worker hung while it started and was killed");
  return G_SOURCE_REMOVE;
}

static void
set_deadline (VtScanLane *self, guint seconds)
{
  vt_source_clear (&self->deadline);
  self->deadline = g_timeout_source_new_seconds (seconds);
  g_source_set_callback (self->deadline, on_deadline, self, NULL);
  g_source_attach (self->deadline, self->context);
}

static void
take_verdict (VtScanLane *self, GVariant *message)
{
  VtVerdict verdict = {.kind = VT_VERDICT_UNKNOWN};
  const char *threat;
  guint64 serial;
  guint kind;
  guint reason;

  g_variant_get (message, "(utuu&s)", NULL, &serial, &kind, &reason, &threat);
  if (self->request == NULL || serial != self->request->serial ||
      !vt_verdict_is_valid (kind, reason, threat)) {
    lose (self, VT_REASON_ENGINE_CRASH, "a worker gave an answer that makes no sense");
    return;
  }
  verdict.kind = (VtVerdictKind)kind;
  verdict.reason = (VtReason)reason;
  g_strlcpy (verdict.threat, threat, sizeof verdict.threat);
  self->state = LANE_IDLE;
  vt_source_clear (&self->deadline);
  self->events->scanned (self, vt_scan_lane_steal_request (self), &verdict, self->owner);
}

static void
take_message (VtScanLane *self, GVariant *message)
{
  g_autofree char *what = NULL;
  const char *text;
  guint kind;

  g_variant_get (message, "(utuu&s)", &kind, NULL, NULL, NULL, &text);
  if (kind == VT_WORKER_READY && self->state == LANE_STARTING) {
    self->state = LANE_IDLE;
    vt_source_clear (&self->deadline);
    self->events->ready (self, text, self->owner);
  } else if (kind == VT_WORKER_FAILED && self->state == LANE_STARTING) {
    what = g_strdup_printf ("a worker could not start: %s", text);
    lose (self, VT_REASON_ENGINE_ERROR, what);
  } else if (kind == VT_WORKER_VERDICT && self->state == LANE_BUSY) {
    take_verdict (self, message);
  } else {
    lose (self, VT_REASON_ENGINE_CRASH, "a worker sent a message that makes no sense");
  }
}

static gboolean
on_input (gint fd, GIOCondition condition, gpointer data)
{
  VtScanLane *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) message = vt_ipc_receive (fd, VT_WORKER_REPLY_TYPE, NULL, &error);
  g_autofree char *what = NULL;

  if (message != NULL) {
    take_message (self, message);
  } else {
    what = g_strdup_printf ("a worker ended%s: %s", self->request != NULL ? " in a scan" : "",
                            error->message);
    lose (self, VT_REASON_ENGINE_CRASH, what);
  }
  return G_SOURCE_CONTINUE;
}

VtScanLane *
vt_scan_lane_new (guint64 serial,
                  int socket,
                  guint scan_seconds,
                  GMainContext *context,
                  const VtScanLaneEvents *events,
                  gpointer owner)
{
  VtScanLane *self = g_new0 (VtScanLane, 1);

  /* A worker that does not read must not make the pool wait. */
  g_unix_set_fd_nonblocking (socket, TRUE, NULL);
  self->serial = serial;
  self->state = LANE_STARTING;
  self->socket = socket;
  self->pidfd = -1;
  self->scan_seconds = scan_seconds;
  self->context = g_main_context_ref (context);
  self->events = events;
  self->owner = owner;
  self->input = g_unix_fd_source_new (socket, G_IO_IN);
  g_source_set_callback (self->input, G_SOURCE_FUNC (on_input), self, NULL);
  g_source_attach (self->input, context);
  set_deadline (self, START_SECONDS_MAX);
  return self;
}

void
vt_scan_lane_free (VtScanLane *self)
{
  vt_source_clear (&self->input);
  vt_source_clear (&self->deadline);
  if (self->pidfd >= 0)
    vt_pidfd_kill (self->pidfd);
  vt_fd_clear (&self->pidfd);
  vt_fd_clear (&self->socket);
  g_free (self->request);
  g_main_context_unref (self->context);
  g_free (self);
}

void
vt_scan_lane_kill_and_wait (VtScanLane *self)
{
  struct pollfd ended = {.fd = self->pidfd, .events = POLLIN};

  if (self->pidfd < 0)
    return;
  vt_pidfd_kill (self->pidfd);
  while (poll (&ended, 1, -1) < 0 && errno == EINTR)
    ;
}

guint64
vt_scan_lane_get_serial (const VtScanLane *self)
{
  return self->serial;
}

gboolean
vt_scan_lane_is_idle (const VtScanLane *self)
{
  return self->state == LANE_IDLE;
}

void
vt_scan_lane_set_pidfd (VtScanLane *self, int pidfd)
{
  vt_fd_clear (&self->pidfd);
  self->pidfd = pidfd;
}

void
vt_scan_lane_scan (VtScanLane *self, VtScanRequest *request)
{
  g_autoptr (GVariant) message =
      g_variant_ref_sink (g_variant_new ("(tt)", request->serial, request->size));

  self->request = request;
  self->state = LANE_BUSY;
  /* If this fails, the worker is dead or has not read what it answered to: end it, as is seen by
   * the input source. */
  if (!vt_ipc_send (self->socket, message, &request->memfd, 1, NULL))
    shutdown (self->socket, SHUT_RDWR);
  set_deadline (self, self->scan_seconds + GRACE_SECONDS +
                          (guint)MIN (request->size / GRACE_BYTES_PER_SECOND, G_MAXINT16));
}

VtScanRequest *
vt_scan_lane_steal_request (VtScanLane *self)
{
  return g_steal_pointer (&self->request);
}
