// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A window of a disk, read-only, with a cache.
 *
 * The cache is for metadata only (inode tables, directories, extent trees, allocation tables): it
 * reads in large pieces, so that neighbours come with one request, and its size is bounded. One
 * thread.
 */
#pragma once

#include "vt-disk.h"

typedef struct _VtDiskCache VtDiskCache;

/* The SIZE bytes at START, which must lie on DISK. DISK stays the caller's. */
VtDiskCache *vt_disk_cache_new (VtDisk *disk, guint64 start, guint64 size);
void vt_disk_cache_free (VtDiskCache *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtDiskCache, vt_disk_cache_free)

/* Reads SIZE bytes at OFFSET of the window. Errors are VT_DISK_ERROR. */
gboolean vt_disk_cache_read (VtDiskCache *self,
                             guint64 offset,
                             void *buffer,
                             gsize size,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Requests that were sent to the disk so far. */
guint64 vt_disk_cache_count_requests (const VtDiskCache *self);
