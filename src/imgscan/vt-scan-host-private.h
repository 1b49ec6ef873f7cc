// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The engine's host, as the scan pool sees it.
 */
#pragma once

#include <gio/gio.h>

#include "vt-engine-options.h"
#include "vt-spawner.h"

typedef struct _VtScanHost VtScanHost;

/* Each is called as the last thing that is done with the host. */
typedef struct {
  void (*loaded) (guint signatures, gpointer owner);
  /* ERROR, now the owner's, is a VT_ENGINE_ERROR. The host is of no more use: free it. */
  void (*failed) (GError *error, gpointer owner);
  /* The worker that was asked for runs; PIDFD is now the owner's. */
  void (*started) (guint64 serial, int pidfd, gpointer owner);
} VtScanHostEvents;

/* Starts to load the engine. RUN_DIR is where workers' directories are made. EVENTS are called in
 * CONTEXT. */
VtScanHost *vt_scan_host_new (VtSpawner *spawner,
                              const VtEngineOptions *options,
                              const char *engine_id,
                              const char *run_dir,
                              GMainContext *context,
                              const VtScanHostEvents *events,
                              gpointer owner,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Ends the host, and waits until it has ended. */
void vt_scan_host_free (VtScanHost *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtScanHost, vt_scan_host_free)

/* Asks for a worker with SOCKET, which stays the caller's. */
gboolean vt_scan_host_start_worker (VtScanHost *self, guint64 serial, int socket, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
