// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Where this program keeps what it makes: its cache directory, and private directories for a run.
 */
#pragma once

#include <gio/gio.h>

/* /var/cache/vtemplater for root, else vtemplater under the user's cache directory (XDG base
 * directory specification). $XDG_CACHE_HOME, if set, is taken for root too. */
char *vt_paths_cache_dir (void);

/* Where files go that may be as large as a disk: $TMPDIR, or else /var/tmp, since /tmp may be in
 * memory. */
const char *vt_paths_large_tmp_dir (void);

/* A directory of one run, for sockets and temporary files, that no other user can enter. */
typedef struct _VtRunDir VtRunDir;

/*
 * Makes one under the system's directory for temporary files, and removes those that killed runs of
 * this user have left there.
 */
VtRunDir *vt_run_dir_new (GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Removes it with all that is in it. */
void vt_run_dir_free (VtRunDir *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtRunDir, vt_run_dir_free)

const char *vt_run_dir_get_path (VtRunDir *self);

/* Removes a directory tree; follows no symbolic link. What cannot be removed is left. */
void vt_paths_remove_tree (const char *path);
