// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "vt-commit-private.h"
#include "vt-fd.h"

/* Names that are tried, as somebody else's file may have one. */
#define NAME_TRIES 10

static char *
make_hidden_path (const char *path, const char *end)
{
  g_autofree char *directory = g_path_get_dirname (path);
  g_autofree char *base = g_path_get_basename (path);
  g_autofree char *name = g_strdup_printf (".%.200s.vtemplater-%s", base, end);

  return g_build_filename (directory, name, NULL);
}

static gboolean
sync_directory (const char *path, GError **error)
{
  g_autofree char *directory = g_path_get_dirname (path);
  vt_autofd fd = open (directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  /* Some file systems cannot; they write it in their own time. */
  if (fd >= 0 && (fsync (fd) == 0 || errno == EINVAL))
    return TRUE;
  return vt_commit_fail (error, directory);
}

int
vt_commit_open_new (const char *path, char **hidden, GError **error)
{
  g_autofree char *directory = g_path_get_dirname (path);
  int fd = open (directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

  if (fd < 0 && hidden != NULL && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
    g_autofree char *template = make_hidden_path (path, "XX"
                                                        "XXXX");

    fd = mkostemp (template, O_CLOEXEC);
    if (fd >= 0)
      *hidden = g_steal_pointer (&template);
  }
  if (fd < 0)
    vt_commit_fail (error, directory);
  return fd;
}

static gboolean
link_unnamed (int fd, const char *path)
{
  g_autofree char *source = g_strdup_printf ("/proc/self/fd/%d", fd);

  return linkat (AT_FDCWD, source, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0;
}

/* Where the kernel or the file system does not know the careful way of renaming. */
static gboolean
move (const char *from, const char *to)
{
  if (renameat2 (AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
    return TRUE;
  if (errno != EINVAL && errno != ENOSYS)
    return FALSE;
  return link (from, to) == 0 && unlink (from) == 0;
}

gboolean
vt_commit_link_new (int fd, const char *hidden, const char *path, GError **error)
{
  if (fsync (fd) < 0 || !(hidden != NULL ? move (hidden, path) : link_unnamed (fd, path)))
    return vt_commit_fail (error, path);
  return sync_directory (path, error);
}

/* A name for FD, which has none, beside PATH. */
static char *
link_hidden (int fd, const char *path, GError **error)
{
  for (int i = 0; i < NAME_TRIES; i++) {
    g_autofree char *end = g_strdup_printf ("%08x", g_random_int ());
    g_autofree char *hidden = make_hidden_path (path, end);

    if (link_unnamed (fd, hidden))
      return g_steal_pointer (&hidden);
    if (errno != EEXIST)
      break;
  }
  vt_commit_fail (error, path);
  return NULL;
}

gboolean
vt_commit_replace (int fd, const char *path, GError **error)
{
  g_autofree char *hidden = NULL;

  if (fsync (fd) < 0)
    return vt_commit_fail (error, path);
  hidden = link_hidden (fd, path, error);
  if (hidden == NULL)
    return FALSE;
  if (rename (hidden, path) < 0) {
    vt_commit_fail (error, path);
    unlink (hidden);
    return FALSE;
  }
  return sync_directory (path, error);
}
