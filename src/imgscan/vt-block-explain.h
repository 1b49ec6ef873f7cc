// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What QEMU's programs say, for people. */
#pragma once

#include "vt-block-files.h"

/* TEXT with the names of FILES in the place of descriptors and nodes. Free with g_free(). */
char *vt_block_explain (VtBlockFiles *files, const char *text);
