// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* How qemu-img(1) is run for an image that may be hostile. */
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include "vt-block-files.h"

/* Arguments for the WORD of what it is to do. */
#define VT_QEMU_IMG_COMMAND(word, node)                                                            \
  {                                                                                                \
    "qemu-img", (word), "--output=json", "--", (node), NULL                                        \
  }

typedef struct {
  pid_t parent; /* with which it dies */
  rlim_t cpu_s; /* seconds that it may compute */
  VtBlockFiles *files;
} VtQemuImgSetup;

/* A GSpawnChildSetupFunc, for a VtQemuImgSetup. */
void vt_qemu_img_set_up (gpointer setup);

/* FALSE, always: ERROR, of starting it, says what was to be started. */
gboolean vt_qemu_img_fail_to_run (GError **error);
/* Whether MESSAGE says that somebody else has the image open; it is the error then. */
gboolean vt_qemu_img_set_lock_error (GError **error, const char *message);
