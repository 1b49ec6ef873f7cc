// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Makes a template of an image: the image is changed in an overlay, scanned with the changes, and
 * gets its signed clean cache; only then is the result put in place.
 */
#pragma once

#include "vt-template-make.h"

typedef struct {
  const char *image;
  const char *output; /* where the new image goes; NULL: in the place of IMAGE */
  const char *output_format;
  const char *agent; /* directory to be installed in the guest, or NULL */
  VtTemplateWish wish;
} VtSeedOrder;

typedef enum {
  VT_SEED_DONE,
  VT_SEED_REFUSED, /* because of what the scan found: see the result */
  VT_SEED_FAILED,
} VtSeedOutcome;

/*
 * RESULT gets the scan's result, the caller's, as soon as there is one, whatever the outcome. MADE
 * is filled when the image is in place. Unless it is, nothing was changed.
 */
VtSeedOutcome vt_seed (VtSession *session,
                       const VtSeedOrder *order,
                       VtScanResult **result,
                       VtMadeTemplate *made,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
