// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Ed25519 keys (RFC 8032): made, kept in files, and used to sign and to verify.
 *
 * Files are PEM (RFC 7468) with one block each: PKCS#8 for a private key (RFC 5958), encrypted or
 * not, and SubjectPublicKeyInfo for a public one (RFC 8410), as openssl-pkey(1) reads and writes
 * them. A private key may as well be elsewhere, in a token or a key service, and never come here: a
 * provider of OpenSSL (provider(7)) then signs with it.
 *
 * What is secret is overwritten before it is freed. A key may be used by several threads that only
 * sign or verify.
 */
#pragma once

#include <gio/gio.h>

typedef enum {
  VT_KEY_ERROR_NOT_FOUND,  /* no such file, or nothing there */
  VT_KEY_ERROR_BAD,        /* not a key, not the right half, not Ed25519, damaged */
  VT_KEY_ERROR_PASSPHRASE, /* or PIN: needed and not given, or wrong */
  VT_KEY_ERROR_PROVIDER,   /* a provider cannot be loaded, or none knows the URI */
  VT_KEY_ERROR_EXISTS,     /* the file to be written is there already */
  VT_KEY_ERROR_FAILED,
} VtKeyError;

#define VT_KEY_ERROR (vt_key_error_quark ())
GQuark vt_key_error_quark (void);

/* Bytes of a file that may hold a key. */
#define VT_KEY_FILE_MAX ((gsize)64 * 1024)
/* Bytes of a passphrase; OpenSSL's programs take 1,022. */
#define VT_KEY_PASSPHRASE_MAX ((gsize)1000)
/* Bytes of a signature. */
#define VT_KEY_SIGNATURE_SIZE 64
/* Hexadecimal digits of a key id. */
#define VT_KEY_ID_LENGTH 64

typedef struct _VtPublicKey VtPublicKey;
typedef struct _VtPrivateKey VtPrivateKey;

/*
 * Gives the passphrase of the key, or the PIN of the token, that WHAT names. NULL and an error if
 * there is none; the error becomes that of the function that asked. Freed with vt_secret_free().
 */
typedef char *(*VtKeyAsk) (const char *what, gpointer data, GError **error);

/* How a private key is reached. */
typedef struct {
  /* Providers to load, by name or by the path of their module; ends with NULL, may be NULL.
   * OpenSSL's own is always loaded. */
  const char *const *providers;
  VtKeyAsk ask; /* only called if a passphrase is needed, once; may be NULL */
  gpointer ask_data;
} VtKeySource;

/* The public key in FILE. Errors: _NOT_FOUND, _BAD, _FAILED. */
VtPublicKey *vt_public_key_load (const char *file, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_public_key_free (VtPublicKey *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtPublicKey, vt_public_key_free)

/* SHA-256 of the DER SubjectPublicKeyInfo, in lower-case hexadecimal digits. Is SELF's. */
const char *vt_public_key_get_id (const VtPublicKey *self);

/* TRUE only if SIGNATURE is right for DATA; FALSE too if that cannot be found out. */
gboolean vt_public_key_verify (const VtPublicKey *self,
                               GBytes *data,
                               GBytes *signature) G_GNUC_WARN_UNUSED_RESULT;

/* Writes a new FILE (mode 0644 and the umask), never over another. Errors: _EXISTS, _FAILED. */
gboolean vt_public_key_write (const VtPublicKey *self,
                              const char *file,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A new key, of OpenSSL's random generator. */
VtPrivateKey *vt_private_key_generate (GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether WHERE begins with a URI scheme (RFC 3986), so that it is no file: write "./a:b" for that.
 */
gboolean vt_private_key_is_uri (const char *where);

/*
 * The private key at WHERE: a file, or a URI that OpenSSL's own "file:" or a provider of SOURCE
 * knows (OSSL_STORE_open_ex(3)) and that leads to one private key. SOURCE may be NULL. Messages
 * leave out the query of a URI, which may have a PIN in it (RFC 7512).
 */
VtPrivateKey *vt_private_key_load (const char *where,
                                   const VtKeySource *source,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_private_key_free (VtPrivateKey *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtPrivateKey, vt_private_key_free)

/* Whether it came from a regular file, named as such, that its group or others may read or write:
 * worth a warning. */
gboolean vt_private_key_is_exposed (const VtPrivateKey *self);

/* Is SELF's. */
const VtPublicKey *vt_private_key_get_public (const VtPrivateKey *self);

/*
 * The signature of DATA, VT_KEY_SIGNATURE_SIZE bytes, which was verified: a token may be out of
 * order. The same key and data give the same signature. Errors: _FAILED.
 */
GBytes *vt_private_key_sign (const VtPrivateKey *self,
                             GBytes *data,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Writes a new FILE (mode 0600), never over another; on the disk when it returns. With a
 * PASSPHRASE, of 1 to VT_KEY_PASSPHRASE_MAX bytes, it is encrypted: PBES2 with AES-256-CBC and
 * scrypt (RFC 7914) with N = 2^14, r = 8, p = 5, which takes 16 MiB and about a fifth of a second
 * for each guess. NULL: it is not. Errors: _EXISTS, _PASSPHRASE for one of another length, _FAILED,
 * also for a key that its provider does not give away.
 */
gboolean vt_private_key_write (const VtPrivateKey *self,
                               const char *file,
                               const char *passphrase,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
