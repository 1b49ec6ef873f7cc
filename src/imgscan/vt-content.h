// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A file's content on its way to the engine: gathered once into a memfd that is then sealed
 * (memfd_create(2)), so that what was hashed is what is scanned.
 */
#pragma once

#include <gio/gio.h>

#include "vt-digest.h"

typedef struct _VtContent VtContent;

/* Whether a content of COST may come while UNDERWAY of BUDGET is used; a single one always may. */
static inline gboolean
vt_budget_has_room (guint64 budget, guint64 underway, guint64 cost)
{
  return underway == 0 || cost <= budget - MIN (underway, budget);
}

/* What a content of SIZE bytes costs of a budget: small ones count for their descriptor. */
static inline guint64
vt_content_cost (guint64 size)
{
  return MAX (size, (guint64)128 * 1024);
}

/*
 * Makes ready for SIZE bytes. Above MAX_SIZE nothing is kept and only the digest is made, as then
 * the engine would refuse the content anyway.
 */
VtContent *
vt_content_new (guint64 size, guint64 max_size, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Where contents go. */
typedef struct {
  guint64 max_size; /* bytes of the largest content that is kept in memory */
  /* A file to write a larger one of SIZE bytes to, of which DATA are no holes; now the caller's.
   * -1: there is none, and only the digest is made. NULL: there never is one. */
  int (*open_spool) (guint64 size, guint64 data, gpointer user_data);
  /* The file could not be written (errno(3)). Once a content; may be NULL. */
  void (*lost) (guint64 size, int error, gpointer user_data);
  gpointer user_data;
} VtContentPlace;

/* Makes ready for SIZE bytes, of which DATA are no holes. */
VtContent *vt_content_new_at (const VtContentPlace *place,
                              guint64 size,
                              guint64 data,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_content_free (VtContent *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtContent, vt_content_free)

/* Puts N bytes at OFFSET, which never goes back; what is passed over reads as zeros (a hole). */
gboolean vt_content_write (VtContent *self,
                           guint64 offset,
                           const void *data,
                           gsize n,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* All that lies between what was written and OFFSET, which is within the content, is zeros. For
 * holes so large that it takes a while to hash them. */
void vt_content_skip (VtContent *self, guint64 offset);
typedef enum {
  VT_CONTENT_KEPT,    /* in memory */
  VT_CONTENT_SPOOLED, /* in the file that open_spool() gave, which is closed */
  VT_CONTENT_HASHED,  /* its digest is all there is */
  VT_CONTENT_LOST,    /* the file that open_spool() gave could not be written */
} VtContentEnd;

/* Makes SIZE the content's size, which is not less than what was written, and not more than it was
 * made ready for: where that was a bound, because nobody can tell the size before. Not for those of
 * which only the digest is made. */
gboolean
vt_content_shorten (VtContent *self, guint64 size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Ends the content, the rest being zeros. MEMFD gets the sealed file of one that is KEPT, which is
 * the caller's, else -1; DIGEST is set if it is HASHED.
 */
gboolean vt_content_finish (VtContent *self, int *memfd, VtDigest *digest, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* What became of it, once it was finished. */
VtContentEnd vt_content_get_end (const VtContent *self);

/* Whether MEMFD, from whoever it comes, is a content of SIZE bytes that nobody can change any more.
 */
gboolean vt_content_is_sealed (int memfd, guint64 size);
