// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <errno.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

#include "vt-commit-private.h"
#include "vt-fd.h"
#include "vt-paths.h"

/* Bytes that are copied at a time where the kernel does not do it. */
#define PIECE ((gsize)1024 * 1024)
/* Largest list of attributes and largest value, as the kernel has them (xattr(7)). */
#define ATTRIBUTE_SIZE_MAX ((gsize)64 * 1024)

gboolean
vt_commit_fail (GError **error, const char *path)
{
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_EDIT, "%s: %s", path, g_strerror (errno));
  return FALSE;
}

gboolean
vt_commit_check_room (int fd, guint64 size, GError **error)
{
  guint64 reserve;
  guint64 room = vt_paths_get_room (fd, &reserve);

  if (size <= room)
    return TRUE;
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_EDIT,
               "no room for the changed image: it may take %" G_GUINT64_FORMAT
               " bytes, and %" G_GUINT64_FORMAT " may be written there, so that %" G_GUINT64_FORMAT
               " stay free",
               size, room, reserve);
  return FALSE;
}

static gboolean
write_all (int fd, guint64 offset, const guint8 *data, gsize size)
{
  for (gsize done = 0; done < size;) {
    gssize n = pwrite (fd, data + done, size - done, (off_t)(offset + done));

    if (n < 0 && errno != EINTR)
      return FALSE;
    done += (gsize)MAX (n, 0);
  }
  return TRUE;
}

static gboolean
copy_through_memory (int from, int to, guint64 offset, guint64 end, GError **error)
{
  g_autofree guint8 *buffer = g_malloc (PIECE);

  while (offset < end) {
    gssize n = vt_fd_read_at (from, offset, buffer, (gsize)MIN (PIECE, end - offset));

    if (n < 0 || !write_all (to, offset, buffer, (gsize)n))
      return vt_commit_fail (error, "copying the image");
    if (n == 0)
      break;
    offset += (guint64)n;
  }
  return TRUE;
}

static gboolean
copy_range (int from, int to, guint64 offset, guint64 end, GError **error)
{
  while (offset < end) {
    off_t in = (off_t)offset;
    off_t out = (off_t)offset;
    gssize n = copy_file_range (from, &in, to, &out, (gsize)MIN (end - offset, G_MAXINT32), 0);

    if (n < 0 && errno == EINTR)
      continue;
    /* Old kernels, and pairs of file systems, that cannot do it; what is wrong shows again. */
    if (n <= 0)
      return copy_through_memory (from, to, offset, end, error);
    offset += (guint64)n;
  }
  return TRUE;
}

static gboolean
copy_data (int from, int to, guint64 size, GError **error)
{
  off_t start = 0;

  if (ftruncate (to, (off_t)size) < 0)
    return vt_commit_fail (error, "copying the image");
  while ((guint64)start < size) {
    off_t data = lseek (from, start, SEEK_DATA);
    off_t end;

    if (data < 0 && errno == ENXIO)
      break;
    end = data >= 0 ? lseek (from, data, SEEK_HOLE) : -1;
    if (end < 0)
      return vt_commit_fail (error, "copying the image");
    if (!copy_range (from, to, (guint64)data, MIN ((guint64)end, size), error))
      return FALSE;
    start = end;
  }
  return TRUE;
}

/* That it has the value already is as good: some are set by the kernel, and by it only. */
static gboolean
has_attribute (int fd, const char *name, const void *value, gsize size)
{
  g_autofree char *there = g_malloc (ATTRIBUTE_SIZE_MAX);
  gssize n = fgetxattr (fd, name, there, ATTRIBUTE_SIZE_MAX);

  return n >= 0 && (gsize)n == size && memcmp (there, value, size) == 0;
}

static gboolean
copy_attribute (int from, int to, const char *name, GError **error)
{
  g_autofree char *value = g_malloc (ATTRIBUTE_SIZE_MAX);
  gssize n = fgetxattr (from, name, value, ATTRIBUTE_SIZE_MAX);

  if (n >= 0 &&
      (has_attribute (to, name, value, (gsize)n) || fsetxattr (to, name, value, (gsize)n, 0) == 0))
    return TRUE;
  return vt_commit_fail (error, name);
}

static gboolean
copy_attributes (int from, int to, GError **error)
{
  g_autofree char *names = g_malloc (ATTRIBUTE_SIZE_MAX);
  gssize size = flistxattr (from, names, ATTRIBUTE_SIZE_MAX);

  if (size < 0)
    return errno == ENOTSUP || vt_commit_fail (error, "attributes of the image");
  for (gssize i = 0; i < size; i += (gssize)strlen (names + i) + 1)
    if (!copy_attribute (from, to, names + i, error))
      return FALSE;
  return TRUE;
}

static gboolean
copy_owner (int to, const struct stat *info, GError **error)
{
  struct stat now;

  if (fstat (to, &now) < 0 ||
      ((now.st_uid != info->st_uid || now.st_gid != info->st_gid) &&
       fchown (to, info->st_uid, info->st_gid) < 0) ||
      fchmod (to, info->st_mode & ALLPERMS) < 0)
    return vt_commit_fail (error, "owner and mode of the image");
  return TRUE;
}

gboolean
vt_commit_copy (int from, const struct stat *info, int to, guint64 extra, GError **error)
{
  guint64 used = (guint64)info->st_blocks * 512;

  if (ioctl (to, FICLONE, from) == 0) {
    if (!vt_commit_check_room (to, extra, error))
      return FALSE;
  } else if (!vt_commit_check_room (to, MIN (used, (guint64)info->st_size) + extra, error) ||
             !copy_data (from, to, (guint64)info->st_size, error)) {
    return FALSE;
  }
  return copy_owner (to, info, error) && copy_attributes (from, to, error);
}
