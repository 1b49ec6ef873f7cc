// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * QEMU's metadata context "qemu:allocation-depth" (docs/interop/nbd.txt of QEMU) says of each range
 * which image of the chain has it: 1 the uppermost one, 2 the one below, 0 none. A connection of
 * its own, because it takes structured replies, and reading does not (vt-disk-nbd.c).
 */
#include "vt-disk-changes.h"

#include <libnbd.h>
#include <string.h>

#include "vt-fd.h"

#define CONTEXT "qemu:allocation-depth"
/* Bytes that are asked about at a time; the protocol has 32 bits for it. */
#define STRIDE ((guint64)1024 * 1024 * 1024)

typedef struct nbd_handle NbdHandle;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (NbdHandle, nbd_close)

typedef struct {
  VtDiskMap *map;
  guint layers;
  guint64 limit;    /* what the answer may be about ends here */
  guint64 position; /* up to which it has told */
  gboolean malformed;
} Reading;

static gboolean
fail (const char *why, GError **error)
{
  g_set_error (error, VT_DISK_ERROR, VT_DISK_ERROR_LOST, "the image's server: map: %s", why);
  return FALSE;
}

static gboolean
fail_with_nbd (GError **error)
{
  return fail (nbd_get_error () ?: "the connection is lost", error);
}

/* ENTRIES are pairs of a length and a depth. */
static int
on_extents (gpointer user_data,
            const char *context,
            guint64 offset,
            guint32 *entries,
            size_t n_entries,
            int *error)
{
  Reading *self = user_data;

  if (strcmp (context, CONTEXT) != 0 || offset != self->position || n_entries % 2 != 0) {
    self->malformed = TRUE;
    return 0;
  }
  for (size_t i = 0; i < n_entries && self->position < self->limit; i += 2) {
    guint64 length = MIN (entries[i], self->limit - self->position);
    gboolean changed = entries[i + 1] >= 1 && entries[i + 1] <= self->layers;

    if (length == 0 || (changed && !vt_disk_map_add (self->map, self->position, length))) {
      self->malformed = TRUE;
      return 0;
    }
    self->position += length;
  }
  return 0;
}

static NbdHandle *
connect_server (int socket, GError **error)
{
  g_autoptr (NbdHandle) handle = nbd_create ();
  vt_autofd owned = socket;

  if (handle != NULL && nbd_add_meta_context (handle, CONTEXT) == 0 &&
      nbd_connect_socket (handle, owned) == 0) {
    vt_fd_steal (&owned);
    if (nbd_can_meta_context (handle, CONTEXT) == 1)
      return g_steal_pointer (&handle);
    fail ("it cannot tell which image has what", error);
    return NULL;
  }
  fail_with_nbd (error);
  return NULL;
}

static gboolean
read_stride (NbdHandle *handle, Reading *reading, guint64 size, GError **error)
{
  guint64 start = reading->position;
  guint64 length = MIN (STRIDE, size - start);

  reading->limit = start + length;
  if (nbd_block_status (handle, length, start,
                        (nbd_extent_callback){.callback = on_extents, .user_data = reading}, 0) < 0)
    return fail_with_nbd (error);
  return (!reading->malformed && reading->position > start) ||
         fail ("its answer makes no sense, or is too long", error);
}

VtDiskMap *
vt_disk_changes_read (int socket, guint layers, GError **error)
{
  g_autoptr (NbdHandle) handle = connect_server (socket, error);
  g_autoptr (VtDiskMap) map = vt_disk_map_new ();
  Reading reading = {.map = map, .layers = layers};
  gint64 size;

  if (handle == NULL)
    return NULL;
  size = nbd_get_size (handle);
  if (size < 0) {
    fail_with_nbd (error);
    return NULL;
  }
  while (reading.position < (guint64)size)
    if (!read_stride (handle, &reading, (guint64)size, error))
      return NULL;
  return g_steal_pointer (&map);
}
