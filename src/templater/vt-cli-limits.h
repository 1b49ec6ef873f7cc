// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The limits of a scan, as options of the command line.
 */
#pragma once

#include <gio/gio.h>

#include "vt-engine-options.h"

/* As they were given; what was not given is NULL or 0, where nothing else is said. */
typedef struct {
  char *max_file_size;
  char *max_scan_size;
  char *max_unpacked_size;
  char *max_spool_size;
  int max_scan_time;
  int max_recursion;
  int max_files;
  int max_ratio;
  int max_unpack_time;
  int nested;
} VtCliLimits;

void vt_cli_limits_clear (VtCliLimits *self);
/* SELF must outlive the parsing. */
void vt_cli_limits_add (GOptionContext *context, VtCliLimits *self);
/* Overrides the defaults in OPTIONS by what was given, and checks everything. */
gboolean vt_cli_limits_apply (const VtCliLimits *self,
                              VtEngineOptions *options,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Bytes of --max-spool-size, or the default; 0: no files are spooled. */
gboolean vt_cli_limits_get_spool_size (const VtCliLimits *self,
                                       guint64 *size,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "100M", "64 KiB", "1048576": K, M and G stand for powers of 1,024. 0 is refused. */
gboolean vt_cli_parse_size (const char *option, const char *text, guint64 *size, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
