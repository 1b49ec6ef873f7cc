// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-unpack-worker.h"

#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "vt-content.h"
#include "vt-digest.h"
#include "vt-fd.h"
#include "vt-image-records.h"
#include "vt-ipc.h"
#include "vt-members.h"
#include "vt-sandbox.h"
#include "vt-unpack-protocol-private.h"
#include "vt-unpack-windows.h"
#include "vt-unpack.h"

/* Dictionaries of unpackers: 1.5 GiB is the most that xz(1) makes. */
#define ADDRESS_SPACE ((guint64)2 * 1024 * 1024 * 1024)
/* VT_UNPACK_BUDGET allows for some 500 members. With less, many of them on their way would make who
 * sends one more wait (vt_ipc_send_patiently()). */
#define OPEN_FILES 8192

typedef struct {
  int socket;
  guint64 underway; /* cost of the members sent and not given back */
} Worker;

static gboolean
reply (const Worker *self, VtUnpackReply kind, GVariant *value, int fd)
{
  return vt_ipc_send_patiently (self->socket, g_variant_new ("(yv)", (guchar)kind, value), &fd,
                                fd >= 0, NULL);
}

/* The next message, whose type is its kind's; NULL at the end. */
static GVariant *
receive (const Worker *self, VtUnpackRequest *kind, VtIpcFds *fds)
{
  g_autoptr (GVariant) message = vt_ipc_receive (self->socket, VT_UNPACK_MESSAGE_TYPE, fds, NULL);
  g_autoptr (GVariant) value = NULL;
  guchar number;

  if (message == NULL)
    return NULL;
  g_variant_get (message, "(yv)", &number, &value);
  if (number >= VT_UNPACK_N_REQUESTS ||
      !g_variant_is_of_type (value, G_VARIANT_TYPE (vt_unpack_request_types[number])))
    return NULL;
  *kind = number;
  return g_steal_pointer (&value);
}

static gboolean
take_credit (Worker *self)
{
  VtUnpackRequest kind;
  g_autoptr (GVariant) value = receive (self, &kind, NULL);

  if (value == NULL || kind != VT_UNPACK_CREDIT)
    return FALSE;
  self->underway -= MIN (self->underway, g_variant_get_uint64 (value));
  return TRUE;
}

static gboolean
must_wait (const Worker *self, guint64 cost)
{
  return !vt_budget_has_room (VT_UNPACK_BUDGET, self->underway, cost);
}

static gboolean
wait_for_room (Worker *self, guint64 cost)
{
  struct pollfd readable = {.fd = self->socket, .events = POLLIN};

  while (poll (&readable, 1, 0) == 1)
    if (!take_credit (self))
      return FALSE;
  if (must_wait (self, cost) && !reply (self, VT_UNPACK_WAIT, g_variant_new ("()"), -1))
    return FALSE;
  while (must_wait (self, cost))
    if (!take_credit (self))
      return FALSE;
  self->underway += cost;
  return TRUE;
}

static gboolean
on_member (const VtUnpackMember *member, gpointer user_data)
{
  Worker *self = user_data;
  vt_autofd content = member->content;
  gsize length = strnlen (member->name, VT_MEMBER_NAME_MAX);
  GVariant *name = g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, member->name, length, 1);

  if (content >= 0 && !wait_for_room (self, vt_content_cost (member->size))) {
    g_variant_unref (g_variant_ref_sink (name));
    return FALSE;
  }
  return reply (self, VT_UNPACK_MEMBER,
                g_variant_new ("(@ayty)", name, member->size, (guchar)member->reason), content);
}

static gboolean
open_container (Worker *self, GVariant *request, int fd)
{
  VtUnpackLimits limits = {0};
  g_auto (GStrv) passwords = NULL;
  g_autofree char *detail = NULL;
  g_autofree char *text = NULL;
  VtReason reason = VT_REASON_ENGINE_ERROR;
  guint64 size;
  guint kind;

  g_variant_get (request, "(tutttt^aay)", &size, &kind, &limits.max_member_size, &limits.max_size,
                 &limits.max_members, &limits.max_ratio, &passwords);
  limits.passwords = (const char *const *)passwords;
  self->underway = 0;
  if (fd >= 0 && kind == VT_CONTAINER_NONE)
    reason = vt_unpack_windows (fd, size, &limits, on_member, self, &detail);
  else if (fd >= 0 && kind < VT_CONTAINER_N_KINDS)
    reason = vt_unpack (fd, size, (VtContainerKind)kind, &limits, on_member, self, &detail);
  text = vt_record_text (detail ?: "");
  return reply (self, VT_UNPACK_DONE, g_variant_new ("(ys)", (guchar)reason, text), -1);
}

static gboolean
serve (Worker *self)
{
  g_auto (VtIpcFds) fds = VT_IPC_FDS_INIT;
  VtUnpackRequest kind;
  g_autoptr (GVariant) request = receive (self, &kind, &fds);

  if (request == NULL)
    return FALSE;
  /* Credit for members of the container before is of no more use. */
  return kind == VT_UNPACK_CREDIT || open_container (self, request, fds.fd[0]);
}

static gboolean
enter_sandbox (const Worker *self, guint64 max_file_size, GError **error)
{
  const VtSandboxPolicy policy = {
      .address_space = ADDRESS_SPACE,
      .open_files = vt_ipc_get_sender_files (OPEN_FILES),
      .memfd_size = max_file_size,
      .fds = &self->socket,
      .n_fds = 1,
  };
  char tmp_dir[PATH_MAX];
  VtSandboxLayers layers;

  vt_unpack_preload ();
  return vt_sandbox_enter (&policy, tmp_dir, &layers, error);
}

int
vt_unpack_worker_main (int socket, GVariant *arguments)
{
  Worker self = {.socket = socket};
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  if (!enter_sandbox (&self, g_variant_get_uint64 (arguments), &error)) {
    text = vt_record_text (error->message);
    (void)!reply (&self, VT_UNPACK_FAILED, g_variant_new_string (text), -1);
    return EXIT_FAILURE;
  }
  while (serve (&self))
    ;
  return EXIT_SUCCESS;
}
