// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Contents that belong together: the files of one image, or what one engine of a service is asked
 * for. They are ended together, and a verdict that must not be kept holds among them.
 */
#pragma once

#include "vt-engine-id.h"
#include "vt-image.h"
#include "vt-scan-flights.h"
#include "vt-scan-pool.h"
#include "vt-store.h"
#include "vt-template.h"
#include "vt-unpack-pool.h"

/* What scopes share; all outlive them, but the template, of which each takes a reference. */
typedef struct {
  VtSpawner *spawner;
  const VtEngineId *engine_id;
  VtScanPool *pool;
  VtStore *store;
  VtUnpackPool *unpack_pool;
  VtScanFlights *flights;
  VtSpoolQueue *spools;          /* NULL: no other image may have large contents */
  const VtEngineOptions *limits; /* those that the engine id stands for */
  VtTemplate *template;          /* that the image is a clone of, prepared; NULL: none is known */
  const char *const *passwords;  /* for what is encrypted in containers; NULL: none */
} VtScanContext;

/* Called with the pointer that vt_scan_scope_new() was given. */
typedef struct {
  /* The engine is to be asked; called each time. */
  void (*need_engine) (gpointer user_data);
  /* A verdict cannot be looked up: that content is an engine-error, unless this ends the scope. */
  void (*failed) (const GError *error, gpointer user_data);
  /* A verdict cannot be kept now. */
  void (*store_failed) (const GError *error, gpointer user_data);
  /* For people who want to know more. */
  void (*say) (const char *text, gpointer user_data);
  /* A hasher thread has given a content back, of which vt_scan_scope_get_hashing() tells. */
  void (*hashed) (gpointer user_data);
} VtScanScopeEvents;

typedef struct _VtScanScope VtScanScope;

/* IMAGE: how disk images among the contents are read. Contents go on in the thread-default main
 * context of now. EVENTS and USER_DATA must outlive all contents. */
VtScanScope *vt_scan_scope_new (const VtScanContext *context,
                                const VtImageOptions *image,
                                const VtScanScopeEvents *events,
                                gpointer user_data);
VtScanScope *vt_scan_scope_ref (VtScanScope *self);
void vt_scan_scope_unref (VtScanScope *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtScanScope, vt_scan_scope_unref)

/* What became of a content. Nothing of it is the callee's. */
typedef struct {
  gboolean has_digest; /* else it could not be read */
  VtDigest digest;
  VtVerdict verdict;
  const char *const *members; /* where in the content that is; NULL for itself */
  VtSource source;
} VtScanAnswer;
typedef void (*VtScanAnswerFunc) (const VtScanAnswer *answer, gpointer user_data);

/* Scans the SIZE bytes of FILE, which is taken, and which nobody can change (a sealed memfd). FUNC
 * is called once, never from within this call. */
void vt_scan_scope_scan (
    VtScanScope *self, int file, guint64 size, VtScanAnswerFunc func, gpointer user_data);

const VtScanContext *vt_scan_scope_get_context (const VtScanScope *self);
/* What is not for the store (a crash, a time limit, want of room) is kept for the copies that come
 * later. From now on it is found out again. */
void vt_scan_scope_forget_failures (VtScanScope *self);
/* Contents that a hasher thread has. */
guint vt_scan_scope_get_hashing (const VtScanScope *self);
/* Nothing that comes now counts. Contents that go on get their verdicts, of no worth. */
void vt_scan_scope_end (VtScanScope *self);
gboolean vt_scan_scope_has_ended (const VtScanScope *self);
/* Takes down what goes on for it. No hasher may have a content any more. What other scopes need of
 * that they ask for themselves then. */
void vt_scan_scope_take_down (VtScanScope *self);
