// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What the parts of vt-commit share. Errors are of VT_IMAGE_ERROR. */
#pragma once

#include <sys/stat.h>

#include "vt-commit.h"

/* The options as of a reader's arguments, output, format, and of the target device, inode, size,
 * mtime and ctime. Without output: in place. */
#define VT_COMMIT_ARGUMENTS "(v^ays(tttxx))"
/* What the process says at its end: whether it succeeded, or the code of the error and its text. */
#define VT_COMMIT_REPLY_TYPE G_VARIANT_TYPE ("(bus)")

/* A VtChildFunc: does the work (vt-commit-work.c). */
int vt_commit_main (int socket, GVariant *arguments);

/* Sets VT_IMAGE_ERROR_EDIT to "PATH: errno's text", and returns FALSE. */
gboolean vt_commit_fail (GError **error, const char *path);

/* Copying (vt-commit-copy.c). */

/*
 * Makes TO, which is empty, have the content, the owner, the mode and the extended attributes of
 * FROM, a file of which INFO tells. Holes stay holes. EXTRA: bytes that are going to be written to
 * it afterwards; fails before anything is copied when there is no room for all.
 */
gboolean vt_commit_copy (int from, const struct stat *info, int to, guint64 extra, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Fails unless SIZE bytes may be written where FD is. */
gboolean vt_commit_check_room (int fd, guint64 size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Putting files in their places (vt-commit-place.c). */

/*
 * A file on its way to PATH, in the same directory. HIDDEN gets its name for as long, or NULL if it
 * has none; if HIDDEN is NULL, none is made with a name. -1 on failure.
 */
int vt_commit_open_new (const char *path, char **hidden, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Makes FD be PATH, which must not be there, once it is on the disk. */
gboolean vt_commit_link_new (int fd, const char *hidden, const char *path, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Makes FD be PATH instead of what that is. */
gboolean vt_commit_replace (int fd, const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
