// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What a scan found clean, as a clean cache (vt-clean-cache.h).
 */
#pragma once

#include <gio/gio.h>

#include "vt-clean-cache.h"
#include "vt-manifest.h"
#include "vt-scan-result.h"

/*
 * Makes the clean cache of the template TEMPLATE_UUID from MANIFEST, of a scan that gave RESULT. A
 * file system's number is its place among RESULT's. A file that has an inode, and had not changed
 * for two seconds when reading began, is known by its identity; of all others the content alone is.
 * A scan that did not come to its end has none. DATABASE is set on success only. Errors are of
 * VT_CLEAN_CACHE_ERROR, or the manifest's.
 */
gboolean vt_clean_rows_build (VtManifest *manifest,
                              const VtScanResult *result,
                              const char *template_uuid,
                              VtCleanDatabase *database,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
