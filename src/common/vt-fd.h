// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * File descriptors that close themselves, as GLib 2.74 has no g_autofd, and reading and
 * writing at a place.
 */
#pragma once

#include <errno.h>
#include <glib.h>
#include <unistd.h>

/* Closes *FD unless it is negative, keeps errno, and leaves -1 behind. */
static inline void
vt_fd_clear (int *fd)
{
  int saved_errno = errno;

  if (*fd >= 0)
    close (*fd);
  *fd = -1;
  errno = saved_errno;
}

/* Takes the descriptor out of *FD, which no longer owns it. */
static inline int
vt_fd_steal (int *fd)
{
  int taken = *fd;

  *fd = -1;
  return taken;
}

/* Reads the SIZE bytes of FD at OFFSET, or as many as there are before its end (pread(2)). Their
 * number, or -1 and errno. */
static inline gssize
vt_fd_read_at (int fd, guint64 offset, void *buffer, gsize size)
{
  gsize done = 0;

  while (done < size) {
    gssize n = pread (fd, (guint8 *)buffer + done, size - done, (off_t)(offset + done));

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    if (n == 0)
      break;
    done += (gsize)n;
  }
  return (gssize)done;
}

/* Writes SIZE bytes to FD at OFFSET (pwrite(2)). FALSE and errno if not all could be. */
static inline gboolean
vt_fd_write_at (int fd, guint64 offset, const void *data, gsize size)
{
  gsize done = 0;

  while (done < size) {
    gssize n = pwrite (fd, (const guint8 *)data + done, size - done, (off_t)(offset + done));

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return FALSE;
    done += (gsize)n;
  }
  return TRUE;
}

/* A descriptor that is closed when the last of its owners lets go, all of them in one thread. */
typedef struct {
  int fd;
} VtSharedFd;

/* Takes FD. */
static inline VtSharedFd *
vt_shared_fd_new (int fd)
{
  VtSharedFd *self = g_rc_box_new0 (VtSharedFd);

  self->fd = fd;
  return self;
}

static inline void
vt_shared_fd_close (gpointer self)
{
  close (((VtSharedFd *)self)->fd);
}

static inline void
vt_shared_fd_unref (VtSharedFd *self)
{
  g_rc_box_release_full (self, vt_shared_fd_close);
}

#define vt_autofd __attribute__ ((cleanup (vt_fd_clear))) int
