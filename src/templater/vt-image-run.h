// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Opens an image for something that is done when it returns: inspecting, fetching, editing. */
#pragma once

#include "vt-image.h"

/* What is told meanwhile; any may be NULL. As in VtImageEvents. */
typedef struct {
  void (*message) (GLogLevelFlags level, const char *text, gpointer user_data);
  void (*restarted) (gpointer user_data);
  void (*file) (VtImageFile *file, gpointer user_data); /* takes FILE, and holds nothing of it up */
  gpointer user_data;
} VtImageRun;

/*
 * Runs a reader to its end, iterating the thread-default main context. RESULT gets what is known of
 * the image. CANCELLABLE may be NULL; it ends the reader (G_IO_ERROR_CANCELLED). Other errors are
 * of VT_IMAGE_ERROR.
 */
gboolean vt_image_run (VtSpawner *spawner,
                       const VtImageOptions *options,
                       VtScanResult *result,
                       const VtImageRun *run,
                       GCancellable *cancellable,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
