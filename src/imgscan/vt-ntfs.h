// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* NTFS, as vt-fs.h has it: what ntfs-3g shows of it when it is mounted read-only. */
#pragma once

#include "vt-fs.h"

/* The file system in the SIZE bytes at START, in bytes. DISK stays the caller's, and must stay.
 * NULL with REFUSAL set, or with ERROR, as vt-fs.h says. */
VtFs *vt_ntfs_open (VtDisk *disk, guint64 start, guint64 size, char **refusal, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
