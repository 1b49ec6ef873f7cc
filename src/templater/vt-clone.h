// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Which template the images of a scan are clones of, as the command line says: one for all, or what
 * each has inherited.
 */
#pragma once

#include "vt-session.h"
#include "vt-template-open.h"

/* Zero-filled before. */
typedef struct {
  VtSession *session; /* not owned */
  VtPublicKey *key;   /* NULL: no template is used */
  VtTemplate *common; /* of all images; NULL: each has its own, if it has one */
  gint64 max_age_s;
  gint64 now; /* for all images of a run: what counts for one must not change for the next */
} VtClone;

/* Checks the options, and reads the key. */
gboolean
vt_clone_init (VtClone *self, VtSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Opens the template that is named. The session must have been started. */
gboolean vt_clone_open (VtClone *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_clone_clear (VtClone *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VtClone, vt_clone_clear)

/*
 * Sets OPTIONS for a scan with the image's template, and gives a reference to that in TEMPLATE, or
 * NULL if there is none. What is wrong with a cache that an image has inherited is told, and the
 * image is scanned without; everything else is an error.
 */
gboolean vt_clone_prepare (VtClone *self,
                           VtImageOptions *options,
                           VtTemplate **template,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
