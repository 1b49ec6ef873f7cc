// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Lists the regular files of an ext file system: what "find -xdev -type f" prints of a mount.
 */
#pragma once

#include "vt-ext.h"

typedef struct {
  guint64 inode;
  guint64 size; /* in bytes */
  guint32 links;
  gint64 mtime_ns; /* since 1970 */
  gint64 ctime_ns;
  guint32 generation;
} VtExtStat;

/* PATH starts with "/", from the top of the file system; its bytes may be any but NUL. FALSE, with
 * an error, ends the list. */
typedef gboolean (*VtExtNameFunc) (const char *path,
                                   const VtExtStat *stat,
                                   gpointer user_data,
                                   GError **error);

/*
 * Calls FUNC for each name of each regular file. A file system may be refused after FUNC was
 * called: then what it was told must not be used.
 */
gboolean vt_ext_list (VtExt *self,
                      VtExtNameFunc func,
                      gpointer user_data,
                      char **refusal,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
