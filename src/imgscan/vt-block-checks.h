// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Whether images are whole, which is found out beside other things. */
#pragma once

#include "vt-block-files.h"

typedef struct _VtBlockChecks VtBlockChecks;

VtBlockChecks *vt_block_checks_new (VtBlockFiles *files);
/* Ends those that go on. */
void vt_block_checks_free (VtBlockChecks *self);

/*
 * Has the image NODE checked, which must not leave QEMU anything to open by a name. In errors, of
 * which there may be one of an image before, PREFIX stands before what is wrong with it. Errors are
 * of VT_IMAGE_ERROR, or GLib's.
 */
gboolean vt_block_checks_add (VtBlockChecks *self,
                              const char *node,
                              const char *prefix,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Waits for all of them. */
gboolean vt_block_checks_finish (VtBlockChecks *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
