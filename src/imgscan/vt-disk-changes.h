// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Which parts of a disk are in the images that lie upon another one, and not in that. */
#pragma once

#include "vt-disk-map.h"
#include "vt-disk.h"

/*
 * Asks qemu-nbd, which must have been started with --allocation-depth: what any of the LAYERS
 * uppermost images of the chain holds, zeros and discarded ranges among it. SOCKET is a connection
 * of its own, and is taken. Errors are VT_DISK_ERROR.
 */
VtDiskMap *
vt_disk_changes_read (int socket, guint layers, GError **error) G_GNUC_WARN_UNUSED_RESULT;
