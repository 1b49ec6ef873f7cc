// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-guestfs-path.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "vt-file-attributes.h"
#include "vt-guestfs.h"

#define NS_PER_S G_GINT64_CONSTANT (1000000000)

void
vt_guest_file_clear (VtGuestFile *self)
{
  g_clear_pointer (&self->obstacle, g_free);
}

static VtGuestKind
get_kind (gint64 mode)
{
  switch (mode & S_IFMT) {
  case S_IFREG:
    return VT_GUEST_FILE;
  case S_IFDIR:
    return VT_GUEST_DIRECTORY;
  case S_IFLNK:
    return VT_GUEST_LINK;
  default:
    return VT_GUEST_OTHER;
  }
}

/* The guest chooses the seconds. */
static gint64
make_time (gint64 seconds, gint64 ns)
{
  gint64 limit = G_MAXINT64 / NS_PER_S - 1;

  return CLAMP (seconds, -limit, limit) * NS_PER_S + CLAMP (ns, 0, NS_PER_S - 1);
}

static gboolean
look (guestfs_h *g, const char *path, VtGuestFile *file, GError **error)
{
  struct guestfs_statns *info = guestfs_lstatns (g, path);

  if (info == NULL && guestfs_last_errno (g) != ENOENT && guestfs_last_errno (g) != ENOTDIR)
    return vt_guestfs_set_error (g, VT_IMAGE_ERROR_BAD_IMAGE, path, error);
  file->kind = VT_GUEST_MISSING;
  if (info == NULL)
    return TRUE;
  file->kind = get_kind (info->st_mode);
  file->inode = (guint64)info->st_ino;
  file->size = (guint64)MAX (info->st_size, 0);
  file->mode = (guint32)info->st_mode & VT_FILE_MODE_MAX;
  file->uid = (guint32)info->st_uid;
  file->gid = (guint32)info->st_gid;
  file->links = (guint32)CLAMP (info->st_nlink, 0, G_MAXUINT32);
  file->mtime_ns = make_time (info->st_mtime_sec, info->st_mtime_nsec);
  file->ctime_ns = make_time (info->st_ctime_sec, info->st_ctime_nsec);
  guestfs_free_statns (info);
  return TRUE;
}

gboolean
vt_guestfs_look_at (guestfs_h *g, const char *path, VtGuestFile *file, GError **error)
{
  for (const char *end = strchr (path + 1, '/'); end != NULL; end = strchr (end + 1, '/')) {
    g_autofree char *way = g_strndup (path, (gsize)(end - path));

    if (!look (g, way, file, error))
      return FALSE;
    if (file->kind == VT_GUEST_DIRECTORY)
      continue;
    file->is_behind_link = file->kind == VT_GUEST_LINK;
    file->kind = VT_GUEST_MISSING;
    file->obstacle = g_steal_pointer (&way);
    return TRUE;
  }
  return look (g, path, file, error);
}
