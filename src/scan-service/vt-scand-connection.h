// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * One connection: TLS is set up, then requests come one after the other, each of which is led by
 * libsoup; between them it waits here.
 *
 * That libsoup has a connection for one request only is on purpose: versions 3.2 keep one that a
 * client closes between requests, with its descriptor, for ever. And here every wait has its end.
 * Nor is a thread of GLib's few taken for a handshake before the client has begun with it
 * (ClientHello, RFC 8446, 4.1.2): who only connects waits at no one's expense.
 */
#pragma once

#include <gio/gio.h>

#include "vt-scand-peer.h"

typedef struct _VtScandConnection VtScandConnection;

/* What all connections of a server share. */
typedef struct {
  GTlsCertificate *certificate; /* NULL: no TLS */
  GTlsDatabase *authorities;
  guint64 header_timeout_s; /* from the first byte of a request until its headers are here */
  guint64 idle_timeout_s;   /* until that byte */
  /* A request comes, and the connection with STREAM is the callee's until
   * vt_scand_connection_resume() or vt_scand_connection_close(). */
  void (*request) (VtScandConnection *connection, GIOStream *stream, gpointer user_data);
  gpointer user_data;
} VtScandConnectionSetup;

/* Takes what it needs of SETUP, which must stay, and begins. It frees itself when it is closed. */
VtScandConnection *vt_scand_connection_new (const VtScandConnectionSetup *setup,
                                            GSocketConnection *socket);

/* The request is over; waits for the next one. */
void vt_scand_connection_resume (VtScandConnection *self);
/* It is over, and so is the connection; what was written still arrives, and so do WORDS, an answer
 * that fits into a packet or two (may be NULL). */
void vt_scand_connection_close (VtScandConnection *self, GBytes *words);
/* Fails whatever goes on with it, so that it will be closed. */
void vt_scand_connection_cut (VtScandConnection *self);
/* Cuts it in SECONDS, unless this is called again; 0: never. Not longer than the request. */
void vt_scand_connection_set_deadline (VtScandConnection *self, guint64 seconds);
/* Frees it; nobody may be at it. */
void vt_scand_connection_free (VtScandConnection *self);

/* Who is at the other end; NULL: that is not known. */
const VtScandPeer *vt_scand_connection_get_peer (const VtScandConnection *self);
GSocketAddress *vt_scand_connection_get_local_address (const VtScandConnection *self);
GSocketAddress *vt_scand_connection_get_remote_address (const VtScandConnection *self);

/* Called when it is about to be freed. */
void vt_scand_connection_set_gone_func (VtScandConnection *self,
                                        void (*gone) (VtScandConnection *connection,
                                                      gpointer user_data),
                                        gpointer user_data);
