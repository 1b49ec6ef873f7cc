// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-certificate-private.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "vt-secret.h"

/* Random bits of a serial number: as many as may be (RFC 5280, 4.1.2.2: 20 octets, positive). */
#define SERIAL_BITS 159
/* A clock that is a bit behind takes a new certificate as well. */
#define BACKDATED_S (5 * 60)
#define DAY_S       ((long)24 * 60 * 60)

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BIGNUM, BN_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (X509_EXTENSION, X509_EXTENSION_free)

struct _VtAuthority {
  EVP_PKEY *key;
  X509 *certificate;
};

void
vt_authority_free (VtAuthority *self)
{
  EVP_PKEY_free (self->key);
  X509_free (self->certificate);
  g_free (self);
}

static gboolean
add_extension (X509 *certificate, X509 *issuer, int nid, const char *value)
{
  g_autoptr (X509_EXTENSION) extension = NULL;
  X509V3_CTX context;

  X509V3_set_ctx_nodb (&context);
  X509V3_set_ctx (&context, issuer, certificate, NULL, NULL, 0);
  extension = X509V3_EXT_conf_nid (NULL, &context, nid, value);
  return extension != NULL && X509_add_ext (certificate, extension, -1) == 1;
}

static gboolean
set_serial (X509 *certificate)
{
  g_autoptr (BIGNUM) serial = BN_new ();

  return serial != NULL && BN_rand (serial, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
         BN_to_ASN1_INTEGER (serial, X509_get_serialNumber (certificate)) != NULL;
}

static gboolean
set_times (X509 *certificate, guint days)
{
  return X509_gmtime_adj (X509_getm_notBefore (certificate), -BACKDATED_S) != NULL &&
         X509_gmtime_adj (X509_getm_notAfter (certificate), DAY_S * (long)days) != NULL;
}

/* What all certificates have. */
static X509 *
new_certificate (X509_NAME *subject, const X509_NAME *issuer, EVP_PKEY *key, guint days)
{
  g_autoptr (X509) made = X509_new ();

  return made != NULL && X509_set_version (made, X509_VERSION_3) == 1 && set_serial (made) &&
                 X509_set_subject_name (made, subject) == 1 &&
                 X509_set_issuer_name (made, issuer) == 1 && X509_set_pubkey (made, key) == 1 &&
                 set_times (made, days)
             ? g_steal_pointer (&made)
             : NULL;
}

VtAuthority *
vt_authority_new (const char *name, guint days, GError **error)
{
  g_autoptr (X509_NAME) subject = vt_certificate_make_name (name, error);
  g_autoptr (VtAuthority) self = g_new0 (VtAuthority, 1);

  if (subject == NULL || (self->key = vt_certificate_generate (error)) == NULL)
    return NULL;
  self->certificate = new_certificate (subject, subject, self->key, days);
  if (self->certificate == NULL ||
      !add_extension (self->certificate, self->certificate, NID_basic_constraints,
                      "critical,CA:TRUE,pathlen:0") ||
      !add_extension (self->certificate, self->certificate, NID_key_usage,
                      "critical,keyCertSign,cRLSign") ||
      !add_extension (self->certificate, self->certificate, NID_subject_key_identifier, "hash") ||
      X509_sign (self->certificate, self->key, EVP_sha256 ()) == 0)
    return vt_certificate_fail (error, "making an authority");
  return g_steal_pointer (&self);
}

VtAuthority *
vt_authority_load (const char *key, const char *certificate, GError **error)
{
  g_autoptr (VtAuthority) self = g_new0 (VtAuthority, 1);

  self->certificate = vt_certificate_read (certificate, error);
  if (self->certificate == NULL || (self->key = vt_certificate_read_key (key, error)) == NULL)
    return NULL;
  if (X509_check_ca (self->certificate) != 1) {
    g_set_error_literal (error, VT_CERTIFICATE_ERROR, VT_CERTIFICATE_ERROR_BAD,
                         "the certificate is not an authority's");
    return NULL;
  }
  if (X509_check_private_key (self->certificate, self->key) == 1)
    return g_steal_pointer (&self);
  ERR_clear_error ();
  g_set_error_literal (error, VT_CERTIFICATE_ERROR, VT_CERTIFICATE_ERROR_BAD,
                       "the private key is not the one of the certificate");
  return NULL;
}

char *
vt_authority_get_key (const VtAuthority *self, GError **error)
{
  return vt_certificate_write_key (self->key, error);
}

static char *
write_certificate (X509 *certificate, GError **error)
{
  g_autoptr (BIO) bio = BIO_new (BIO_s_mem ());

  if (bio == NULL || PEM_write_bio_X509 (bio, certificate) != 1)
    return vt_certificate_fail (error, "writing a certificate");
  return vt_certificate_take_text (bio);
}

char *
vt_authority_get_certificate (const VtAuthority *self, GError **error)
{
  return write_certificate (self->certificate, error);
}

static gboolean
is_strong (EVP_PKEY *key)
{
  char group[32] = "";

  if (EVP_PKEY_is_a (key, "RSA"))
    return EVP_PKEY_get_bits (key) >= RSA_BITS_MIN && EVP_PKEY_get_bits (key) <= RSA_BITS_MAX;
  return EVP_PKEY_is_a (key, "EC") &&
         EVP_PKEY_get_group_name (key, group, sizeof group, NULL) == 1 &&
         (g_str_equal (group, SN_X9_62_prime256v1) || g_str_equal (group, SN_secp384r1));
}

/* The key that REQUEST asks for, which is REQUEST's; NULL on error. */
static EVP_PKEY *
check_request (X509_REQ *request, GError **error)
{
  EVP_PKEY *key = X509_REQ_get0_pubkey (request);
  const char *wrong = NULL;

  if (key == NULL || !is_strong (key))
    wrong = "its key is neither ECDSA over P-256 or P-384 nor RSA of 2048 to 8192 bits";
  else if (X509_REQ_verify (request, key) != 1)
    wrong = "it is not signed with the key that it asks for";
  ERR_clear_error ();
  if (wrong == NULL)
    return key;
  g_set_error (error, VT_CERTIFICATE_ERROR, VT_CERTIFICATE_ERROR_BAD, "certificate request: %s",
               wrong);
  return NULL;
}

/* DNS names as RFC 5890 writes them, so that nothing of it can be taken for more than a name. */
static gboolean
is_host (const char *address)
{
  gsize length = strnlen (address, 254);

  if (length == 0 || length > 253)
    return FALSE;
  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isalnum (address[i]) && strchr ("-.", address[i]) == NULL)
      return FALSE;
  return address[0] != '.' && address[0] != '-';
}

/* Subject alternative names, in OpenSSL's words (x509v3_config(5)); NULL on error. */
static char *
list_addresses (const char *const *addresses, GError **error)
{
  g_autoptr (GString) list = g_string_new (NULL);

  for (gsize i = 0; addresses[i] != NULL; i++) {
    gboolean is_ip = g_hostname_is_ip_address (addresses[i]);

    if (!is_ip && !is_host (addresses[i])) {
      g_set_error (error, VT_CERTIFICATE_ERROR, VT_CERTIFICATE_ERROR_NAME,
                   "'%s' is neither a DNS name nor an IP address", addresses[i]);
      return NULL;
    }
    g_string_append_printf (list, "%s%s:%s", i > 0 ? "," : "", is_ip ? "IP" : "DNS", addresses[i]);
  }
  return g_string_free (g_steal_pointer (&list), FALSE);
}

static gboolean
add_use (const VtAuthority *self, X509 *certificate, const char *addresses)
{
  return add_extension (certificate, self->certificate, NID_basic_constraints,
                        "critical,CA:FALSE") &&
         add_extension (certificate, self->certificate, NID_key_usage,
                        "critical,digitalSignature") &&
         add_extension (certificate, self->certificate, NID_ext_key_usage,
                        addresses != NULL ? "serverAuth" : "clientAuth") &&
         add_extension (certificate, self->certificate, NID_subject_key_identifier, "hash") &&
         add_extension (certificate, self->certificate, NID_authority_key_identifier, "keyid") &&
         (addresses == NULL || addresses[0] == '\0' ||
          add_extension (certificate, self->certificate, NID_subject_alt_name, addresses));
}

static gboolean
is_longer_than (X509 *certificate, X509 *authority)
{
  return ASN1_TIME_compare (X509_get0_notAfter (certificate), X509_get0_notAfter (authority)) > 0;
}

char *
vt_authority_issue (const VtAuthority *self,
                    const char *request,
                    const VtCertificateWish *wish,
                    GError **error)
{
  g_autoptr (X509_REQ) read = vt_certificate_read_request (request, error);
  EVP_PKEY *key = read != NULL ? check_request (read, error) : NULL;
  g_autoptr (X509_NAME) subject = key != NULL ? vt_certificate_make_name (wish->name, error) : NULL;
  g_autofree char *addresses = NULL;
  g_autoptr (X509) made = NULL;

  if (subject == NULL ||
      (wish->addresses != NULL && (addresses = list_addresses (wish->addresses, error)) == NULL))
    return NULL;
  made = new_certificate (subject, X509_get_subject_name (self->certificate), key, wish->days);
  if (made == NULL || !add_use (self, made, addresses))
    return vt_certificate_fail (error, "making a certificate");
  if (is_longer_than (made, self->certificate) &&
      X509_set1_notAfter (made, X509_get0_notAfter (self->certificate)) != 1)
    return vt_certificate_fail (error, "making a certificate");
  if (X509_sign (made, self->key, EVP_sha256 ()) == 0)
    return vt_certificate_fail (error, "signing a certificate");
  return write_certificate (made, error);
}
