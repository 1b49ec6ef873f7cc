// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * SHA-256 (FIPS 180-4), the identity of a content everywhere in this project.
 */
#pragma once

#include <gio/gio.h>
#include <openssl/evp.h>

#define VT_DIGEST_SIZE     32
#define VT_DIGEST_HEX_SIZE (2 * VT_DIGEST_SIZE + 1) /* with the closing NUL */

typedef struct {
  guint8 bytes[VT_DIGEST_SIZE];
} VtDigest;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (EVP_MD_CTX, EVP_MD_CTX_free)

/* A digest in the making. Free with vt_hasher_free(). */
typedef struct _VtHasher VtHasher;

VtHasher *vt_hasher_new (void);
void vt_hasher_free (VtHasher *self);
void vt_hasher_update (VtHasher *self, const void *data, gsize size);
/* Gives the digest of all that was added; the hasher then starts anew. */
VtDigest vt_hasher_finish (VtHasher *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtHasher, vt_hasher_free)

VtDigest vt_digest_of_data (const void *data, gsize size);

/*
 * Digest of the first SIZE bytes of FD, read with pread(2): its offset does not move. A file that
 * ends before SIZE bytes is an error (G_IO_ERROR_PARTIAL_INPUT).
 */
gboolean
vt_digest_of_fd (int fd, guint64 size, VtDigest *digest, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same, given up with G_IO_ERROR_CANCELLED when another thread sets STOP (g_atomic_int_set()).
 */
gboolean vt_digest_of_fd_until (int fd,
                                guint64 size,
                                const gint *stop,
                                VtDigest *digest,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Writes 64 lower-case hexadecimal digits and a NUL to HEX, and returns it. */
const char *vt_digest_to_hex (const VtDigest *digest, char hex[VT_DIGEST_HEX_SIZE]);

/* Takes exactly 64 hexadecimal digits of either case. */
gboolean vt_digest_from_hex (const char *hex, VtDigest *digest) G_GNUC_WARN_UNUSED_RESULT;

/* For GHashTable keys that point to a VtDigest. */
guint vt_digest_hash (gconstpointer digest);
gboolean vt_digest_equal (gconstpointer a, gconstpointer b);
