// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Makes a template of an image: the image is changed in an overlay, scanned with the changes, and
 * gets its signed clean cache; only then is the result put in place. Or scans a template again,
 * under the signatures of today.
 */
#pragma once

#include "vt-template-make.h"

typedef enum {
  VT_SEED_NEW,            /* a template is made of an image */
  VT_SEED_REFRESH_BESIDE, /* a template is scanned again, and stays as it is */
  VT_SEED_REFRESH_INSIDE, /* and gets the new clean cache */
} VtSeedKind;

typedef struct {
  VtSeedKind kind;
  const char *image;
  const char *output; /* where the new image goes; NULL: in the place of IMAGE */
  const char *output_format;
  const char *agent;   /* directory to be installed in the guest, or NULL; only for a new one */
  VtTemplateWish wish; /* the id of one that is refreshed stays */
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
