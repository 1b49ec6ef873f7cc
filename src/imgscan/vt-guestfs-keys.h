// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Keys of encrypted devices: DEVICE:key:STRING or DEVICE:file:FILE, as the --key option of the
 * guestfs tools has them. DEVICE is a device's name or UUID, or "all".
 */
#pragma once

#include <gio/gio.h>

/* Splits a selector. Error: VT_IMAGE_ERROR_BAD_OPTION; a file that cannot be read is one too. */
gboolean vt_guestfs_key_parse (const char *selector, char **device, char **key, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
