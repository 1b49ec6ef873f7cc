// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Where the command line has a template from: the image that holds its cache, or its envelope with
 * the cache beside it.
 */
#pragma once

#include "vt-cli.h"
#include "vt-template-open.h"

/* What is in an image, or in files, and was not checked. */
typedef struct {
  GBytes *envelope;    /* NULL: there is none */
  int database;        /* -1: there is none */
  GPtrArray *files;    /* of VtFileResult: where in the image they are; NULL: in none */
  VtScanResult *image; /* what is known of that */
} VtTemplateParts;

#define VT_TEMPLATE_PARTS_INIT                                                                     \
  {                                                                                                \
    .database = -1                                                                                 \
  }

void vt_template_parts_clear (VtTemplateParts *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VtTemplateParts, vt_template_parts_clear)

/* Takes them out of the image that OPTIONS are of. What is not there is no error. CANCELLABLE may
 * be NULL. */
gboolean vt_template_parts_fetch (VtTemplateParts *self,
                                  VtSpawner *spawner,
                                  const VtImageOptions *options,
                                  GCancellable *cancellable,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same, with what is told meanwhile. */
gboolean vt_template_parts_fetch_with (VtTemplateParts *self,
                                       VtSpawner *spawner,
                                       const VtImageOptions *options,
                                       void (*message) (GLogLevelFlags level,
                                                        const char *text,
                                                        gpointer user_data),
                                       gpointer user_data,
                                       GCancellable *cancellable,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether FILE looks like an envelope. */
gboolean vt_template_is_envelope (const char *file);
/* Where the cache of the envelope FILE is: "golden.clean.db" for "golden.dsse.json". Free with
 * g_free(). */
char *vt_template_database_path (const char *file);
/* Reads the envelope FILE, and the cache beside it. */
gboolean vt_template_parts_read (VtTemplateParts *self,
                                 const char *file,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Checks them, and opens the template. IMAGE is as vt_template_new() has it. Both must be there
 * (VT_TEMPLATE_ERROR_NONE). */
VtTemplate *vt_template_parts_open (const VtTemplateParts *self,
                                    const VtPublicKey *key,
                                    const VtStatementPolicy *policy,
                                    const char *image,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
