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

/* A file there that has no name, and goes when its last descriptor does. -1 on failure
 * (G_IO_ERROR). */
int vt_paths_open_unnamed (GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Bytes that may still be written where the file FD is, so that a reserve of a twentieth of that
 * file system, and no more than 1 GiB, stays free for others. RESERVE (may be NULL) gets the
 * reserve. G_MAXUINT64 if it cannot be told.
 */
guint64 vt_paths_get_room (int fd, guint64 *reserve);

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
