// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Opens what the user named as an image, and shows on standard error what goes on meanwhile.
 */
#pragma once

#include "vt-cli.h"
#include "vt-progress.h"
#include "vt-wrapper.h"

/* Must stay where it is while a wrapper that it opened is there. */
typedef struct {
  VtWrapperOptions options;
  VtProgressStyle style;
  gboolean quiet;
  VtSpawner *spawner; /* not owned */
  /* Called before something is unpacked to disk; NULL: nothing need be done. */
  void (*make_room) (gpointer user_data);
  gpointer user_data;
  const char *image;    /* what is open, not owned */
  gboolean unpacked;    /* it, or one of its images, is on disk */
  VtProgress *progress; /* while something is being unpacked */
} VtUnwrap;

/* Checks the options. */
gboolean
vt_unwrap_init (VtUnwrap *self, const VtCliOptions *cli, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* As vt_wrapper_open() and vt_wrapper_prepare(). IMAGE must outlive the wrapper. */
VtWrapper *vt_unwrap_open (VtUnwrap *self,
                           const char *image,
                           GCancellable *cancellable,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_unwrap_prepare (VtUnwrap *self,
                            VtWrapper *wrapper,
                            guint index,
                            VtImageOptions *options,
                            GCancellable *cancellable,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
