// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Who is at the other end of a connection, as its certificate says.
 */
#pragma once

#include <gio/gio.h>

typedef struct {
  char *serial; /* of the certificate, in hexadecimal digits */
  char *name;
} VtScandPeer;

/* CERTIFICATE has been verified; NULL: it is not one that an agent can have. */
VtScandPeer *vt_scand_peer_new (GTlsCertificate *certificate);
void vt_scand_peer_free (VtScandPeer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtScandPeer, vt_scand_peer_free)
