// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Every number the engine is set up with, in one table: what is applied to the engine and what goes
 * into the engine id cannot differ.
 */
#pragma once

#include <clamav.h>
#include <gio/gio.h>

#include "vt-engine-options.h"

typedef struct cl_engine VtClEngine;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtClEngine, cl_engine_free)

/* Which signatures cl_load() takes: those that clamscan(1) takes by default. */
#define VT_ENGINE_DB_OPTIONS ((unsigned int)CL_DB_STDOPT)

/* Bytes. The engine does not look at contents this small, and has none but hash signatures that
 * could match one: such a content is clean by definition. */
#define VT_ENGINE_TINY_MAX 5

/* Largest content that the engine takes under OPTIONS, in bytes. */
guint64 vt_engine_settings_get_max_file_size (const VtEngineOptions *options);

/* Sets every limit of ENGINE, which is not compiled yet. VT_ENGINE_ERROR_FAILED. */
gboolean vt_engine_settings_apply (const VtEngineOptions *options,
                                   struct cl_engine *engine,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Options of a scan that reports limits that were reached, and what is encrypted. */
struct cl_scan_options vt_engine_settings_get_strict (void);
/* Options of a scan that finds what clamscan(1) finds by default, and nothing else. */
struct cl_scan_options vt_engine_settings_get_plain (void);

/* All of the above, and the version of the verdict rules, as text. Free with g_free(). */
char *vt_engine_settings_describe (const VtEngineOptions *options);
