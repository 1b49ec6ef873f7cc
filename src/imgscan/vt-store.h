// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The verdict store: what is known of a content under an engine id, kept between runs.
 *
 * One SQLite database in WAL mode; several processes may use it at once, and a kill at any point
 * loses at most what was not flushed. Only verdicts that would be the same again are kept
 * (vt_verdict_is_repeatable()).
 *
 * What stands in a store decides what is called clean, so a store is trusted like the user's own
 * files, and only where nobody else can have written it: the file must belong to the effective user
 * and not be writable by group or others, and the directory must belong to that user or to root and
 * not be writable by group or others either, unless it is sticky, like /tmp. Any other is refused.
 * Rows that make no verdict count as unknown.
 *
 * For one thread at a time, and not to be used in a process forked after it was opened.
 */
#pragma once

#include <gio/gio.h>

#include "vt-digest.h"
#include "vt-engine-id.h"
#include "vt-file-digests.h"
#include "vt-verdict.h"

typedef enum {
  VT_STORE_ERROR_CORRUPT,   /* not a verdict store, or a damaged one */
  VT_STORE_ERROR_NEWER,     /* made by a later version of this program */
  VT_STORE_ERROR_READ_ONLY, /* cannot be written */
  VT_STORE_ERROR_BUSY,      /* another process holds it for too long */
  VT_STORE_ERROR_FULL,      /* no space left */
  VT_STORE_ERROR_UNTRUSTED, /* another user may have written it */
  VT_STORE_ERROR_FAILED,
} VtStoreError;

#define VT_STORE_ERROR (vt_store_error_quark ())
GQuark vt_store_error_quark (void);

typedef struct _VtStore VtStore;

typedef struct {
  guint64 verdicts;
  guint64 clean;
  guint64 infected;
  guint64 incomplete;
  guint64 engines;   /* different engine ids */
  guint64 file_size; /* bytes on disk */
  gint64 oldest_use; /* seconds since 1970; 0 when there are no verdicts */
  gint64 newest_use;
} VtStoreStats;

/* $XDG_CACHE_HOME/vtemplater/verdicts.db, or /var/cache/vtemplater/verdicts.db for root. */
char *vt_store_default_path (void);

/* Opens the store at PATH; makes it, and the directory it stands in, if there is none. */
VtStore *vt_store_open (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Flushes; an error of that is logged as a warning. */
void vt_store_free (VtStore *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtStore, vt_store_free)

/*
 * Says that ENGINE is in force at NOW (seconds since 1970). The verdicts that are inserted under
 * its id from then on can be older ones to an engine that comes after it (vt_store_lookup_older()).
 * Those of engines before it are taken if their signatures are at most MAX_AGE seconds old at NOW;
 * 0: none are, as before the first call.
 */
void vt_store_set_engine (VtStore *self, const VtEngineId *engine, gint64 now, gint64 max_age);

/*
 * FALSE and no error: not known. Sees what was inserted and not flushed yet. SIZE, in bytes, must
 * be the one the verdict was found with. MEMBERS gets where in the content that is (vt-members.h;
 * g_strfreev()), NULL for the content itself. Does not write, but for noting, at most once a day
 * for each verdict, that it was of use; that is gathered like inserts.
 */
gboolean vt_store_lookup (VtStore *self,
                          const char *engine_id,
                          const VtDigest *digest,
                          guint64 size,
                          VtVerdict *verdict,
                          GStrv *members,
                          GError **error);

/*
 * For what vt_store_lookup() does not know under the engine in force: what the newest of the other
 * engines said that had the same settings and databases of the same names. FALSE and no error: none
 * did, or none that may be taken; always so where no age is allowed.
 *
 * A verdict that is clean may be taken, and AGE is then how old its signatures are, in seconds, at
 * least 1. It must not be inserted, nor anything that was concluded from it: that would make it a
 * verdict of the engine in force. Any other verdict is there to be found out again, and says only
 * that no still older one counts. Sees what has been flushed.
 */
gboolean vt_store_lookup_older (VtStore *self,
                                const VtDigest *digest,
                                guint64 size,
                                VtVerdict *verdict,
                                gint64 *age,
                                GError **error);
/* Whether there is any engine whose verdicts vt_store_lookup_older() may give. */
gboolean
vt_store_has_older (VtStore *self, gboolean *has, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Remembers a verdict, and where in the content it is for (MEMBERS; may be NULL). Writes are
 * gathered and written together (vt_store_flush()), by itself when enough of them, or enough time,
 * have come together. What is not repeatable is passed over. An error is one of writing: the
 * verdicts are kept, up to a bound, and tried again with later ones.
 */
gboolean vt_store_insert (VtStore *self,
                          const char *engine_id,
                          const VtDigest *digest,
                          guint64 size,
                          const VtVerdict *verdict,
                          const char *const *members,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_store_flush (VtStore *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Digests of the host's files (vt-file-digests.h): adds to DIGESTS what is known from before; keeps
 * what is new in it; forgets all of them.
 */
gboolean vt_store_load_digests (VtStore *self,
                                VtFileDigests *digests,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_store_save_digests (VtStore *self,
                                const VtFileDigests *digests,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_store_forget_digests (VtStore *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Number of verdicts held under ENGINE_ID. Flushes first, as do statistics and pruning. */
gboolean vt_store_count (VtStore *self, const char *engine_id, guint64 *count, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

gboolean
vt_store_get_stats (VtStore *self, VtStoreStats *stats, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/*
 * Removes what was last used more than MAX_AGE seconds ago, and all but the MAX_COUNT used last;
 * G_MAXINT64 and G_MAXUINT64 for no limit. A use is noted to the day. REMOVED may be NULL.
 */
gboolean vt_store_prune (VtStore *self,
                         gint64 max_age,
                         guint64 max_count,
                         guint64 *removed,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Removes all verdicts, and forgets those not written yet. */
gboolean vt_store_clear (VtStore *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Removes the files of the store at PATH, which need not be readable as one any more; for a user
 * who asks for it. What does not begin like a verdict store is left alone (VT_STORE_ERROR_CORRUPT).
 */
gboolean vt_store_remove (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
