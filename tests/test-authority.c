// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What the authority signs is held against openssl(1). */
#include <string.h>

#include "run-program.h"
#include "vt-certificate.h"
#include "vt-paths.h"
#include "vt-secret.h"

#define DAYS 30

typedef struct {
  char *dir;
  VtAuthority *authority;
} Fixture;

static void
write_text (Fixture *fixture, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (fixture->dir, name, NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

static char *
read_text (Fixture *fixture, const char *name)
{
  g_autofree char *path = g_build_filename (fixture->dir, name, NULL);
  char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return text;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *certificate = NULL;

  fixture->dir = g_dir_make_tmp ("vt-authority-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->authority = vt_authority_new ("test-authority", DAYS, &error);
  g_assert_no_error (error);
  certificate = vt_authority_get_certificate (fixture->authority, &error);
  g_assert_no_error (error);
  write_text (fixture, "ca.pem", certificate);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  vt_authority_free (fixture->authority);
  vt_paths_remove_tree (fixture->dir);
  g_free (fixture->dir);
}

/* Runs COMMAND of the shell in the fixture's directory; whether it succeeded. */
static gboolean
succeeds (Fixture *fixture, const char *command)
{
  const char *argv[] = {"sh", "-c", command, NULL};
  g_autofree char *output = NULL;
  g_autofree char *messages = NULL;
  g_autoptr (GError) error = NULL;
  int status;

  g_spawn_sync (fixture->dir, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output,
                &messages, &status, &error);
  g_assert_no_error (error);
  g_test_message ("%s: %s%s", command, output, messages);
  return status == 0;
}

static char *
new_request (const char *name)
{
  g_autoptr (GError) error = NULL;
  vt_autosecret *key = vt_certificate_new_key (&error);
  char *request;

  g_assert_no_error (error);
  request = vt_certificate_new_request (key, name, &error);
  g_assert_no_error (error);
  return request;
}

static char *
issue (Fixture *fixture, const char *request, const VtCertificateWish *wish)
{
  g_autoptr (GError) error = NULL;
  char *certificate = vt_authority_issue (fixture->authority, request, wish, &error);

  g_assert_no_error (error);
  return certificate;
}

static void
assert_refused (Fixture *fixture,
                const char *request,
                const VtCertificateWish *wish,
                VtCertificateError code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (vt_authority_issue (fixture->authority, request, wish, &error));
  g_assert_error (error, VT_CERTIFICATE_ERROR, (gint)code);
}

static void
test_clients_are_clients_only (Fixture *fixture, gconstpointer data)
{
  const VtCertificateWish wish = {.name = "clone-1", .days = 7};
  g_autofree char *request = new_request ("whatever");
  g_autofree char *certificate = issue (fixture, request, &wish);

  write_text (fixture, "clone.pem", certificate);
  g_assert_true (succeeds (
      fixture, "openssl verify -x509_strict -CAfile ca.pem -purpose sslclient clone.pem"));
  g_assert_false (succeeds (fixture, "openssl verify -CAfile ca.pem -purpose sslserver clone.pem"));
  /* What it asked to be called does not count. */
  g_assert_true (
      succeeds (fixture, "openssl x509 -in clone.pem -noout -subject | grep -q 'CN = clone-1$'"));
  /* It cannot sign others. */
  g_assert_true (succeeds (fixture, "openssl x509 -in clone.pem -noout -text | grep -q CA:FALSE"));
}

static void
test_services_are_known_by_their_addresses (Fixture *fixture, gconstpointer data)
{
  const char *const addresses[] = {"scand.example", "192.0.2.7", "2001:db8::7", NULL};
  const VtCertificateWish wish = {.name = "scand", .addresses = addresses, .days = 7};
  g_autofree char *request = new_request ("scand");
  g_autofree char *certificate = issue (fixture, request, &wish);

  write_text (fixture, "scand.pem", certificate);
  g_assert_true (succeeds (fixture, "openssl verify -x509_strict -CAfile ca.pem -purpose sslserver "
                                    "-verify_hostname scand.example scand.pem"));
  g_assert_true (
      succeeds (fixture, "openssl verify -CAfile ca.pem -verify_ip 192.0.2.7 scand.pem"));
  g_assert_true (
      succeeds (fixture, "openssl verify -CAfile ca.pem -verify_ip 2001:db8::7 scand.pem"));
  g_assert_false (
      succeeds (fixture, "openssl verify -CAfile ca.pem -verify_hostname other.example scand.pem"));
  g_assert_false (succeeds (fixture, "openssl verify -CAfile ca.pem -purpose sslclient scand.pem"));
}

static void
test_addresses_are_nothing_else (Fixture *fixture, gconstpointer data)
{
  static const char *const bad[] = {"", "a,DNS:b", "a b", "*.example", "http://x", "-x", "a\nb"};
  g_autofree char *request = new_request ("scand");

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    const char *const addresses[] = {"good.example", bad[i], NULL};
    const VtCertificateWish wish = {.name = "scand", .addresses = addresses, .days = 7};

    assert_refused (fixture, request, &wish, VT_CERTIFICATE_ERROR_NAME);
  }
}

static void
test_names_are_plain (Fixture *fixture, gconstpointer data)
{
  static const char *const bad[] = {"",    "a/b",  "a b", "\xc3\xa9", "a\\b",
                                    "'a'", "../x", "-x",  "a\n",      "."};
  g_autofree char *request = new_request ("clone");
  g_autofree char *long_name = g_strnfill (VT_CERTIFICATE_NAME_MAX + 1, 'x');
  VtCertificateWish wish = {.name = long_name, .days = 7};

  assert_refused (fixture, request, &wish, VT_CERTIFICATE_ERROR_NAME);
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    wish.name = bad[i];
    assert_refused (fixture, request, &wish, VT_CERTIFICATE_ERROR_NAME);
  }
}

/* Nobody gets a certificate for a key that is somebody else's. */
static void
test_possession_is_proven (Fixture *fixture, gconstpointer data)
{
  const VtCertificateWish wish = {.name = "clone", .days = 7};
  g_autofree char *changed = NULL;

  run_program (fixture->dir,
               (const char *[]){"sh", "-ec",
                                "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
                                "-nodes -keyout k -subj /CN=x -outform DER -out good.der "
                                "2>/dev/null\n"
                                "size=$(stat -c %s good.der)\n"
                                "head -c $((size - 1)) good.der >bad.der\n"
                                "last=$(tail -c 1 good.der | od -An -tu1)\n"
                                "printf \"\\\\$(printf %o $((last ^ 1)))\" >>bad.der\n"
                                "openssl req -inform DER -in bad.der -out bad.pem",
                                NULL});
  changed = read_text (fixture, "bad.pem");
  assert_refused (fixture, changed, &wish, VT_CERTIFICATE_ERROR_BAD);
}

static void
test_weak_keys_are_refused (Fixture *fixture, gconstpointer data)
{
  static const struct {
    const char *options;
    gboolean is_taken;
  } keys[] = {
      {"rsa:1024", FALSE},
      {"rsa:2048", TRUE},
      {"ec -pkeyopt ec_paramgen_curve:P-384", TRUE},
      {"ec -pkeyopt ec_paramgen_curve:secp224r1", FALSE},
      {"ed25519", FALSE},
  };
  const VtCertificateWish wish = {.name = "clone", .days = 7};

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++) {
    g_autofree char *command = g_strdup_printf (
        "openssl req -new -newkey %s -nodes -keyout k -subj /CN=x -out r 2>/dev/null",
        keys[i].options);
    g_autofree char *request = NULL;

    run_program (fixture->dir, (const char *[]){"sh", "-ec", command, NULL});
    request = read_text (fixture, "r");
    if (keys[i].is_taken)
      g_free (issue (fixture, request, &wish));
    else
      assert_refused (fixture, request, &wish, VT_CERTIFICATE_ERROR_BAD);
  }
}

static void
test_none_outlives_the_authority (Fixture *fixture, gconstpointer data)
{
  const VtCertificateWish wish = {.name = "clone", .days = DAYS + 100};
  g_autofree char *request = new_request ("clone");
  g_autofree char *certificate = issue (fixture, request, &wish);

  write_text (fixture, "clone.pem", certificate);
  g_assert_true (succeeds (fixture, "test \"$(openssl x509 -in clone.pem -noout -enddate)\" = "
                                    "\"$(openssl x509 -in ca.pem -noout -enddate)\""));
}

static void
test_serial_numbers_differ (Fixture *fixture, gconstpointer data)
{
  const VtCertificateWish wish = {.name = "clone", .days = 7};
  g_autofree char *request = new_request ("clone");
  g_autofree char *first = issue (fixture, request, &wish);
  g_autofree char *second = issue (fixture, request, &wish);
  g_autoptr (GError) error = NULL;
  g_autofree char *first_serial = vt_certificate_get_serial (first, &error);
  g_autofree char *second_serial = vt_certificate_get_serial (second, &error);
  g_autofree char *command = g_strdup_printf (
      "openssl x509 -in clone.pem -noout -serial | grep -qi '^serial=%s$'", first_serial);

  g_assert_no_error (error);
  g_assert_cmpstr (first_serial, !=, second_serial);
  write_text (fixture, "clone.pem", first);
  g_assert_true (succeeds (fixture, command));
}

static void
test_kept_and_loaded (Fixture *fixture, gconstpointer data)
{
  const VtCertificateWish wish = {.name = "clone", .days = 7};
  g_autofree char *request = new_request ("clone");
  g_autoptr (GError) error = NULL;
  vt_autosecret *key = vt_authority_get_key (fixture->authority, &error);
  g_autofree char *certificate = read_text (fixture, "ca.pem");
  g_autoptr (VtAuthority) loaded = vt_authority_load (key, certificate, &error);
  g_autofree char *issued = NULL;

  g_assert_no_error (error);
  issued = vt_authority_issue (loaded, request, &wish, &error);
  g_assert_no_error (error);
  write_text (fixture, "clone.pem", issued);
  g_assert_true (succeeds (fixture, "openssl verify -CAfile ca.pem clone.pem"));
}

static void
assert_not_loaded (const char *key, const char *certificate, const char *text)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (vt_authority_load (key, certificate, &error));
  g_assert_error (error, VT_CERTIFICATE_ERROR, VT_CERTIFICATE_ERROR_BAD);
  g_assert_nonnull (strstr (error->message, text));
}

static void
test_what_is_no_authority_is_not_loaded (Fixture *fixture, gconstpointer data)
{
  const VtCertificateWish wish = {.name = "clone", .days = 7};
  g_autofree char *certificate = read_text (fixture, "ca.pem");
  vt_autosecret *key = vt_authority_get_key (fixture->authority, NULL);
  vt_autosecret *other_key = vt_certificate_new_key (NULL);
  g_autofree char *request = vt_certificate_new_request (other_key, "clone", NULL);
  g_autofree char *client = issue (fixture, request, &wish);
  g_autofree char *encrypted = NULL;

  assert_not_loaded (other_key, certificate, "not the one of the certificate");
  assert_not_loaded (other_key, client, "not an authority's");
  assert_not_loaded ("no key", certificate, "no private key");
  assert_not_loaded (key, "no certificate", "no certificate");
  write_text (fixture, "key.pem", key);
  run_program (fixture->dir,
               (const char *[]){"openssl", "pkcs8", "-topk8", "-in", "key.pem", "-passout",
                                "pass:secret", "-out", "encrypted.pem", NULL});
  encrypted = read_text (fixture, "encrypted.pem");
  assert_not_loaded (encrypted, certificate, "without a passphrase");
}

#define ADD(name, function)                                                                        \
  g_test_add ("/authority/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("clients-are-clients-only", test_clients_are_clients_only);
  ADD ("services-are-known-by-their-addresses", test_services_are_known_by_their_addresses);
  ADD ("addresses-are-nothing-else", test_addresses_are_nothing_else);
  ADD ("names-are-plain", test_names_are_plain);
  ADD ("possession-is-proven", test_possession_is_proven);
  ADD ("weak-keys-are-refused", test_weak_keys_are_refused);
  ADD ("none-outlives-the-authority", test_none_outlives_the_authority);
  ADD ("serial-numbers-differ", test_serial_numbers_differ);
  ADD ("kept-and-loaded", test_kept_and_loaded);
  ADD ("what-is-no-authority-is-not-loaded", test_what_is_no_authority_is_not_loaded);
  return g_test_run ();
}
