// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Looks again at each file that is to be cleaned, and takes it out. */
#pragma once

#include "vt-change.h"
#include "vt-clean-plan.h"
#include "vt-quarantine.h"

typedef struct {
  VtChange *change;
  GPtrArray *items;         /* of VtCleanItem */
  VtQuarantine *quarantine; /* where they go to; NULL: nowhere */
  gboolean containers;      /* a container is cleaned as a whole */
  gboolean has_template;    /* a clean cache is in the image */
} VtCleanLook;

/*
 * Fetches the items that are not refused. Those that are what was found are seen, and in quarantine
 * if there is one; the others are refused, or not seen. On failure the quarantine may have entries
 * of the items.
 */
gboolean vt_clean_look (VtCleanLook *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
