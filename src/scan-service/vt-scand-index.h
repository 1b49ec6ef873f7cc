// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What is known of contents, in memory: a table from digests to a few bytes, so that thousands of
 * lookups are answered in a millisecond. The verdict store has the same on disk, and more.
 *
 * 36 bytes an entry, and 16 of each of 65,536 buckets. Who sends contents chooses their digests;
 * which bucket one falls into depends on a secret of the process, so that nobody can fill one.
 */
#pragma once

#include "vt-digest.h"
#include "vt-verdict.h"

typedef struct _VtScandIndex VtScandIndex;

/* Numbers of engines are less than this. */
#define VT_SCAND_INDEX_ENGINES 64

typedef struct {
  VtVerdictKind kind;
  guint8 engine; /* a number that the caller gives engines */
  guint16 day;   /* when it was last asked for: days since 1970 */
  guint8 heat;   /* how often it is asked for: for the caller to count */
} VtScandEntry;

#define VT_SCAND_INDEX_BUCKETS 65536

VtScandIndex *vt_scand_index_new (void);
void vt_scand_index_free (VtScandIndex *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtScandIndex, vt_scand_index_free)

gboolean vt_scand_index_get (const VtScandIndex *self, const VtDigest *digest, VtScandEntry *entry);
/* Adds it, or puts it in the place of what is known. */
void vt_scand_index_put (VtScandIndex *self, const VtDigest *digest, const VtScandEntry *entry);
void vt_scand_index_remove (VtScandIndex *self, const VtDigest *digest);
guint64 vt_scand_index_get_length (const VtScandIndex *self);

/* FALSE: the entry is to go. What is changed in it is kept. */
typedef gboolean (*VtScandIndexFunc) (const VtDigest *digest,
                                      VtScandEntry *entry,
                                      gpointer user_data);
/* Calls FUNC for each entry of one bucket. FUNC must not use the index. */
void
vt_scand_index_visit (VtScandIndex *self, guint bucket, VtScandIndexFunc func, gpointer user_data);
