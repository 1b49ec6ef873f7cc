// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Keys out of files. What a file holds is told by the label of its PEM block before OpenSSL looks
 * at it, so that the wrong half, or another kind of file, is called by its name. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "vt-key-passphrase-private.h"
#include "vt-key-private.h"
#include "vt-secret.h"

/* Bytes of a block's label that are told. */
#define LABEL_MAX 64

#define BLOCK_BEGINS    "-----BEGIN "
#define PRIVATE_LABEL   "PRIVATE KEY"
#define ENCRYPTED_LABEL "ENCRYPTED PRIVATE KEY"
#define PUBLIC_LABEL    "PUBLIC KEY"

/* The label of the only PEM block in TEXT. */
static char *
find_label (const char *text, const char *file, GError **error)
{
  const char *begin = strstr (text, BLOCK_BEGINS);
  const char *label = begin != NULL ? begin + strlen (BLOCK_BEGINS) : NULL;
  gsize length = label != NULL ? strcspn (label, "-\r\n") : 0;

  if (begin == NULL || length == 0 || length > LABEL_MAX) {
    g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_BAD, "%s: is no PEM file", file);
    return NULL;
  }
  if (strstr (label, BLOCK_BEGINS) != NULL) {
    g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_BAD,
                 "%s: holds more than one PEM block; it must be one key", file);
    return NULL;
  }
  return g_strndup (label, length);
}

static char *
read_key_file (const char *file, struct stat *status, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  char *text = vt_secret_read_file (file, VT_KEY_FILE_MAX, status, &local_error);
  VtKeyError code = VT_KEY_ERROR_FAILED;

  if (text != NULL)
    return text;
  if (g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    code = VT_KEY_ERROR_NOT_FOUND;
  else if (g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE) ||
           g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA))
    code = VT_KEY_ERROR_BAD;
  g_set_error_literal (error, VT_KEY_ERROR, code, local_error->message);
  return NULL;
}

static gboolean
check_public_label (const char *label, const char *file, GError **error)
{
  if (g_str_equal (label, PUBLIC_LABEL))
    return TRUE;
  if (g_str_has_suffix (label, PRIVATE_LABEL))
    g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_BAD,
                 "%s: holds a private key: name the public one", file);
  else
    g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_BAD, "%s: holds a '%s', not a '%s'", file, label,
                 PUBLIC_LABEL);
  return FALSE;
}

VtPublicKey *
vt_public_key_load (const char *file, GError **error)
{
  vt_autosecret *text = read_key_file (file, NULL, error);
  g_autofree char *label = text != NULL ? find_label (text, file, error) : NULL;
  g_autoptr (BIO) bio = NULL;
  g_autoptr (EVP_PKEY) key = NULL;

  if (label == NULL || !check_public_label (label, file, error))
    return NULL;
  ERR_clear_error ();
  bio = BIO_new_mem_buf (text, (int)strlen (text));
  key = PEM_read_bio_PUBKEY (bio, NULL, NULL, NULL);
  if (key == NULL) {
    g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_BAD, "%s: cannot be read as a public key: %s",
                 file, vt_key_take_openssl_error ());
    return NULL;
  }
  return vt_public_key_new (key, file, error);
}

gboolean
vt_private_key_is_uri (const char *where)
{
  return g_uri_peek_scheme (where) != NULL;
}

static gboolean
check_private_label (const char *label, const char *file, GError **error)
{
  if (g_str_equal (label, PRIVATE_LABEL) || g_str_equal (label, ENCRYPTED_LABEL))
    return TRUE;
  if (g_str_equal (label, PUBLIC_LABEL))
    g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_BAD,
                 "%s: holds a public key: name the private one", file);
  else
    g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_BAD,
                 "%s: holds a '%s', not a '%s' or '%s' (PKCS#8)", file, label, PRIVATE_LABEL,
                 ENCRYPTED_LABEL);
  return FALSE;
}

static EVP_PKEY *
read_private (const char *text, const char *file, const VtKeySource *source, GError **error)
{
  g_auto (VtKeyPassphrase) passphrase = VT_KEY_PASSPHRASE_INIT (file, source);
  g_autoptr (BIO) bio = BIO_new_mem_buf (text, (int)strlen (text));
  EVP_PKEY *key;

  ERR_clear_error ();
  key = PEM_read_bio_PrivateKey (bio, NULL, vt_key_passphrase_give, &passphrase);
  if (key == NULL && !vt_key_passphrase_explain (&passphrase, error))
    g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_BAD, "%s: cannot be read as a private key: %s",
                 file, vt_key_take_openssl_error ());
  ERR_clear_error ();
  return key;
}

static VtPrivateKey *
load_file (const char *file, const VtKeySource *source, GError **error)
{
  struct stat status = {0};
  vt_autosecret *text = read_key_file (file, &status, error);
  g_autofree char *label = text != NULL ? find_label (text, file, error) : NULL;
  EVP_PKEY *key;
  VtPrivateKey *self;

  if (label == NULL || !check_private_label (label, file, error))
    return NULL;
  key = read_private (text, file, source, error);
  self = key != NULL ? vt_private_key_new (key, NULL, file, error) : NULL;
  if (self != NULL)
    self->exposed = S_ISREG (status.st_mode) && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0;
  return self;
}

VtPrivateKey *
vt_private_key_load (const char *where, const VtKeySource *source, GError **error)
{
  static const VtKeySource nothing;

  if (source == NULL)
    source = &nothing;
  return vt_private_key_is_uri (where) ? vt_private_key_load_uri (where, source, error)
                                       : load_file (where, source, error);
}
