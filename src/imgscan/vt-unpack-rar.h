// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What libarchive does not tell of RAR archives. */
#pragma once

#include <glib.h>

/*
 * Whether anything in the RAR 5 archive that the SIZE bytes of FD begin with is encrypted, headers
 * or members, as its blocks say (the technical note "RAR 5.0 archive format" of its makers).
 * libarchive takes that for damage.
 */
gboolean vt_unpack_rar5_is_encrypted (int fd, guint64 size);
