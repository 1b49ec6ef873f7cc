// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * For who keeps an index of the verdicts of a store (vt-store.h): a service, which has to answer
 * faster than a database does.
 */
#pragma once

#include "vt-store.h"

/* A verdict is being inserted; it is not written yet. */
typedef void (*VtStoreInsertFunc) (const char *engine_id,
                                   const VtDigest *digest,
                                   const VtVerdict *verdict,
                                   gpointer user_data);
void vt_store_set_insert_func (VtStore *self, VtStoreInsertFunc func, gpointer user_data);

/* A verdict that is in the store, last used at USED (seconds since 1970). */
typedef void (*VtStoreVisitFunc) (const VtDigest *digest,
                                  const VtVerdict *verdict,
                                  gint64 used,
                                  gpointer user_data);
/* Calls FUNC, which must not use the store, for all verdicts under ENGINE_ID. */
gboolean vt_store_visit (VtStore *self,
                         const char *engine_id,
                         VtStoreVisitFunc func,
                         gpointer user_data,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* As vt_store_lookup(), for who does not know the content's size, which SIZE gets. */
gboolean vt_store_find (VtStore *self,
                        const char *engine_id,
                        const VtDigest *digest,
                        guint64 *size,
                        VtVerdict *verdict,
                        GStrv *members,
                        GError **error);

/* Notes that a verdict is of use now, unless it was at USED, on the same day. */
void vt_store_note_use (VtStore *self, const char *engine_id, const VtDigest *digest, gint64 used);

/* Removes all verdicts of the N DIGESTS, of all engines. */
gboolean vt_store_forget (VtStore *self, const VtDigest *digests, gsize n, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
