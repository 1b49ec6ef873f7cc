// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scand-files.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>

#include "vt-fd.h"

static gboolean
fail (const char *path, const char *doing, GError **error)
{
  int saved_errno = errno;

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno), "%s: %s: %s", path, doing,
               g_strerror (saved_errno));
  return FALSE;
}

static gboolean
refuse_owner (const char *path, const struct stat *status, GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
               "%s: belongs to user %u, not to user %u: it cannot be trusted", path, status->st_uid,
               geteuid ());
  return FALSE;
}

static gboolean
check_mode (const char *path, mode_t mode, mode_t others, GError **error)
{
  if ((mode & others) == 0)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
               "%s: other users may use or change it (mode %03o, of which %03o must not be): it "
               "cannot be trusted",
               path, mode & 07777, mode & others);
  return FALSE;
}

static gboolean
check_directory (const char *path, struct stat *status, GError **error)
{
  if (stat (path, status) != 0)
    return fail (path, "cannot be read", error);
  if (geteuid () != 0 && status->st_uid != geteuid () && status->st_uid != 0)
    return refuse_owner (path, status, error);
  /* In a sticky directory nobody else can rename or replace what is ours. */
  return (status->st_mode & S_ISVTX) != 0 ||
         check_mode (path, status->st_mode, VT_SCAND_FILE_OTHERS_WRITE, error);
}

gboolean
vt_scand_file_check (const char *path, VtScandFileOthers others, GError **error)
{
  g_autofree char *directory = g_path_get_dirname (path);
  struct stat parent;
  struct stat status;

  if (!check_directory (directory, &parent, error))
    return FALSE;
  if (lstat (path, &status) != 0)
    return fail (path, "cannot be read", error);
  if (!S_ISREG (status.st_mode)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE, "%s: not a regular file", path);
    return FALSE;
  }
  if (status.st_uid != geteuid () && status.st_uid != 0 &&
      (geteuid () != 0 || status.st_uid != parent.st_uid))
    return refuse_owner (path, &status, error);
  return check_mode (path, status.st_mode, others, error);
}

/* So that a name is on the disk too. */
static gboolean
sync_directory_of (const char *path)
{
  g_autofree char *directory = g_path_get_dirname (path);
  vt_autofd fd = open (directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  return fd >= 0 && fsync (fd) == 0;
}

static gboolean
give_to_owner_of_directory (int fd, const char *path)
{
  g_autofree char *directory = g_path_get_dirname (path);
  struct stat status;

  if (geteuid () != 0)
    return TRUE;
  return stat (directory, &status) == 0 && fchown (fd, status.st_uid, status.st_gid) == 0;
}

gboolean
vt_scand_file_make_empty (const char *path, mode_t mode, GError **error)
{
  vt_autofd fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);

  if (fd < 0)
    return fail (path, "cannot be made", error);
  if (give_to_owner_of_directory (fd, path) && fsync (fd) == 0 && sync_directory_of (path))
    return TRUE;
  fail (path, "cannot be made", error);
  unlink (path);
  return FALSE;
}

gboolean
vt_scand_file_make_directory (const char *path, mode_t mode, GError **error)
{
  vt_autofd fd = -1;

  if (g_file_test (path, G_FILE_TEST_IS_DIR))
    return TRUE;
  if (mkdir (path, mode) != 0)
    return fail (path, "cannot be made", error);
  fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd >= 0 && give_to_owner_of_directory (fd, path) && sync_directory_of (path))
    return TRUE;
  fail (path, "cannot be made", error);
  rmdir (path);
  return FALSE;
}

gboolean
vt_scand_file_check_free (const char *path, GError **error)
{
  if (faccessat (AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS, "%s: is there already", path);
  return FALSE;
}

/* The name comes when all is there. */
static gboolean
place (const char *temporary, const char *path, GError **error)
{
  if (link (temporary, path) != 0)
    return errno == EEXIST ? vt_scand_file_check_free (path, error)
                           : fail (path, "cannot be made", error);
  if (sync_directory_of (path))
    return TRUE;
  fail (path, "cannot be written", error);
  unlink (path);
  return FALSE;
}

gboolean
vt_scand_file_write_new (
    const char *path, const char *text, mode_t mode, VtScandFileOwner owner, GError **error)
{
  g_autofree char *directory = g_path_get_dirname (path);
  g_autofree char *temporary = g_build_filename (directory, ".vt-scand-XXXXXX", NULL);
  vt_autofd fd = -1;
  gboolean done;

  if (!vt_scand_file_check_free (path, error))
    return FALSE;
  fd = g_mkstemp_full (temporary, O_WRONLY | O_CLOEXEC, (int)mode);
  if (fd < 0)
    return fail (directory, "nothing can be made in it", error);
  done = (owner != VT_SCAND_FILE_OF_ITS_DIRECTORY || give_to_owner_of_directory (fd, path)) &&
         vt_fd_write_at (fd, 0, text, strlen (text)) && fsync (fd) == 0;
  if (!done)
    fail (path, "cannot be written", error);
  done = done && place (temporary, path, error);
  unlink (temporary);
  return done;
}
