// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* The walker's work on one file system: lists it in batches, and sends the files. */
#pragma once

#include "vt-direct-template.h"
#include "vt-fs.h"
#include "vt-read-plan.h"

/*
 * TEMPLATE, on which FS was selected, or NULL, tells which contents need not be read. With a
 * REFUSAL, what was sent must not be used. Fails (VT_IPC_ERROR, VT_DISK_ERROR) when the
 * starter or the disk is lost.
 */
gboolean vt_direct_read_fs (VtFs *fs,
                            VtDirectTemplate *template,
                            const VtReadPlan *plan,
                            char **refusal,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
