// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-image-sink.h"

#include <poll.h>

#include "vt-content.h"
#include "vt-fd.h"
#include "vt-image-batch.h"
#include "vt-image-protocol.h"
#include "vt-image-records.h"
#include "vt-ipc.h"

/* While it waits for credit, it shows that it is alive. */
#define CREDIT_WAIT_MS 1000

/* Bytes of a path that goes together with others. */
#define BATCHED_PATH_MAX ((gsize)4096)

struct _VtImageSink {
  int socket;
  VtImageBatch *batch; /* files without contents that were not sent yet */
  guint64 underway;    /* cost of the files sent and not given back */
  gint64 last_sent;    /* monotonic time of the last message, microseconds */
};

VtImageSink *
vt_image_sink_new (int socket)
{
  VtImageSink *self = g_new0 (VtImageSink, 1);

  self->socket = socket;
  self->batch = vt_image_batch_new ();
  return self;
}

void
vt_image_sink_free (VtImageSink *self)
{
  g_clear_pointer (&self->batch, vt_image_batch_free);
  g_free (self);
}

int
vt_image_sink_get_socket (const VtImageSink *self)
{
  return self->socket;
}

guint64
vt_image_sink_get_underway (const VtImageSink *self)
{
  return self->underway;
}

void
vt_image_sink_set_underway (VtImageSink *self, guint64 underway)
{
  self->underway = underway;
}

static gboolean
send_now (VtImageSink *self, VtImageMsgKind kind, GVariant *value, int fd, GError **error)
{
  self->last_sent = g_get_monotonic_time ();
  return vt_ipc_send_patiently (self->socket, g_variant_new ("(yv)", (guchar)kind, value), &fd,
                                fd >= 0, error);
}

gboolean
vt_image_sink_flush (VtImageSink *self, GError **error)
{
  GVariant *files = vt_image_batch_take (self->batch);

  return files == NULL || send_now (self, VT_IMAGE_MSG_FILES, files, -1, error);
}

/* What waits goes first. */
static gboolean
send_value (VtImageSink *self, VtImageMsgKind kind, GVariant *value, int fd, GError **error)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (value);

  return vt_image_sink_flush (self, error) && send_now (self, kind, owned, fd, error);
}

void
vt_image_sink_alive (VtImageSink *self)
{
  g_autoptr (GError) error = NULL;

  if (g_get_monotonic_time () - self->last_sent < G_USEC_PER_SEC)
    return;
  if (!send_value (self, VT_IMAGE_MSG_ALIVE, g_variant_new ("()"), -1, &error))
    g_debug ("%s", error->message);
}

void
vt_image_sink_log (VtImageSink *self, GLogLevelFlags level, const char *format, ...)
{
  g_autofree char *text = NULL;
  g_autofree char *valid = NULL;
  g_autoptr (GError) error = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  valid = vt_record_text (text);
  if (!send_value (self, VT_IMAGE_MSG_LOG, g_variant_new ("(us)", (guint32)level, valid), -1,
                   &error))
    g_debug ("message not sent: %s", error->message);
}

gboolean
vt_image_sink_phase (VtImageSink *self, const char *phase, GError **error)
{
  return send_value (self, VT_IMAGE_MSG_PHASE, g_variant_new_string (phase), -1, error);
}

gboolean
vt_image_sink_described (VtImageSink *self,
                         const char *format,
                         guint64 virtual_size,
                         GError **error)
{
  return send_value (self, VT_IMAGE_MSG_DESCRIBED, g_variant_new ("(st)", format, virtual_size), -1,
                     error);
}

gboolean
vt_image_sink_system (VtImageSink *self, const VtOperatingSystem *system, GError **error)
{
  return send_value (self, VT_IMAGE_MSG_SYSTEM, vt_operating_system_serialize (system), -1, error);
}

gboolean
vt_image_sink_filesystem (VtImageSink *self, const VtFilesystem *filesystem, GError **error)
{
  return send_value (self, VT_IMAGE_MSG_FILESYSTEM, vt_filesystem_serialize (filesystem), -1,
                     error);
}

gboolean
vt_image_sink_expect (
    VtImageSink *self, guint64 files, guint64 bytes, guint64 excluded, GError **error)
{
  return send_value (self, VT_IMAGE_MSG_EXPECT, g_variant_new ("(ttt)", files, bytes, excluded), -1,
                     error);
}

/* Takes one order, or none if there is none for so long: credit at once, all else is for ANSWER. */
static gboolean
take_order (VtImageSink *self, int timeout_ms, gboolean *answered, VtIpcFds *answer, GError **error)
{
  struct pollfd readable = {.fd = self->socket, .events = POLLIN};
  g_autoptr (GVariant) order = NULL;
  guchar kind;
  guint64 number;

  if (poll (&readable, 1, timeout_ms) <= 0)
    return TRUE;
  order = vt_ipc_receive (self->socket, VT_IMAGE_ORDER_TYPE, answer, error);
  if (order == NULL)
    return FALSE;
  g_variant_get (order, "(yt)", &kind, &number);
  if (kind == VT_IMAGE_ORDER_CREDIT)
    self->underway -= MIN (self->underway, number);
  else if (answered != NULL)
    *answered = TRUE;
  return TRUE;
}

static gboolean
take_credit (VtImageSink *self, int timeout_ms, GError **error)
{
  return take_order (self, timeout_ms, NULL, NULL, error);
}

static gboolean
must_wait (const VtImageSink *self, guint64 cost)
{
  return !vt_budget_has_room (VT_IMAGE_BUDGET, self->underway, cost);
}

static gboolean
wait_for_room (VtImageSink *self, guint64 cost, GError **error)
{
  struct pollfd readable = {.fd = self->socket, .events = POLLIN};

  while (poll (&readable, 1, 0) == 1)
    if (!take_credit (self, 0, error))
      return FALSE;
  /* The starter hands a file on only when something follows it. */
  if (must_wait (self, cost) &&
      !send_value (self, VT_IMAGE_MSG_ALIVE, g_variant_new ("()"), -1, error))
    return FALSE;
  while (must_wait (self, cost)) {
    if (!take_credit (self, CREDIT_WAIT_MS, error))
      return FALSE;
    vt_image_sink_alive (self);
  }
  self->underway += cost;
  return TRUE;
}

int
vt_image_sink_open_spool (VtImageSink *self, guint64 size, guint64 data)
{
  g_auto (VtIpcFds) answer = VT_IPC_FDS_INIT;
  g_autoptr (GError) error = NULL;
  gboolean answered = FALSE;

  if (!send_value (self, VT_IMAGE_MSG_SPOOL, g_variant_new ("(tt)", size, data), -1, &error))
    return -1;
  /* There may have to be room first. */
  while (!answered) {
    if (!take_order (self, CREDIT_WAIT_MS, &answered, &answer, &error))
      return -1;
    vt_image_sink_alive (self);
  }
  return vt_fd_steal (&answer.fd[0]);
}

static GVariant *
new_bytes (const void *data, gsize size)
{
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, data, size, 1);
}

static gboolean
add_to_batch (VtImageSink *self, const VtFileResult *file, GError **error)
{
  if (!vt_image_batch_has_room (self->batch, file) && !vt_image_sink_flush (self, error))
    return FALSE;
  vt_image_batch_add (self->batch, file);
  return TRUE;
}

static gboolean
send_alone (VtImageSink *self, const VtFileResult *file, int memfd, GError **error)
{
  if (!vt_image_sink_flush (self, error))
    return FALSE;
  vt_image_batch_add (self->batch, file);
  return send_value (self, VT_IMAGE_MSG_FILE, vt_image_batch_take (self->batch), memfd, error);
}

gboolean
vt_image_sink_file (
    VtImageSink *self, const VtFileResult *file, char **links, int memfd, GError **error)
{
  gboolean has_content =
      file->verdict.reason == VT_REASON_NONE && !file->has_digest && memfd != VT_IMAGE_SINK_LISTED;

  if (has_content && !wait_for_room (self, vt_content_cost (memfd >= 0 ? file->size : 0), error))
    return FALSE;
  if (!has_content && (links == NULL || *links == NULL) && strlen (file->path) < BATCHED_PATH_MAX)
    return add_to_batch (self, file, error);
  if (!send_alone (self, file, memfd, error))
    return FALSE;
  for (char **link = links; link != NULL && *link != NULL; link++)
    if (!send_value (self, VT_IMAGE_MSG_LINK, new_bytes (*link, strlen (*link)), -1, error))
      return FALSE;
  return TRUE;
}

gboolean
vt_image_sink_attributes (VtImageSink *self, const VtFileAttributes *attributes, GError **error)
{
  GVariant *value =
      g_variant_new ("(uuuu@ay)", attributes->mode, attributes->uid, attributes->gid,
                     attributes->links, new_bytes (attributes->label, attributes->label_size));

  return send_value (self, VT_IMAGE_MSG_ATTRIBUTES, value, -1, error);
}

gboolean
vt_image_sink_filesystem_end (
    VtImageSink *self, guint filesystem, VtReason reason, const char *detail, GError **error)
{
  g_autofree char *text = vt_record_text (detail ?: "");

  return send_value (self, VT_IMAGE_MSG_FILESYSTEM_END,
                     g_variant_new ("(uys)", filesystem, (guchar)reason, text), -1, error);
}

/*
 * Waits until the starter has read all and closes. If this end were closed while credit waits in
 * it, the kernel would give the starter a reset instead of the last records.
 */
static void
wait_until_closed (VtImageSink *self)
{
  g_autoptr (GVariant) order = NULL;

  while ((order = vt_ipc_receive (self->socket, VT_IMAGE_ORDER_TYPE, NULL, NULL)) != NULL)
    g_clear_pointer (&order, g_variant_unref);
}

gboolean
vt_image_sink_direct (VtImageSink *self, const char *id, GError **error)
{
  return send_value (self, VT_IMAGE_MSG_DIRECT, g_variant_new_string (id), -1, error);
}

gboolean
vt_image_sink_refused (VtImageSink *self, const char *id, const char *why, GError **error)
{
  g_autofree char *text = vt_record_text (why);

  if (!send_value (self, VT_IMAGE_MSG_REFUSED, g_variant_new ("(ss)", id, text), -1, error))
    return FALSE;
  wait_until_closed (self);
  return TRUE;
}

gboolean
vt_image_sink_done (VtImageSink *self, GError **error)
{
  if (!send_value (self, VT_IMAGE_MSG_DONE, g_variant_new ("()"), -1, error))
    return FALSE;
  wait_until_closed (self);
  return TRUE;
}

gboolean
vt_image_sink_failed (VtImageSink *self, const GError *failure, GError **error)
{
  int code = failure->domain == VT_IMAGE_ERROR ? failure->code : VT_IMAGE_ERROR_READER;
  g_autofree char *text = vt_record_text (failure->message);

  if (!send_value (self, VT_IMAGE_MSG_ERROR, g_variant_new ("(us)", (guint32)code, text), -1,
                   error))
    return FALSE;
  wait_until_closed (self);
  return TRUE;
}
