// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-fs-private.h"

G_DEFINE_QUARK (vt - fs - error - quark, vt_fs_error)

gboolean
vt_fs_refuse (GError **error, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  if (error != NULL)
    *error = g_error_new_valist (VT_FS_ERROR, VT_FS_ERROR_REFUSED, format, arguments);
  va_end (arguments);
  return FALSE;
}

gboolean
vt_fs_set_missing (const char *name, GError **error)
{
  g_set_error (error, VT_FS_ERROR, VT_FS_ERROR_MISSING, "there is no %s", name);
  return FALSE;
}

gboolean
vt_fs_fail_to_read (GError *failure, const char *what, GError **error)
{
  if (g_error_matches (failure, VT_DISK_ERROR, VT_DISK_ERROR_LOST)) {
    g_propagate_prefixed_error (error, failure, "%s: ", what);
    return FALSE;
  }
  g_set_error (error, VT_FS_ERROR, VT_FS_ERROR_UNREADABLE, "%s: %s", what, failure->message);
  g_error_free (failure);
  return FALSE;
}

gboolean
vt_fs_check_window (VtDisk *disk, guint64 start, guint64 size, GError **error)
{
  guint64 disk_size = vt_disk_get_size (disk);

  if (start <= disk_size && size <= disk_size - start)
    return TRUE;
  return vt_fs_refuse (error,
                       "a partition of %" G_GUINT64_FORMAT " bytes at %" G_GUINT64_FORMAT
                       " is not within its disk of %" G_GUINT64_FORMAT,
                       size, start, disk_size);
}

void
vt_fs_settle (GError *failure, char **refusal, GError **error)
{
  if (failure->domain != VT_FS_ERROR) {
    g_propagate_error (error, failure);
    return;
  }
  *refusal = g_strdup (failure->message);
  g_error_free (failure);
}

void
vt_fs_free (VtFs *self)
{
  self->class->free (self);
}

void
vt_fs_set_alive (VtFs *self, VtFsAliveFunc func, gpointer user_data)
{
  self->alive = func;
  self->alive_data = user_data;
}

gboolean
vt_fs_list (VtFs *self, VtFsNameFunc func, gpointer user_data, char **refusal, GError **error)
{
  GError *failure = NULL;

  *refusal = NULL;
  if (self->class->list (self, func, user_data, &failure))
    return TRUE;
  vt_fs_settle (failure, refusal, error);
  return FALSE;
}

gboolean
vt_fs_stat_path (VtFs *self, const char *path, VtFsType *type, GError **error)
{
  g_autoptr (GError) failure = NULL;

  *type = VT_FS_TYPE_MISSING;
  if (self->class->stat_path (self, path, type, &failure) ||
      g_error_matches (failure, VT_FS_ERROR, VT_FS_ERROR_MISSING))
    return TRUE;
  g_propagate_prefixed_error (error, g_steal_pointer (&failure), "%s: ", path);
  return FALSE;
}

gboolean
vt_fs_identify (VtFs *self, const char *path, VtFsStat *stat, GError **error)
{
  *stat = (VtFsStat){0};
  if (self->class->identify == NULL || self->class->identify (self, path, stat, error))
    return TRUE;
  g_prefix_error (error, "%s: ", path);
  return FALSE;
}

gboolean
vt_fs_get_attributes (
    VtFs *self, const char *path, VtFileAttributes *attributes, gboolean *known, GError **error)
{
  *known = self->class->get_attributes != NULL;
  if (!*known || self->class->get_attributes (self, path, attributes, error))
    return TRUE;
  g_prefix_error (error, "%s: ", path);
  return FALSE;
}

gboolean
vt_fs_read_head (VtFs *self, const char *path, gsize max, GBytes **data, GError **error)
{
  if (self->class->read_head (self, path, max, data, error))
    return TRUE;
  g_prefix_error (error, "%s: ", path);
  return FALSE;
}

gboolean
vt_fs_read_link (VtFs *self, const char *path, char **target, GError **error)
{
  g_autoptr (GError) failure = NULL;

  *target = NULL;
  if (self->class->read_link (self, path, target, &failure) ||
      g_error_matches (failure, VT_FS_ERROR, VT_FS_ERROR_MISSING))
    return TRUE;
  g_propagate_prefixed_error (error, g_steal_pointer (&failure), "%s: ", path);
  return FALSE;
}

char *
vt_fs_get_uuid (VtFs *self)
{
  return self->class->get_uuid != NULL ? self->class->get_uuid (self) : NULL;
}

VtFs *
vt_fs_open_reference (VtFs *self, VtDisk *disk, char **refusal, GError **error)
{
  guint64 disk_size = vt_disk_get_size (disk);
  guint64 room = disk_size - MIN (disk_size, self->start);

  *refusal = NULL;
  if (self->class->open != NULL)
    return self->class->open (disk, self->start, MIN (self->size, room), refusal, error);
  *refusal = g_strdup ("of this kind of file system it cannot be told what was changed");
  return NULL;
}

gboolean
vt_fs_is_same (VtFs *self,
               VtFs *reference,
               const VtDiskMap *changed,
               guint64 inode,
               gboolean *same,
               char **refusal,
               GError **error)
{
  GError *failure = NULL;

  *refusal = NULL;
  *same = FALSE;
  if (self->class->is_same == NULL || self->class != reference->class ||
      self->start != reference->start)
    return TRUE;
  if (self->class->is_same (self, reference, changed, inode, same, &failure))
    return TRUE;
  *same = FALSE;
  vt_fs_settle (failure, refusal, error);
  return FALSE;
}
