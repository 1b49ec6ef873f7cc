// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#pragma once

#include <errno.h>
#include <glib.h>
#include <sys/socket.h>
#include <sys/un.h>

#define CONNECT_TRIES   2000
#define CONNECT_WAIT_US 10000

/*
 * Connects to the Unix socket PATH; the descriptor is the caller's. A server that was just started
 * may have no socket yet, or one that it does not listen to.
 */
static inline int
connect_to (const char *path)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int result;

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  result = connect (fd, (const struct sockaddr *)&address, sizeof address);
  for (int i = 0; i < CONNECT_TRIES && result != 0 && (errno == ENOENT || errno == ECONNREFUSED);
       i++) {
    g_usleep (CONNECT_WAIT_US);
    result = connect (fd, (const struct sockaddr *)&address, sizeof address);
  }
  g_assert_cmpint (result, ==, 0);
  return fd;
}
