// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The store's files: where they stand, who may have written them, and their removal. Never opens
 * the database itself for reading: closing a descriptor of it would drop the locks that SQLite
 * holds in this process (fcntl(2)).
 */
#include "vt-paths.h"
#include "vt-store-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "vt-fd.h"

/* What SQLite puts beside a database. */
static const char *const sidecar_suffixes[] = {"-wal", "-shm", "-journal"};

/* Of the file format, https://www.sqlite.org/fileformat.html section 1.3. */
#define HEADER_SIZE           ((gsize)100)
#define HEADER_MAGIC          "SQLite format 3"
#define HEADER_APPLICATION_ID ((gsize)68)

char *
vt_store_default_path (void)
{
  g_autofree char *dir = vt_paths_cache_dir ();

  return g_build_filename (dir, "verdicts.db", NULL);
}

static void
set_system_error (const char *path, const char *doing, int code, GError **error)
{
  VtStoreError kind = VT_STORE_ERROR_FAILED;

  if (code == EACCES || code == EPERM || code == EROFS)
    kind = VT_STORE_ERROR_READ_ONLY;
  else if (code == ENOSPC || code == EDQUOT)
    kind = VT_STORE_ERROR_FULL;
  g_set_error (error, VT_STORE_ERROR, kind, "verdict store: %s: %s: %s", path, doing,
               g_strerror (code));
}

static gboolean
check_owner (const char *path, const struct stat *status, gboolean root_too, GError **error)
{
  if (status->st_uid == geteuid () || (root_too && status->st_uid == 0))
    return TRUE;
  g_set_error (error, VT_STORE_ERROR, VT_STORE_ERROR_UNTRUSTED,
               "verdict store: %s: belongs to user %u, not to user %u: its verdicts cannot be "
               "trusted",
               path, status->st_uid, geteuid ());
  return FALSE;
}

static gboolean
check_mode (const char *path, mode_t mode, GError **error)
{
  if ((mode & (S_IWGRP | S_IWOTH)) == 0)
    return TRUE;
  g_set_error (error, VT_STORE_ERROR, VT_STORE_ERROR_UNTRUSTED,
               "verdict store: %s: other users may write to it (mode %03o): its verdicts cannot be "
               "trusted; take their permission away with chmod go-w",
               path, mode & 07777);
  return FALSE;
}

static gboolean
check_directory (const char *path, GError **error)
{
  g_autofree char *directory = g_path_get_dirname (path);
  struct stat status;

  if (stat (directory, &status) != 0) {
    set_system_error (directory, "cannot be read", errno, error);
    return FALSE;
  }
  if (!check_owner (directory, &status, TRUE, error))
    return FALSE;
  /* In a sticky directory nobody else can rename or replace what is ours. */
  if ((status.st_mode & S_ISVTX) == 0 && !check_mode (directory, status.st_mode, error))
    return FALSE;
  if (faccessat (AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) != 0) {
    set_system_error (directory, "cannot be written", errno, error);
    return FALSE;
  }
  return TRUE;
}

/* MISSING_IS_FINE: other processes make and remove SQLite's own files at any time. */
static gboolean
check_file (const char *path, gboolean missing_is_fine, GError **error)
{
  struct stat status;

  if (lstat (path, &status) != 0) {
    if (missing_is_fine && errno == ENOENT)
      return TRUE;
    set_system_error (path, "cannot be read", errno, error);
    return FALSE;
  }
  if (!S_ISREG (status.st_mode)) {
    g_set_error (error, VT_STORE_ERROR, VT_STORE_ERROR_CORRUPT,
                 "verdict store: %s: not a regular file", path);
    return FALSE;
  }
  return check_owner (path, &status, FALSE, error) && check_mode (path, status.st_mode, error);
}

gboolean
vt_store_check_sidecars (const char *path, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (sidecar_suffixes); i++) {
    g_autofree char *sidecar = g_strconcat (path, sidecar_suffixes[i], NULL);

    if (!check_file (sidecar, TRUE, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
make_file (const char *path, GError **error)
{
  g_autofree char *directory = g_path_get_dirname (path);
  vt_autofd fd = -1;

  if (g_mkdir_with_parents (directory, 0700) != 0) {
    set_system_error (directory, "cannot be made", errno, error);
    return FALSE;
  }
  fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0 || errno == EEXIST)
    return TRUE;
  set_system_error (path, "cannot be made", errno, error);
  return FALSE;
}

/* PATH without symbolic links: SQLite puts its own files beside where they lead. */
static char *
resolve (const char *path, GError **error)
{
  char *found = realpath (path, NULL);
  char *resolved;

  if (found == NULL) {
    set_system_error (path, "cannot be found", errno, error);
    return NULL;
  }
  resolved = g_strdup (found);
  free (found);
  return resolved;
}

char *
vt_store_prepare_file (const char *path, GError **error)
{
  g_autofree char *resolved = NULL;

  if (!make_file (path, error))
    return NULL;
  resolved = resolve (path, error);
  if (resolved == NULL)
    return NULL;
  if (!check_directory (resolved, error) || !check_file (resolved, FALSE, error) ||
      !vt_store_check_sidecars (resolved, error))
    return NULL;
  if (faccessat (AT_FDCWD, resolved, R_OK | W_OK, AT_EACCESS) != 0) {
    set_system_error (resolved, "cannot be written", errno, error);
    return NULL;
  }
  return g_steal_pointer (&resolved);
}

static gboolean
begins_like_a_store (const char *path)
{
  vt_autofd fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  guint8 header[HEADER_SIZE];
  guint32 application_id;

  if (fd < 0 || pread (fd, header, sizeof header, 0) != (ssize_t)sizeof header)
    return FALSE;
  memcpy (&application_id, header + HEADER_APPLICATION_ID, sizeof application_id);
  return memcmp (header, HEADER_MAGIC, sizeof HEADER_MAGIC) == 0 &&
         GUINT32_FROM_BE (application_id) == VT_STORE_APPLICATION_ID;
}

static gboolean
remove_one (const char *path, GError **error)
{
  if (unlink (path) == 0 || errno == ENOENT)
    return TRUE;
  set_system_error (path, "cannot be removed", errno, error);
  return FALSE;
}

gboolean
vt_store_remove (const char *path, GError **error)
{
  g_autofree char *resolved = resolve (path, error);

  if (resolved == NULL)
    return FALSE;
  if (!begins_like_a_store (resolved)) {
    g_set_error (error, VT_STORE_ERROR, VT_STORE_ERROR_CORRUPT,
                 "verdict store: %s: does not begin like a verdict store; remove it yourself if it "
                 "is not needed",
                 path);
    return FALSE;
  }
  /* The log first: a new database beside the old one's log would be given the log's pages. */
  for (gsize i = 0; i < G_N_ELEMENTS (sidecar_suffixes); i++) {
    g_autofree char *sidecar = g_strconcat (resolved, sidecar_suffixes[i], NULL);

    if (!remove_one (sidecar, error))
      return FALSE;
  }
  return remove_one (resolved, error);
}
