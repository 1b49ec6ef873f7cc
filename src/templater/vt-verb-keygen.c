// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * vtemplater keygen: a pair of keys, to sign and to verify with.
 */
#include "vt-verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vt-cli-passphrase.h"
#include "vt-cli.h"
#include "vt-secret.h"

static const char summary[] =
    "Makes a pair of Ed25519 keys: NAME.key, which signs, and NAME.pub, which verifies.";

typedef struct {
  char *name;
  gboolean no_passphrase;
  VtCliPassphrase passphrase;
} Options;

/* What is made. */
typedef struct {
  char *private;
  char *public;
} Files;

static void
options_clear (Options *self)
{
  g_free (self->name);
  vt_cli_passphrase_clear (&self->passphrase);
}

static void
files_clear (Files *self)
{
  g_free (self->private);
  g_free (self->public);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Files, files_clear)

static gboolean
parse_options (Options *self, int argc, char **argv, GError **error)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  const GOptionEntry entries[] = {
      {"out", 0, 0, G_OPTION_ARG_FILENAME, &self->name, "Write NAME.key and NAME.pub", "NAME"},
      {"no-passphrase", 0, 0, G_OPTION_ARG_NONE, &self->no_passphrase,
       "Do not encrypt the private key", NULL},
      G_OPTION_ENTRY_NULL};

  g_option_context_set_summary (context, summary);
  g_option_context_add_main_entries (context, entries, NULL);
  vt_cli_passphrase_add (context, &self->passphrase);
  if (!g_option_context_parse (context, &argc, &argv, error) ||
      !vt_cli_passphrase_check (&self->passphrase, error))
    return FALSE;
  if (argc > 1 || self->name == NULL || self->name[0] == '\0' || g_str_has_suffix (self->name, "/"))
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                         "--out NAME must be given, and no other arguments");
  else if (self->no_passphrase &&
           (self->passphrase.file != NULL || self->passphrase.variable != NULL))
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                         "--no-passphrase goes with none of --passphrase-file and "
                         "--passphrase-env");
  else
    return TRUE;
  return FALSE;
}

/* Before somebody thinks of a passphrase in vain; writing looks again. */
static gboolean
check_free (const char *file, GError **error)
{
  if (faccessat (AT_FDCWD, file, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
    return TRUE;
  g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_EXISTS, "%s: is there already", file);
  return FALSE;
}

/* The public half first: should the other fail, nothing secret was written. */
static gboolean
write_pair (const VtPrivateKey *key, const Files *files, const char *passphrase, GError **error)
{
  if (!vt_public_key_write (vt_private_key_get_public (key), files->public, error))
    return FALSE;
  if (vt_private_key_write (key, files->private, passphrase, error))
    return TRUE;
  unlink (files->public);
  return FALSE;
}

static gboolean
print_pair (const VtPrivateKey *key, const Files *files, GError **error)
{
  g_autofree char *private = vt_report_escape (files->private);
  g_autofree char *public = vt_report_escape (files->public);

  printf ("Private key: %s\nPublic key: %s\nKey id: %s\n", private, public,
          vt_public_key_get_id (vt_private_key_get_public (key)));
  if (fflush (stdout) == 0)
    return TRUE;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
               "the keys were made, but standard output cannot be written: %s", g_strerror (errno));
  return FALSE;
}

static gboolean
make_pair (const Options *options, GError **error)
{
  g_auto (Files) files = {.private = g_strconcat (options->name, ".key", NULL),
                          .public = g_strconcat (options->name, ".pub", NULL)};
  vt_autosecret *passphrase = NULL;
  g_autoptr (VtPrivateKey) key = NULL;

  if (!check_free (files.private, error) || !check_free (files.public, error))
    return FALSE;
  if (!options->no_passphrase) {
    passphrase = vt_cli_passphrase_get (&options->passphrase, files.private, TRUE, error);
    if (passphrase == NULL)
      return FALSE;
  }
  key = vt_private_key_generate (error);
  return key != NULL && write_pair (key, &files, passphrase, error) &&
         print_pair (key, &files, error);
}

int
vt_verb_keygen (int argc, char **argv)
{
  g_auto (Options) options = {0};
  g_autoptr (GError) error = NULL;

  g_set_prgname ("vtemplater keygen");
  if (parse_options (&options, argc, argv, &error) && make_pair (&options, &error))
    return VT_EXIT_CLEAN;
  return vt_cli_fail ("keygen", error);
}
