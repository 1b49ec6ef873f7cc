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

/* The first bytes of the regular file PATH, at most MAX. One that is not there is an error
 * (VT_EXT_ERROR_MISSING). */
gboolean vt_ext_read_head (VtExt *self, const char *path, gsize max, GBytes **data, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The text of the symbolic link at the end of PATH, which is not followed. TARGET is NULL where
 * there is none. */
gboolean vt_ext_read_link (VtExt *self, const char *path, char **target, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
