// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The global cache: what this service knows of contents.
 *
 * Verdicts come from the service's own engine alone, and are kept in the verdict store; an index in
 * memory answers (vt-scand-index.h). A verdict holds for as long as its engine is in force, and for
 * a time of grace after that, in which the content is to be looked at again; then it is not known
 * any more. For one thread.
 */
#pragma once

#include "vt-scand-index.h"
#include "vt-store-contents.h"

typedef struct _VtScandCache VtScandCache;

typedef struct {
  guint64 max_entries; /* those asked for last are kept */
  guint64 grace_s;     /* seconds that verdicts outlive their engine; 0: they do not */
} VtScandCacheLimits;

/* A content that had been called clean, and may be so in the caches of agents, is infected. */
typedef void (*VtScandRevokedFunc) (const VtDigest *digest, const char *threat, gpointer user_data);

/* STORE must outlive it, and is used by nobody else for inserting under other engines. */
VtScandCache *vt_scand_cache_new (VtStore *store,
                                  const VtScandCacheLimits *limits,
                                  VtScandRevokedFunc revoked,
                                  gpointer user_data);
void vt_scand_cache_free (VtScandCache *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtScandCache, vt_scand_cache_free)

/*
 * Takes what the store has of an engine, which was superseded at SUPERSEDED (seconds since 1970; 0:
 * it is the one in force). To be called for each engine at the start, from the oldest to the
 * newest.
 */
gboolean vt_scand_cache_load (VtScandCache *self,
                              const char *engine_id,
                              gint64 superseded,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * An engine has found DIGEST infected, and that has been told. What an engine that is not in force
 * says of it, that it is clean, is not known any more: after a crash the store may have lost the
 * later word.
 */
void vt_scand_cache_distrust (VtScandCache *self, const VtDigest *digest);

/* ENGINE_ID is in force from NOW on (seconds since 1970). Of one that was not known, what the store
 * has is taken; an error is one of reading that, and the engine is in force all the same. */
gboolean vt_scand_cache_set_engine (VtScandCache *self,
                                    const char *engine_id,
                                    gint64 now,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What is known of DIGEST at NOW; VT_VERDICT_UNKNOWN: nothing that counts. Notes that it was asked
 * for. */
VtVerdictKind vt_scand_cache_lookup (VtScandCache *self, const VtDigest *digest, gint64 now);

guint64 vt_scand_cache_get_length (const VtScandCache *self);

/*
 * Removes some of what was not asked for for the longest time, if there is more than there may be.
 * One step of many, each of which takes milliseconds; TRUE: there is more to do. What cannot be
 * removed from the store (ERROR is set) is known again after the next start.
 */
gboolean vt_scand_cache_prune (VtScandCache *self, GError **error);
