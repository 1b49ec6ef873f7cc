// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What the files of vt-key share. */
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include "vt-key.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC (EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BIO, BIO_free_all)

#define VT_KEY_ALGORITHM "ED25519"

/* Providers, in a context of OpenSSL of their own: nothing else in this process gets to use them.
 * Is needed as long as a key that came out of one. */
typedef struct _VtKeyProviders VtKeyProviders;

/* What is asked of OpenSSL in such a context: anything that is not its own default, where there is
 * something else. A key that stays in a token would be exported otherwise, which cannot be. */
#define VT_KEY_PROPERTIES "?provider!=default"

VtKeyProviders *vt_key_providers_new (const char *const *names,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_key_providers_free (VtKeyProviders *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtKeyProviders, vt_key_providers_free)
OSSL_LIB_CTX *vt_key_providers_get_context (VtKeyProviders *self);

struct _VtPrivateKey {
  EVP_PKEY *key;
  VtPublicKey *public;
  VtKeyProviders *providers; /* NULL: OpenSSL's own */
  gboolean exposed;
};

/* The key that WHERE led to; takes KEY, and PROVIDERS, which may be NULL. Refuses other algorithms.
 */
VtPrivateKey *vt_private_key_new (EVP_PKEY *key,
                                  VtKeyProviders *providers,
                                  const char *where,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The public half of KEY, which stays the caller's. Refuses other algorithms. WHERE is for
 * messages. */
VtPublicKey *
vt_public_key_new (EVP_PKEY *key, const char *where, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What a URI leads to. */
VtPrivateKey *vt_private_key_load_uri (const char *uri,
                                       const VtKeySource *source,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* For i2d and PEM functions, which do not take a constant one. Is SELF's. */
EVP_PKEY *vt_public_key_get_pkey (const VtPublicKey *self);

/* What OpenSSL says of its last error, and forgets them all. Is a constant. The data that OpenSSL
 * has for some is left out: it may be a URI with a PIN. */
const char *vt_key_take_openssl_error (void);
