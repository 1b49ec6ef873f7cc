// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-disk.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

struct _VtDisk {
  int file;
  guint64 size;
};

GQuark
vt_disk_error_quark (void)
{
  return g_quark_from_static_string ("vt-disk-error-quark");
}

VtDisk *
vt_disk_new_file (int file, GError **error)
{
  VtDisk *self;
  struct stat info;

  if (fstat (file, &info) < 0 || info.st_size < 0) {
    g_set_error (error, VT_DISK_ERROR, VT_DISK_ERROR_READ, "disk: %s", g_strerror (errno));
    return NULL;
  }
  self = g_new0 (VtDisk, 1);
  self->file = file;
  self->size = (guint64)info.st_size;
  return self;
}

void
vt_disk_free (VtDisk *self)
{
  g_free (self);
}

guint64
vt_disk_get_size (const VtDisk *self)
{
  return self->size;
}

gboolean
vt_disk_read (VtDisk *self, guint64 offset, void *buffer, gsize size, GError **error)
{
  if (offset > self->size || size > self->size - offset) {
    g_set_error (error, VT_DISK_ERROR, VT_DISK_ERROR_RANGE,
                 "%zu bytes at %" G_GUINT64_FORMAT " of a disk of %" G_GUINT64_FORMAT, size, offset,
                 self->size);
    return FALSE;
  }
  for (gsize done = 0; done < size;) {
    gssize n = pread (self->file, (guint8 *)buffer + done, size - done, (off_t)(offset + done));

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      g_set_error (error, VT_DISK_ERROR, VT_DISK_ERROR_READ, "disk: %s",
                   n < 0 ? g_strerror (errno) : "it has become shorter");
      return FALSE;
    }
    done += (gsize)n;
  }
  return TRUE;
}

gboolean
vt_disk_submit (VtDisk *self,
                guint64 offset,
                void *buffer,
                gsize size,
                VtDiskDone done,
                gpointer user_data,
                GError **error)
{
  g_autoptr (GError) failure = NULL;

  if (!vt_disk_read (self, offset, buffer, size, &failure) &&
      g_error_matches (failure, VT_DISK_ERROR, VT_DISK_ERROR_RANGE)) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  done (failure, user_data);
  return TRUE;
}

gboolean
vt_disk_wait (VtDisk *self, guint max_in_flight, GError **error)
{
  return TRUE;
}
