// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Images that are scanned at the same time take turns at having large contents on disk, so that
 * none of them finds less room than it would alone.
 *
 * Who has the turn must not wait for another image's reader before it gives it back. Contents do
 * not, whatever they wait for; a reader that asks for more while others wait stands behind them.
 */
#pragma once

#include <glib.h>

typedef struct _VtSpoolQueue VtSpoolQueue;
/* It is the turn of USER. */
typedef void (*VtSpoolQueueFunc) (gpointer user);

/* FUNC is called for whoever had to wait, to enter again. */
VtSpoolQueue *vt_spool_queue_new (VtSpoolQueueFunc func);
/* After all that may be in it. */
void vt_spool_queue_free (VtSpoolQueue *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtSpoolQueue, vt_spool_queue_free)

/* TRUE: USER has the turn now. FALSE: it waits. */
gboolean vt_spool_queue_enter (VtSpoolQueue *self, gpointer user);
/* USER, which may have the turn, has nothing on disk. */
void vt_spool_queue_pass_on (VtSpoolQueue *self, gpointer user);
/* USER, which may wait, wants nothing any more. */
void vt_spool_queue_withdraw (VtSpoolQueue *self, gpointer user);
