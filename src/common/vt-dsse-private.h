// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What the files of vt-dsse share: an envelope, taken apart. */
#pragma once

#include "vt-dsse.h"

typedef struct {
  char *keyid; /* "" if there is none */
  GBytes *bytes;
} VtDsseSignature;

typedef struct {
  char *type;
  GBytes *payload;
  GPtrArray *signatures; /* of VtDsseSignature */
} VtDsseEnvelope;

/* ENVELOPE's parts, if it is well made and of the type WANTED. Its signatures were not looked at.
 */
VtDsseEnvelope *vt_dsse_envelope_parse (GBytes *envelope,
                                        const char *wanted,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_dsse_envelope_free (VtDsseEnvelope *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtDsseEnvelope, vt_dsse_envelope_free)

gboolean vt_dsse_check_type (const char *type, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Sets VT_DSSE_ERROR_MALFORMED, "envelope: " before it, and returns FALSE. */
gboolean vt_dsse_fail (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* TEXT for a message: shortened, and with '?' for what is not plain ASCII. Free with g_free(). */
char *vt_dsse_show (const char *text);
