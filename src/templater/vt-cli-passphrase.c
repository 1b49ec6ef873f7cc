// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-cli-passphrase.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ui.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vt-report.h"
#include "vt-secret.h"

/* Bytes of a file with a passphrase, of which the first line counts. */
#define FILE_MAX ((gsize)64 * 1024)

G_DEFINE_AUTOPTR_CLEANUP_FUNC (UI, UI_free)

/* A page: what madvise(2) takes. */
#define HIDDEN_SIZE ((gsize)4096)
G_STATIC_ASSERT (HIDDEN_SIZE > VT_KEY_PASSPHRASE_MAX);

void
vt_cli_passphrase_clear (VtCliPassphrase *self)
{
  if (self->hidden != NULL) {
    OPENSSL_cleanse (self->hidden, HIDDEN_SIZE);
    munmap (self->hidden, HIDDEN_SIZE);
    self->hidden = NULL;
  }
  g_clear_pointer (&self->file, g_free);
  g_clear_pointer (&self->variable, g_free);
}

void
vt_cli_passphrase_add (GOptionContext *context, VtCliPassphrase *self)
{
  const GOptionEntry entries[] = {
      {"passphrase-file", 0, 0, G_OPTION_ARG_FILENAME, &self->file,
       "The first line of FILE is the private key's passphrase", "FILE"},
      {"passphrase-env", 0, 0, G_OPTION_ARG_STRING, &self->variable,
       "The environment's VARIABLE has the private key's passphrase", "VARIABLE"},
      G_OPTION_ENTRY_NULL};

  g_option_context_add_main_entries (context, entries, NULL);
}

gboolean
vt_cli_passphrase_check (const VtCliPassphrase *self, GError **error)
{
  if (self->file == NULL || self->variable == NULL)
    return TRUE;
  g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                       "one of --passphrase-file and --passphrase-env is enough");
  return FALSE;
}

/* Frees TEXT if it cannot be one. SOURCE tells where it is from. */
static char *
check_length (char *text, const char *source, GError **error)
{
  gsize length = strlen (text);

  if (length > 0 && length <= VT_KEY_PASSPHRASE_MAX)
    return text;
  vt_secret_free (text);
  g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_PASSPHRASE,
               "%s: a passphrase of %zu bytes; it takes 1 to %zu", source, length,
               VT_KEY_PASSPHRASE_MAX);
  return NULL;
}

/* As openssl(1) and cryptsetup(8) take one: up to the first end of line. */
static char *
read_file (const char *file, GError **error)
{
  char *text = vt_secret_read_file (file, FILE_MAX, NULL, error);
  gsize end = text != NULL ? strcspn (text, "\n") : 0;

  if (text == NULL) {
    g_prefix_error (error, "--passphrase-file: ");
    return NULL;
  }
  OPENSSL_cleanse (text + end, strlen (text + end));
  return check_length (text, "--passphrase-file", error);
}

static char *
read_variable (const VtCliPassphrase *self, GError **error)
{
  const char *variable = self->variable;
  const char *value = self->hidden != NULL ? self->hidden : g_getenv (variable);

  if (value != NULL)
    return check_length (g_strdup (value), "--passphrase-env", error);
  g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_PASSPHRASE,
               "--passphrase-env: there is no variable '%s' in the environment", variable);
  return NULL;
}

static void
set_prompt_error (int result, GError **error)
{
  const char *why = "it cannot be asked for";

  if (result == -2)
    why = "interrupted";
  else if (ERR_GET_REASON (ERR_peek_last_error ()) == UI_R_RESULT_TOO_SMALL)
    why = "it has at least one character";
  else if (ERR_GET_REASON (ERR_peek_last_error ()) == UI_R_RESULT_TOO_LARGE)
    why = "it is too long";
  else if (ERR_peek_last_error () == 0)
    why = "what was typed differs";
  ERR_clear_error ();
  g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_PASSPHRASE, "passphrase: %s", why);
}

/* OpenSSL's prompt: it switches the echo off, and on again when it is interrupted. */
static char *
ask_terminal (const char *what, gboolean new, GError **error)
{
  g_autoptr (UI) ui = UI_new_method (UI_OpenSSL ());
  g_autofree char *safe = vt_report_escape (what);
  g_autofree char *prompt = g_strdup_printf ("Passphrase for %s: ", safe);
  vt_autosecret *first = g_malloc0 (VT_KEY_PASSPHRASE_MAX + 1);
  vt_autosecret *second = g_malloc0 (VT_KEY_PASSPHRASE_MAX + 1);
  int result = -1;

  ERR_clear_error ();
  if (ui != NULL &&
      UI_add_input_string (ui, prompt, 0, first, 1, (int)VT_KEY_PASSPHRASE_MAX) >= 0 &&
      (!new ||
       UI_add_verify_string (ui, prompt, 0, second, 1, (int)VT_KEY_PASSPHRASE_MAX, first) >= 0))
    result = UI_process (ui);
  if (result >= 0)
    return g_steal_pointer (&first);
  set_prompt_error (result, error);
  return NULL;
}

char *
vt_cli_passphrase_get (const VtCliPassphrase *self, const char *what, gboolean new, GError **error)
{
  if (self->file != NULL)
    return read_file (self->file, error);
  if (self->variable != NULL)
    return read_variable (self, error);
  if (isatty (STDIN_FILENO))
    return ask_terminal (what, new, error);
  g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_PASSPHRASE,
               "%s: there is no terminal to ask for the passphrase: name --passphrase-file or "
               "--passphrase-env%s",
               what, new ? ", or --no-passphrase" : "");
  return NULL;
}

gboolean
vt_cli_passphrase_hide (VtCliPassphrase *self, GError **error)
{
  const char *value = self->variable != NULL ? g_getenv (self->variable) : NULL;
  void *page;

  /* That there is none, or too much of it, is told when it is needed. */
  if (value == NULL || strlen (value) > VT_KEY_PASSPHRASE_MAX || self->hidden != NULL)
    return TRUE;
  page = mmap (NULL, HIDDEN_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED || madvise (page, HIDDEN_SIZE, MADV_WIPEONFORK) < 0 ||
      madvise (page, HIDDEN_SIZE, MADV_DONTDUMP) < 0) {
    g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_FAILED, "memory for a passphrase: %s",
                 g_strerror (errno));
    return FALSE;
  }
  self->hidden = page;
  g_strlcpy (self->hidden, value, HIDDEN_SIZE);
  vt_cli_passphrase_forget (self);
  return TRUE;
}

void
vt_cli_passphrase_forget (const VtCliPassphrase *self)
{
  const char *value = self->variable != NULL ? g_getenv (self->variable) : NULL;

  if (value == NULL)
    return;
  /* In its place too, where /proc/PID/environ shows it. */
  OPENSSL_cleanse ((char *)value, strlen (value));
  g_unsetenv (self->variable);
}

void
vt_cli_signing_clear (VtCliSigning *self)
{
  g_clear_pointer (&self->key, g_free);
  g_clear_pointer (&self->providers, g_strfreev);
  vt_cli_passphrase_clear (&self->passphrase);
}

void
vt_cli_signing_add (GOptionContext *context, VtCliSigning *self)
{
  const GOptionEntry entries[] = {
      {"sign-key", 0, 0, G_OPTION_ARG_FILENAME, &self->key,
       "Sign with this Ed25519 key: a PEM file, or the URI of a key that a provider has", "KEY"},
      {"provider", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &self->providers,
       "Load this provider of OpenSSL for the URI; may be given more than once", "NAME"},
      G_OPTION_ENTRY_NULL};

  g_option_context_add_main_entries (context, entries, NULL);
  vt_cli_passphrase_add (context, &self->passphrase);
}

static gboolean
check_signing (const VtCliSigning *self, GError **error)
{
  if (self->key == NULL) {
    g_set_error_literal (
        error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
        "no key to sign with was named: --sign-key; 'vtemplater keygen' makes one");
    return FALSE;
  }
  if (self->providers != NULL && !vt_private_key_is_uri (self->key)) {
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                         "--provider is for a --sign-key that is a URI");
    return FALSE;
  }
  return vt_cli_passphrase_check (&self->passphrase, error);
}

gboolean
vt_cli_signing_hide (VtCliSigning *self, GError **error)
{
  return check_signing (self, error) && vt_cli_passphrase_hide (&self->passphrase, error);
}

static char *
ask (const char *what, gpointer passphrase, GError **error)
{
  return vt_cli_passphrase_get (passphrase, what, FALSE, error);
}

VtPrivateKey *
vt_cli_signing_load (const VtCliSigning *self, GError **error)
{
  const VtKeySource source = {.providers = (const char *const *)self->providers,
                              .ask = ask,
                              .ask_data = (gpointer)&self->passphrase};
  g_autofree char *safe = NULL;
  VtPrivateKey *key;

  if (!check_signing (self, error))
    return NULL;
  key = vt_private_key_load (self->key, &source, error);
  vt_cli_passphrase_forget (&self->passphrase);
  if (key == NULL) {
    g_prefix_error (error, "key to sign with: ");
    return NULL;
  }
  if (vt_private_key_is_exposed (key)) {
    safe = vt_report_escape (self->key);
    fprintf (stderr,
             "vtemplater: warning: %s: others than its owner may read or write this private key; "
             "chmod go= keeps them from it\n",
             safe);
  }
  return key;
}
