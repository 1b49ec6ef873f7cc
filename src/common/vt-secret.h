// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Text that must not stay in memory: passphrases and private keys. It is overwritten before it is
 * freed (OPENSSL_cleanse(3)), and read without a copy that is not.
 */
#pragma once

#include <gio/gio.h>
#include <sys/stat.h>

/* Overwrites TEXT up to its NUL, and frees it with g_free(). NULL is allowed. */
void vt_secret_free (char *text);
/* The same for *TEXT, which becomes NULL. */
void vt_secret_clear (char **text);

#define vt_autosecret __attribute__ ((cleanup (vt_secret_clear))) char

/*
 * All of the file at PATH, which may be a pipe, as text. More than MAX bytes are refused, and so
 * are NUL bytes. STATUS (may be NULL) gets what fstat(2) says of it. Errors are of G_IO_ERROR:
 * _MESSAGE_TOO_LARGE, _INVALID_DATA for NUL bytes, or the system's. Free with vt_secret_free().
 */
char *vt_secret_read_file (const char *path, gsize max, struct stat *status, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
