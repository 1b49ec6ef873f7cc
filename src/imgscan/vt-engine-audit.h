// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Holds what the engine looked at against what there is.
 *
 * The engine passes over members of archives without a word: what is damaged, compressed in a way
 * that it does not know, or told of in a place where it does not look. So each archive that it
 * comes by is read a second time, by another library, and each member must come by the engine too.
 */
#pragma once

#include "vt-digest.h"
#include "vt-engine-options.h"
#include "vt-verdict.h"

/* Of one scan. */
typedef struct _VtEngineAudit VtEngineAudit;

VtEngineAudit *vt_engine_audit_new (const VtEngineOptions *options);
void vt_engine_audit_free (VtEngineAudit *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtEngineAudit, vt_engine_audit_free)

/* What the engine begins to look at: the content itself, or something in it. */
typedef struct {
  const char *type; /* what the engine takes it for */
  const guint8 *data;
  gsize size;           /* bytes */
  VtDigest digest;      /* of these; of an outermost layer zeros will do */
  gboolean has_zip;     /* the directory of a zip archive is at its end */
  gboolean is_inner;    /* not the content itself, but something in it */
  gboolean in_compound; /* it is somewhere in a compound file (OLE2) */
} VtEngineLayer;

/* The layer comes by; what is in it need not any more. */
void vt_engine_audit_pass (VtEngineAudit *self, const VtEngineLayer *layer);

/* The same, and what is in it must come by. Containers must come before what is in them. */
void vt_engine_audit_see (VtEngineAudit *self, const VtEngineLayer *layer);

/* Whether everything came by: NONE, or why not. The first reason there was counts. */
VtReason vt_engine_audit_finish (const VtEngineAudit *self);
