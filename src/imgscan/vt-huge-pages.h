// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Large pages for memory that is read all over, as an engine's tables are. */
#pragma once

#include <glib.h>

/*
 * Asks the kernel to keep this process's private memory in huge pages: what is there now, in
 * mappings that are large enough. Children that are forked afterwards share them. Returns the bytes
 * that it agreed to; 0 where it has no such pages or is not to use them (madvise(2),
 * MADV_HUGEPAGE).
 */
guint64 vt_huge_pages_advise (void);
