// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* The walker's work on single files that are asked for by their paths. */
#pragma once

#include "vt-fs.h"
#include "vt-read-plan.h"

/*
 * Sends the regular file PATH of FS, with what FS tells of its identity (vt_fs_identify()); FOUND
 * says whether there is one, behind no symbolic link. One that is larger than SIZE_MAX is sent
 * without its content. With a REFUSAL, FS must be read in another way. Fails (VT_IPC_ERROR,
 * VT_DISK_ERROR) when the starter or the disk is lost.
 */
gboolean vt_direct_fetch_file (VtFs *fs,
                               const VtReadPlan *plan,
                               const char *path,
                               guint64 size_max,
                               gboolean *found,
                               char **refusal,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
