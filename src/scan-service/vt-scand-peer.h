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

/* CERTIFICATE has been verified. What is found is kept with it, for the next request; NULL: it is
 * not one that an agent can have. */
const VtScandPeer *vt_scand_peer_get (GTlsCertificate *certificate);
