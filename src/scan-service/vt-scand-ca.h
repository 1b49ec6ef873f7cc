// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The service's authority: "authority.key", PKCS#8 without a passphrase that only its owner may
 * read, and "authority.pem", in a directory of their own. What it signs is noted in the state
 * first, so that there is no certificate that could not be revoked by its name.
 */
#pragma once

#include "vt-certificate.h"
#include "vt-scand-state.h"

typedef enum {
  VT_SCAND_CA_ERROR_EXISTS,    /* a file that is there already */
  VT_SCAND_CA_ERROR_NOT_FOUND, /* there is no authority */
  VT_SCAND_CA_ERROR_UNTRUSTED, /* others may read its key, or write to it */
  VT_SCAND_CA_ERROR_INVALID,   /* what is wished for makes no sense */
  VT_SCAND_CA_ERROR_EXPIRED,   /* the authority's own certificate */
  VT_SCAND_CA_ERROR_FAILED,
} VtScandCaError;

#define VT_SCAND_CA_ERROR (vt_scand_ca_error_quark ())
GQuark vt_scand_ca_error_quark (void);

/* Days that a certificate may be valid. */
#define VT_SCAND_CA_DAYS_MAX 36500

/*
 * Makes an authority in DIR, which is made if need be, but not its parent. If root makes it, it
 * belongs to the owner of the directory that it is in. Errors: _EXISTS if there is one, or a part
 * of it; _INVALID, _FAILED, of VT_CERTIFICATE_ERROR.
 */
gboolean vt_scand_ca_init (const char *dir, const char *name, guint days, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Errors: _NOT_FOUND, _UNTRUSTED, _FAILED, of VT_CERTIFICATE_ERROR. */
VtAuthority *vt_scand_ca_load (const char *dir, GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct {
  const char *name;             /* vt_certificate_is_name() */
  const char *group;            /* NULL: none */
  const char *const *addresses; /* of a service: DNS names and IP addresses; NULL: of an agent */
  guint days;
} VtScandCaWish;

/*
 * Signs a certificate for REQUEST (vt_authority_issue()) and notes it in STATE. Free with g_free().
 * Errors: _INVALID, _EXPIRED, of VT_CERTIFICATE_ERROR, of VT_SCAND_STATE_ERROR, among which _EXISTS
 * for a name that is in use.
 */
char *vt_scand_ca_sign (const VtAuthority *authority,
                        VtScandState *state,
                        const char *request,
                        const VtScandCaWish *wish,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Makes a key and its certificate, NAME.key (mode 0600) and NAME.pem in OUT_DIR, both or none, and
 * never over another file. A service has at least one address, an agent none. Errors: those of
 * vt_scand_ca_sign(), _EXISTS, _FAILED.
 */
gboolean vt_scand_ca_issue_service (const VtAuthority *authority,
                                    VtScandState *state,
                                    const VtScandCaWish *wish,
                                    const char *out_dir,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_scand_ca_issue_agent (const VtAuthority *authority,
                                  VtScandState *state,
                                  const VtScandCaWish *wish,
                                  const char *out_dir,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
