// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Makes a template of what a scan found: the clean cache, and the signed statement about it.
 */
#pragma once

#include "vt-clean-cache.h"
#include "vt-key.h"
#include "vt-session.h"

/* A signed clean cache. Clear with vt_made_template_clear(). */
typedef struct {
  VtCleanDatabase database;
  GBytes *envelope;
  char *id; /* of the template */
} VtMadeTemplate;

#define VT_MADE_TEMPLATE_INIT                                                                      \
  {                                                                                                \
    .database = VT_CLEAN_DATABASE_INIT                                                             \
  }

void vt_made_template_clear (VtMadeTemplate *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VtMadeTemplate, vt_made_template_clear)

/* What is decided by others than the scan. */
typedef struct {
  const char *id;   /* of the template; NULL: a new one */
  gint64 expires_s; /* seconds from now, after which it is not to be trusted; 0: it always is */
  const VtPrivateKey *key;
} VtTemplateWish;

/*
 * Makes the clean cache of the files that are clean in MANIFEST, of a scan in SESSION that gave
 * RESULT, and signs it. What is made is scanned as well: it goes into images. MADE is filled on
 * success only.
 */
gboolean vt_template_make (VtSession *session,
                           VtManifest *manifest,
                           const VtScanResult *result,
                           const VtTemplateWish *wish,
                           VtMadeTemplate *made,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Writes the envelope to FILE, and the cache beside it (vt_template_database_path()), each in the
 * place of an older one. */
gboolean vt_made_template_write (const VtMadeTemplate *self,
                                 const char *file,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
