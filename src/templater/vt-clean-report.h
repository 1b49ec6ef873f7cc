// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Writes what became of findings, and of files in quarantine. */
#pragma once

#include "vt-clean.h"
#include "vt-restore.h"

/* As JSON (data/vtemplater-clean.schema.json), or as text for people, a line for each finding. */
gboolean vt_clean_report_write (const VtCleanOrder *order,
                                const VtCleaned *cleaned,
                                gboolean as_json,
                                GOutputStream *stream,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* ENTRIES are of VtQuarantineEntry. */
gboolean vt_clean_report_write_restored (const VtRestoreOrder *order,
                                         GPtrArray *entries,
                                         gboolean as_json,
                                         GOutputStream *stream,
                                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
