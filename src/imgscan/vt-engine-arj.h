// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* The headers of an ARJ archive, which no library but the engine reads. Nothing is unpacked. */
#pragma once

#include <glib.h>

#include "vt-verdict.h"

/* Whether a whole header begins the SIZE bytes at DATA. */
gboolean vt_engine_arj_begins (const guint8 *data, gsize size);

/*
 * Calls FUNC with the size of each member of the archive that begins the SIZE bytes at DATA, in
 * bytes as unpacked; empty ones too. Gives NONE if the archive has an end; else damaged, or
 * encrypted.
 */
VtReason vt_engine_arj_list (const guint8 *data,
                             gsize size,
                             void (*func) (guint64 size, gpointer user_data),
                             gpointer user_data);
