// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* The verbs as an operator types them, each in a process of its own. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "scand-state-fixture.h"
#include "vt-fd.h"
#include "vt-scand-ca.h"
#include "vt-scand-verbs.h"

/* Words of a command line. */
#define WORDS_MAX 24

typedef struct {
  StateFixture base;
  char *output; /* of the last one: standard output, standard error */
  char *messages;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  state_set_up (&fixture->base, NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_free (fixture->output);
  g_free (fixture->messages);
  state_tear_down (&fixture->base, NULL);
}

static void
redirect (const char *name, int to)
{
  vt_autofd fd = open (name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

  if (fd < 0 || dup2 (fd, to) < 0)
    _exit (99);
}

/* In the fixture's directory. */
static void G_GNUC_NORETURN
run_verb (Fixture *fixture, int argc, char **argv)
{
  int (*verb) (int, char **) = g_str_equal (argv[0], "ca") ? vt_scand_verb_ca : vt_scand_verb_token;

  if (chdir (fixture->base.dir) != 0)
    _exit (99);
  redirect ("output", STDOUT_FILENO);
  redirect ("messages", STDERR_FILENO);
  exit (verb (argc, argv));
}

static char *
take_file (Fixture *fixture, const char *name)
{
  g_autofree char *path = g_build_filename (fixture->base.dir, name, NULL);
  char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return text;
}

/* Runs LINE, words between spaces, with what follows for %s. What it exits with. */
static int G_GNUC_PRINTF (2, 3) run (Fixture *fixture, const char *format, ...)
{
  g_autofree char *line = NULL;
  g_auto (GStrv) words = NULL;
  char *argv[WORDS_MAX + 1] = {NULL};
  va_list arguments;
  int argc = 0;
  pid_t child;
  int status;

  va_start (arguments, format);
  line = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  words = g_strsplit (line, " ", WORDS_MAX);
  for (; words[argc] != NULL; argc++)
    argv[argc] = words[argc];
  fflush (stdout);
  child = fork ();
  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    run_verb (fixture, argc, argv);
  status = wait_for (child);
  g_free (fixture->output);
  g_free (fixture->messages);
  fixture->output = take_file (fixture, "output");
  fixture->messages = take_file (fixture, "messages");
  g_test_message ("vt-scand %s: %d\n%s%s", line, status, fixture->output, fixture->messages);
  return status;
}

/* LINE fails, and says TEXT, and nothing else anywhere. */
#define assert_fails(fixture, text, ...)                                                           \
  G_STMT_START                                                                                     \
  {                                                                                                \
    g_assert_cmpint (run (fixture, __VA_ARGS__), ==, 2);                                           \
    g_assert_cmpstr ((fixture)->output, ==, "");                                                   \
    g_assert_true (g_str_has_prefix ((fixture)->messages, "vt-scand: "));                          \
    g_assert_nonnull (strstr ((fixture)->messages, text));                                         \
  }                                                                                                \
  G_STMT_END

static gboolean
has_mode (Fixture *fixture, const char *name, guint mode)
{
  g_autofree char *path = g_build_filename (fixture->base.dir, name, NULL);
  struct stat status;

  return lstat (path, &status) == 0 && (status.st_mode & 07777) == mode;
}

static void
test_authority_from_first_to_last (Fixture *fixture, gconstpointer data)
{
  g_assert_cmpint (run (fixture, "ca init --state-dir s/t --name here --days 30"), ==, 0);
  g_assert_nonnull (strstr (fixture->output, "s/t/ca/authority.pem"));
  assert_fails (fixture, "is there already", "ca init --state-dir s/t");
  g_assert_cmpint (run (fixture, "ca issue scand --service --address scand.example --address "
                                 "192.0.2.7 --state-dir s/t"),
                   ==, 0);
  g_assert_true (has_mode (fixture, "scand.key", 0600));
  g_assert_cmpint (run (fixture, "ca issue clone --group web --out s --state-dir s/t"), ==, 0);
  g_assert_true (has_mode (fixture, "s/clone.key", 0600));
  assert_fails (fixture, "revoke it first", "ca issue clone --state-dir s/t");
  g_assert_cmpint (run (fixture, "ca revoke clone --state-dir s/t"), ==, 0);
  assert_fails (fixture, "no certificate", "ca revoke clone --state-dir s/t");
  g_assert_cmpint (run (fixture, "ca revoke --serial AB:CD --state-dir s/t"), ==, 0);
  g_assert_cmpint (run (fixture, "ca list --state-dir s/t"), ==, 0);
  g_assert_true (g_regex_match_simple ("\n[0-9a-f]+ .* valid +scand  -\n"
                                       "[0-9a-f]+ .* revoked +clone  web\n"
                                       "abcd .* revoked  -  -\n$",
                                       fixture->output, 0, 0));
}

static void
test_wrong_lines_of_ca (Fixture *fixture, gconstpointer data)
{
  g_assert_cmpint (run (fixture, "ca"), ==, 2);
  g_assert_nonnull (strstr (fixture->messages, "Usage: vt-scand ca"));
  assert_fails (fixture, "no action 'x'", "ca x");
  assert_fails (fixture, "1 arguments", "ca init more --state-dir s");
  assert_fails (fixture, "--days: '0'", "ca init --days 0 --state-dir s");
  assert_fails (fixture, "--days: '36501'", "ca init --days 36501 --state-dir s");
  assert_fails (fixture, "0 arguments", "ca issue --state-dir s");
  assert_fails (fixture, "--address", "ca issue a --service --state-dir s");
  assert_fails (fixture, "--service", "ca issue a --address b --state-dir s");
  assert_fails (fixture, "--group", "ca issue a --service --address b --group g --state-dir s");
  assert_fails (fixture, "there is no authority", "ca issue a --state-dir s");
  assert_fails (fixture, "either NAME", "ca revoke --state-dir s");
  assert_fails (fixture, "either NAME", "ca revoke a --serial 01 --state-dir s");
  assert_fails (fixture, "No such file", "ca list --state-dir s");
  assert_fails (fixture, "--unknown", "ca list --unknown --state-dir s");
}

/* Nothing that somebody else has named reaches the terminal as it is. */
static void
test_messages_are_escaped (Fixture *fixture, gconstpointer data)
{
  assert_fails (fixture, "'\\033[2J'", "ca \033[2J");
  assert_fails (fixture, "\\033[2J", "token remove \033[2J --state-dir .");
  g_assert_null (strchr (fixture->messages, '\033'));
}

static void
test_help (Fixture *fixture, gconstpointer data)
{
  static const char *const lines[] = {
      "ca --help",        "ca init --help",    "ca issue --help",
      "ca revoke --help", "ca list --help",    "token --help",
      "token new --help", "token list --help", "token remove --help",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (lines); i++) {
    g_assert_cmpint (run (fixture, "%s", lines[i]), ==, 0);
    g_assert_nonnull (strstr (fixture->output, "Usage:"));
    g_assert_nonnull (strstr (fixture->output, "vt-scand"));
    g_assert_cmpstr (fixture->messages, ==, "");
  }
}

static void
assert_token (Fixture *fixture, const char *token, gboolean expected)
{
  g_autoptr (VtScandState) state = open_state (&fixture->base);
  g_autoptr (GError) error = NULL;
  g_autofree char *group = NULL;
  g_autofree char *text = g_strstrip (g_strdup (token));

  g_assert_cmpint (
      vt_scand_state_use_token (state, text, g_get_real_time () / G_USEC_PER_SEC, &group, &error),
      ==, expected);
  if (expected)
    g_assert_no_error (error);
  else
    g_assert_error (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_REFUSED);
}

static void
test_token_from_first_to_last (Fixture *fixture, gconstpointer data)
{
  g_autofree char *token = NULL;
  g_autofree char *id = NULL;

  g_assert_cmpint (run (fixture, "token new --uses 2 --expires 7d --group web --state-dir ."), ==,
                   0);
  g_assert_true (g_regex_match_simple ("^vtjoin-[^\n]*\n$", fixture->output, 0, 0));
  token = g_strdup (fixture->output);
  id = g_strndup (token + strlen ("vtjoin-"), VT_SCAND_TOKEN_ID_LENGTH);
  assert_token (fixture, token, TRUE);
  g_assert_cmpint (run (fixture, "token list --state-dir ."), ==, 0);
  g_assert_true (
      g_regex_match_simple ("\n[0-9a-f]{8} .* valid +1 +2  web\n$", fixture->output, 0, 0));
  g_assert_null (strstr (fixture->output, token + strlen ("vtjoin-12345678-")));
  g_assert_cmpint (run (fixture, "token remove %s --state-dir .", id), ==, 0);
  assert_token (fixture, token, FALSE);
  assert_fails (fixture, "no such join token", "token remove %s --state-dir .", id);
}

/* By default it is of one use. */
static void
test_token_in_a_file (Fixture *fixture, gconstpointer data)
{
  g_autofree char *token = NULL;

  g_assert_cmpint (run (fixture, "token new --out t --state-dir ."), ==, 0);
  g_assert_true (has_mode (fixture, "t", 0600));
  token = take_file (fixture, "t");
  g_assert_null (strstr (fixture->output, token + strlen ("vtjoin-12345678-")));
  assert_token (fixture, token, TRUE);
  assert_token (fixture, token, FALSE);
  assert_fails (fixture, "is there already", "token new --out t --state-dir .");
  assert_fails (fixture, "nowhere", "token new --out nowhere/t --state-dir .");
  g_assert_cmpint (run (fixture, "token list --state-dir ."), ==, 0);
  g_assert_true (
      g_regex_match_simple ("GROUP\n[0-9a-f]{8} .* used up +1 +1  -\n$", fixture->output, 0, 0));
}

static void
test_wrong_lines_of_token (Fixture *fixture, gconstpointer data)
{
  static const char *const times[] = {"", "0", "-1", "1y", "3651d", "99999999999999999999d"};

  for (gsize i = 0; i < G_N_ELEMENTS (times); i++)
    assert_fails (fixture, "--expires", "token new --expires=%s --state-dir .", times[i]);
  assert_fails (fixture, "--uses", "token new --uses many --state-dir .");
  assert_fails (fixture, "is no group", "token new --group a/b --state-dir .");
  assert_fails (fixture, "No such file", "token new --state-dir s");
  assert_fails (fixture, "0 arguments", "token remove --state-dir .");
}

#define ADD_TEST(name, func)                                                                       \
  g_test_add ("/scand-verbs/" name, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD_TEST ("authority-from-first-to-last", test_authority_from_first_to_last);
  ADD_TEST ("wrong-lines-of-ca", test_wrong_lines_of_ca);
  ADD_TEST ("messages-are-escaped", test_messages_are_escaped);
  ADD_TEST ("help", test_help);
  ADD_TEST ("token-from-first-to-last", test_token_from_first_to_last);
  ADD_TEST ("token-in-a-file", test_token_in_a_file);
  ADD_TEST ("wrong-lines-of-token", test_wrong_lines_of_token);
  return g_test_run ();
}
