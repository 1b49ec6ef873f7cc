// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Takes what is infected out of an image, and puts quarantined files back. Both are done in an
 * overlay, and put in place when all is done.
 */
#pragma once

#include "vt-clean-plan.h"
#include "vt-clone.h"

typedef enum {
  VT_CLEAN_QUARANTINE, /* keeps what is removed */
  VT_CLEAN_REMOVE,
} VtCleanAction;

typedef struct {
  const char *image;
  const char *output; /* where the new image goes; NULL: in the place of IMAGE */
  const char *output_format;
  const char *report; /* whose findings are taken; NULL: IMAGE is scanned */
  VtClone *clone;     /* what it is a clone of, for the scan */
  VtCleanAction action;
  const char *quarantine; /* directory; NULL with REMOVE */
  gboolean containers;    /* a finding in a container means the container */
  gboolean dry_run;       /* all is done but what would be left of it */
} VtCleanOrder;

/* Zero-filled before. */
typedef struct {
  VtFindings *findings;
  GPtrArray *items;      /* of VtCleanItem, for the findings */
  guint64 unlisted;      /* infected files beyond those, none of which is cleaned */
  gboolean has_template; /* a clean cache is in the image */
  gboolean changed;      /* the image, or the new one, is another than before; or would be */
} VtCleaned;

void vt_cleaned_clear (VtCleaned *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VtCleaned, vt_cleaned_clear)

/* On failure the image is as it was, and nothing of this run is in quarantine; unless it failed
 * while the result was put in place: then the quarantine keeps what it has. */
gboolean vt_clean (VtSession *session,
                   const VtCleanOrder *order,
                   VtCleaned *cleaned,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
