// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-certificate-private.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

G_DEFINE_QUARK (vt_certificate_error_quark, vt_certificate_error)

gpointer
vt_certificate_fail (GError **error, const char *what)
{
  const char *reason = ERR_reason_error_string (ERR_peek_last_error ());

  g_set_error (error, VT_CERTIFICATE_ERROR, VT_CERTIFICATE_ERROR_FAILED, "%s: %s", what,
               reason != NULL ? reason : "OpenSSL does not say why");
  ERR_clear_error ();
  return NULL;
}

gboolean
vt_certificate_is_name (const char *name)
{
  gsize length = strnlen (name, VT_CERTIFICATE_NAME_MAX + 1);

  if (length == 0 || length > VT_CERTIFICATE_NAME_MAX || name[0] == '.' || name[0] == '-')
    return FALSE;
  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isgraph (name[i]) || strchr ("/\\\"'`", name[i]) != NULL)
      return FALSE;
  return TRUE;
}

char *
vt_certificate_take_text (BIO *bio)
{
  char *data = NULL;
  long size = BIO_get_mem_data (bio, &data);

  return g_strndup (data, (gsize)MAX (size, 0));
}

/* A PEM text as a source for OpenSSL; NULL if there is too much. */
static BIO *
open_text (const char *pem, const char *what, GError **error)
{
  gsize size = strnlen (pem, VT_CERTIFICATE_PEM_MAX + 1);
  BIO *bio;

  if (size > VT_CERTIFICATE_PEM_MAX) {
    g_set_error (error, VT_CERTIFICATE_ERROR, VT_CERTIFICATE_ERROR_BAD, "%s: too long", what);
    return NULL;
  }
  ERR_clear_error ();
  bio = BIO_new_mem_buf (pem, (int)size);
  return bio != NULL ? bio : vt_certificate_fail (error, what);
}

static void
set_bad (GError **error, const char *what)
{
  ERR_clear_error ();
  g_set_error (error, VT_CERTIFICATE_ERROR, VT_CERTIFICATE_ERROR_BAD, "it is no %s in PEM", what);
}

/* An encrypted key is not asked for its passphrase: nobody is there when a service starts. */
static int
give_no_passphrase (char *buffer, int size, int is_writing, void *user_data)
{
  return -1;
}

EVP_PKEY *
vt_certificate_read_key (const char *pem, GError **error)
{
  g_autoptr (BIO) bio = open_text (pem, "private key", error);
  EVP_PKEY *key;

  if (bio == NULL)
    return NULL;
  key = PEM_read_bio_PrivateKey (bio, NULL, give_no_passphrase, NULL);
  if (key == NULL)
    set_bad (error, "private key without a passphrase");
  return key;
}

X509 *
vt_certificate_read (const char *pem, GError **error)
{
  g_autoptr (BIO) bio = open_text (pem, "certificate", error);
  X509 *certificate;

  if (bio == NULL)
    return NULL;
  certificate = PEM_read_bio_X509 (bio, NULL, give_no_passphrase, NULL);
  if (certificate == NULL)
    set_bad (error, "certificate");
  return certificate;
}

X509_REQ *
vt_certificate_read_request (const char *pem, GError **error)
{
  g_autoptr (BIO) bio = open_text (pem, "certificate request", error);
  X509_REQ *request;

  if (bio == NULL)
    return NULL;
  request = PEM_read_bio_X509_REQ (bio, NULL, give_no_passphrase, NULL);
  if (request == NULL)
    set_bad (error, "certificate request");
  return request;
}

EVP_PKEY *
vt_certificate_generate (GError **error)
{
  EVP_PKEY *key = EVP_EC_gen ("P-256");

  return key != NULL ? key : vt_certificate_fail (error, "making a key");
}

char *
vt_certificate_write_key (EVP_PKEY *key, GError **error)
{
  g_autoptr (BIO) bio = BIO_new (BIO_s_secmem ());

  if (bio == NULL || PEM_write_bio_PKCS8PrivateKey (bio, key, NULL, NULL, 0, NULL, NULL) != 1)
    return vt_certificate_fail (error, "writing a key");
  return vt_certificate_take_text (bio);
}

char *
vt_certificate_new_key (GError **error)
{
  g_autoptr (EVP_PKEY) key = vt_certificate_generate (error);

  return key != NULL ? vt_certificate_write_key (key, error) : NULL;
}

X509_NAME *
vt_certificate_make_name (const char *name, GError **error)
{
  g_autoptr (X509_NAME) made = X509_NAME_new ();

  if (!vt_certificate_is_name (name)) {
    g_set_error (error, VT_CERTIFICATE_ERROR, VT_CERTIFICATE_ERROR_NAME,
                 "'%s' is no name: 1 to %zu letters, digits or signs but / \\ \" ' `", name,
                 VT_CERTIFICATE_NAME_MAX);
    return NULL;
  }
  if (made == NULL || X509_NAME_add_entry_by_NID (made, NID_commonName, MBSTRING_UTF8,
                                                  (const guint8 *)name, -1, -1, 0) != 1)
    return vt_certificate_fail (error, "a certificate's name");
  return g_steal_pointer (&made);
}

char *
vt_certificate_new_request (const char *key, const char *name, GError **error)
{
  g_autoptr (EVP_PKEY) own = vt_certificate_read_key (key, error);
  g_autoptr (X509_NAME) subject = own != NULL ? vt_certificate_make_name (name, error) : NULL;
  g_autoptr (X509_REQ) request = X509_REQ_new ();
  g_autoptr (BIO) bio = BIO_new (BIO_s_mem ());

  if (subject == NULL)
    return NULL;
  if (request == NULL || bio == NULL || X509_REQ_set_subject_name (request, subject) != 1 ||
      X509_REQ_set_pubkey (request, own) != 1 || X509_REQ_sign (request, own, EVP_sha256 ()) == 0 ||
      PEM_write_bio_X509_REQ (bio, request) != 1)
    return vt_certificate_fail (error, "making a certificate request");
  return vt_certificate_take_text (bio);
}

char *
vt_certificate_get_serial (const char *certificate, GError **error)
{
  g_autoptr (X509) read = vt_certificate_read (certificate, error);
  const ASN1_INTEGER *serial;
  GString *hex;

  if (read == NULL)
    return NULL;
  serial = X509_get0_serialNumber (read);
  hex = g_string_new (NULL);
  for (int i = 0; i < ASN1_STRING_length (serial); i++)
    g_string_append_printf (hex, "%02x", ASN1_STRING_get0_data (serial)[i]);
  return g_string_free (hex, FALSE);
}

/* The first common name of SUBJECT, if it can be a name. */
static char *
get_common_name (X509_NAME *subject, GError **error)
{
  int place = X509_NAME_get_index_by_NID (subject, NID_commonName, -1);
  X509_NAME_ENTRY *entry = place >= 0 ? X509_NAME_get_entry (subject, place) : NULL;
  guint8 *utf8 = NULL;
  int length = entry != NULL ? ASN1_STRING_to_UTF8 (&utf8, X509_NAME_ENTRY_get_data (entry)) : -1;
  g_autofree char *name = length >= 0 ? g_strndup ((const char *)utf8, (gsize)length) : NULL;

  OPENSSL_free (utf8);
  if (name != NULL && strlen (name) == (gsize)length && vt_certificate_is_name (name))
    return g_steal_pointer (&name);
  g_set_error_literal (error, VT_CERTIFICATE_ERROR, VT_CERTIFICATE_ERROR_NAME,
                       "the subject has no common name that can be a name");
  return NULL;
}

char *
vt_certificate_get_name (const char *certificate, GError **error)
{
  g_autoptr (X509) read = vt_certificate_read (certificate, error);

  return read != NULL ? get_common_name (X509_get_subject_name (read), error) : NULL;
}

char *
vt_certificate_get_requested_name (const char *request, GError **error)
{
  g_autoptr (X509_REQ) read = vt_certificate_read_request (request, error);

  return read != NULL ? get_common_name (X509_REQ_get_subject_name (read), error) : NULL;
}

gboolean
vt_certificate_is_of_client (const char *certificate)
{
  g_autoptr (X509) read = vt_certificate_read (certificate, NULL);

  return read != NULL && X509_check_purpose (read, X509_PURPOSE_SSL_CLIENT, 0) == 1;
}

gboolean
vt_certificate_get_end (const char *certificate, gint64 *end, GError **error)
{
  g_autoptr (X509) read = vt_certificate_read (certificate, error);
  struct tm time;

  if (read == NULL)
    return FALSE;
  if (ASN1_TIME_to_tm (X509_get0_notAfter (read), &time) != 1) {
    vt_certificate_fail (error, "the end of a certificate");
    return FALSE;
  }
  *end = timegm (&time);
  return TRUE;
}
