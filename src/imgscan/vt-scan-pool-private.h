// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What the files of the scan pool share: vt-scan-pool.c is what its users see, vt-scan-workers.c
 * leads the engine's host and the workers.
 */
#pragma once

#include "vt-paths.h"
#include "vt-scan-host-private.h"
#include "vt-scan-lane-private.h"
#include "vt-scan-pool.h"
#include "vt-scan-queue-private.h"

typedef enum {
  POOL_NEW,
  POOL_LOADING,
  POOL_LOADED,
  POOL_FAILED,
} PoolState;

struct _VtScanPool {
  GObject parent_instance;

  VtSpawner *spawner;
  VtEngineOptions *options;
  guint workers_max;
  GMainContext *context;
  VtRunDir *run_dir; /* the workers' directories are in it */

  PoolState state;
  VtScanHost *host;
  GSource *later;  /* tells of FAILURE, or of what was submitted after it */
  GError *failure; /* kept: who comes later is told as well */
  gboolean failure_untold;

  VtScanQueue *queue;
  GPtrArray *lanes; /* of VtScanLane */
  guint busy;
  guint barren_losses;
  gboolean warned;
  guint64 last_request;
  guint64 last_lane;
};

/* Gives REQUEST (taken) its verdict. */
void vt_scan_pool_complete (VtScanRequest *request, const VtVerdict *verdict);
/* Ends the pool for FAILURE (taken), of which its users are told later. */
void vt_scan_pool_fail (VtScanPool *self, GError *failure);

/* Starts the host, which loads the engine. */
gboolean vt_scan_pool_start_host (VtScanPool *self,
                                  const char *engine_id,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Hands out what waits, and starts as many workers as that, and the bound, asks for. */
void vt_scan_pool_pump (VtScanPool *self);
/* Kills every process of the pool. Contents that workers have go back to the queue. */
void vt_scan_pool_stop (VtScanPool *self);
