// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * File descriptors that close themselves: GLib 2.74 has no g_autofd.
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

#define vt_autofd __attribute__ ((cleanup (vt_fd_clear))) int
