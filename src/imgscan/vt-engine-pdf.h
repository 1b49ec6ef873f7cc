// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Documents in PDF of which the engine does not see all. */
#pragma once

#include <glib.h>

#include "vt-verdict.h"

/* NONE; damaged if the SIZE bytes at DATA have no end, unsupported if a stream in them is packed
 * in a way that nobody here knows. */
VtReason vt_engine_pdf_check (const guint8 *data, gsize size);
