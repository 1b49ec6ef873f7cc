// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * An image that is changed in an overlay, and put in place when all is done: until then it is as it
 * was.
 */
#pragma once

#include "vt-commit.h"
#include "vt-overlay.h"
#include "vt-session.h"

/* Zero-filled before. */
typedef struct {
  VtSession *session; /* not owned */
  const char *image;
  const char *output; /* new file that the result goes to; NULL: in the place of IMAGE */
  const char *output_format;
  VtImageOptions *options; /* of the image; with the overlay, once there is one */
  VtOverlay *overlay;
  VtFileStamp target;
} VtChange;

/* The strings, here and below, must stay. */
void vt_change_begin (VtChange *self, VtSession *session, const char *image);
/* Says where the result goes. The image's file, if it is that, is looked at now. */
gboolean vt_change_aim (VtChange *self,
                        const char *output,
                        const char *output_format,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_change_clear (VtChange *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VtChange, vt_change_clear)

/* Prints what a reader of the image tells, as the options want it; for VtImageRun. */
void vt_change_print_message (GLogLevelFlags level, const char *text, gpointer self);
/* Says what is done now, where progress is shown. */
void vt_change_say (const VtChange *self, const char *what);

/* Finds file systems and operating systems. */
gboolean
vt_change_inspect (VtChange *self, VtScanResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Begins with an empty overlay for an image of VIRTUAL_SIZE bytes; that before is given up. */
gboolean vt_change_start_over (VtChange *self,
                               guint64 virtual_size,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Makes EDITS (of VtImageEdit), however many. If that fails, the overlay is of no use any more. */
gboolean
vt_change_edit (VtChange *self, GPtrArray *edits, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_change_put_in_place (VtChange *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
