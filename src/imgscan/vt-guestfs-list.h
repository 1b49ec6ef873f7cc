// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Which regular files the file system has that is mounted at the appliance's root. */
#pragma once

#include "vt-guestfs.h"
#include "vt-read-plan.h"

/*
 * Makes one pass over the file system with find in the appliance, for the next batch of LIST; other
 * volumes below a mount point are left to themselves. MESSAGES is NULL, or what find complained of:
 * then files may be missing from the list.
 */
gboolean vt_guestfs_list (VtAppliance *appliance,
                          const VtReadPlan *plan,
                          VtFileList *list,
                          char **messages,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
