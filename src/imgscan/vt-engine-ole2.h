// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Judges a compound file (OLE2, [MS-CFB]): what is cut off or encrypted in one, the engine passes
 * over without a word.
 */
#pragma once

#include <glib.h>

#include "vt-verdict.h"

/*
 * Follows every stream in the SIZE bytes at DATA: damaged if one is not whole, encrypted if it
 * is an office document with a password; NONE if there is nothing of that.
 */
VtReason vt_engine_ole2_check (const guint8 *data, gsize size);
