// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Sources of a main loop that are owned by who waits for them.
 */
#pragma once

#include <glib.h>

/* Ends *SOURCE, unless it is NULL, and leaves NULL behind: its callback is not called again. */
static inline void
vt_source_clear (GSource **source)
{
  if (*source != NULL)
    g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}
