// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * HTTP/1.1 (RFC 9112) over mutual TLS, with libsoup: connections within bounds, requests led to
 * their handlers, and everything else refused with a status that tells why.
 *
 * Who connects is hostile until its certificate was verified, and bounded after that. Nothing of a
 * body is read before route, certificate and announced length were found good; slow senders are
 * given up; a fast one gives way to others after each megabyte.
 */
#pragma once

#include "vt-scand-request.h"

typedef struct _VtScandServer VtScandServer;

typedef struct {
  const VtScandRoute *routes;
  gsize n_routes;
  /* Whether requests of PEER are taken. May be NULL: all are. */
  gboolean (*admits) (const VtScandPeer *peer, gpointer user_data);
  /* A request is over. ROUTE is NULL: there was none. May be NULL. */
  void (*done) (const VtScandRoute *route, guint status, gpointer user_data);
  gpointer user_data;
  guint64 max_connections;
  guint64 max_connections_per_address;
  guint64 header_timeout_s;
  guint64 idle_timeout_s;
  guint64 min_rate; /* bytes a second of a body */
} VtScandServerSetup;

/* SETUP and what it points to are copied; USER_DATA must outlive it. CERTIFICATE NULL: plain HTTP,
 * and every peer is unknown. */
VtScandServer *vt_scand_server_new (const VtScandServerSetup *setup,
                                    GTlsCertificate *certificate,
                                    GTlsDatabase *authorities);
void vt_scand_server_free (VtScandServer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtScandServer, vt_scand_server_free)

/* For connections from now on. */
void vt_scand_server_set_certificate (VtScandServer *self,
                                      GTlsCertificate *certificate,
                                      GTlsDatabase *authorities);

/* ADDRESS: "192.0.2.1:7633", "[2001:db8::1]:7633"; "*:7633" for all. */
gboolean vt_scand_server_listen (VtScandServer *self,
                                 const char *address,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Takes FD, a socket that listens. */
gboolean
vt_scand_server_listen_fd (VtScandServer *self, int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The port it listens at, of the first address; 0: at none. */
guint16 vt_scand_server_get_port (const VtScandServer *self);
guint vt_scand_server_get_connections (const VtScandServer *self);
