// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-digest.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Large enough that the system call does not count, small enough for the level-2 cache. */
#define READ_SIZE ((gsize)256 * 1024)

struct _VtHasher {
  EVP_MD_CTX *context;
};

static void
hasher_start (VtHasher *self)
{
  /* Fails only when memory or the default provider is missing; nothing sensible is left then. */
  if (EVP_DigestInit_ex (self->context, EVP_sha256 (), NULL) != 1)
    g_error ("SHA-256 is not available in the OpenSSL library");
}

VtHasher *
vt_hasher_new (void)
{
  VtHasher *self = g_new0 (VtHasher, 1);

  self->context = EVP_MD_CTX_new ();
  hasher_start (self);
  return self;
}

void
vt_hasher_free (VtHasher *self)
{
  EVP_MD_CTX_free (self->context);
  g_free (self);
}

void
vt_hasher_update (VtHasher *self, const void *data, gsize size)
{
  EVP_DigestUpdate (self->context, data, size);
}

VtDigest
vt_hasher_finish (VtHasher *self)
{
  VtDigest digest;

  EVP_DigestFinal_ex (self->context, digest.bytes, NULL);
  hasher_start (self);
  return digest;
}

VtDigest
vt_digest_of_data (const void *data, gsize size)
{
  g_autoptr (VtHasher) hasher = vt_hasher_new ();

  vt_hasher_update (hasher, data, size);
  return vt_hasher_finish (hasher);
}

gboolean
vt_digest_of_fd (int fd, guint64 size, VtDigest *digest, GError **error)
{
  static const gint never;

  return vt_digest_of_fd_until (fd, size, &never, digest, error);
}

gboolean
vt_digest_of_fd_until (int fd, guint64 size, const gint *stop, VtDigest *digest, GError **error)
{
  g_autoptr (VtHasher) hasher = vt_hasher_new ();
  g_autofree guint8 *buffer = g_malloc (READ_SIZE);
  guint64 done = 0;

  while (done < size) {
    ssize_t n = pread (fd, buffer, MIN (READ_SIZE, size - done), (off_t)done);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      int saved_errno = errno;
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno), "hashing: %s",
                   g_strerror (saved_errno));
      return FALSE;
    }
    if (n == 0) {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT,
                   "hashing: ends after %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " bytes", done,
                   size);
      return FALSE;
    }
    if (g_atomic_int_get (stop)) {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "hashing: given up");
      return FALSE;
    }
    vt_hasher_update (hasher, buffer, (gsize)n);
    done += (guint64)n;
  }
  *digest = vt_hasher_finish (hasher);
  return TRUE;
}

const char *
vt_digest_to_hex (const VtDigest *digest, char hex[VT_DIGEST_HEX_SIZE])
{
  static const char digits[] = "0123456789abcdef";

  for (gsize i = 0; i < VT_DIGEST_SIZE; i++) {
    hex[2 * i] = digits[digest->bytes[i] >> 4];
    hex[2 * i + 1] = digits[digest->bytes[i] & 15];
  }
  hex[2 * VT_DIGEST_SIZE] = '\0';
  return hex;
}

gboolean
vt_digest_from_hex (const char *hex, VtDigest *digest)
{
  if (strlen (hex) != 2 * VT_DIGEST_SIZE)
    return FALSE;
  for (gsize i = 0; i < VT_DIGEST_SIZE; i++) {
    int high = g_ascii_xdigit_value (hex[2 * i]);
    int low = g_ascii_xdigit_value (hex[2 * i + 1]);

    if (high < 0 || low < 0)
      return FALSE;
    digest->bytes[i] = (guint8)(high << 4 | low);
  }
  return TRUE;
}

guint
vt_digest_hash (gconstpointer digest)
{
  guint hash;

  /* Any four bytes of a cryptographic digest are as good as a hash of them all. */
  memcpy (&hash, digest, sizeof hash);
  return hash;
}

gboolean
vt_digest_equal (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, VT_DIGEST_SIZE) == 0;
}
