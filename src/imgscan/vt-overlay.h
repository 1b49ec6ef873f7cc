// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Where the changes of an image go, so that the image itself is never written to: a qcow2 file that
 * names no backing file, which vt-block-chain puts on top of the image's chain when it is opened.
 *
 * The file has no name. Whoever made it and is killed leaves nothing behind.
 */
#pragma once

#include <gio/gio.h>

typedef struct _VtOverlay VtOverlay;

/* Makes an empty one for an image of VIRTUAL_SIZE bytes, in the directory for large temporary files
 * (vt-paths.h). Errors are of VT_IMAGE_ERROR and G_IO_ERROR. */
VtOverlay *vt_overlay_new (guint64 virtual_size, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The changes are gone with it. */
void vt_overlay_free (VtOverlay *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtOverlay, vt_overlay_free)

/* For VtImageOptions.overlay; leads to the file as long as SELF and this process are there. */
const char *vt_overlay_get_path (const VtOverlay *self);
/* Stays SELF's. */
int vt_overlay_get_fd (const VtOverlay *self);
