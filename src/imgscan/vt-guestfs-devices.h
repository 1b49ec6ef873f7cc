// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* The block devices of an image, as the appliance sees them. Errors are of VT_IMAGE_ERROR. */
#pragma once

#include <gio/gio.h>
#include <guestfs.h>

/*
 * Opens the encrypted devices that KEYS (VtImageOptions.keys) open, read-only unless
 * WRITABLE. Returns all encrypted devices, each with whether it is open now (GINT_TO_POINTER).
 */
GHashTable *vt_guestfs_open_encrypted (guestfs_h *g,
                                       const char *const *keys,
                                       gboolean writable,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Devices that neither LIST, which is guestfs_list_filesystems()'s, has nor an open device of
 * ENCRYPTED stands for, and that are no part of something that is read: of gchar.
 */
GPtrArray *vt_guestfs_find_left_out (guestfs_h *g, char **list, GHashTable *encrypted);
