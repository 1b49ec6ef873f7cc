// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The scan service: what it is made of, started and stopped.
 */
#pragma once

#include "vt-scand-config.h"
#include "vt-spawner.h"

typedef struct _VtScandService VtScandService;

/*
 * Sets all up by CONFIG, which is taken, and listens; the engine is being loaded then. SPAWNER must
 * outlive it. FDS are N sockets that listen already (systemd.socket(5)), taken; without any, the
 * addresses of CONFIG are listened at.
 */
VtScandService *vt_scand_service_new (VtScandConfig *config,
                                      VtSpawner *spawner,
                                      const int *fds,
                                      gsize n,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_scand_service_free (VtScandService *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtScandService, vt_scand_service_free)

/* READY is called once, when an engine is in force. */
void vt_scand_service_set_ready_func (VtScandService *self,
                                      void (*ready) (gpointer user_data),
                                      gpointer user_data);
/* Reads certificates anew, and looks at the signatures. */
gboolean vt_scand_service_reload (VtScandService *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The port that agents connect to. */
guint16 vt_scand_service_get_port (VtScandService *self);
guint16 vt_scand_service_get_local_port (VtScandService *self);
