// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <unistd.h>

#include "vt-fd.h"

void
vt_secret_free (char *text)
{
  if (text != NULL)
    OPENSSL_cleanse (text, strlen (text));
  g_free (text);
}

void
vt_secret_clear (char **text)
{
  vt_secret_free (g_steal_pointer (text));
}

static void
set_system_error (GError **error, const char *path)
{
  int saved_errno = errno;

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno), "%s: %s", path,
               g_strerror (saved_errno));
}

/* Until the end, or until BUFFER is full: a pipe gives its text in pieces. -1 and errno. */
static gssize
read_all (int fd, char *buffer, gsize size)
{
  gsize done = 0;

  while (done < size) {
    gssize n = read (fd, buffer + done, size - done);

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

static gboolean
read_text (int fd, const char *path, char *buffer, gsize max, GError **error)
{
  gssize size = read_all (fd, buffer, max + 1);

  if (size < 0) {
    set_system_error (error, path);
    return FALSE;
  }
  if ((gsize)size > max) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                 "%s: more than %zu bytes, the most that are read of such a file", path, max);
    return FALSE;
  }
  if (memchr (buffer, '\0', (gsize)size) != NULL) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s: has NUL bytes, so it is no text",
                 path);
    return FALSE;
  }
  buffer[size] = '\0';
  return TRUE;
}

char *
vt_secret_read_file (const char *path, gsize max, struct stat *status, GError **error)
{
  vt_autofd fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  struct stat ignored;
  char *buffer;

  if (fd < 0 || fstat (fd, status != NULL ? status : &ignored) != 0) {
    set_system_error (error, path);
    return NULL;
  }
  buffer = g_malloc0 (max + 2);
  if (read_text (fd, path, buffer, max, error))
    return buffer;
  OPENSSL_cleanse (buffer, max + 2);
  g_free (buffer);
  return NULL;
}
