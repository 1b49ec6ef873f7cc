// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scan-host-private.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <sys/socket.h>

#include "vt-engine-host.h"
#include "vt-engine-id.h"
#include "vt-engine-protocol-private.h"
#include "vt-fd.h"
#include "vt-ipc.h"
#include "vt-source.h"

/* How long a host that has nothing to do may take to end in order; it takes milliseconds. */
#define END_MS 1000

struct _VtScanHost {
  VtChild child;
  gboolean loaded;
  GSource *input;
  const VtScanHostEvents *events;
  gpointer owner;
};

static void
take_reply (VtScanHost *self, GVariant *reply, VtIpcFds *fds)
{
  const char *text;
  guint64 number;
  guint kind;

  g_variant_get (reply, "(ut&s)", &kind, &number, &text);
  if (kind == VT_HOST_WORKER_STARTED && fds->fd[0] >= 0) {
    self->events->started (number, vt_fd_steal (&fds->fd[0]), self->owner);
  } else if (kind == VT_HOST_LOADED && !self->loaded) {
    self->loaded = TRUE;
    self->events->loaded ((guint)number, self->owner);
  } else if (kind == VT_HOST_FAILED && number <= VT_ENGINE_ERROR_FAILED) {
    self->events->failed (g_error_new_literal (VT_ENGINE_ERROR, (gint)number, text), self->owner);
  } else {
    self->events->failed (g_error_new (VT_ENGINE_ERROR, VT_ENGINE_ERROR_FAILED,
                                       "engine: cannot start a worker: %s", text),
                          self->owner);
  }
}

static gboolean
on_input (gint fd, GIOCondition condition, gpointer data)
{
  VtScanHost *self = data;
  g_auto (VtIpcFds) fds = VT_IPC_FDS_INIT;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = vt_ipc_receive (fd, VT_HOST_REPLY_TYPE, &fds, &error);

  if (reply != NULL)
    take_reply (self, reply, &fds);
  else
    self->events->failed (
        g_error_new (VT_ENGINE_ERROR, VT_ENGINE_ERROR_FAILED, "engine: its process ended%s: %s",
                     self->loaded ? "" : " while it loaded the signatures", error->message),
        self->owner);
  return G_SOURCE_CONTINUE;
}

VtScanHost *
vt_scan_host_new (VtSpawner *spawner,
                  const VtEngineOptions *options,
                  const char *engine_id,
                  const char *run_dir,
                  GMainContext *context,
                  const VtScanHostEvents *events,
                  gpointer owner,
                  GError **error)
{
  g_autoptr (VtScanHost) self = g_new0 (VtScanHost, 1);

  self->child = (VtChild)VT_CHILD_INIT;
  self->events = events;
  self->owner = owner;
  if (!vt_spawner_spawn (spawner, vt_engine_host_run,
                         vt_host_arguments_new (options, engine_id, run_dir), &self->child, error))
    return NULL;
  /* A host that is stopped does not read; no message to it is worth waiting for that. */
  g_unix_set_fd_nonblocking (self->child.socket, TRUE, NULL);
  self->input = g_unix_fd_source_new (self->child.socket, G_IO_IN);
  g_source_set_callback (self->input, G_SOURCE_FUNC (on_input), self, NULL);
  g_source_attach (self->input, context);
  return g_steal_pointer (&self);
}

void
vt_scan_host_free (VtScanHost *self)
{
  struct pollfd ended = {.fd = self->child.pidfd, .events = POLLIN};

  vt_source_clear (&self->input);
  /* One that loads would not notice. */
  if (self->loaded) {
    shutdown (self->child.socket, SHUT_RDWR);
    while (poll (&ended, 1, END_MS) < 0 && errno == EINTR)
      ;
  }
  vt_child_clear (&self->child);
  g_free (self);
}

gboolean
vt_scan_host_start_worker (VtScanHost *self, guint64 serial, int socket, GError **error)
{
  return vt_ipc_send (self->child.socket, g_variant_new ("(t)", serial), &socket, 1, error);
}
