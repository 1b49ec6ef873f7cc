// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A template's signed clean cache, as a scan of a clone uses it. Whoever makes one has checked the
 * signature, and that the cache is the one that was signed.
 *
 * What the cache says counts as long as its signatures are current, or as old as is allowed. Where
 * they are not, only what the verdict store knows of its contents counts: under the present engine,
 * or by older verdicts that the store may give.
 *
 * For one thread.
 */
#pragma once

#include "vt-clean-cache.h"
#include "vt-engine-id.h"
#include "vt-image.h"
#include "vt-statement.h"
#include "vt-store.h"

typedef struct _VtTemplate VtTemplate;

/* STATEMENT and CACHE are taken, also when this fails (VT_CLEAN_CACHE_ERROR). IMAGE is the
 * template's file, or NULL if only its cache is known. */
VtTemplate *vt_template_new (VtStatement *statement,
                             VtCleanCache *cache,
                             const char *image,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
VtTemplate *vt_template_ref (VtTemplate *self);
void vt_template_unref (VtTemplate *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtTemplate, vt_template_unref)

const VtStatement *vt_template_get_statement (const VtTemplate *self);

/* Adds a content that was scanned together with the template and is not in the cache: that itself,
 * and its envelope. */
void vt_template_add_content (VtTemplate *self, const VtDigest *digest);
/* The same, if it is known which file of the template it is. */
void vt_template_add_file (VtTemplate *self, const VtCleanFile *file);
/* Whether it is one of these. */
gboolean vt_template_is_own (const VtTemplate *self, const VtDigest *digest);

/*
 * Decides what counts: the cache, if it was made by ENGINE; or by the same engine, rules and limits
 * with other signatures, which are at most MAX_AGE_S seconds old at NOW (seconds since 1970); else
 * what STORE knows under ENGINE, or by older verdicts (vt_store_set_engine()). To be called before
 * each scan, since what the store knows grows. While a scan goes on, ENGINE, MAX_AGE_S and NOW must
 * be the same. Fails with VT_STORE_ERROR.
 */
gboolean vt_template_prepare (VtTemplate *self,
                              const VtEngineId *engine,
                              gint64 max_age_s,
                              gint64 now,
                              VtStore *store,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether the cache's own verdicts count. */
gboolean vt_template_counts (const VtTemplate *self);
/* How old its signatures are, in seconds, at the time of vt_template_prepare(), and at least 1; 0
 * if they are those in force. */
gint64 vt_template_get_age (const VtTemplate *self);

/* Tells OPTIONS what the reader need not read, as it is known now. */
void vt_template_apply (VtTemplate *self, VtImageOptions *options);

/* What is known of a content; as vt_store_lookup() and, for VERDICT_AGE, VtFileResult have it. */
gboolean vt_template_lookup (VtTemplate *self,
                             const VtDigest *digest,
                             VtVerdict *verdict,
                             GStrv *members,
                             VtSource *source,
                             gint64 *verdict_age);

/* The number in the template of FILESYSTEM, which stands at the same place; -1: none. */
gint vt_template_find_filesystem (const VtTemplate *self, const VtFilesystem *filesystem);
/* The file of the template with an inode, and, in INDEX, which of them it is; or NULL. */
const VtCleanFile *
vt_template_find_file (const VtTemplate *self, guint fs, guint64 inode, gsize *index);
/* Files in the cache. */
gsize vt_template_count_files (const VtTemplate *self);
