// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What the handlers of requests know of the service. */
#pragma once

#include "vt-certificate.h"
#include "vt-scand-cache.h"
#include "vt-scand-engine.h"
#include "vt-scand-metrics.h"
#include "vt-scand-server.h"
#include "vt-scand-service.h"
#include "vt-scand-state.h"
#include "vt-scand-uploads.h"

struct _VtScandService {
  VtScandConfig *config;
  VtSpawner *spawner; /* not owned */
  VtEngineOptions *options;
  VtImageOptions *image;
  VtUnpackPool *unpack_pool;
  VtStore *store;
  VtScandState *state;
  VtScandCache *cache;
  VtScandEngine *engine;
  VtAuthority *authority; /* NULL: nobody can join */
  VtScandUploads *uploads;
  VtScandServer *server;
  VtScandServer *local; /* NULL: there is none */
  GFileMonitor *monitor;
  GSource *look;        /* at signatures that have changed, when they are at rest */
  gint64 changed_since; /* when the first change came that was not looked at */
  GSource *tick;        /* each second */
  GSource *upkeep;      /* each ten minutes */
  gint64 ticks;
  gint64 signatures_time; /* of the engine in force: seconds since 1970 */
  GPtrArray *revoked;     /* of VtScandChange: not written yet */
  char *refusal;          /* why the signatures in the directory are not taken; NULL: they are */
  char *trouble;          /* with the databases; NULL: none */
  VtScandCounters counters;
  void (*ready) (gpointer user_data);
  gpointer ready_data;
};

extern const VtScandRoute vt_scand_routes[];
extern const gsize vt_scand_n_routes;
extern const VtScandRoute vt_scand_local_routes[];
extern const gsize vt_scand_n_local_routes;

/* Seconds since 1970. */
gint64 vt_scand_now (void);
/* Of the signatures in force; negative: there are none. */
gint64 vt_scand_service_get_signatures_age (const VtScandService *self);

/* Handlers; SERVICE is a VtScandService. */
void vt_scand_lookup (VtScandRequest *request, gpointer service);
void vt_scand_changes (VtScandRequest *request, gpointer service);
void vt_scand_join (VtScandRequest *request, gpointer service);
void vt_scand_object_begin (VtScandRequest *request, gpointer service);
gboolean
vt_scand_object_take (VtScandRequest *request, const void *data, gsize size, gpointer service);
void vt_scand_object_finish (VtScandRequest *request, gpointer service);
void vt_scand_health (VtScandRequest *request, gpointer service);
void vt_scand_metrics (VtScandRequest *request, gpointer service);
/* The header that each answer to an agent has. */
void vt_scand_tell_epoch (VtScandService *self, VtScandRequest *request);
/* ERROR is one of the state database or the verdict store. */
void vt_scand_service_note_trouble (VtScandService *self, guint64 *counter, const GError *error);
