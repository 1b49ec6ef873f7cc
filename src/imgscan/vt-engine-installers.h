// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What installers have behind their program, where the engine does not say that some is missing. */
#pragma once

#include <glib.h>

#include "vt-verdict.h"

/* NONE, or damaged: the program in the SIZE bytes at DATA is an installer of NSIS or InstallShield,
 * or a script of AutoIt, and what is behind it is not whole. */
VtReason vt_engine_installers_check (const guint8 *data, gsize size);
