// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vt-fd.h"
#include "vt-paths.h"

struct _VtSpool {
  guint64 size;
  int writer;
  int reader;
};

static gboolean
fail (GError **error, const char *what)
{
  int saved_errno = errno;

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno), "%s: %s: %s",
               vt_paths_large_tmp_dir (), what, g_strerror (saved_errno));
  return FALSE;
}

static gboolean
check_room (int fd, guint64 data, GError **error)
{
  guint64 reserve;
  guint64 room = vt_paths_get_room (fd, &reserve);

  if (data <= room)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
               "%s: no room for %" G_GUINT64_FORMAT " bytes: %" G_GUINT64_FORMAT
               " may be written, so that %" G_GUINT64_FORMAT
               " stay free; set TMPDIR to another directory",
               vt_paths_large_tmp_dir (), data, room, reserve);
  return FALSE;
}

/* Another descriptor of the same file, which cannot be written by. */
static int
reopen (int fd)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);

  return open (path, O_RDONLY | O_CLOEXEC);
}

/* While there is a writer, the kernel must say so: where it does not know leases, it could not tell
 * afterwards that there is none. */
static gboolean
check_leases (const VtSpool *self, GError **error)
{
  if (fcntl (self->reader, F_SETLEASE, F_RDLCK) < 0 && errno == EAGAIN)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
               "%s: on a file system without leases; set TMPDIR to another directory",
               vt_paths_large_tmp_dir ());
  return FALSE;
}

VtSpool *
vt_spool_new (guint64 size, guint64 data, GError **error)
{
  g_autoptr (VtSpool) self = g_new0 (VtSpool, 1);

  self->size = size;
  self->reader = -1;
  self->writer = vt_paths_open_unnamed (error);
  if (self->writer < 0 || !check_room (self->writer, data, error))
    return NULL;
  if (ftruncate (self->writer, (off_t)size) < 0 || (self->reader = reopen (self->writer)) < 0) {
    fail (error, "a file for a large content");
    return NULL;
  }
  return check_leases (self, error) ? g_steal_pointer (&self) : NULL;
}

void
vt_spool_free (VtSpool *self)
{
  vt_fd_clear (&self->writer);
  vt_fd_clear (&self->reader);
  g_free (self);
}

guint64
vt_spool_get_size (const VtSpool *self)
{
  return self->size;
}

int
vt_spool_steal_writer (VtSpool *self)
{
  return vt_fd_steal (&self->writer);
}

/*
 * The kernel gives a read lease only while nobody has the file open for writing, a descriptor on
 * its way through a socket included (fcntl(2)). The file has no name; who could open it again by
 * way of /proc is the user, and not the writer in its sandbox.
 */
static gboolean
has_no_writer (int fd)
{
  return fcntl (fd, F_SETLEASE, F_RDLCK) == 0 && fcntl (fd, F_SETLEASE, F_UNLCK) == 0;
}

int
vt_spool_finish (VtSpool *self)
{
  struct stat info;

  if (self->writer >= 0 || !has_no_writer (self->reader) || fstat (self->reader, &info) < 0 ||
      (guint64)info.st_size != self->size)
    return -1;
  return vt_fd_steal (&self->reader);
}
