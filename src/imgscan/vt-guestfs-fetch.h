// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Takes single files out of a file system through libguestfs's appliance. */
#pragma once

#include "vt-guestfs.h"
#include "vt-read-plan.h"

/*
 * Sends the regular file PATH of the plan's file system; FOUND says whether there is one, behind no
 * symbolic link. One that is larger than SIZE_MAX is sent without its content. Errors are of
 * VT_IMAGE_ERROR.
 */
gboolean vt_guestfs_fetch (guestfs_h *g,
                           const VtReadPlan *plan,
                           const char *path,
                           guint64 size_max,
                           gboolean *found,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
