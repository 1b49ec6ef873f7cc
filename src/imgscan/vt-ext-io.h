// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What libext2fs reads its file system through: a window of a disk, read-only, with a cache
 * (vt-disk-cache.h). One thread.
 */
#pragma once

#include <ext2fs/ext2fs.h>

#include "vt-disk.h"

typedef struct _VtExtIo VtExtIo;

/* The SIZE bytes at START, which must lie on DISK. DISK stays the caller's. */
VtExtIo *vt_ext_io_new (VtDisk *disk, guint64 start, guint64 size);
void vt_ext_io_free (VtExtIo *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtExtIo, vt_ext_io_free)

/* Reads SIZE bytes at OFFSET of the window, through the cache. Errors are VT_DISK_ERROR. */
gboolean vt_ext_io_read (VtExtIo *self, guint64 offset, void *buffer, gsize size, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/*
 * Opens the file system in the window, read-only. FS is to be freed with ext2fs_free() before SELF.
 * Nothing is opened by name.
 */
errcode_t vt_ext_io_open (VtExtIo *self, int flags, ext2_filsys *fs) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The first failure to read since the last call, or NULL: libext2fs's own codes do not tell a lost
 * connection from a bad sector. The caller's.
 */
GError *vt_ext_io_take_failure (VtExtIo *self);

/* Requests that were sent to the disk so far. */
guint64 vt_ext_io_count_requests (const VtExtIo *self);
