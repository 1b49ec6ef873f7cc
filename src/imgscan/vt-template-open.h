// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Checks a template's envelope and its clean cache: nothing of either is believed before.
 */
#pragma once

#include "vt-key.h"
#include "vt-template.h"

/* Where they are in the image of a template, and of its clones. */
#define VT_TEMPLATE_DIR      "/var/lib/vtemplater/template"
#define VT_TEMPLATE_ENVELOPE VT_TEMPLATE_DIR "/clean.dsse.json"
#define VT_TEMPLATE_DATABASE VT_TEMPLATE_DIR "/clean.db"

typedef enum {
  VT_TEMPLATE_ERROR_OTHER, /* signed, but the parts are not of one template, or not of this image */
  VT_TEMPLATE_ERROR_NONE,  /* there is no template here */
} VtTemplateError;

#define VT_TEMPLATE_ERROR (vt_template_error_quark ())
GQuark vt_template_error_quark (void);

/*
 * The template of the signed ENVELOPE and of the database in the descriptor DATABASE, which stays
 * the caller's. IMAGE is as vt_template_new() has it. Errors are of VT_DSSE_ERROR (another key, a
 * changed envelope), VT_STATEMENT_ERROR (expired, too old), VT_CLEAN_CACHE_ERROR (a changed
 * database) and VT_TEMPLATE_ERROR.
 */
VtTemplate *vt_template_open (GBytes *envelope,
                              int database,
                              const VtPublicKey *key,
                              const VtStatementPolicy *policy,
                              const char *image,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
