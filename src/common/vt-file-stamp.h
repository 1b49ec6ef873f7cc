// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What tells whether a file of this host was changed since it was looked at, as stat(2) has it.
 */
#pragma once

#include <glib.h>
#include <sys/stat.h>

/* A file that changes again within the tick of its file system's clock has the same times: FAT has
 * the longest. In nanoseconds. */
#define VT_FILE_TICK_NS (G_GINT64_CONSTANT (2) * 1000 * 1000 * 1000)

typedef struct {
  guint64 device;
  guint64 inode;
  guint64 size;
  gint64 mtime_ns; /* since 1970 */
  gint64 ctime_ns;
} VtFileStamp;

static inline gint64
vt_file_stamp_time (const struct timespec *time)
{
  return time->tv_sec * G_GINT64_CONSTANT (1000000000) + time->tv_nsec;
}

static inline VtFileStamp
vt_file_stamp_of (const struct stat *status)
{
  return (VtFileStamp){
      .device = status->st_dev,
      .inode = status->st_ino,
      .size = (guint64)status->st_size,
      .mtime_ns = vt_file_stamp_time (&status->st_mtim),
      .ctime_ns = vt_file_stamp_time (&status->st_ctim),
  };
}

static inline gboolean
vt_file_stamp_equal (const VtFileStamp *a, const VtFileStamp *b)
{
  return a->device == b->device && a->inode == b->inode && a->size == b->size &&
         a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}
