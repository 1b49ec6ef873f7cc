// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Keys into files. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/stat.h>

#include "vt-fd.h"
#include "vt-key-private.h"

/* scrypt (RFC 7914): 128 * N * r bytes, p times one after the other. Twice N would be more memory
 * than OpenSSL's readers allow by default (EVP_PBE_scrypt(3)), so p makes it dear. */
#define SCRYPT_N 16384
#define SCRYPT_R 8
#define SCRYPT_P 5

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (X509_ALGOR, X509_ALGOR_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (X509_SIG, X509_SIG_free)

static gboolean
fail (const char *file, const char *doing, GError **error)
{
  int saved_errno = errno;

  g_set_error (error, VT_KEY_ERROR,
               saved_errno == EEXIST ? VT_KEY_ERROR_EXISTS : VT_KEY_ERROR_FAILED, "%s: %s: %s",
               file, doing, g_strerror (saved_errno));
  return FALSE;
}

static gboolean
write_all (int fd, const char *data, gsize size)
{
  while (size > 0) {
    gssize n = write (fd, data, size);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return FALSE;
    data += n;
    size -= (gsize)n;
  }
  return fsync (fd) == 0;
}

/* So that the name is on the disk too. */
static gboolean
sync_directory_of (const char *file)
{
  g_autofree char *directory = g_path_get_dirname (file);
  vt_autofd fd = open (directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  return fd >= 0 && fsync (fd) == 0;
}

/* The whole of BIO, or no file. */
static gboolean
write_new_file (const char *file, mode_t mode, BIO *bio, GError **error)
{
  vt_autofd fd = open (file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  char *data;
  long size = BIO_get_mem_data (bio, &data);

  if (fd < 0)
    return fail (file, "cannot be made", error);
  if (write_all (fd, data, (gsize)size) && sync_directory_of (file))
    return TRUE;
  fail (file, "cannot be written", error);
  unlink (file);
  return FALSE;
}

gboolean
vt_public_key_write (const VtPublicKey *self, const char *file, GError **error)
{
  g_autoptr (BIO) bio = BIO_new (BIO_s_mem ());

  if (bio == NULL || PEM_write_bio_PUBKEY (bio, vt_public_key_get_pkey (self)) != 1) {
    g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_FAILED, "%s: %s", file,
                 vt_key_take_openssl_error ());
    return FALSE;
  }
  return write_new_file (file, 0644, bio, error);
}

static gboolean
encrypt (BIO *bio, PKCS8_PRIV_KEY_INFO *plain, const char *passphrase)
{
  /* No salt or IV given: random ones are made. */
  g_autoptr (X509_ALGOR) algorithm =
      PKCS5_pbe2_set_scrypt (EVP_aes_256_cbc (), NULL, 0, NULL, SCRYPT_N, SCRYPT_R, SCRYPT_P);
  g_autoptr (X509_SIG) encrypted = NULL;

  if (algorithm != NULL)
    encrypted = PKCS8_set0_pbe (passphrase, (int)strlen (passphrase), plain, algorithm);
  if (encrypted == NULL)
    return FALSE;
  g_steal_pointer (&algorithm); /* is ENCRYPTED's now */
  return PEM_write_bio_PKCS8 (bio, encrypted) == 1;
}

/* As PEM; of a provider that keeps its keys nothing comes. */
static gboolean
serialise (BIO *bio, EVP_PKEY *key, const char *passphrase)
{
  g_autoptr (PKCS8_PRIV_KEY_INFO) plain = EVP_PKEY2PKCS8 (key);

  if (plain == NULL)
    return FALSE;
  return passphrase != NULL ? encrypt (bio, plain, passphrase)
                            : PEM_write_bio_PKCS8_PRIV_KEY_INFO (bio, plain) == 1;
}

gboolean
vt_private_key_write (const VtPrivateKey *self,
                      const char *file,
                      const char *passphrase,
                      GError **error)
{
  /* This kind overwrites what it held. */
  g_autoptr (BIO) bio = BIO_new (BIO_s_secmem ());
  gsize length = passphrase != NULL ? strlen (passphrase) : 0;

  if (passphrase != NULL && (length == 0 || length > VT_KEY_PASSPHRASE_MAX)) {
    g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_PASSPHRASE,
                 "%s: the passphrase has %zu bytes; it takes 1 to %zu", file, length,
                 VT_KEY_PASSPHRASE_MAX);
    return FALSE;
  }
  if (bio == NULL || !serialise (bio, self->key, passphrase)) {
    g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_FAILED, "%s: the key cannot be put in words: %s",
                 file, vt_key_take_openssl_error ());
    return FALSE;
  }
  return write_new_file (file, 0600, bio, error);
}
