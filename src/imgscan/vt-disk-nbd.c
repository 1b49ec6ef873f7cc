// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A disk behind an NBD server. libnbd's callbacks run under its lock, so they only take notes.
 *
 * The server is driven by a hostile image: what it sends is data, and it may send nothing.
 */
#include <errno.h>
#include <libnbd.h>

#include "vt-disk-private.h"
#include "vt-fd.h"

/* How long the server may be silent while something is asked of it, in milliseconds. */
#define SILENCE_MAX_MS 60000
/* Largest request, in bytes: what servers that state no limit are to take (the NBD protocol). */
#define REQUEST_MAX ((gsize)32 * 1024 * 1024)

typedef struct {
  struct nbd_handle *handle; /* NULL once the connection is lost */
  int silence_ms;
  gsize request_max; /* bytes */
} Connection;

static void
connection_free (gpointer source)
{
  Connection *self = source;

  /* Closes the socket; callbacks of commands under way are not called any more. */
  g_clear_pointer (&self->handle, nbd_close);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Connection, connection_free)

static gboolean
fail (Connection *self, const char *why, GError **error)
{
  g_set_error (error, VT_DISK_ERROR, VT_DISK_ERROR_LOST, "the image's server: %s", why);
  return FALSE;
}

static gboolean
fail_with_nbd (Connection *self, GError **error)
{
  return fail (self, nbd_get_error () ?: "the connection is lost", error);
}

/* Called with libnbd's lock held, and never after nbd_close(). */
static int
on_part_done (gpointer user_data, int *error)
{
  VtDiskRead *read = user_data;

  /* The server has no way to say ENOTCONN: it is libnbd's word for what can come no more. */
  if (*error != 0)
    vt_disk_read_fail (read, *error == ENOTCONN ? VT_DISK_ERROR_LOST : VT_DISK_ERROR_READ,
                       g_strerror (*error));
  if (--read->parts == 0)
    vt_disk_read_complete (read);
  return 1;
}

static gboolean
start (gpointer source, VtDiskRead *read, GError **error)
{
  Connection *self = source;
  gsize started = 0;

  /* One that stands for the loop, so that the read is not complete before its last part. */
  read->parts = 1;
  while (started < read->size) {
    gsize size = MIN (read->size - started, self->request_max);

    read->parts++;
    if (nbd_aio_pread (self->handle, read->buffer + started, size, read->offset + started,
                       (nbd_completion_callback){.callback = on_part_done, .user_data = read},
                       0) < 0) {
      read->parts--;
      break;
    }
    started += size;
  }
  if (started == 0)
    return fail_with_nbd (self, error);
  if (started < read->size)
    vt_disk_read_fail (read, VT_DISK_ERROR_LOST, nbd_get_error () ?: "not asked for");
  if (--read->parts == 0)
    vt_disk_read_complete (read);
  return TRUE;
}

/* Lets the state machine go on. The descriptor is libnbd's alone: silence can only end there. */
static gboolean
step (Connection *self, GError **error)
{
  int progress = nbd_poll (self->handle, self->silence_ms);

  if (progress < 0)
    return fail_with_nbd (self, error);
  if (progress == 0) {
    g_set_error (error, VT_DISK_ERROR, VT_DISK_ERROR_LOST,
                 "the image's server: silent for more than %d ms", self->silence_ms);
    return FALSE;
  }
  if (nbd_aio_is_dead (self->handle) || nbd_aio_is_closed (self->handle))
    return fail (self, "the connection has ended", error);
  return TRUE;
}

static gboolean
wait_for_more (gpointer source, GError **error)
{
  Connection *self = source;

  if (step (self, error))
    return TRUE;
  g_clear_pointer (&self->handle, nbd_close);
  return FALSE;
}

static const VtDiskClass nbd_class = {
    .start = start,
    .wait = wait_for_more,
    .free = connection_free,
};

/*
 * qemu-nbd serves any alignment, whatever it states. Simple replies: where replies are structured,
 * it hangs up on a sector that it cannot read; also a simple one has all bytes that were asked for,
 * so that the buffer need not be cleared before.
 */
static gboolean
set_up (Connection *self, GError **error)
{
  guint32 strictness = nbd_get_strict_mode (self->handle) & ~(guint32)LIBNBD_STRICT_ALIGN;

  if (nbd_set_strict_mode (self->handle, strictness) == 0 &&
      nbd_set_request_structured_replies (self->handle, false) == 0 &&
      nbd_set_pread_initialize (self->handle, false) == 0)
    return TRUE;
  return fail_with_nbd (self, error);
}

/* Takes SOCKET, also when it fails. */
static gboolean
handshake (Connection *self, int socket, GError **error)
{
  vt_autofd owned = socket;
  gint64 maximum;

  if (!set_up (self, error))
    return FALSE;
  if (nbd_aio_connect_socket (self->handle, owned) < 0)
    return fail_with_nbd (self, error);
  vt_fd_steal (&owned);
  while (nbd_aio_is_connecting (self->handle))
    if (!step (self, error))
      return FALSE;
  if (!nbd_aio_is_ready (self->handle))
    return fail_with_nbd (self, error);
  maximum = nbd_get_block_size (self->handle, LIBNBD_SIZE_MAXIMUM);
  self->request_max = maximum > 0 ? MIN ((gsize)maximum, REQUEST_MAX) : REQUEST_MAX;
  return TRUE;
}

VtDisk *
vt_disk_new_nbd_with_limit (int socket, int silence_ms, GError **error)
{
  vt_autofd owned = socket;
  g_autoptr (Connection) self = g_new0 (Connection, 1);
  gint64 size;

  self->silence_ms = silence_ms;
  self->handle = nbd_create ();
  if (self->handle == NULL) {
    fail_with_nbd (self, error);
    return NULL;
  }
  if (!handshake (self, vt_fd_steal (&owned), error))
    return NULL;
  size = nbd_get_size (self->handle);
  if (size < 0) {
    fail_with_nbd (self, error);
    return NULL;
  }
  return vt_disk_new (&nbd_class, g_steal_pointer (&self), (guint64)size);
}

VtDisk *
vt_disk_new_nbd (int socket, GError **error)
{
  return vt_disk_new_nbd_with_limit (socket, SILENCE_MAX_MS, error);
}
