// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-key-private.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "vt-digest.h"

/* Bytes of a public key (RFC 8032, 5.1.5). */
#define PUBLIC_SIZE 32

struct _VtPublicKey {
  EVP_PKEY *key;
  char id[VT_DIGEST_HEX_SIZE];
};

G_STATIC_ASSERT (VT_DIGEST_HEX_SIZE == VT_KEY_ID_LENGTH + 1);

G_DEFINE_QUARK (vt_key_error_quark, vt_key_error)

const char *
vt_key_take_openssl_error (void)
{
  unsigned long code = ERR_peek_last_error ();
  const char *reason = ERR_SYSTEM_ERROR (code) ? g_strerror ((int)ERR_GET_REASON (code))
                                               : ERR_reason_error_string (code);

  ERR_clear_error ();
  return reason != NULL ? reason : "OpenSSL does not say why";
}

static gboolean
set_id (VtPublicKey *self)
{
  guint8 *der = NULL;
  int size = i2d_PUBKEY (self->key, &der);
  VtDigest digest;

  if (size <= 0)
    return FALSE;
  digest = vt_digest_of_data (der, (gsize)size);
  OPENSSL_free (der);
  vt_digest_to_hex (&digest, self->id);
  return TRUE;
}

/* Made anew of its bytes: whatever provider a key came from, OpenSSL's own verifies. */
VtPublicKey *
vt_public_key_new (EVP_PKEY *key, const char *where, GError **error)
{
  g_autoptr (VtPublicKey) self = g_new0 (VtPublicKey, 1);
  guint8 bytes[PUBLIC_SIZE];
  gsize size = sizeof bytes;
  const char *name = EVP_PKEY_get0_type_name (key);

  if (!EVP_PKEY_is_a (key, VT_KEY_ALGORITHM)) {
    g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_BAD, "%s: is a key for %s, not Ed25519", where,
                 name != NULL ? name : "an unknown algorithm");
    return NULL;
  }
  if (EVP_PKEY_get_raw_public_key (key, bytes, &size) != 1 &&
      EVP_PKEY_get_octet_string_param (key, OSSL_PKEY_PARAM_PUB_KEY, bytes, sizeof bytes, &size) !=
          1)
    size = 0;
  if (size == PUBLIC_SIZE)
    self->key = EVP_PKEY_new_raw_public_key_ex (NULL, VT_KEY_ALGORITHM, NULL, bytes, size);
  if (self->key == NULL || !set_id (self)) {
    g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_BAD, "%s: gives no public key: %s", where,
                 vt_key_take_openssl_error ());
    return NULL;
  }
  ERR_clear_error ();
  return g_steal_pointer (&self);
}

void
vt_public_key_free (VtPublicKey *self)
{
  EVP_PKEY_free (self->key);
  g_free (self);
}

const char *
vt_public_key_get_id (const VtPublicKey *self)
{
  return self->id;
}

EVP_PKEY *
vt_public_key_get_pkey (const VtPublicKey *self)
{
  return self->key;
}

gboolean
vt_public_key_verify (const VtPublicKey *self, GBytes *data, GBytes *signature)
{
  g_autoptr (EVP_MD_CTX) context = EVP_MD_CTX_new ();
  gsize size;
  gsize signature_size;
  const guint8 *bytes = g_bytes_get_data (data, &size);
  const guint8 *signature_bytes = g_bytes_get_data (signature, &signature_size);
  gboolean right;

  right = signature_size == VT_KEY_SIGNATURE_SIZE && context != NULL &&
          EVP_DigestVerifyInit_ex (context, NULL, NULL, NULL, NULL, self->key, NULL) == 1 &&
          EVP_DigestVerify (context, signature_bytes, signature_size, bytes, size) == 1;
  ERR_clear_error ();
  return right;
}

VtPrivateKey *
vt_private_key_new (EVP_PKEY *key, VtKeyProviders *providers, const char *where, GError **error)
{
  g_autoptr (VtPrivateKey) self = g_new0 (VtPrivateKey, 1);

  self->key = key;
  self->providers = providers;
  self->public = vt_public_key_new (key, where, error);
  return self->public != NULL ? g_steal_pointer (&self) : NULL;
}

VtPrivateKey *
vt_private_key_generate (GError **error)
{
  EVP_PKEY *key = EVP_PKEY_Q_keygen (NULL, NULL, VT_KEY_ALGORITHM);

  if (key == NULL) {
    g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_FAILED, "making a key: %s",
                 vt_key_take_openssl_error ());
    return NULL;
  }
  return vt_private_key_new (key, NULL, "new key", error);
}

void
vt_private_key_free (VtPrivateKey *self)
{
  /* OpenSSL overwrites the private half. The key goes before the provider that has it. */
  EVP_PKEY_free (self->key);
  g_clear_pointer (&self->public, vt_public_key_free);
  g_clear_pointer (&self->providers, vt_key_providers_free);
  g_free (self);
}

gboolean
vt_private_key_is_exposed (const VtPrivateKey *self)
{
  return self->exposed;
}

const VtPublicKey *
vt_private_key_get_public (const VtPrivateKey *self)
{
  return self->public;
}

static gboolean
sign (const VtPrivateKey *self, GBytes *data, guint8 *signature, gsize *signature_size)
{
  g_autoptr (EVP_MD_CTX) context = EVP_MD_CTX_new ();
  OSSL_LIB_CTX *library =
      self->providers != NULL ? vt_key_providers_get_context (self->providers) : NULL;
  const char *properties = self->providers != NULL ? VT_KEY_PROPERTIES : NULL;
  gsize size;
  const guint8 *bytes = g_bytes_get_data (data, &size);

  /* Without a digest: Ed25519 takes the message itself, all at once. */
  return context != NULL &&
         EVP_DigestSignInit_ex (context, NULL, NULL, library, properties, self->key, NULL) == 1 &&
         EVP_DigestSign (context, signature, signature_size, bytes, size) == 1;
}

GBytes *
vt_private_key_sign (const VtPrivateKey *self, GBytes *data, GError **error)
{
  guint8 bytes[VT_KEY_SIGNATURE_SIZE] = {0};
  gsize size = sizeof bytes;
  g_autoptr (GBytes) signature = NULL;

  if (!sign (self, data, bytes, &size)) {
    g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_FAILED, "signing: %s",
                 vt_key_take_openssl_error ());
    return NULL;
  }
  signature = g_bytes_new (bytes, MIN (size, sizeof bytes));
  if (!vt_public_key_verify (self->public, data, signature)) {
    g_set_error_literal (error, VT_KEY_ERROR, VT_KEY_ERROR_FAILED,
                         "signing: what came of it does not match the public key");
    return NULL;
  }
  return g_steal_pointer (&signature);
}
