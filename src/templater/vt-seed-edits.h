// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What is changed in an image to make it a template. */
#pragma once

#include "vt-image-edit.h"
#include "vt-template-make.h"

/* Where the public key is put, for whoever trusts the template from within. */
#define VT_SEED_PUBLIC_KEY "/etc/vtemplater/template.pub"

/*
 * Adds to EDITS what is done before the scan: a place for the clean cache, without an older one;
 * the public key in the file PUBLIC_KEY; and all that is in the directory AGENT (may be NULL), as
 * it is to be in the guest's root directory, with its modes, and owned by root. Symbolic links are
 * taken as they are. Fails (G_IO_ERROR) at anything else, and where there is too much.
 */
gboolean vt_seed_add_first_edits (GPtrArray *edits,
                                  const char *public_key,
                                  const char *agent,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Adds to EDITS what is done after it: the cache and its envelope, a file of the host's. */
void vt_seed_add_last_edits (GPtrArray *edits, const VtMadeTemplate *made, const char *envelope);
