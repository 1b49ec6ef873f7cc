// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* The device that libntfs-3g reads from: a window of a disk, on which nothing can be written. */
#include "vt-ntfs-private.h"

#include <fcntl.h>
#include <stdio.h>

/* Reads of a step: more than the largest directory needs. */
#define READS_MAX (4U * 1024 * 1024)

static VtNtfs *
get_self (struct ntfs_device *device)
{
  return device->d_private;
}

static int
on_open (struct ntfs_device *device, int flags)
{
  if ((flags & O_ACCMODE) != O_RDONLY || NDevOpen (device)) {
    errno = EROFS;
    return -1;
  }
  NDevSetReadOnly (device);
  NDevSetOpen (device);
  return 0;
}

static int
on_close (struct ntfs_device *device)
{
  NDevClearOpen (device);
  return 0;
}

/* Beyond the end the library takes an error for one, and not for the end of what it reads. */
static s64
on_seek (struct ntfs_device *device, s64 offset, int whence)
{
  VtNtfs *self = get_self (device);

  if (whence != SEEK_SET || offset < 0 || (guint64)offset >= self->size) {
    errno = EINVAL;
    return -1;
  }
  self->position = (guint64)offset;
  return offset;
}

static s64
on_pread (struct ntfs_device *device, void *buffer, s64 size, s64 offset)
{
  VtNtfs *self = get_self (device);
  g_autoptr (GError) error = NULL;

  vt_fs_say_alive (&self->base);
  errno = EIO;
  if (size < 0 || offset < 0)
    return -1;
  if (++self->reads > READS_MAX)
    vt_fs_refuse (&error, "the library goes round in circles");
  else if (vt_disk_cache_read (self->cache, (guint64)offset, buffer, (gsize)size, &error))
    return size;
  /* Beyond the end: not the disk's failure, and whoever wanted that is damaged. */
  if (self->failure == NULL && !g_error_matches (error, VT_DISK_ERROR, VT_DISK_ERROR_RANGE))
    self->failure = g_steal_pointer (&error);
  errno = EIO;
  return -1;
}

static s64
on_read (struct ntfs_device *device, void *buffer, s64 size)
{
  VtNtfs *self = get_self (device);
  s64 n = on_pread (device, buffer, size, (s64)self->position);

  if (n > 0)
    self->position += (guint64)n;
  return n;
}

static s64
on_write (struct ntfs_device *device, const void *buffer, s64 size)
{
  errno = EROFS;
  return -1;
}

static s64
on_pwrite (struct ntfs_device *device, const void *buffer, s64 size, s64 offset)
{
  errno = EROFS;
  return -1;
}

static int
on_sync (struct ntfs_device *device)
{
  return 0;
}

static int
on_stat (struct ntfs_device *device, struct stat *status)
{
  errno = EOPNOTSUPP;
  return -1;
}

static int
on_ioctl (struct ntfs_device *device, unsigned long request, void *argument)
{
  errno = EOPNOTSUPP;
  return -1;
}

static struct ntfs_device_operations operations = {
    .open = on_open,
    .close = on_close,
    .seek = on_seek,
    .read = on_read,
    .write = on_write,
    .pread = on_pread,
    .pwrite = on_pwrite,
    .sync = on_sync,
    .stat = on_stat,
    .ioctl = on_ioctl,
};

struct ntfs_device *
vt_ntfs_device_new (VtNtfs *self)
{
  return ntfs_device_alloc ("window", 0, &operations, self);
}

void
vt_ntfs_begin_step (VtNtfs *self)
{
  self->reads = 0;
}

gboolean
vt_ntfs_check (VtNtfs *self, gboolean ok, GError **error, const char *what, ...)
{
  int code = errno;
  GError *failure = g_steal_pointer (&self->failure);
  g_autofree char *text = NULL;
  va_list arguments;

  if (ok && failure == NULL)
    return TRUE;
  va_start (arguments, what);
  text = g_strdup_vprintf (what, arguments);
  va_end (arguments);
  if (failure == NULL)
    return vt_fs_refuse (error, "%s: %s", text, g_strerror (code));
  if (failure->domain == VT_DISK_ERROR)
    return vt_fs_fail_to_read (failure, text, error);
  g_propagate_prefixed_error (error, failure, "%s: ", text);
  return FALSE;
}
