// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The manifest: every regular file of an image, as JSON Lines, in the order of file system and
 * path.
 *
 * Files come in any order; they are kept in a temporary SQLite database, so memory does not grow
 * with the image. Of hard links to one file, the first in order has the verdict's source and the
 * others "hardlink"; of files with one content that the engine scanned in this run, the first in
 * order has "engine" and the others "store". So the manifest does not depend on the order of
 * reading.
 */
#pragma once

#include <gio/gio.h>

#include "vt-clean-cache.h"
#include "vt-scan-result.h"

typedef struct _VtManifest VtManifest;

VtManifest *vt_manifest_new (GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_manifest_free (VtManifest *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtManifest, vt_manifest_free)

gboolean vt_manifest_add (VtManifest *self,
                          const VtFileResult *file,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Forgets all files: they are to come again. */
gboolean vt_manifest_clear (VtManifest *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* All clean files of the file system become incomplete: it turned out not to be readable whole. */
gboolean vt_manifest_fail_filesystem (VtManifest *self,
                                      guint filesystem,
                                      VtReason reason,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Calls FUNC once for each inode, of those that have one, whose file is clean: in the order of file
 * systems and inodes. Left out are empty files, and those of which something is in doubt: names of
 * one inode that differ in their verdict, content or times, and contents that the verdict of
 * another file does not call clean.
 */
gboolean vt_manifest_foreach_clean_file (VtManifest *self,
                                         VtCleanFileFunc func,
                                         gpointer user_data,
                                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* FALSE, with an error, ends it. */
typedef gboolean (*VtManifestContentFunc) (const VtDigest *digest,
                                           gpointer user_data,
                                           GError **error);

/* Calls FUNC once for each content that every file with it calls clean, in the order of digests.
 * The empty one is left out. */
gboolean vt_manifest_foreach_clean_content (VtManifest *self,
                                            VtManifestContentFunc func,
                                            gpointer user_data,
                                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Writes the lines; RESULT's file systems give the names. Several images append to one stream. */
gboolean vt_manifest_write (VtManifest *self,
                            const VtScanResult *result,
                            GOutputStream *stream,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
