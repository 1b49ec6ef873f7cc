// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Reads the contents of many files of an ext file system, in the order in which they lie on the
 * disk.
 */
#pragma once

#include "vt-digest.h"
#include "vt-ext.h"
#include "vt-verdict.h"

typedef struct {
  guint64 inode;
  guint64 size; /* as it was listed */
  gpointer file;
} VtExtWanted;

/*
 * FILE is the one that was wanted. With REASON NONE, MEMFD has its content, sealed, and is to be
 * taken and closed. With SIZE_LIMIT, DIGEST is that of the content, or NULL if the file is too
 * large even for that. With READ_ERROR there is neither. May take its time. FALSE, with an error,
 * ends the reading.
 */
typedef gboolean (*VtExtFileFunc) (gpointer file,
                                   int memfd,
                                   const VtDigest *digest,
                                   VtReason reason,
                                   gpointer user_data,
                                   GError **error);

/*
 * Calls FUNC once for each of the N files WANTED. A damaged file system is refused before the first
 * call: all that tells where the contents are is checked first. What the medium cannot read costs
 * the files that it holds. Files of more than MAX_SIZE bytes are only hashed.
 */
gboolean vt_ext_read_files (VtExt *self,
                            const VtExtWanted *wanted,
                            gsize n,
                            guint64 max_size,
                            VtExtFileFunc func,
                            gpointer user_data,
                            char **refusal,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
