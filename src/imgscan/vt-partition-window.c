// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * libblkid reads from a descriptor only, and there is none that stands for a disk behind a socket.
 * So it gets a memfd of the same size that holds what it looks at.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "vt-fd.h"
#include "vt-partitions-private.h"

/*
 * The areas that the probers of libblkid look at first. Farthest from the start are copies of the
 * LUKS header, at 4 MiB; farthest from the end are metadata of RAIDs and UDF anchors, 1.5 MiB.
 */
#define HEAD_SIZE ((guint64)5 * 1024 * 1024)
#define TAIL_SIZE ((guint64)2 * 1024 * 1024)
/* Bytes that are copied at once. */
#define COPY_SIZE ((gsize)256 * 1024)

gboolean
vt_is_zero (const guint8 *bytes, gsize n)
{
  return n == 0 || (bytes[0] == 0 && memcmp (bytes, bytes + 1, n - 1) == 0);
}

gboolean
vt_partition_cannot_read (GError *why_not, char **why, GError **error)
{
  if (g_error_matches (why_not, VT_DISK_ERROR, VT_DISK_ERROR_READ) ||
      g_error_matches (why_not, VT_DISK_ERROR, VT_DISK_ERROR_RANGE)) {
    *why = g_strdup_printf ("cannot be read: %s", why_not->message);
    g_error_free (why_not);
  } else {
    g_propagate_error (error, why_not);
  }
  return FALSE;
}

static gboolean
fail_with_errno (GError **error, const char *what)
{
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "%s: %s", what,
               g_strerror (errno));
  return FALSE;
}

void
vt_window_clear (VtWindow *self)
{
  vt_fd_clear (&self->memfd);
}

static gboolean
write_all (int fd, guint64 offset, const guint8 *bytes, gsize n, GError **error)
{
  for (gsize done = 0; done < n;) {
    gssize written = pwrite (fd, bytes + done, n - done, (off_t)(offset + done));

    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return fail_with_errno (error, "window on a disk");
    done += (gsize)written;
  }
  return TRUE;
}

gboolean
vt_window_add (VtWindow *self, guint64 offset, guint64 size, GError **error)
{
  g_autofree guint8 *buffer = NULL;
  guint64 end;

  if (offset >= self->size)
    return TRUE;
  end = offset + MIN (size, self->size - offset);
  buffer = g_malloc (COPY_SIZE);
  while (offset < end) {
    gsize n = (gsize)MIN (COPY_SIZE, end - offset);

    if (!vt_disk_read (self->disk, self->start + offset, buffer, n, error))
      return FALSE;
    if (!vt_is_zero (buffer, n) && !write_all (self->memfd, offset, buffer, n, error))
      return FALSE;
    offset += n;
  }
  return TRUE;
}

gboolean
vt_window_open (VtWindow *self, GError **error)
{
  self->memfd = memfd_create ("disk", MFD_CLOEXEC);
  if (self->memfd < 0 || ftruncate (self->memfd, (off_t)self->size) < 0)
    return fail_with_errno (error, "window on a disk");
  if (!vt_window_add (self, 0, HEAD_SIZE, error))
    return FALSE;
  return self->size <= HEAD_SIZE ||
         vt_window_add (self, MAX (HEAD_SIZE, self->size - MIN (self->size, TAIL_SIZE)), TAIL_SIZE,
                        error);
}

gboolean
vt_window_read (VtWindow *self, guint64 offset, void *buffer, gsize size, GError **error)
{
  if (offset > self->size || size > self->size - offset) {
    g_set_error (error, VT_DISK_ERROR, VT_DISK_ERROR_RANGE,
                 "%zu bytes at %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT, size, offset,
                 self->size);
    return FALSE;
  }
  return vt_fd_read_at (self->memfd, offset, buffer, size) == (gssize)size ||
         fail_with_errno (error, "window on a disk");
}
