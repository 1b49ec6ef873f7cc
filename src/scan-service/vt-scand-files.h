// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Files that only the service may write, and some that only it may read. Errors are of G_IO_ERROR.
 */
#pragma once

#include <gio/gio.h>
#include <sys/stat.h>

/* What others than a file's owner must not be able to do. */
typedef enum {
  VT_SCAND_FILE_OTHERS_WRITE = S_IWGRP | S_IWOTH,
  VT_SCAND_FILE_OTHERS_USE = S_IRWXG | S_IRWXO,
} VtScandFileOthers;

/*
 * Whether PATH is a regular file of this user or of root, that OTHERS cannot touch, in a directory
 * where no others can replace it. Root takes one of the directory's owner as well: a service's own
 * user. Errors: _NOT_FOUND, _PERMISSION_DENIED for what cannot be trusted, the system's.
 */
gboolean vt_scand_file_check (const char *path,
                              VtScandFileOthers others,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Makes a file that is empty, and on the disk. If root makes it, it belongs to the owner of the
 * directory. Errors: _EXISTS, the system's. */
gboolean
vt_scand_file_make_empty (const char *path, mode_t mode, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for a directory, which may be there already. */
gboolean vt_scand_file_make_directory (const char *path,
                                       mode_t mode,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef enum {
  VT_SCAND_FILE_OWN,             /* belongs to who writes it */
  VT_SCAND_FILE_OF_ITS_DIRECTORY /* if root writes it, it belongs to the directory's owner */
} VtScandFileOwner;

/* Writes a file of TEXT: the whole of it and on the disk, or none. Never over another. Errors:
 * _EXISTS, the system's. */
gboolean vt_scand_file_write_new (const char *path,
                                  const char *text,
                                  mode_t mode,
                                  VtScandFileOwner owner,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* FALSE and _EXISTS if there is something at PATH, be it a link that leads nowhere. */
gboolean vt_scand_file_check_free (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
