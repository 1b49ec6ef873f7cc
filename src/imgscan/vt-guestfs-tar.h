// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Reads the contents of the mounted file system's files: tar in the appliance, libarchive here, a
 * serial port between them.
 *
 * libguestfs's own tar_out goes through its remote procedure calls, in pieces of 8 KB; the port is
 * four times as fast (docs/performance.md), and leaves the handle free for other calls.
 */
#pragma once

#include "vt-file-list.h"
#include "vt-guestfs.h"

/* How the reading of a file system ended. */
typedef struct {
  VtReason reason; /* NONE: all is as it stands in the file system */
  char *detail;    /* a sentence for people, or NULL */
} VtReadOutcome;

void vt_read_outcome_clear (VtReadOutcome *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VtReadOutcome, vt_read_outcome_clear)

/* What is read, and how it is named. */
typedef struct {
  const VtFilesystem *filesystem;
  guint index; /* of the file system, in the records */
  VtFileList *list;
  const VtImageOptions *options;
} VtReadPlan;

/*
 * Sends every wanted file of the list to SINK, with its content or with the reason why there is
 * none. A file system that cannot be read whole is no error, but OUTCOME's. RUN_DIR is for a
 * temporary file.
 */
gboolean vt_guestfs_read_files (VtAppliance *appliance,
                                const VtReadPlan *plan,
                                const char *run_dir,
                                VtImageSink *sink,
                                VtReadOutcome *outcome,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
