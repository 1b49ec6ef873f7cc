// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Documents that are not whole, or encrypted, and of which the engine does not say so. */
#pragma once

#include <glib.h>

#include "vt-verdict.h"

/* What is to be said of the SIZE bytes at DATA, which the engine takes for TYPE: NONE if nothing.
 */
VtReason vt_engine_documents_check (const char *type, const guint8 *data, gsize size);
