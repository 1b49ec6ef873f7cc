// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A faster sscanf(3) for libclamav, in this program.
 *
 * The engine keeps the expression of a logical signature ("0&1&2") as text, and for each content
 * and each such signature reads the numbers in it with sscanf ("%u"). The C library makes a stream
 * of the text and measures all of it, for one digit. docs/performance.md has what that takes.
 */
#pragma once

#include <glib.h>

/* Whether sscanf is the one of this module for shared libraries, too: it is when the linker has
 * exported it from the program, which comes first when symbols are looked up (ld.so(8)). */
gboolean vt_engine_sscanf_is_used (void);
