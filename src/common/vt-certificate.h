// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * X.509 certificates (RFC 5280) of a scan service and of its agents: an authority, what it is asked
 * for (PKCS#10, RFC 2986), and what it signs. Everything comes and goes as PEM (RFC 7468), as
 * openssl(1) reads and writes it. New keys are ECDSA over P-256 (RFC 5480), which every TLS library
 * takes.
 *
 * Private keys are text that is to be freed with vt_secret_free().
 */
#pragma once

#include <gio/gio.h>

typedef enum {
  VT_CERTIFICATE_ERROR_BAD,    /* not what it must be, damaged, or too weak */
  VT_CERTIFICATE_ERROR_NAME,   /* a name or an address that a certificate cannot have */
  VT_CERTIFICATE_ERROR_FAILED, /* OpenSSL cannot do it */
} VtCertificateError;

#define VT_CERTIFICATE_ERROR (vt_certificate_error_quark ())
GQuark vt_certificate_error_quark (void);

/* Bytes of a PEM text that is read. */
#define VT_CERTIFICATE_PEM_MAX ((gsize)64 * 1024)
/* Bytes of a name (RFC 5280, ub-common-name). */
#define VT_CERTIFICATE_NAME_MAX ((gsize)64)

/* Whether NAME may be one's name: printable ASCII without "/", "\" and quotes, so that it is the
 * same in logs, paths and URLs. */
gboolean vt_certificate_is_name (const char *name);

/* A private key, PKCS#8. */
char *vt_certificate_new_key (GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What the holder of KEY asks an authority for. */
char *vt_certificate_new_request (const char *key,
                                  const char *name,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The serial number in hexadecimal digits; free with g_free(). CERTIFICATE is PEM. */
char *vt_certificate_get_serial (const char *certificate, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The last second in which it is valid, since 1970. CERTIFICATE is PEM. */
gboolean vt_certificate_get_end (const char *certificate,
                                 gint64 *end,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The common name of whom CERTIFICATE is for, and of who asks by REQUEST, both PEM; free with
 * g_free(). */
char *vt_certificate_get_name (const char *certificate, GError **error) G_GNUC_WARN_UNUSED_RESULT;
char *vt_certificate_get_requested_name (const char *request,
                                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether CERTIFICATE, PEM, may be shown by a TLS client (RFC 5280, 4.2.1.12: clientAuth). */
gboolean vt_certificate_is_of_client (const char *certificate);

typedef struct _VtAuthority VtAuthority;

/* What a certificate is to say. */
typedef struct {
  const char *name;
  const char *const *addresses; /* of a service: DNS names and IP addresses; NULL: of a client */
  guint days;                   /* how long it is valid from now on */
} VtCertificateWish;

/* Makes an authority with a key of its own. */
VtAuthority *
vt_authority_new (const char *name, guint days, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* One that has been made before, here or elsewhere. The certificate must be an authority's, and KEY
 * must be its. */
VtAuthority *vt_authority_load (const char *key,
                                const char *certificate,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_authority_free (VtAuthority *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtAuthority, vt_authority_free)

/* Its private key. */
char *vt_authority_get_key (const VtAuthority *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Its certificate; free with g_free(). */
char *vt_authority_get_certificate (const VtAuthority *self,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Signs a certificate for the key of REQUEST; nothing else of what is in that counts. Who asks must
 * have proven to have the key, which must be ECDSA over P-256 or P-384, or RSA of 2,048 to 8,192
 * bits. Never valid longer than the authority itself. Free with g_free().
 */
char *vt_authority_issue (const VtAuthority *self,
                          const char *request,
                          const VtCertificateWish *wish,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
