// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Remembers what was found clean within contents, so that the engine need not look at it again when
 * it comes in another one: the same classes are in many a program's archive, the same fonts in many
 * a document.
 *
 * A signature may ask what a thing is in. So a layer is known by its bytes, what the engine takes
 * it for, and what it takes for all that is around it.
 */
#pragma once

#include <glib.h>

#include "vt-digest.h"

/* For one engine under one set of options, as a worker has it. */
typedef struct _VtEngineLayers VtEngineLayers;

VtEngineLayers *vt_engine_layers_new (void);
void vt_engine_layers_free (VtEngineLayers *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtEngineLayers, vt_engine_layers_free)

/* The place in something of TYPE, with ATTRIBUTES as the engine gives them, that is at the place
 * OUTER; NULL: it is in nothing. */
VtDigest vt_engine_layers_place (const VtDigest *outer, const char *type, guint32 attributes);

/* What a layer at PLACE, its own type included, with CONTENT is known by. */
VtDigest vt_engine_layers_key (const VtDigest *place, const VtDigest *content);

gboolean vt_engine_layers_know (const VtEngineLayers *self, const VtDigest *key);

/* Takes the N KEYS of layers that came by in a content that turned out clean. */
void vt_engine_layers_add (VtEngineLayers *self, const VtDigest *keys, guint n);
