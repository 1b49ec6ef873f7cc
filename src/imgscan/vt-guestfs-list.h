// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Which regular files the file system has that is mounted at the appliance's root. */
#pragma once

#include "vt-file-list.h"
#include "vt-guestfs.h"

/*
 * Lists with find in the appliance; other volumes below a mount point are left to themselves.
 * MESSAGES is NULL, or what find complained of: then files may be missing from the list.
 */
VtFileList *vt_guestfs_list (VtAppliance *appliance,
                             const VtFilesystem *filesystem,
                             const VtImageOptions *options,
                             char **messages,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* PATH of the file system as reports name it: below the mount point, if an OS claims it. */
char *vt_guestfs_display_path (const VtFilesystem *filesystem, const char *path);
