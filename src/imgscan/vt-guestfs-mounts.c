// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-guestfs-mounts.h"

#include <string.h>
#include <sys/statvfs.h>

#include "vt-guestfs-path.h"

gboolean
vt_guestfs_is_within (const char *path, const char *directory)
{
  gsize length = strlen (directory);

  if (strcmp (directory, "/") == 0)
    return path[0] == '/';
  return strncmp (path, directory, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

static gboolean
is_claimed (const VtFilesystem *filesystem)
{
  return filesystem->primary && filesystem->mountpoint != NULL &&
         filesystem->mountpoint[0] == '/' && !g_str_equal (filesystem->type, "swap");
}

static gboolean
is_needed (const VtFilesystem *filesystem, GPtrArray *edits)
{
  for (guint i = 0; i < edits->len; i++)
    if (vt_guestfs_is_within (((const VtImageEdit *)g_ptr_array_index (edits, i))->path,
                              filesystem->mountpoint))
      return TRUE;
  return g_str_equal (filesystem->mountpoint, "/");
}

/* A mount point is not to be taken away, and what is mounted below it even less. */
static gboolean
is_in_the_way (const VtFilesystem *filesystem, GPtrArray *edits, GError **error)
{
  for (guint i = 0; i < edits->len; i++) {
    const VtImageEdit *edit = g_ptr_array_index (edits, i);

    if ((edit->kind != VT_EDIT_REMOVE && edit->kind != VT_EDIT_REMOVE_TREE) ||
        !vt_guestfs_is_within (filesystem->mountpoint, edit->path))
      continue;
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_EDIT,
                 "%s is not removed: %s is mounted at %s in the image", edit->path, filesystem->id,
                 filesystem->mountpoint);
    return TRUE;
  }
  return FALSE;
}

static gint
compare_depth (gconstpointer a, gconstpointer b)
{
  const VtFilesystem *first = *(const VtFilesystem *const *)a;
  const VtFilesystem *second = *(const VtFilesystem *const *)b;

  return (gint)strlen (first->mountpoint) - (gint)strlen (second->mountpoint);
}

static gboolean
check_mount (const VtFilesystem *filesystem, GError **error)
{
  if (vt_guestfs_is_readable (filesystem) && (g_str_equal (filesystem->mountpoint, "/") ||
                                              vt_image_path_is_plain (filesystem->mountpoint)))
    return TRUE;
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_EDIT, "%s (%s, %s) cannot be mounted: %s",
               filesystem->mountpoint, filesystem->id, filesystem->type,
               filesystem->detail ?: "not a file system, or not a plain path");
  return FALSE;
}

GPtrArray *
vt_guestfs_mounts_find (GPtrArray *filesystems, GPtrArray *edits, GError **error)
{
  g_autoptr (GPtrArray) mounts = g_ptr_array_new ();

  for (guint i = 0; i < filesystems->len; i++) {
    VtFilesystem *filesystem = g_ptr_array_index (filesystems, i);

    if (!is_claimed (filesystem))
      continue;
    if (is_in_the_way (filesystem, edits, error))
      return NULL;
    if (!is_needed (filesystem, edits))
      continue;
    if (!check_mount (filesystem, error))
      return NULL;
    g_ptr_array_add (mounts, filesystem);
  }
  g_ptr_array_sort (mounts, compare_depth);
  if (mounts->len > 0 &&
      strcmp (((const VtFilesystem *)g_ptr_array_index (mounts, 0))->mountpoint, "/") == 0)
    return g_steal_pointer (&mounts);
  g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_EDIT,
                       "no operating system with a root file system is known in it: nothing is "
                       "written to it");
  return NULL;
}

static const char *
get_options (const VtFilesystem *filesystem)
{
  if (g_str_equal (filesystem->type, "btrfs") && !g_str_has_prefix (filesystem->id, "btrfsvol:"))
    return "noatime,subvolid=5";
  if (g_str_equal (filesystem->type, "xfs"))
    return "noatime,nouuid";
  return "noatime";
}

/* The kernel mounts what it cannot write to read-only, and says nothing. */
static gboolean
check_writable (guestfs_h *g, const VtFilesystem *filesystem, GError **error)
{
  struct guestfs_statvfs *info = guestfs_statvfs (g, filesystem->mountpoint);
  gboolean is_writable;

  if (info == NULL)
    return vt_guestfs_set_error (g, VT_IMAGE_ERROR_EDIT, filesystem->mountpoint, error);
  is_writable = (info->flag & ST_RDONLY) == 0;
  guestfs_free_statvfs (info);
  if (!is_writable)
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_EDIT,
                 "%s (%s, %s) can only be mounted read-only: it is damaged, was not shut down, or "
                 "is of a kind that cannot be written to",
                 filesystem->mountpoint, filesystem->id, filesystem->type);
  return is_writable;
}

static gboolean
check_mount_point (guestfs_h *g, const char *path, GError **error)
{
  g_auto (VtGuestFile) file = {0};

  if (g_str_equal (path, "/"))
    return TRUE;
  if (!vt_guestfs_look_at (g, path, &file, error))
    return FALSE;
  if (file.kind == VT_GUEST_DIRECTORY)
    return TRUE;
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_EDIT,
               "%s, where a file system is to be mounted, is no directory in the image: refused",
               file.obstacle ?: path);
  return FALSE;
}

gboolean
vt_guestfs_mounts_mount (guestfs_h *g, GPtrArray *mounts, GError **error)
{
  for (guint i = 0; i < mounts->len; i++) {
    const VtFilesystem *filesystem = g_ptr_array_index (mounts, i);
    const char *path = filesystem->mountpoint;

    if (!check_mount_point (g, path, error))
      return FALSE;
    if (guestfs_mount_options (g, get_options (filesystem), filesystem->id, path) == -1)
      return vt_guestfs_set_error (g, VT_IMAGE_ERROR_EDIT, path, error);
    if (!check_writable (g, filesystem, error))
      return FALSE;
  }
  return TRUE;
}
