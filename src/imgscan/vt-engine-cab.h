// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Cabinets in which nobody but their packer's own programs notices damage. */
#pragma once

#include <glib.h>

#include "vt-verdict.h"

/* NONE; damaged if a block by MSZIP in the cabinet that begins the SIZE bytes at DATA does not
 * unpack to what it should; scan-limit if there are too many blocks. Of other methods nothing is
 * said. */
VtReason vt_engine_cab_check (const guint8 *data, gsize size);
