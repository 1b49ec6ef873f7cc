// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Loads and compiles the engine, in the process that calls.
 */
#pragma once

#include <gio/gio.h>

#include "vt-engine-options.h"
#include "vt-engine-settings.h"

/*
 * An engine ready for vt_engine_scan_fd(), with the callbacks it needs; ENGINE_ID is what
 * vt_engine_id_new() gave before. SIGNATURES gets their number. Errors are of VT_ENGINE_ERROR, with
 * libclamav's own message. Free with cl_engine_free().
 */
struct cl_engine *vt_engine_load (const VtEngineOptions *options,
                                  const char *engine_id,
                                  guint *signatures,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
