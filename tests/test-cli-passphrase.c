// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "../src/templater/vt-cli-passphrase.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "key-fixture.h"
#include "vt-fd.h"
#include "vt-secret.h"

#define VARIABLE "VT_TEST_SECRET"

static void
assert_gives (const VtCliPassphrase *options, const char *expected)
{
  g_autoptr (GError) error = NULL;
  vt_autosecret *text = vt_cli_passphrase_get (options, "key", FALSE, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (text, ==, expected);
}

static void
assert_gives_nothing (const VtCliPassphrase *options, const char *message)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (vt_cli_passphrase_get (options, "key", FALSE, &error));
  g_assert_nonnull (error);
  g_assert_nonnull (strstr (error->message, message));
}

static void
test_a_file_has_it_in_its_first_line (KeyFixture *fixture, gconstpointer data)
{
  g_autofree char *file = file_of (fixture, "file");
  g_autofree char *longest = g_strnfill (VT_KEY_PASSPHRASE_MAX, 'x');
  g_autofree char *longer = g_strconcat (longest, "y\n", NULL);
  const VtCliPassphrase options = {.file = file};

  assert_gives_nothing (&options, "No such file");
  write_text (fixture, "file", " two words\r\nmore\n", -1);
  assert_gives (&options, " two words\r");
  write_text (fixture, "file", "no end", -1);
  assert_gives (&options, "no end");
  write_text (fixture, "file", longest, -1);
  assert_gives (&options, longest);
  write_text (fixture, "file", longer, -1);
  assert_gives_nothing (&options, "1001 bytes");
  write_text (fixture, "file", "\nsecond", -1);
  assert_gives_nothing (&options, "0 bytes");
  write_text (fixture, "file", "nul\0", 4);
  assert_gives_nothing (&options, "NUL");
}

static void
test_a_variable_has_it_until_it_is_forgotten (void)
{
  char name[] = VARIABLE;
  const VtCliPassphrase options = {.variable = name};
  const char *value;

  assert_gives_nothing (&options, "no variable '" VARIABLE "'");
  g_setenv (VARIABLE, "secret", TRUE);
  value = g_getenv (VARIABLE);
  assert_gives (&options, "secret");
  vt_cli_passphrase_forget (&options);
  g_assert_null (g_getenv (VARIABLE));
  /* GLib leaves what was in the environment where it was. */
  g_assert_cmpstr (value, ==, "");
  vt_cli_passphrase_forget (&options);
  g_setenv (VARIABLE, "", TRUE);
  assert_gives_nothing (&options, "0 bytes");
  g_unsetenv (VARIABLE);
}

/* In the child's copy of the memory. */
static gboolean
child_has_it (const VtCliPassphrase *options)
{
  pid_t pid = fork ();
  int status;

  if (pid == 0)
    _exit (options->hidden != NULL && options->hidden[0] != '\0' ? 1 : 0);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFEXITED (status));
  return WEXITSTATUS (status) == 1;
}

static void
test_what_is_hidden_is_not_forked (void)
{
  g_auto (VtCliPassphrase) options = {.variable = g_strdup (VARIABLE)};
  g_autoptr (GError) error = NULL;
  const char *value;

  g_setenv (VARIABLE, "secret", TRUE);
  value = g_getenv (VARIABLE);
  g_assert_true (vt_cli_passphrase_hide (&options, &error));
  g_assert_no_error (error);
  g_assert_null (g_getenv (VARIABLE));
  g_assert_cmpstr (value, ==, "");
  g_assert_false (child_has_it (&options));
  assert_gives (&options, "secret");
  /* Nothing is lost by doing it again. */
  g_assert_true (vt_cli_passphrase_hide (&options, &error));
  assert_gives (&options, "secret");
}

static void
test_nobody_is_asked_without_a_terminal (void)
{
  const VtCliPassphrase nothing = {0};
  vt_autofd null = open ("/dev/null", O_RDONLY | O_CLOEXEC);

  g_assert_cmpint (dup2 (null, STDIN_FILENO), ==, STDIN_FILENO);
  assert_gives_nothing (&nothing, "--passphrase-file or --passphrase-env");
}

/* The key of a command line, which is parsed. */
static VtPrivateKey *
load (const char *const *words, GError **error)
{
  g_auto (VtCliSigning) signing = {0};
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) arguments = NULL;
  gboolean parsed;

  g_strv_builder_add (builder, "program");
  g_strv_builder_addv (builder, (const char **)words);
  arguments = g_strv_builder_end (builder);
  vt_cli_signing_add (context, &signing);
  parsed = g_option_context_parse_strv (context, &arguments, error);
  g_assert_true (parsed);
  return vt_cli_signing_load (&signing, error);
}

static void
assert_no_key (const char *const *words, const char *message)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (load (words, &error));
  g_assert_nonnull (error);
  if (strstr (error->message, message) == NULL)
    g_error ("'%s' is not in '%s'", message, error->message);
}

static void
test_a_key_is_loaded_with_its_passphrase (KeyFixture *fixture, gconstpointer data)
{
  g_autofree char *file = file_of (fixture, "our.key");
  g_autofree char *passphrase = file_of (fixture, "passphrase");
  const char *const by_file[] = {"--sign-key", file, "--passphrase-file", passphrase, NULL};
  const char *const by_variable[] = {"--sign-key", file, "--passphrase-env", VARIABLE, NULL};
  g_autoptr (VtPrivateKey) key = make_key ();
  g_autoptr (VtPrivateKey) first = NULL;
  g_autoptr (VtPrivateKey) second = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (vt_private_key_write (key, file, "secret", NULL));
  write_text (fixture, "passphrase", "secret\n", -1);
  first = load (by_file, &error);
  g_assert_no_error (error);
  g_setenv (VARIABLE, "secret", TRUE);
  second = load (by_variable, &error);
  g_assert_no_error (error);
  /* Nothing that is started later gets it. */
  g_assert_null (g_getenv (VARIABLE));
  g_assert_cmpstr (vt_public_key_get_id (vt_private_key_get_public (second)), ==,
                   vt_public_key_get_id (vt_private_key_get_public (key)));
  write_text (fixture, "passphrase", "other\n", -1);
  assert_no_key (by_file, "key to sign with: ");
}

/* It is not needed, so nothing asks for it; but it is known to be secret. */
static void
test_a_variable_that_was_not_needed_is_forgotten (KeyFixture *fixture, gconstpointer data)
{
  g_autofree char *file = file_of (fixture, "known.key");
  const char *const words[] = {"--sign-key", file, "--passphrase-env", VARIABLE, NULL};
  g_autoptr (VtPrivateKey) known = make_known_key (fixture);
  g_autoptr (VtPrivateKey) key = NULL;
  g_autoptr (GError) error = NULL;

  g_setenv (VARIABLE, "secret", TRUE);
  key = load (words, &error);
  g_assert_no_error (error);
  g_assert_null (g_getenv (VARIABLE));
}

static void
test_a_key_of_a_provider_is_loaded_with_its_pin (void)
{
  g_autofree char *built = g_test_build_filename (G_TEST_BUILT, "signing-provider.so", NULL);
  g_autofree char *provider = g_canonicalize_filename (built, NULL);
  const char *const words[] = {"--sign-key",       "vttest:pin-ci", "--provider",
                               provider,           "--provider",    "base",
                               "--passphrase-env", VARIABLE,        NULL};
  g_autoptr (VtPrivateKey) key = NULL;
  g_autoptr (GError) error = NULL;

  g_setenv (VARIABLE, "271828", TRUE);
  key = load (words, &error);
  g_assert_no_error (error);
  g_assert_nonnull (key);
}

static void
test_command_lines_that_make_no_sense (void)
{
  assert_no_key ((const char *const[]){NULL}, "--sign-key");
  assert_no_key ((const char *const[]){"--sign-key", "key", "--provider", "pkcs11", NULL},
                 "is a URI");
  assert_no_key ((const char *const[]){"--sign-key", "key", "--passphrase-file", "a",
                                       "--passphrase-env", "b", NULL},
                 "is enough");
  assert_no_key ((const char *const[]){"--sign-key", "/no/such/key", NULL}, "No such file");
}

/* In a process of its own, so that what it says can be read. DATA: the file's mode. */
static void
load_with_mode (KeyFixture *fixture, gconstpointer data)
{
  g_autofree char *file = file_of (fixture, "known.key");
  const char *const words[] = {"--sign-key", file, NULL};
  g_autoptr (VtPrivateKey) known = make_known_key (fixture);
  g_autoptr (VtPrivateKey) key = NULL;

  if (!g_test_subprocess ())
    return;
  g_assert_cmpint (chmod (file, (mode_t)GPOINTER_TO_UINT (data)), ==, 0);
  key = load (words, NULL);
  g_assert_nonnull (key);
}

static void
test_an_exposed_key_is_warned_of (void)
{
  g_test_trap_subprocess ("/cli-passphrase/subprocess/exposed", 0, 0);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr ("*warning*known.key*chmod*");
  g_test_trap_subprocess ("/cli-passphrase/subprocess/private", 0, 0);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr_unmatched ("*warning*");
}

#define ADD(name, function)                                                                        \
  g_test_add ("/cli-passphrase/" name, KeyFixture, NULL, key_fixture_set_up, function,             \
              key_fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  umask (077);
  ADD ("a-file-has-it-in-its-first-line", test_a_file_has_it_in_its_first_line);
  g_test_add_func ("/cli-passphrase/a-variable-has-it-until-it-is-forgotten",
                   test_a_variable_has_it_until_it_is_forgotten);
  g_test_add_func ("/cli-passphrase/what-is-hidden-is-not-forked",
                   test_what_is_hidden_is_not_forked);
  g_test_add_func ("/cli-passphrase/nobody-is-asked-without-a-terminal",
                   test_nobody_is_asked_without_a_terminal);
  ADD ("a-key-is-loaded-with-its-passphrase", test_a_key_is_loaded_with_its_passphrase);
  ADD ("a-variable-that-was-not-needed-is-forgotten",
       test_a_variable_that_was_not_needed_is_forgotten);
  g_test_add_func ("/cli-passphrase/a-key-of-a-provider-is-loaded-with-its-pin",
                   test_a_key_of_a_provider_is_loaded_with_its_pin);
  g_test_add_func ("/cli-passphrase/command-lines-that-make-no-sense",
                   test_command_lines_that_make_no_sense);
  g_test_add_func ("/cli-passphrase/an-exposed-key-is-warned-of", test_an_exposed_key_is_warned_of);
  g_test_add ("/cli-passphrase/subprocess/exposed", KeyFixture, GUINT_TO_POINTER (0640),
              key_fixture_set_up, load_with_mode, key_fixture_tear_down);
  g_test_add ("/cli-passphrase/subprocess/private", KeyFixture, GUINT_TO_POINTER (0600),
              key_fixture_set_up, load_with_mode, key_fixture_tear_down);
  return g_test_run ();
}
