// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-ntfs-private.h"

#include <ntfs-3g/logging.h>

/* What the library says is for people who look for a reason; the refusal has errno's text. */
static int G_GNUC_PRINTF (6, 0) on_log (const char *function,
                                        const char *file,
                                        int line,
                                        u32 level,
                                        void *data,
                                        const char *format,
                                        va_list arguments)
{
  g_logv (G_LOG_DOMAIN, G_LOG_LEVEL_DEBUG, format, arguments);
  return 0;
}

static void
ntfs_free (VtFs *fs)
{
  VtNtfs *self = (VtNtfs *)fs;

  g_clear_pointer (&self->top, vt_ntfs_directory_free);
  if (self->volume != NULL)
    ntfs_umount (self->volume, FALSE);
  g_clear_pointer (&self->cache, vt_disk_cache_free);
  g_clear_error (&self->failure);
  g_free (self);
}

/* As ntfs-3g has it, mounted "ro": neither the journal nor a flag that says dirty or hibernated is
 * looked at, since nothing is going to be written. */
static gboolean
mount_volume (VtNtfs *self, GError **error)
{
  struct ntfs_device *device = vt_ntfs_device_new (self);

  if (device == NULL)
    return vt_ntfs_check (self, FALSE, error, "device");
  vt_ntfs_begin_step (self);
  self->volume = ntfs_device_mount (device, NTFS_MNT_RDONLY);
  if (self->volume == NULL) {
    int code = errno;

    ntfs_device_free (device);
    errno = code;
  }
  if (!vt_ntfs_check (self, self->volume != NULL, error, "file system"))
    return FALSE;
  NVolClearCompression (self->volume);
  /* Where absolute links lead does not matter, only that they lead somewhere. */
  self->volume->abs_mnt_point = "";
  return vt_ntfs_check (self, ntfs_set_shown_files (self->volume, FALSE, TRUE, FALSE) == 0, error,
                        "file system");
}

static const VtFsClass ntfs_class = {
    .list = vt_ntfs_list,
    .locate = vt_ntfs_locate,
    .load = vt_ntfs_load,
    .stat_path = vt_ntfs_stat_path,
    .read_head = vt_ntfs_read_head,
    .read_link = vt_ntfs_read_link,
    .free = ntfs_free,
};

VtFs *
vt_ntfs_open (VtDisk *disk, guint64 start, guint64 size, char **refusal, GError **error)
{
  VtNtfs *self = g_new0 (VtNtfs, 1);
  g_autoptr (VtFs) fs = &self->base;
  GError *failure = NULL;

  *refusal = NULL;
  self->base = (VtFs){.class = &ntfs_class, .disk = disk, .start = start};
  self->size = size;
  self->cache = vt_disk_cache_new (disk, start, size);
  ntfs_log_set_handler (on_log);
  if (vt_fs_check_window (disk, start, size, &failure) && vt_ntfs_judge_boot (self, &failure) &&
      mount_volume (self, &failure))
    return g_steal_pointer (&fs);
  vt_fs_settle (failure, refusal, error);
  return NULL;
}
