// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* The file systems of the first operating system, as far as changes need them, mounted to be
 * written to. */
#pragma once

#include "vt-guestfs.h"

/* Whether PATH is DIRECTORY or below it. */
gboolean vt_guestfs_is_within (const char *path, const char *directory);

/*
 * Those of FILESYSTEMS (of VtFilesystem) that the paths of EDITS (of VtImageEdit) lead through, in
 * the order in which they are to be mounted; they stay the list's. Fails where there is no
 * operating system, one of them cannot be read, or one would be removed with a tree that it is
 * mounted in.
 */
GPtrArray *vt_guestfs_mounts_find (GPtrArray *filesystems,
                                   GPtrArray *edits,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Mounts them, at their mount points. Fails where that cannot be written to. */
gboolean
vt_guestfs_mounts_mount (guestfs_h *g, GPtrArray *mounts, GError **error) G_GNUC_WARN_UNUSED_RESULT;
