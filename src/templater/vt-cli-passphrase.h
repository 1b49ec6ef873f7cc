// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Keys on the command line: where a passphrase comes from, and the key that something is signed
 * with.
 */
#pragma once

#include "vt-key.h"

/* Options as they were given; zero-filled before. Neither file nor variable: the terminal. */
typedef struct {
  char *file;     /* its first line is the passphrase */
  char *variable; /* of the environment */
  char *hidden;   /* what that had, or NULL; see vt_cli_passphrase_hide() */
} VtCliPassphrase;

void vt_cli_passphrase_clear (VtCliPassphrase *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VtCliPassphrase, vt_cli_passphrase_clear)

/* --passphrase-file and --passphrase-env. */
void vt_cli_passphrase_add (GOptionContext *context, VtCliPassphrase *self);

/* FALSE and an error if both were given. */
gboolean vt_cli_passphrase_check (const VtCliPassphrase *self,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The passphrase or PIN of what WHAT names. A terminal is asked without echo, twice for one that is
 * NEW. Without a terminal to ask (standard input) it is an error, VT_KEY_ERROR_PASSPHRASE; so are
 * one of no bytes, and more than VT_KEY_PASSPHRASE_MAX. Free with vt_secret_free().
 */
char *vt_cli_passphrase_get (const VtCliPassphrase *self,
                             const char *what,
                             gboolean new,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Takes what the variable has out of the environment, overwrites it there, and keeps it where no
 * process that is forked later finds it (MADV_WIPEONFORK, madvise(2)). To be called before there
 * are threads, and before processes are forked that are to know nothing of it.
 */
gboolean vt_cli_passphrase_hide (VtCliPassphrase *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Overwrites the variable and takes it out of the environment, so that no program started later has
 * it. Only before there are threads.
 */
void vt_cli_passphrase_forget (const VtCliPassphrase *self);

/* Options as they were given; zero-filled before. */
typedef struct {
  char *key;
  GStrv providers; /* may be NULL */
  VtCliPassphrase passphrase;
} VtCliSigning;

void vt_cli_signing_clear (VtCliSigning *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VtCliSigning, vt_cli_signing_clear)

/* --sign-key, --provider, and those of vt_cli_passphrase_add(). */
void vt_cli_signing_add (GOptionContext *context, VtCliSigning *self);

/* Checks the options, and does vt_cli_passphrase_hide() for the passphrase. */
gboolean vt_cli_signing_hide (VtCliSigning *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The key that was named; it is an error if none was. Asks for a passphrase where one is needed,
 * and forgets that of the environment: to be called before there are threads, unless it was hidden.
 * What is forked before this has neither key nor passphrase. Warns on
 * standard error of a key that others may read.
 */
VtPrivateKey *vt_cli_signing_load (const VtCliSigning *self,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
