// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Whether an image is the one that a template's clean cache was made of. */
#pragma once

#include "vt-cli.h"
#include "vt-template.h"

typedef struct {
  guint64 files;   /* in the cache */
  guint64 matched; /* there, with the same identity; and content, if that was looked at */
  guint64 changed; /* there, with another identity */
  guint64 missing;
  guint64 forged; /* there, with the same identity and another content */
  guint64 added;  /* files of the image that the cache does not have, and that were not left out of
                     it as incomplete */
} VtVerifyCounts;

/* Called for each file with the right identity and a wrong content. PATH is valid for the call. */
typedef void (*VtVerifyForgedFunc) (const char *path, gpointer user_data);

typedef struct {
  VtSpawner *spawner;
  const VtImageOptions *options; /* of the image */
  VtTemplate *template;
  gboolean deep; /* look at the contents, too */
  void (*message) (GLogLevelFlags level, const char *text, gpointer user_data);
  VtVerifyForgedFunc forged;
  gpointer user_data; /* of both */
} VtVerifyOrder;

/*
 * Compares. Fails with VT_TEMPLATE_ERROR_OTHER if the cache is of another image, and with
 * VT_IMAGE_ERROR if the image cannot be read whole.
 */
gboolean vt_verify (const VtVerifyOrder *order,
                    VtVerifyCounts *counts,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
