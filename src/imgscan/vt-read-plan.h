// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * How a reader tells of the files of one file system, whichever way it reads them.
 */
#pragma once

#include "vt-content.h"
#include "vt-file-list.h"
#include "vt-image-sink.h"

/* What is read, and where it goes. Owns nothing. Of FILESYSTEM its type and its mount point count.
 */
typedef struct {
  const VtFilesystem *filesystem;
  guint index; /* of the file system, in the records */
  const VtImageOptions *options;
  VtImageSink *sink;
} VtReadPlan;

/* How the reading of a file system ended. */
typedef struct {
  VtReason reason; /* NONE: all is as it stands in the file system */
  char *detail;    /* a sentence for people, or NULL */
} VtReadOutcome;

void vt_read_outcome_clear (VtReadOutcome *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VtReadOutcome, vt_read_outcome_clear)

/* Sets the reason, unless there is one already: the first is the cause of what follows. */
void vt_read_outcome_set (VtReadOutcome *self, VtReason reason, const char *detail);

/* Whether the filter takes PATH, which is a path of the file system. */
gboolean vt_read_plan_accepts (const VtReadPlan *self, const char *path);

/* Where the contents of files go; valid as long as SELF. */
VtContentPlace vt_read_plan_get_place (const VtReadPlan *self);

/*
 * Sends FILE under all its names. RESULT gets its identity; what it has of a digest and a verdict
 * is the caller's. CONTENT is as vt_image_sink_file() has it.
 */
gboolean vt_read_plan_send (const VtReadPlan *self,
                            VtListedFile *file,
                            VtFileResult *result,
                            int content,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for a file without content and digest, for that REASON. */
gboolean vt_read_plan_send_unread (const VtReadPlan *self,
                                   VtListedFile *file,
                                   VtReason reason,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Sends all files of the batch that are wanted, without their contents (VT_IMAGE_LIST). */
gboolean vt_read_plan_send_list (const VtReadPlan *self,
                                 VtFileList *list,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* None is missing silently: the files of the batch that were wanted and not sent are sent as ones
 * that could not be read. */
gboolean vt_read_plan_send_missing (const VtReadPlan *self,
                                    VtFileList *list,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
