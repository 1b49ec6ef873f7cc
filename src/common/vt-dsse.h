// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Signed envelopes: DSSE v1, the Dead Simple Signing Envelope
 * (https://github.com/secure-systems-lab/dsse, protocol.md and envelope.md), with Ed25519.
 *
 * An envelope is JSON: {"payloadType": TYPE, "payload": BASE64, "signatures": [{"keyid": ID, "sig":
 * BASE64}]}. What is signed is not that text but the type and the payload, each behind its length
 * (the pre-authentication encoding), so nothing is parsed of what was not signed but the envelope.
 *
 * An envelope that is verified comes from someone who is not trusted, as do its key ids and its
 * type: in messages they are shortened and made harmless.
 */
#pragma once

#include "vt-key.h"

typedef enum {
  VT_DSSE_ERROR_MALFORMED,     /* not an envelope, or beyond the limits */
  VT_DSSE_ERROR_TYPE,          /* of another payload type */
  VT_DSSE_ERROR_OTHER_KEY,     /* signed, but not by the given key */
  VT_DSSE_ERROR_BAD_SIGNATURE, /* said to be signed by the given key, which did not sign this */
} VtDsseError;

#define VT_DSSE_ERROR (vt_dsse_error_quark ())
GQuark vt_dsse_error_quark (void);

/* Bytes of an envelope. */
#define VT_DSSE_ENVELOPE_MAX ((gsize)1024 * 1024)
/* Signatures of an envelope. */
#define VT_DSSE_SIGNATURES_MAX 16

/*
 * An envelope of PAYLOAD, which may be empty, signed by KEY; one line. The same arguments give the
 * same bytes. Errors: VT_DSSE_ERROR_MALFORMED if it were larger than VT_DSSE_ENVELOPE_MAX or
 * PAYLOAD_TYPE is no type; VT_KEY_ERROR.
 */
GBytes *vt_dsse_sign (const char *payload_type,
                      GBytes *payload,
                      const VtPrivateKey *key,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The payload of ENVELOPE, if its type is PAYLOAD_TYPE and one of its signatures is by KEY,
 * whatever key id stands beside it: those are hints. Errors are of VT_DSSE_ERROR.
 */
GBytes *vt_dsse_verify (GBytes *envelope,
                        const char *payload_type,
                        const VtPublicKey *key,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The payload of ENVELOPE without a look at its signatures: anybody may have written it. For
 * showing what somebody claims, never for believing it. KEYIDS (may be NULL) gets the key ids as
 * they stand there, "" where there is none; free with g_strfreev(). Errors: _MALFORMED, _TYPE.
 */
GBytes *vt_dsse_peek_unverified (GBytes *envelope,
                                 const char *payload_type,
                                 GStrv *keyids,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
