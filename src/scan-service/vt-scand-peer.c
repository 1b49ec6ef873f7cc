// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scand-peer.h"

#include "vt-certificate.h"

void
vt_scand_peer_free (VtScandPeer *self)
{
  g_free (self->serial);
  g_free (self->name);
  g_free (self);
}

VtScandPeer *
vt_scand_peer_new (GTlsCertificate *certificate)
{
  g_autoptr (VtScandPeer) self = g_new0 (VtScandPeer, 1);
  g_autofree char *pem = NULL;

  g_object_get (certificate, "certificate-pem", &pem, NULL);
  /* The TLS library does not look at what a certificate is for. */
  if (!vt_certificate_is_of_client (pem))
    return NULL;
  self->serial = vt_certificate_get_serial (pem, NULL);
  self->name = vt_certificate_get_name (pem, NULL);
  return self->serial != NULL && self->name != NULL ? g_steal_pointer (&self) : NULL;
}
