// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Changes files in the first operating system of an image, in an appliance whose disk is writable.
 *
 * The guest is hostile: a symbolic link in it leads nowhere, whether it stands on the way to what
 * is to be changed or in its place. That is refused.
 */
#pragma once

#include "vt-guestfs.h"

/*
 * Mounts what EDITS (of VtImageEdit) need of FILESYSTEMS (of VtFilesystem), makes the changes in
 * their order, and reads back from the disk what was put there. When it fails, nothing is known of
 * what the disk has. Errors are of VT_IMAGE_ERROR.
 */
gboolean vt_guestfs_edit (guestfs_h *g,
                          GPtrArray *filesystems,
                          GPtrArray *edits,
                          VtImageSink *sink,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
