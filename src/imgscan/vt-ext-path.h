// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Single files of an ext file system by their paths. Symbolic links are followed within it, an
 * absolute one from its top. Fails with VT_EXT_ERROR or VT_DISK_ERROR.
 */
#pragma once

#include "vt-ext.h"

typedef enum {
  VT_EXT_TYPE_MISSING,
  VT_EXT_TYPE_REGULAR,
  VT_EXT_TYPE_DIRECTORY,
  VT_EXT_TYPE_OTHER,
} VtExtType;

/* What PATH leads to. That there is nothing is no error. */
gboolean vt_ext_stat_path (VtExt *self, const char *path, VtExtType *type, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The content of the regular file PATH. One of more than MAX bytes is an error, and so is one that
 * is not there (VT_EXT_ERROR_MISSING). */
gboolean vt_ext_read_small (VtExt *self, const char *path, gsize max, GBytes **data, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
