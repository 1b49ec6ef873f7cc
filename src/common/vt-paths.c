// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-paths.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "vt-fd.h"

#define RUN_DIR_PREFIX "vtemplater-run-"
/* Open directories during a removal; nftw(3) closes and opens again beyond this. */
#define REMOVE_FDS 16
#define MAKE_TRIES 10

/* What stays free: a twentieth of the file system, and no more than a gibibyte. */
#define RESERVE_PART 20
#define RESERVE_MAX  ((guint64)1024 * 1024 * 1024)

struct _VtRunDir {
  char *path;
  int lock; /* flock(2) on the directory: what can be locked belonged to a process that is dead */
};

char *
vt_paths_cache_dir (void)
{
  if (geteuid () == 0 && g_getenv ("XDG_CACHE_HOME") == NULL)
    return g_strdup ("/var/cache/vtemplater");
  return g_build_filename (g_get_user_cache_dir (), "vtemplater", NULL);
}

const char *
vt_paths_large_tmp_dir (void)
{
  const char *dir = g_getenv ("TMPDIR");

  return dir != NULL && dir[0] != '\0' ? dir : "/var/tmp";
}

int
vt_paths_open_unnamed (GError **error)
{
  const char *dir = vt_paths_large_tmp_dir ();
  g_autofree char *template = g_build_filename (dir, "vtemplater-XXXXXX", NULL);
  int fd = open (dir, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);

  /* Some network file systems cannot make one; old kernels take it for a directory. */
  if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
    fd = mkostemp (template, O_CLOEXEC);
    if (fd >= 0)
      unlink (template);
  }
  if (fd < 0)
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                 "%s: cannot make a file there: %s; set TMPDIR to another directory", dir,
                 g_strerror (errno));
  return fd;
}

guint64
vt_paths_get_room (int fd, guint64 *reserve)
{
  struct statvfs info = {0};
  gboolean known = fstatvfs (fd, &info) == 0;
  guint64 kept = MIN (RESERVE_MAX, (guint64)info.f_blocks * info.f_frsize / RESERVE_PART);
  guint64 room = (guint64)info.f_bavail * info.f_frsize;

  if (reserve != NULL)
    *reserve = kept;
  return known ? room - MIN (room, kept) : G_MAXUINT64;
}

static int
remove_entry (const char *path, const struct stat *info, int type, struct FTW *position)
{
  remove (path);
  return 0;
}

void
vt_paths_remove_tree (const char *path)
{
  nftw (path, remove_entry, REMOVE_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* A descriptor of the directory with its lock; -1: it is not ours, or in use, or gone. */
static int
lock_dir (const char *path)
{
  vt_autofd fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat info;

  if (fd < 0 || flock (fd, LOCK_EX | LOCK_NB) < 0 || fstat (fd, &info) < 0)
    return -1;
  /* Removed between the two, or somebody else's, who could change it while it is removed. */
  if (info.st_nlink == 0 || info.st_uid != geteuid ())
    return -1;
  return vt_fd_steal (&fd);
}

static void
remove_left_overs (void)
{
  g_autoptr (GDir) dir = g_dir_open (g_get_tmp_dir (), 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (g_get_tmp_dir (), name, NULL);
    vt_autofd lock = -1;

    if (!g_str_has_prefix (name, RUN_DIR_PREFIX))
      continue;
    lock = lock_dir (path);
    if (lock >= 0)
      vt_paths_remove_tree (path);
  }
}

VtRunDir *
vt_run_dir_new (GError **error)
{
  g_autoptr (VtRunDir) self = g_new0 (VtRunDir, 1);

  self->lock = -1;
  remove_left_overs ();
  /* Until it is locked, another run may take it for one that was left over. */
  for (int i = 0; i < MAKE_TRIES && self->lock < 0; i++) {
    g_free (self->path);
    self->path = g_dir_make_tmp (RUN_DIR_PREFIX "XXXXXX", error);
    if (self->path == NULL)
      return NULL;
    self->lock = lock_dir (self->path);
  }
  if (self->lock >= 0)
    return g_steal_pointer (&self);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s was removed as it was made", self->path);
  return NULL;
}

void
vt_run_dir_free (VtRunDir *self)
{
  if (self->path != NULL)
    vt_paths_remove_tree (self->path);
  vt_fd_clear (&self->lock);
  g_free (self->path);
  g_free (self);
}

const char *
vt_run_dir_get_path (VtRunDir *self)
{
  return self->path;
}
