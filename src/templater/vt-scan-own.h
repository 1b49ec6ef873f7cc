// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Scans what this program made and is about to put into an image. */
#pragma once

#include "vt-session.h"

/* Asks the engine of the SIZE bytes of the sealed memfd CONTENT, which WHAT names. Anything but
 * clean is an error; a clean verdict goes to the store. */
gboolean vt_scan_own_content (VtSession *session,
                              int content,
                              guint64 size,
                              const char *what,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_scan_own_bytes (VtSession *session, GBytes *bytes, const char *what, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
