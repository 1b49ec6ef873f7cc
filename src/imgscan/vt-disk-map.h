// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* A set of ranges of a disk, in bytes. */
#pragma once

#include <gio/gio.h>

typedef struct _VtDiskMap VtDiskMap;

VtDiskMap *vt_disk_map_new (void);
void vt_disk_map_free (VtDiskMap *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtDiskMap, vt_disk_map_free)

/*
 * Adds the SIZE bytes at OFFSET, which must not lie before what was added last. FALSE: there are
 * more ranges than are kept.
 */
gboolean vt_disk_map_add (VtDiskMap *self, guint64 offset, guint64 size) G_GNUC_WARN_UNUSED_RESULT;

/* Whether any of the SIZE bytes at OFFSET are in the set. A range that goes beyond the last byte
 * that can be is. */
gboolean vt_disk_map_has_any (const VtDiskMap *self, guint64 offset, guint64 size);

/* Bytes in the set. */
guint64 vt_disk_map_count (const VtDiskMap *self);
