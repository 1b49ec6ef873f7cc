// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Puts files back into an image from quarantine. */
#pragma once

#include "vt-quarantine.h"
#include "vt-session.h"

/* Most files at once: all are in memory. */
#define VT_RESTORE_MAX 64

typedef struct {
  const char *image;
  const char *output; /* where the new image goes; NULL: in the place of IMAGE */
  const char *output_format;
  const char *quarantine; /* directory */
  GStrv ids;
  gboolean dry_run; /* all is done but what would be left of it */
} VtRestoreOrder;

/*
 * Puts all back where they were, or none: at none of the paths there may be anything now. ENTRIES
 * gets what was put back (of VtQuarantineEntry), the caller's. All stay in quarantine.
 */
gboolean vt_restore (VtSession *session,
                     const VtRestoreOrder *order,
                     GPtrArray **entries,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
