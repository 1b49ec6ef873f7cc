// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What the verdict store knows of a template's contents, as scans of its clones found it out.
 *
 * Scans that go on may have been told of it: nothing is forgotten under one engine.
 */
#pragma once

#include "vt-clean-cache.h"
#include "vt-engine-id.h"
#include "vt-store.h"

/* A content that the store knows. */
typedef struct {
  VtDigest digest;
  VtVerdict verdict;
  GStrv members;
  gint64 age; /* of an older verdict, seconds; 0: it is none */
} VtKnownContent;

typedef struct _VtTemplateKnown VtTemplateKnown;

VtTemplateKnown *vt_template_known_new (void);
void vt_template_known_free (VtTemplateKnown *self);

/* What is asked from now on is about ENGINE; what is known of another one is forgotten. */
void vt_template_known_set_engine (VtTemplateKnown *self, const VtEngineId *engine);

/* Whether STORE knows the content of FILE, now or when it was asked before. Fails with
 * VT_STORE_ERROR. */
gboolean vt_template_known_ask (VtTemplateKnown *self,
                                VtStore *store,
                                const VtCleanFile *file,
                                gboolean *is_known,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What was found out by that; NULL: nothing. */
const VtKnownContent *vt_template_known_find (const VtTemplateKnown *self, const VtDigest *digest);
