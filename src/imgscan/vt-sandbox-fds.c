// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-sandbox-private.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* A directory leads to every file beneath and, without a root of its own, above. */
static gboolean
check_fd (int fd, GError **error)
{
  struct stat status;

  if (fstat (fd, &status) != 0) {
    /* The standard streams may be closed. */
    return fd <= STDERR_FILENO || vt_sandbox_fail (error, "descriptor to keep");
  }
  if (!S_ISDIR (status.st_mode) && !S_ISBLK (status.st_mode))
    return TRUE;
  g_set_error (error, VT_SANDBOX_ERROR, VT_SANDBOX_ERROR_FAILED,
               "sandbox: descriptor %d is a directory or a block device", fd);
  return FALSE;
}

static int
compare (gconstpointer a, gconstpointer b)
{
  int first = *(const int *)a;
  int second = *(const int *)b;

  return (first > second) - (first < second);
}

static void
close_from_to (guint first, guint last)
{
  guint end;

  if (first > last || close_range (first, last, 0) == 0)
    return;
  /* Linux before 5.9. */
  end = (guint)MIN (sysconf (_SC_OPEN_MAX), (glong)last);
  for (guint fd = first; fd <= end; fd++)
    close ((int)fd);
}

gboolean
vt_sandbox_close_fds (const int *fds, gsize n_fds, GError **error)
{
  g_autoptr (GArray) sorted = g_array_new (FALSE, FALSE, sizeof (int));
  guint next = STDERR_FILENO + 1;

  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    if (!check_fd (fd, error))
      return FALSE;
  }
  if (n_fds > 0)
    g_array_append_vals (sorted, fds, (guint)n_fds);
  g_array_sort (sorted, compare);
  for (guint i = 0; i < sorted->len; i++) {
    int fd = g_array_index (sorted, int, i);

    if (!check_fd (fd, error))
      return FALSE;
    if (fd >= (int)next) {
      close_from_to (next, (guint)fd - 1);
      next = (guint)fd + 1;
    }
  }
  close_from_to (next, G_MAXINT);
  return TRUE;
}
