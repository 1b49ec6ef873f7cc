// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Makes a changed image of an image and its overlay (vt-overlay.h): a new one, or one that takes
 * the image's place. Until that is whole and on the disk, nothing is where it was not before, and
 * what was there is as it was: whatever is killed, and whenever.
 *
 * The functions return when all is done, and should have a process to themselves: they start one,
 * which runs qemu-img(1). Errors are of VT_IMAGE_ERROR and G_IO_ERROR. OPTIONS (path, file, offset,
 * size, format, overlay, backing) are as they were for the changes.
 */
#pragma once

#include "vt-file-stamp.h"
#include "vt-image.h"

/* To be called before the image is read for the first time. */
gboolean vt_commit_target_look_at (const char *path,
                                   VtFileStamp *target,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Writes the changed image, with all that it lies upon, to a new file OUTPUT; FORMAT is QEMU's name
 * of a format (vt-block-format.h). OUTPUT must not be there. Its rights are no wider than the
 * image's. On file systems that have no files without a name (O_TMPFILE, open(2)), a kill leaves a
 * hidden file beside it.
 */
gboolean vt_commit_to_new_file (VtSpawner *spawner,
                                const VtImageOptions *options,
                                const char *output,
                                const char *format,
                                GCancellable *cancellable,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Puts the changed image in the place of the image, in the same format, upon the same backing file,
 * with its internal snapshots, owner, rights and extended attributes. A copy is changed, and
 * renamed when it is whole; a symbolic link to the image stays one. Refused where the image is
 * anything but one regular file with one name, where it is not TARGET any more, and where a file
 * system has no files without a name. A kill in the last moment may leave a hidden name of the copy
 * beside it.
 */
gboolean vt_commit_in_place (VtSpawner *spawner,
                             const VtImageOptions *options,
                             const VtFileStamp *target,
                             GCancellable *cancellable,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
