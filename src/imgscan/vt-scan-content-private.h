// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A content on its way to its verdict: that of a file in the image, or of a member of a container.
 * vt-scan-flow.c leads it, vt-scan-opening.c opens it if it is a container.
 */
#pragma once

#include "vt-container.h"
#include "vt-scan-result.h"
#include "vt-scan-scope.h"

typedef struct _VtScanContent VtScanContent;

/* The content has its verdict, and is the callee's. */
typedef void (*VtScanContentFunc) (VtScanContent *content, gpointer user_data);

struct _VtScanContent {
  VtScanScope *scope;       /* a reference */
  VtScanContent *container; /* what it is a member of, which lives longer; NULL for a file */
  guint depth;              /* containers around it */
  int file;                 /* owned; nobody can change it */
  guint64 size;
  VtDigest digest;
  gboolean has_digest;
  VtContainerKind kind;
  const char *type; /* name of the kind of container, for people; or NULL */
  GError *error;    /* why it could not be hashed */

  VtVerdict verdict;
  GStrv members; /* where in the content that is; NULL for itself */
  VtSource source;
  gint64 verdict_age; /* as VtFileResult has it */
  gboolean cut_short; /* a limit of what is around it stopped the looking into it */
  gboolean passing;   /* it may be another in the next run */

  /* Of a file: all its members, at any depth, until now, and those the engine was asked for. */
  guint64 tree_members;
  guint64 tree_bytes;
  guint64 tree_scanned;
  guint64 tree_scanned_bytes;

  GPtrArray *followers; /* contents that are the same and wait for this one's verdict, or NULL */
  VtScanContentFunc done;
  gpointer user_data;
};

/* Takes FILE. DONE is called once, never from within vt_scan_content_start(). */
VtScanContent *vt_scan_content_new (VtScanScope *scope,
                                    VtScanContent *container,
                                    int file,
                                    guint64 size,
                                    VtScanContentFunc done,
                                    gpointer user_data);
void vt_scan_content_free (VtScanContent *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtScanContent, vt_scan_content_free)

/* Whether the engine cannot take it in one piece. */
gboolean vt_scan_content_is_too_large (const VtScanContent *self);
/* Hashes, looks up, scans and opens it. */
void vt_scan_content_start (VtScanContent *self);
/* The file that the content is, or is in. */
VtScanContent *vt_scan_content_get_file (VtScanContent *self);
/* Gives the content its verdict, with the members that are in the content already. */
void vt_scan_content_settle (VtScanContent *self, const VtVerdict *verdict, VtSource source);
/* Runs in a hasher thread; the content goes on in the scope's own. */
void vt_scan_content_hash (gpointer content, gpointer unused);

/* Whether the content, of which ENGINE is the engine's word, is to be opened as well. */
gboolean vt_scan_opening_is_due (const VtScanContent *content, const VtVerdict *engine);
/* Opens it and settles it. */
void vt_scan_opening_start (VtScanContent *content, const VtVerdict *engine);
/* Ends all openings of SCOPE, so that only members are left which something else has now. */
void vt_scan_opening_stop_all (VtScanScope *scope);
