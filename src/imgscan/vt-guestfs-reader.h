// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Reads one file system through libguestfs's appliance. */
#pragma once

#include "vt-guestfs.h"
#include "vt-read-plan.h"

/*
 * Lists the plan's file system and sends all wanted files of it. One that cannot be mounted, listed
 * or read whole is no error, but OUTCOME's. RUN_DIR is for temporary files.
 */
gboolean vt_guestfs_read_filesystem (VtAppliance *appliance,
                                     const VtReadPlan *plan,
                                     const char *run_dir,
                                     VtReadOutcome *outcome,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
