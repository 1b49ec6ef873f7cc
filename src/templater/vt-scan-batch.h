// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Scans of several images, a few at a time. Contents that are the same in several of them are
 * scanned once.
 */
#pragma once

#include "vt-session.h"

typedef struct _VtScanBatch VtScanBatch;

/* SESSION must outlive it, and have been set up. */
VtScanBatch *vt_scan_batch_new (VtSession *session);
/* Ends what is still going on. */
void vt_scan_batch_free (VtScanBatch *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtScanBatch, vt_scan_batch_free)

/* Waits until one more may be started, before anything is made ready for it. */
void vt_scan_batch_wait_for_room (VtScanBatch *self);
/*
 * Starts a scan. FILE, which may be -1, is a descriptor that is closed when it has ended: what
 * OPTIONS name. SECONDS is what was done for it before. TEMPLATE and MANIFEST may be NULL; MANIFEST
 * must stay until the scan has ended. Returns the number of its result.
 */
guint vt_scan_batch_start (VtScanBatch *self,
                           const VtImageOptions *options,
                           int file,
                           VtTemplate *template,
                           VtManifest *manifest,
                           double seconds);
/* Adds a result of what was not scanned, which is taken. */
void vt_scan_batch_add (VtScanBatch *self, VtScanResult *result);
/* Waits for one; its result is the batch's. */
const VtScanResult *vt_scan_batch_wait (VtScanBatch *self, guint number);
/* Waits for all. The results (VtScanResult) are the batch's, by their numbers. */
GPtrArray *vt_scan_batch_wait_for_all (VtScanBatch *self);
