// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scand-peer.h"

#include "vt-certificate.h"

static G_DEFINE_QUARK (vt - scand - peer, vt_scand_peer)

    static void peer_free (gpointer data)
{
  VtScandPeer *self = data;

  g_free (self->serial);
  g_free (self->name);
  g_free (self);
}

const VtScandPeer *
vt_scand_peer_get (GTlsCertificate *certificate)
{
  VtScandPeer *self = g_object_get_qdata (G_OBJECT (certificate), vt_scand_peer_quark ());
  g_autofree char *pem = NULL;

  if (self == NULL) {
    g_object_get (certificate, "certificate-pem", &pem, NULL);
    self = g_new0 (VtScandPeer, 1);
    /* The TLS library does not look at what a certificate is for. */
    if (vt_certificate_is_of_client (pem)) {
      self->serial = vt_certificate_get_serial (pem, NULL);
      self->name = vt_certificate_get_name (pem, NULL);
    }
    g_object_set_qdata_full (G_OBJECT (certificate), vt_scand_peer_quark (), self, peer_free);
  }
  return self->serial != NULL && self->name != NULL ? self : NULL;
}
