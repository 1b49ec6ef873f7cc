// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Keys in a provider, of which tests/signing-provider.c is one. */
#include "key-fixture.h"

#define PIN "271828"

static char *provider; /* the path of its module */

typedef struct {
  const char *pin; /* NULL: has none */
  guint times;
} Asked;

static char *
answer (const char *what, gpointer data, GError **error)
{
  Asked *asked = data;

  g_assert_true (g_str_has_prefix (what, "vttest:pin-"));
  asked->times++;
  if (asked->pin == NULL)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "nobody is there");
  return g_strdup (asked->pin);
}

static VtPrivateKey *
load (const char *uri, Asked *asked, GError **error)
{
  const char *const providers[] = {provider, NULL};
  const VtKeySource source = {
      .providers = providers, .ask = asked != NULL ? answer : NULL, .ask_data = asked};

  return vt_private_key_load (uri, &source, error);
}

static void
assert_fails (const char *uri, Asked *asked, VtKeyError code, const char *text)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (load (uri, asked, &error));
  g_assert_error (error, VT_KEY_ERROR, (int)code);
  g_assert_nonnull (strstr (error->message, text));
}

static VtPrivateKey *
load_well (const char *uri, Asked *asked)
{
  g_autoptr (GError) error = NULL;
  VtPrivateKey *key = load (uri, asked, &error);

  g_assert_no_error (error);
  return key;
}

/* The key of a name has the name's SHA-256 as its seed: openssl(1) can make the same. */
static void
test_a_key_of_a_provider_signs (KeyFixture *fixture, gconstpointer data)
{
  g_autoptr (VtPrivateKey) key = load_well ("vttest:alice", NULL);
  g_autoptr (VtPrivateKey) same = NULL;
  g_autoptr (GBytes) text = bytes_of ("text");
  g_autoptr (GBytes) signature = NULL;
  g_autoptr (GBytes) same_signature = NULL;
  g_autoptr (GError) error = NULL;

  run_script (fixture->dir,
              "{ printf '\\060\\056\\002\\001\\000\\060\\005\\006\\003\\053\\145\\160\\004\\042"
              "\\004\\040'; printf alice | openssl sha256 -binary; } >alice.der\n"
              "openssl pkey -inform DER -in alice.der -out alice.key");
  same = load_private (fixture, "alice.key", NULL);
  g_assert_cmpstr (vt_public_key_get_id (vt_private_key_get_public (key)), ==,
                   vt_public_key_get_id (vt_private_key_get_public (same)));
  signature = vt_private_key_sign (key, text, &error);
  g_assert_no_error (error);
  same_signature = vt_private_key_sign (same, text, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (signature, same_signature));
  g_assert_false (vt_private_key_is_exposed (key));
}

static void
test_keys_do_not_leave_the_provider (KeyFixture *fixture, gconstpointer data)
{
  g_autoptr (VtPrivateKey) key = load_well ("vttest:alice", NULL);
  g_autofree char *file = file_of (fixture, "stolen.key");
  g_autoptr (GError) error = NULL;

  g_assert_false (vt_private_key_write (key, file, NULL, &error));
  g_assert_error (error, VT_KEY_ERROR, VT_KEY_ERROR_FAILED);
  g_assert_false (g_file_test (file, G_FILE_TEST_EXISTS));
}

/* Each key has its provider for itself; one may go before the other. */
static void
test_keys_have_their_own_providers (void)
{
  g_autoptr (VtPrivateKey) alice = load_well ("vttest:alice", NULL);
  VtPrivateKey *bob = load_well ("vttest:bob", NULL);
  g_autoptr (GBytes) text = bytes_of ("text");
  g_autoptr (GBytes) signature = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (vt_public_key_get_id (vt_private_key_get_public (alice)), !=,
                   vt_public_key_get_id (vt_private_key_get_public (bob)));
  vt_private_key_free (bob);
  signature = vt_private_key_sign (alice, text, &error);
  g_assert_no_error (error);
  g_assert_true (vt_public_key_verify (vt_private_key_get_public (alice), text, signature));
}

static void
test_a_pin_is_asked_for_once (void)
{
  Asked asked = {.pin = PIN};
  Asked wrong = {.pin = "314159"};
  Asked nobody = {0};
  g_autoptr (VtPrivateKey) key = load_well ("vttest:pin-alice", &asked);
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (asked.times, ==, 1);
  /* A token locks itself after a few. */
  assert_fails ("vttest:pin-alice", &wrong, VT_KEY_ERROR_PASSPHRASE, "PIN is wrong");
  g_assert_cmpuint (wrong.times, ==, 1);
  assert_fails ("vttest:pin-alice", NULL, VT_KEY_ERROR_PASSPHRASE, "none was given");
  g_assert_null (load ("vttest:pin-alice", &nobody, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_one_key_must_be_there (void)
{
  assert_fails ("vttest:none", NULL, VT_KEY_ERROR_NOT_FOUND, "vttest:none");
  assert_fails ("vttest:two", NULL, VT_KEY_ERROR_BAD, "2 private keys");
}

static void
test_a_broken_token_signs_nothing (void)
{
  g_autoptr (VtPrivateKey) key = load_well ("vttest:broken", NULL);
  g_autoptr (GBytes) text = bytes_of ("text");
  g_autoptr (GError) error = NULL;

  g_assert_null (vt_private_key_sign (key, text, &error));
  g_assert_error (error, VT_KEY_ERROR, VT_KEY_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "does not match"));
}

static void
test_providers_must_be_there (void)
{
  const char *const missing[] = {"no-such-provider", NULL};
  const VtKeySource source = {.providers = missing};
  g_autoptr (GError) error = NULL;

  g_assert_null (vt_private_key_load ("vttest:alice", &source, &error));
  g_assert_error (error, VT_KEY_ERROR, VT_KEY_ERROR_PROVIDER);
  g_assert_nonnull (strstr (error->message, "no-such-provider.so"));
  g_clear_error (&error);
  /* Nobody knows the scheme. */
  g_assert_null (vt_private_key_load ("vttest:alice", NULL, &error));
  g_assert_error (error, VT_KEY_ERROR, VT_KEY_ERROR_PROVIDER);
  assert_fails ("file:/no/such/file", NULL, VT_KEY_ERROR_NOT_FOUND, "/no/such/file");
}

/* OpenSSL would take the file. */
static void
test_a_file_does_not_stand_for_a_uri (KeyFixture *fixture, gconstpointer data)
{
  g_autofree char *present = g_get_current_dir ();

  write_text (fixture, "vttest:alice", KNOWN_KEY_PEM, -1);
  g_assert_cmpint (chdir (fixture->dir), ==, 0);
  assert_fails ("vttest:alice", NULL, VT_KEY_ERROR_BAD, "there is a file");
  g_assert_cmpint (chdir (present), ==, 0);
}

static void
test_a_pin_in_a_uri_is_not_told (void)
{
  static const char *const uris[] = {"vttest:none?pin-value=1234", "vttest:two?pin-value=1234",
                                     "vttest:pin-x?pin-value=1234", "other:x?pin-value=1234"};

  for (guint i = 0; i < G_N_ELEMENTS (uris); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (load (uris[i], NULL, &error));
    g_assert_null (strstr (error->message, "1234"));
  }
}

int
main (int argc, char **argv)
{
  g_autofree char *built = NULL;
  int result;

  g_test_init (&argc, &argv, NULL);
  built = g_test_build_filename (G_TEST_BUILT, "signing-provider.so", NULL);
  provider = g_canonicalize_filename (built, NULL);
  g_test_add ("/key-store/a-key-of-a-provider-signs", KeyFixture, NULL, key_fixture_set_up,
              test_a_key_of_a_provider_signs, key_fixture_tear_down);
  g_test_add ("/key-store/keys-do-not-leave-the-provider", KeyFixture, NULL, key_fixture_set_up,
              test_keys_do_not_leave_the_provider, key_fixture_tear_down);
  g_test_add_func ("/key-store/keys-have-their-own-providers", test_keys_have_their_own_providers);
  g_test_add_func ("/key-store/a-pin-is-asked-for-once", test_a_pin_is_asked_for_once);
  g_test_add_func ("/key-store/one-key-must-be-there", test_one_key_must_be_there);
  g_test_add_func ("/key-store/a-broken-token-signs-nothing", test_a_broken_token_signs_nothing);
  g_test_add_func ("/key-store/providers-must-be-there", test_providers_must_be_there);
  g_test_add ("/key-store/a-file-does-not-stand-for-a-uri", KeyFixture, NULL, key_fixture_set_up,
              test_a_file_does_not_stand_for_a_uri, key_fixture_tear_down);
  g_test_add_func ("/key-store/a-pin-in-a-uri-is-not-told", test_a_pin_in_a_uri_is_not_told);
  result = g_test_run ();
  g_free (provider);
  return result;
}
