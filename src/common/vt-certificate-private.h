// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What vt-certificate.c and vt-authority.c share. */
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "vt-certificate.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC (EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BIO, BIO_free_all)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (X509_REQ, X509_REQ_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (X509_NAME, X509_NAME_free)

/* NULL, always, and FALSE: OpenSSL could not do WHAT. */
gpointer vt_certificate_fail (GError **error, const char *what);

/* Each reads one PEM text; WHAT is for messages. */
EVP_PKEY *vt_certificate_read_key (const char *pem, GError **error);
X509 *vt_certificate_read (const char *pem, GError **error);
X509_REQ *vt_certificate_read_request (const char *pem, GError **error);
EVP_PKEY *vt_certificate_generate (GError **error);
char *vt_certificate_write_key (EVP_PKEY *key, GError **error);
/* A name with one part, CN. */
X509_NAME *vt_certificate_make_name (const char *name, GError **error);
/* What was written to BIO; free with g_free(). */
char *vt_certificate_take_text (BIO *bio);
