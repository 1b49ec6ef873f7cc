// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Contents that wait for a worker, the largest first: one that is started late would keep a worker
 * busy on its own at the end.
 */
#pragma once

#include <gio/gio.h>

#include "vt-scan-pool.h"

/* A content that was submitted. Free with g_free(). */
typedef struct {
  gpointer owner; /* only to be compared */
  int memfd;      /* the caller's */
  guint64 size;
  guint64 serial; /* in the order of submission */
  VtScanDoneFunc done;
  gpointer user_data;
} VtScanRequest;

typedef struct _VtScanQueue VtScanQueue;

VtScanQueue *vt_scan_queue_new (void);
/* What still waits is freed without a word. */
void vt_scan_queue_free (VtScanQueue *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtScanQueue, vt_scan_queue_free)

/* Takes REQUEST. */
void vt_scan_queue_push (VtScanQueue *self, VtScanRequest *request);
/* The next one, now the caller's, or NULL. */
VtScanRequest *vt_scan_queue_pop (VtScanQueue *self);
/* All of OWNER's, now the caller's, the next one first; none is left behind. */
GPtrArray *vt_scan_queue_take_owned (VtScanQueue *self, gconstpointer owner);
guint vt_scan_queue_get_length (VtScanQueue *self);
