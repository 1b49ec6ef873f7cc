// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * --include and --exclude: which of an image's files are scanned.
 *
 * Globs as of fnmatch(3) against the whole path as reports name it; a '*' matches '/' too, so
 * "/var/cache/?*" takes all that is below.
 */
#pragma once

#include <glib.h>

/* TRUE if PATH matches a glob of INCLUDE, or there is none, and no glob of EXCLUDE. */
gboolean
vt_path_filter_accepts (const char *const *include, const char *const *exclude, const char *path);
