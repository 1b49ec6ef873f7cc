// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * SELinux labels of what is new in a guest. Offline there is no policy that would give them, and
 * without one a service of an enforcing guest cannot read its own files.
 */
#pragma once

#include "vt-guestfs-path.h"

/* Whether the mounted system is configured for SELinux. */
gboolean
vt_guestfs_uses_labels (guestfs_h *g, gboolean *uses, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The label that suits something new of KIND in DIRECTORY: the one that most of its kind there
 * have, or else the directory's own. LABEL is NULL where the directory has none; free it with
 * g_bytes_unref(). Errors are of VT_IMAGE_ERROR.
 */
gboolean vt_guestfs_find_label (guestfs_h *g,
                                const char *directory,
                                VtGuestKind kind,
                                GBytes **label,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The label that PATH itself has, or NULL. */
gboolean vt_guestfs_get_label (guestfs_h *g, const char *path, GBytes **label, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

gboolean vt_guestfs_set_label (guestfs_h *g, const char *path, GBytes *label, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
