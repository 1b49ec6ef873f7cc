// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <string.h>

#include "scand-state-fixture.h"
#include "vt-secret.h"

/* Two processes that want the same token. */
#define RACES 20

/* How a process of a race ends. */
enum { WON, REFUSED, FAILED };

static char *
add_token (VtScandState *state, const VtScandTokenWish *wish, char **id)
{
  g_autoptr (GError) error = NULL;
  char *token = vt_scand_state_add_token (state, wish, NOW, id, &error);

  g_assert_no_error (error);
  g_assert_nonnull (token);
  return token;
}

static void
use_token (VtScandState *state, const char *token, gint64 now, const char *expected_group)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *group = NULL;

  g_assert_true (vt_scand_state_use_token (state, token, now, &group, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (group, ==, expected_group);
}

static void
assert_refused (VtScandState *state, const char *token, gint64 now)
{
  g_autoptr (GError) error = NULL;
  char *group = NULL;

  g_assert_false (vt_scand_state_use_token (state, token, now, &group, &error));
  g_assert_error (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_REFUSED);
  g_assert_cmpstr (error->message, ==, "the join token is not valid");
  g_assert_null (group);
}

static GPtrArray *
list_tokens (VtScandState *state)
{
  g_autoptr (GError) error = NULL;
  GPtrArray *tokens = vt_scand_state_list_tokens (state, &error);

  g_assert_no_error (error);
  return tokens;
}

static void
test_looks_like_one (StateFixture *fixture, gconstpointer data)
{
  const VtScandTokenWish wish = {.group = "web", .uses = 3, .expires = NOW + 10};
  g_autoptr (VtScandState) state = open_state (fixture);
  g_autofree char *id = NULL;
  vt_autosecret *token = add_token (state, &wish, &id);
  vt_autosecret *another = add_token (state, &wish, NULL);
  g_autofree char *pattern = g_strdup_printf ("^vtjoin-%s-[A-Za-z0-9_-]{43}$", id);
  g_autoptr (GPtrArray) tokens = list_tokens (state);
  const VtScandToken *first = g_ptr_array_index (tokens, 0);

  g_assert_true (g_regex_match_simple ("^[0-9a-f]{8}$", id, 0, 0));
  g_assert_true (g_regex_match_simple (pattern, token, 0, 0));
  g_assert_cmpstr (token, !=, another);
  g_assert_cmpuint (tokens->len, ==, 2);
  g_assert_cmpstr (first->id, ==, id);
  g_assert_cmpstr (first->group, ==, "web");
  g_assert_cmpuint (first->uses, ==, 3);
  g_assert_cmpuint (first->used, ==, 0);
  g_assert_cmpint (first->made, ==, NOW);
  g_assert_cmpint (first->expires, ==, NOW + 10);
}

/* Whoever reads the state cannot join with what is in there. */
static void
test_text_is_not_kept (StateFixture *fixture, gconstpointer data)
{
  static const char *const suffixes[] = {"", "-wal"};
  const VtScandTokenWish wish = {.uses = 1, .expires = NOW + 10};
  g_autoptr (VtScandState) state = open_state (fixture);
  g_autofree char *id = NULL;
  vt_autosecret *token = add_token (state, &wish, &id);
  const char *secret = token + strlen ("vtjoin-12345678-");
  gboolean id_found = FALSE;

  for (gsize i = 0; i < G_N_ELEMENTS (suffixes); i++) {
    g_autofree char *file = g_strconcat (fixture->path, suffixes[i], NULL);
    g_autofree char *bytes = NULL;
    gsize size;

    g_assert_true (g_file_get_contents (file, &bytes, &size, NULL));
    g_assert_null (memmem (bytes, size, secret, strlen (secret)));
    id_found |= memmem (bytes, size, id, strlen (id)) != NULL;
  }
  g_assert_true (id_found);
}

static void
test_one_use (StateFixture *fixture, gconstpointer data)
{
  const VtScandTokenWish wish = {.group = "web", .uses = 1, .expires = NOW + 10};
  g_autoptr (VtScandState) state = open_state (fixture);
  vt_autosecret *token = add_token (state, &wish, NULL);

  use_token (state, token, NOW, "web");
  assert_refused (state, token, NOW);
  g_clear_pointer (&state, vt_scand_state_free);
  state = open_state (fixture);
  assert_refused (state, token, NOW);
}

static void
test_many_uses (StateFixture *fixture, gconstpointer data)
{
  const VtScandTokenWish three = {.uses = 3, .expires = NOW + 10};
  const VtScandTokenWish any = {.uses = 0, .expires = NOW + 10};
  g_autoptr (VtScandState) state = open_state (fixture);
  vt_autosecret *token = add_token (state, &three, NULL);
  vt_autosecret *other = add_token (state, &any, NULL);
  g_autoptr (GPtrArray) tokens = NULL;

  for (guint i = 0; i < 3; i++)
    use_token (state, token, NOW, "");
  assert_refused (state, token, NOW);
  for (guint i = 0; i < 20; i++)
    use_token (state, other, NOW, "");
  tokens = list_tokens (state);
  g_assert_cmpuint (((const VtScandToken *)g_ptr_array_index (tokens, 0))->used, ==, 3);
  g_assert_cmpuint (((const VtScandToken *)g_ptr_array_index (tokens, 1))->used, ==, 20);
}

static void
test_expiry (StateFixture *fixture, gconstpointer data)
{
  const VtScandTokenWish wish = {.uses = 0, .expires = NOW + 10};
  const VtScandTokenWish later = {.uses = 0, .expires = NOW + 100};
  g_autoptr (VtScandState) state = open_state (fixture);
  vt_autosecret *token = add_token (state, &wish, NULL);
  vt_autosecret *other = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) tokens = NULL;

  use_token (state, token, NOW + 9, "");
  assert_refused (state, token, NOW + 10);
  assert_refused (state, token, NOW + 1000);
  /* Those that have expired go. */
  other = vt_scand_state_add_token (state, &later, NOW + 10, NULL, &error);
  g_assert_no_error (error);
  tokens = list_tokens (state);
  g_assert_cmpuint (tokens->len, ==, 1);
  use_token (state, other, NOW + 10, "");
}

static void
test_withdrawn (StateFixture *fixture, gconstpointer data)
{
  const VtScandTokenWish wish = {.uses = 0, .expires = NOW + 10};
  g_autoptr (VtScandState) state = open_state (fixture);
  g_autoptr (GError) error = NULL;
  g_autofree char *id = NULL;
  vt_autosecret *token = add_token (state, &wish, &id);

  g_assert_true (vt_scand_state_remove_token (state, id, &error));
  g_assert_no_error (error);
  assert_refused (state, token, NOW);
  g_assert_false (vt_scand_state_remove_token (state, id, &error));
  g_assert_error (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_NOT_FOUND);
}

/* With each character of it changed in turn, and other things. */
static void
test_almost_right (StateFixture *fixture, gconstpointer data)
{
  static const char *const bad[] = {"", "vtjoin-", "vtjoin-12345678-", "x"};
  const VtScandTokenWish wish = {.uses = 0, .expires = NOW + 10};
  g_autoptr (VtScandState) state = open_state (fixture);
  vt_autosecret *token = add_token (state, &wish, NULL);
  g_autofree char *longer = g_strconcat (token, "x", NULL);
  g_autofree char *line = g_strconcat (token, "\n", NULL);
  gsize length = strlen (token);

  for (gsize i = 0; i < length; i++) {
    g_autofree char *changed = g_strdup (token);

    changed[i] = changed[i] == 'a' ? 'b' : 'a';
    assert_refused (state, changed, NOW);
    changed[i] = '\0';
    assert_refused (state, changed, NOW);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_refused (state, bad[i], NOW);
  assert_refused (state, longer, NOW);
  assert_refused (state, line, NOW);
  use_token (state, token, NOW, "");
}

static void
test_senseless_wishes (StateFixture *fixture, gconstpointer data)
{
  const VtScandTokenWish wishes[] = {
      {.uses = 1, .expires = NOW},
      {.uses = 1, .expires = 0},
      {.uses = G_MAXUINT64, .expires = NOW + 10},
      {.group = "a b", .uses = 1, .expires = NOW + 10},
      {.group = "../x", .uses = 1, .expires = NOW + 10},
  };
  g_autoptr (VtScandState) state = open_state (fixture);
  g_autoptr (GPtrArray) tokens = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (wishes); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (vt_scand_state_add_token (state, &wishes[i], NOW, NULL, &error));
    g_assert_error (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_INVALID);
  }
  tokens = list_tokens (state);
  g_assert_cmpuint (tokens->len, ==, 0);
}

/* Opens the state, waits for the others, and goes. */
static void G_GNUC_NORETURN
race (const StateFixture *fixture, const char *token, int start)
{
  g_autoptr (VtScandState) state = vt_scand_state_open (fixture->path, NULL);
  g_autoptr (GError) error = NULL;
  char *group = NULL;
  char byte;

  if (state == NULL || read (start, &byte, 1) != 0)
    _exit (FAILED);
  if (vt_scand_state_use_token (state, token, NOW, &group, &error))
    _exit (WON);
  _exit (g_error_matches (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_REFUSED) ? REFUSED
                                                                                     : FAILED);
}

/* How many of two processes get to use TOKEN. */
static guint
count_winners (const StateFixture *fixture, const char *token)
{
  pid_t children[2];
  guint winners = 0;
  int start[2];

  g_assert_cmpint (pipe (start), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (children); i++) {
    children[i] = fork ();
    g_assert_cmpint (children[i], >=, 0);
    if (children[i] == 0) {
      close (start[1]);
      race (fixture, token, start[0]);
    }
  }
  g_usleep (5000);
  close (start[0]);
  close (start[1]);
  for (guint i = 0; i < G_N_ELEMENTS (children); i++) {
    int status = wait_for (children[i]);

    g_assert_cmpint (status, !=, FAILED);
    winners += status == WON;
  }
  return winners;
}

static void
test_one_of_two_wins (StateFixture *fixture, gconstpointer data)
{
  const VtScandTokenWish wish = {.uses = 1, .expires = NOW + 10};

  for (guint i = 0; i < RACES; i++) {
    g_autoptr (VtScandState) state = open_state (fixture);
    vt_autosecret *token = add_token (state, &wish, NULL);

    g_clear_pointer (&state, vt_scand_state_free);
    g_assert_cmpuint (count_winners (fixture, token), ==, 1);
  }
}

#define ADD_TEST(name, func)                                                                       \
  g_test_add ("/scand-tokens/" name, StateFixture, NULL, state_set_up, func, state_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD_TEST ("looks-like-one", test_looks_like_one);
  ADD_TEST ("text-is-not-kept", test_text_is_not_kept);
  ADD_TEST ("one-use", test_one_use);
  ADD_TEST ("many-uses", test_many_uses);
  ADD_TEST ("expiry", test_expiry);
  ADD_TEST ("withdrawn", test_withdrawn);
  ADD_TEST ("almost-right", test_almost_right);
  ADD_TEST ("senseless-wishes", test_senseless_wishes);
  ADD_TEST ("one-of-two-wins", test_one_of_two_wins);
  return g_test_run ();
}
