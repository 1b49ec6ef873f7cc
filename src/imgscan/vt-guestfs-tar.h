// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Reads the contents of the mounted file system's files: tar in the appliance, libarchive here, a
 * serial port between them.
 *
 * libguestfs's own tar_out goes through its remote procedure calls, in pieces of 8 KB; the port is
 * four times as fast (docs/performance.md), and leaves the handle free for other calls.
 */
#pragma once

#include "vt-guestfs.h"
#include "vt-read-plan.h"

/*
 * Sends every wanted file of the list's batch, with its content or with the reason why there is
 * none. A file system that cannot be read whole is no error, but OUTCOME's. RUN_DIR is for a
 * temporary file.
 */
gboolean vt_guestfs_read_files (VtAppliance *appliance,
                                const VtReadPlan *plan,
                                VtFileList *list,
                                const char *run_dir,
                                VtReadOutcome *outcome,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
