// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <sys/stat.h>

#include "key-fixture.h"

#define KNOWN_PUBLIC_PEM                                                                           \
  "-----BEGIN PUBLIC KEY-----\n"                                                                   \
  "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"                                 \
  "-----END PUBLIC KEY-----\n"

/* One who is asked for a passphrase. */
typedef struct {
  const char *answer; /* NULL: has none */
  guint times;
  char *what;
} Asked;

static char *
answer (const char *what, gpointer data, GError **error)
{
  Asked *asked = data;

  asked->times++;
  g_free (asked->what);
  asked->what = g_strdup (what);
  if (asked->answer == NULL)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "nobody is there");
  return g_strdup (asked->answer);
}

static void
assert_private_fails (const KeyFixture *fixture,
                      const char *name,
                      const VtKeySource *source,
                      VtKeyError code,
                      const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *file = file_of (fixture, name);

  g_assert_null (vt_private_key_load (file, source, &error));
  g_assert_error (error, VT_KEY_ERROR, (int)code);
  g_assert_nonnull (strstr (error->message, text));
}

static void
assert_public_fails (const KeyFixture *fixture, const char *name, VtKeyError code, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *file = file_of (fixture, name);

  g_assert_null (vt_public_key_load (file, &error));
  g_assert_error (error, VT_KEY_ERROR, (int)code);
  g_assert_nonnull (strstr (error->message, text));
}

static GBytes *
sign (const VtPrivateKey *key, GBytes *data)
{
  g_autoptr (GError) error = NULL;
  GBytes *signature = vt_private_key_sign (key, data, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (signature), ==, VT_KEY_SIGNATURE_SIZE);
  return signature;
}

static void
assert_same_key (const VtPublicKey *a, const VtPublicKey *b)
{
  g_assert_cmpstr (vt_public_key_get_id (a), ==, vt_public_key_get_id (b));
}

/* The first test of RFC 8032, 7.1, which signs nothing at all, and a key id by openssl(1). */
static void
test_a_known_key_signs_as_the_rfc_has_it (KeyFixture *fixture, gconstpointer data)
{
  static const char expected[] = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
                                 "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
  g_autoptr (VtPrivateKey) key = make_known_key (fixture);
  g_autoptr (GBytes) nothing = g_bytes_new (NULL, 0);
  g_autoptr (GBytes) signature = sign (key, nothing);
  g_autoptr (GString) hex = g_string_new (NULL);
  g_autoptr (VtPublicKey) public = NULL;
  const guint8 *bytes = g_bytes_get_data (signature, NULL);

  for (guint i = 0; i < VT_KEY_SIGNATURE_SIZE; i++)
    g_string_append_printf (hex, "%02x", bytes[i]);
  g_assert_cmpstr (hex->str, ==, expected);
  write_text (fixture, "known.pub", KNOWN_PUBLIC_PEM, -1);
  public = load_public (fixture, "known.pub");
  assert_same_key (public, vt_private_key_get_public (key));
  g_assert_true (vt_public_key_verify (public, nothing, signature));
  run_script (fixture->dir, "openssl pkey -pubin -in known.pub -outform DER | sha256sum | "
                            "cut -d' ' -f1 | tr -d '\\n' >id");
  {
    g_autoptr (GBytes) id = read_bytes (fixture, "id");

    g_assert_cmpmem (g_bytes_get_data (id, NULL), g_bytes_get_size (id),
                     vt_public_key_get_id (public), VT_KEY_ID_LENGTH);
  }
}

static void
test_only_the_right_signature_is_right (KeyFixture *fixture, gconstpointer data)
{
  g_autoptr (VtPrivateKey) key = make_key ();
  g_autoptr (VtPrivateKey) other = make_key ();
  const VtPublicKey *public = vt_private_key_get_public (key);
  g_autoptr (GBytes) text = bytes_of ("text");
  g_autoptr (GBytes) changed = bytes_of ("texu");
  g_autoptr (GBytes) signature = sign (key, text);
  g_autoptr (GBytes) others = sign (other, text);
  g_autoptr (GBytes) shorter = g_bytes_new_from_bytes (signature, 0, VT_KEY_SIGNATURE_SIZE - 1);
  g_autoptr (GBytes) empty = g_bytes_new (NULL, 0);
  g_autofree guint8 *damaged =
      g_memdup2 (g_bytes_get_data (signature, NULL), VT_KEY_SIGNATURE_SIZE);

  g_assert_true (vt_public_key_verify (public, text, signature));
  g_assert_false (vt_public_key_verify (public, changed, signature));
  g_assert_false (vt_public_key_verify (public, text, others));
  g_assert_false (vt_public_key_verify (public, text, shorter));
  g_assert_false (vt_public_key_verify (public, text, empty));
  for (guint i = 0; i < VT_KEY_SIGNATURE_SIZE; i++) {
    g_autoptr (GBytes) bytes = NULL;

    damaged[i] ^= 0x10;
    bytes = g_bytes_new (damaged, VT_KEY_SIGNATURE_SIZE);
    g_assert_false (vt_public_key_verify (public, text, bytes));
    damaged[i] ^= 0x10;
  }
  g_assert_cmpstr (vt_public_key_get_id (public), !=,
                   vt_public_key_get_id (vt_private_key_get_public (other)));
}

static void
assert_mode (const char *file, mode_t mode)
{
  struct stat status;

  g_assert_cmpint (stat (file, &status), ==, 0);
  g_assert_cmpuint (status.st_mode & 07777, ==, mode);
}

static void
write_pair (const KeyFixture *fixture, const VtPrivateKey *key, const char *passphrase)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *private = file_of (fixture, "our.key");
  g_autofree char *public = file_of (fixture, "our.pub");
  gboolean written = vt_private_key_write (key, private, passphrase, &error);

  g_assert_no_error (error);
  g_assert_true (written);
  written = vt_public_key_write (vt_private_key_get_public (key), public, &error);
  g_assert_no_error (error);
  g_assert_true (written);
  assert_mode (private, 0600);
  assert_mode (public, 0644);
}

static void
test_openssl_reads_what_is_written (KeyFixture *fixture, gconstpointer data)
{
  g_autoptr (VtPrivateKey) key = make_key ();
  g_autoptr (VtPrivateKey) again = NULL;
  g_autoptr (VtPublicKey) public = NULL;

  write_pair (fixture, key, NULL);
  again = load_private (fixture, "our.key", NULL);
  public = load_public (fixture, "our.pub");
  assert_same_key (vt_private_key_get_public (again), vt_private_key_get_public (key));
  assert_same_key (public, vt_private_key_get_public (key));
  g_assert_false (vt_private_key_is_exposed (again));
  run_script (fixture->dir, "openssl pkey -in our.key -pubout | cmp - our.pub");
}

static void
test_a_passphrase_encrypts (KeyFixture *fixture, gconstpointer data)
{
  g_autoptr (VtPrivateKey) key = make_key ();
  g_autoptr (VtPrivateKey) again = NULL;
  Asked asked = {.answer = "correct horse"};
  Asked wrong = {.answer = "correct hose"};
  Asked nobody = {0};
  const VtKeySource source = {.ask = answer, .ask_data = &asked};
  const VtKeySource wrong_source = {.ask = answer, .ask_data = &wrong};
  const VtKeySource nobody_source = {.ask = answer, .ask_data = &nobody};
  g_autofree char *file = file_of (fixture, "our.key");
  g_autoptr (GError) error = NULL;

  write_pair (fixture, key, "correct horse");
  again = load_private (fixture, "our.key", &source);
  assert_same_key (vt_private_key_get_public (again), vt_private_key_get_public (key));
  g_assert_cmpuint (asked.times, ==, 1);
  g_assert_cmpstr (asked.what, ==, file);
  run_script (fixture->dir, "openssl pkey -passin 'pass:correct horse' -in our.key -pubout | "
                            "cmp - our.pub\n"
                            "openssl asn1parse -in our.key >form\n"
                            "grep -q ':PBES2$' form; grep -q ':scrypt$' form\n"
                            "grep -q ':aes-256-cbc$' form; grep -q ':4000$' form\n"
                            "! openssl pkey -passin pass:other -in our.key -out none 2>errors");
  assert_private_fails (fixture, "our.key", &wrong_source, VT_KEY_ERROR_PASSPHRASE, "wrong");
  g_assert_cmpuint (wrong.times, ==, 1);
  assert_private_fails (fixture, "our.key", NULL, VT_KEY_ERROR_PASSPHRASE, "none was given");
  g_assert_null (vt_private_key_load (file, &nobody_source, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_free (asked.what);
  g_free (wrong.what);
  g_free (nobody.what);
}

static void
test_passphrases_have_a_length (KeyFixture *fixture, gconstpointer data)
{
  g_autoptr (VtPrivateKey) key = make_key ();
  g_autofree char *file = file_of (fixture, "long.key");
  g_autofree char *longest = g_strnfill (VT_KEY_PASSPHRASE_MAX, 'x');
  g_autofree char *longer = g_strnfill (VT_KEY_PASSPHRASE_MAX + 1, 'x');
  const char *const refused[] = {"", longer};
  Asked asked = {.answer = longest};
  Asked too_long = {.answer = longer};
  const VtKeySource source = {.ask = answer, .ask_data = &asked};
  const VtKeySource too_long_source = {.ask = answer, .ask_data = &too_long};
  g_autoptr (VtPrivateKey) again = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (refused); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (vt_private_key_write (key, file, refused[i], &error));
    g_assert_error (error, VT_KEY_ERROR, VT_KEY_ERROR_PASSPHRASE);
    g_assert_false (g_file_test (file, G_FILE_TEST_EXISTS));
  }
  g_assert_true (vt_private_key_write (key, file, longest, NULL));
  again = load_private (fixture, "long.key", &source);
  assert_private_fails (fixture, "long.key", &too_long_source, VT_KEY_ERROR_PASSPHRASE, "1001");
  g_free (asked.what);
  g_free (too_long.what);
}

static void
test_nothing_is_overwritten (KeyFixture *fixture, gconstpointer data)
{
  g_autoptr (VtPrivateKey) key = make_key ();
  const char *const names[] = {"there", "link", "dangling"};

  write_text (fixture, "there", "mine", -1);
  run_script (fixture->dir, "ln -s there link; ln -s nowhere dangling");
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *file = file_of (fixture, names[i]);
    g_autoptr (GError) error = NULL;

    g_assert_false (vt_private_key_write (key, file, NULL, &error));
    g_assert_error (error, VT_KEY_ERROR, VT_KEY_ERROR_EXISTS);
    g_clear_error (&error);
    g_assert_false (vt_public_key_write (vt_private_key_get_public (key), file, &error));
    g_assert_error (error, VT_KEY_ERROR, VT_KEY_ERROR_EXISTS);
  }
  run_script (fixture->dir, "test \"$(cat there)\" = mine; test ! -e nowhere; test -L link");
}

static void
test_what_cannot_be_written_is_no_file (KeyFixture *fixture, gconstpointer data)
{
  g_autoptr (VtPrivateKey) key = make_key ();
  g_autofree char *file = file_of (fixture, "no/such/directory");
  g_autoptr (GError) error = NULL;

  g_assert_false (vt_private_key_write (key, file, NULL, &error));
  g_assert_error (error, VT_KEY_ERROR, VT_KEY_ERROR_FAILED);
}

static void
test_keys_of_openssl_are_read (KeyFixture *fixture, gconstpointer data)
{
  g_autoptr (VtPrivateKey) plain = NULL;
  g_autoptr (VtPrivateKey) encrypted = NULL;
  g_autoptr (VtPrivateKey) by_uri = NULL;
  g_autoptr (VtPublicKey) public = NULL;
  g_autofree char *uri = g_strdup_printf ("file:%s/encrypted.key", fixture->dir);
  g_autoptr (GError) error = NULL;
  Asked asked = {.answer = "secret"};
  const VtKeySource source = {.ask = answer, .ask_data = &asked};

  run_script (fixture->dir,
              "openssl genpkey -algorithm ed25519 -out plain.key\n"
              "openssl pkey -in plain.key -pubout -out public.pub\n"
              "openssl pkcs8 -topk8 -in plain.key -passout pass:secret -out encrypted.key");
  plain = load_private (fixture, "plain.key", &source);
  g_assert_cmpuint (asked.times, ==, 0);
  encrypted = load_private (fixture, "encrypted.key", &source);
  g_assert_cmpuint (asked.times, ==, 1);
  public = load_public (fixture, "public.pub");
  assert_same_key (vt_private_key_get_public (plain), public);
  assert_same_key (vt_private_key_get_public (encrypted), public);
  by_uri = vt_private_key_load (uri, &source, &error);
  g_assert_no_error (error);
  assert_same_key (vt_private_key_get_public (by_uri), public);
  g_assert_cmpuint (asked.times, ==, 2);
  g_free (asked.what);
}

static void
test_the_wrong_half_is_told (KeyFixture *fixture, gconstpointer data)
{
  g_autoptr (VtPrivateKey) key = make_key ();

  write_pair (fixture, key, NULL);
  assert_public_fails (fixture, "our.key", VT_KEY_ERROR_BAD, "name the public one");
  assert_private_fails (fixture, "our.pub", NULL, VT_KEY_ERROR_BAD, "name the private one");
}

static void
test_other_algorithms_are_refused_by_name (KeyFixture *fixture, gconstpointer data)
{
  run_script (fixture->dir,
              "openssl genpkey -algorithm x25519 -out x.key\n"
              "openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out ec.key\n"
              "openssl pkey -in x.key -pubout -out x.pub\n"
              "openssl pkey -in ec.key -pubout -out ec.pub\n"
              "openssl ecparam -name prime256v1 -out parameters");
  assert_private_fails (fixture, "x.key", NULL, VT_KEY_ERROR_BAD, "X25519, not Ed25519");
  assert_public_fails (fixture, "x.pub", VT_KEY_ERROR_BAD, "X25519, not Ed25519");
  assert_private_fails (fixture, "ec.key", NULL, VT_KEY_ERROR_BAD, "EC, not Ed25519");
  assert_public_fails (fixture, "ec.pub", VT_KEY_ERROR_BAD, "EC, not Ed25519");
  assert_private_fails (fixture, "parameters", NULL, VT_KEY_ERROR_BAD, "'EC PARAMETERS'");
  assert_public_fails (fixture, "parameters", VT_KEY_ERROR_BAD, "'EC PARAMETERS'");
}

static void
test_what_is_no_key_is_refused (KeyFixture *fixture, gconstpointer data)
{
  static const char nul[] = KNOWN_PUBLIC_PEM "\0" KNOWN_PUBLIC_PEM;
  g_autofree char *large = g_strnfill (VT_KEY_FILE_MAX + 1, '\n');

  write_text (fixture, "text", "hello", -1);
  write_text (fixture, "empty", "", 0);
  write_text (fixture, "two", KNOWN_PUBLIC_PEM KNOWN_PUBLIC_PEM, -1);
  write_text (fixture, "both", KNOWN_PUBLIC_PEM KNOWN_KEY_PEM, -1);
  write_text (fixture, "nul", nul, sizeof nul - 1);
  write_text (fixture, "damaged.pub",
              "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfV\n"
              "-----END PUBLIC KEY-----\n",
              -1);
  write_text (fixture, "damaged.key",
              "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1h\n-----END PRIVATE KEY-----\n",
              -1);
  write_text (fixture, "large", large, -1);
  for (const char *const *name = (const char *const[]){"text", "empty", "two", "both", "nul",
                                                       "damaged.pub", "large", NULL};
       *name != NULL; name++)
    assert_public_fails (fixture, *name, VT_KEY_ERROR_BAD, *name);
  for (const char *const *name = (const char *const[]){"text", "empty", "two", "both", "nul",
                                                       "damaged.key", "large", NULL};
       *name != NULL; name++)
    assert_private_fails (fixture, *name, NULL, VT_KEY_ERROR_BAD, *name);
  assert_public_fails (fixture, "large", VT_KEY_ERROR_BAD, "more than 65536 bytes");
  assert_public_fails (fixture, "missing", VT_KEY_ERROR_NOT_FOUND, "missing");
  assert_private_fails (fixture, "missing", NULL, VT_KEY_ERROR_NOT_FOUND, "missing");
  assert_public_fails (fixture, ".", VT_KEY_ERROR_FAILED, "directory");
}

static void
test_keys_others_may_read_are_told (KeyFixture *fixture, gconstpointer data)
{
  static const struct {
    mode_t mode;
    gboolean exposed;
  } cases[] = {{0600, FALSE}, {0400, FALSE}, {0640, TRUE}, {0604, TRUE}, {0620, TRUE}};
  g_autofree char *file = file_of (fixture, "known.key");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (VtPrivateKey) key = make_known_key (fixture);

    g_clear_pointer (&key, vt_private_key_free);
    g_assert_cmpint (chmod (file, cases[i].mode), ==, 0);
    key = load_private (fixture, "known.key", NULL);
    g_assert_cmpint (vt_private_key_is_exposed (key), ==, cases[i].exposed);
  }
}

/* As a shell's <(...) gives it. */
static void
test_a_key_may_come_by_a_pipe (KeyFixture *fixture, gconstpointer data)
{
  g_autoptr (VtPrivateKey) known = make_known_key (fixture);
  g_autoptr (VtPrivateKey) key = NULL;
  g_autofree char *file = NULL;
  g_autoptr (GError) error = NULL;
  int ends[2];

  g_assert_cmpint (pipe (ends), ==, 0);
  file = g_strdup_printf ("/dev/fd/%d", ends[0]);
  g_assert_cmpint (write (ends[1], KNOWN_KEY_PEM, strlen (KNOWN_KEY_PEM)), ==,
                   (gssize)strlen (KNOWN_KEY_PEM));
  close (ends[1]);
  key = vt_private_key_load (file, NULL, &error);
  close (ends[0]);
  g_assert_no_error (error);
  assert_same_key (vt_private_key_get_public (key), vt_private_key_get_public (known));
  g_assert_false (vt_private_key_is_exposed (key));
}

static void
test_uris_are_told_from_files (void)
{
  g_assert_true (vt_private_key_is_uri ("pkcs11:token=ci;object=template"));
  g_assert_true (vt_private_key_is_uri ("file:/etc/key"));
  g_assert_true (vt_private_key_is_uri ("a+b-c.1:x"));
  g_assert_false (vt_private_key_is_uri ("/etc/key"));
  g_assert_false (vt_private_key_is_uri ("key.pem"));
  g_assert_false (vt_private_key_is_uri ("./a:b"));
  g_assert_false (vt_private_key_is_uri ("1:b"));
  g_assert_false (vt_private_key_is_uri (""));
}

#define ADD(name, function)                                                                        \
  g_test_add ("/key/" name, KeyFixture, NULL, key_fixture_set_up, function, key_fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  umask (022);
  ADD ("a-known-key-signs-as-the-rfc-has-it", test_a_known_key_signs_as_the_rfc_has_it);
  ADD ("only-the-right-signature-is-right", test_only_the_right_signature_is_right);
  ADD ("openssl-reads-what-is-written", test_openssl_reads_what_is_written);
  ADD ("a-passphrase-encrypts", test_a_passphrase_encrypts);
  ADD ("passphrases-have-a-length", test_passphrases_have_a_length);
  ADD ("nothing-is-overwritten", test_nothing_is_overwritten);
  ADD ("what-cannot-be-written-is-no-file", test_what_cannot_be_written_is_no_file);
  ADD ("keys-of-openssl-are-read", test_keys_of_openssl_are_read);
  ADD ("the-wrong-half-is-told", test_the_wrong_half_is_told);
  ADD ("other-algorithms-are-refused-by-name", test_other_algorithms_are_refused_by_name);
  ADD ("what-is-no-key-is-refused", test_what_is_no_key_is_refused);
  ADD ("keys-others-may-read-are-told", test_keys_others_may_read_are_told);
  ADD ("a-key-may-come-by-a-pipe", test_a_key_may_come_by_a_pipe);
  g_test_add_func ("/key/uris-are-told-from-files", test_uris_are_told_from_files);
  return g_test_run ();
}
