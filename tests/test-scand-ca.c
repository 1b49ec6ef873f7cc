// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What the authority in its directory makes is held against openssl(1). */
#include <string.h>
#include <sys/stat.h>

#include "scand-state-fixture.h"
#include "vt-scand-ca.h"
#include "vt-secret.h"

#define DAYS 30

typedef struct {
  StateFixture base;
  char *ca_dir;
  VtScandState *state;
  VtAuthority *authority;
} Fixture;

static VtAuthority *
load (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  VtAuthority *authority = vt_scand_ca_load (fixture->ca_dir, &error);

  g_assert_no_error (error);
  return authority;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  state_set_up (&fixture->base, NULL);
  fixture->ca_dir = g_build_filename (fixture->base.dir, "ca", NULL);
  g_assert_true (vt_scand_ca_init (fixture->ca_dir, "test-authority", DAYS, &error));
  g_assert_no_error (error);
  fixture->authority = load (fixture);
  fixture->state = open_state (&fixture->base);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  vt_authority_free (fixture->authority);
  vt_scand_state_free (fixture->state);
  g_free (fixture->ca_dir);
  state_tear_down (&fixture->base, NULL);
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

  g_spawn_sync (fixture->base.dir, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output,
                &messages, &status, &error);
  g_assert_no_error (error);
  g_test_message ("%s: %s%s", command, output, messages);
  return status == 0;
}

static guint
get_mode (const char *dir, const char *name)
{
  g_autofree char *path = g_build_filename (dir, name, NULL);
  struct stat status;

  g_assert_cmpint (stat (path, &status), ==, 0);
  return status.st_mode & 07777;
}

static void
write_text (const char *dir, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (dir, name, NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

static void
issue_agent (Fixture *fixture, const char *name, const char *group)
{
  const VtScandCaWish wish = {.name = name, .group = group, .days = 7};
  g_autoptr (GError) error = NULL;

  g_assert_true (vt_scand_ca_issue_agent (fixture->authority, fixture->state, &wish,
                                          fixture->base.dir, &error));
  g_assert_no_error (error);
}

static void
assert_no_agent (Fixture *fixture, const VtScandCaWish *wish, GQuark domain, int code)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (vt_scand_ca_issue_agent (fixture->authority, fixture->state, wish,
                                           fixture->base.dir, &error));
  g_assert_error (error, domain, code);
}

static GPtrArray *
list (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  GPtrArray *certificates = vt_scand_state_list_certificates (fixture->state, &error);

  g_assert_no_error (error);
  return certificates;
}

static void
assert_count (Fixture *fixture, guint n)
{
  g_autoptr (GPtrArray) certificates = list (fixture);

  g_assert_cmpuint (certificates->len, ==, n);
}

static void
test_agents (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) certificates = NULL;
  const VtScandCertificate *certificate;
  g_autofree char *serial_command = NULL;
  g_autofree char *end_command = NULL;

  issue_agent (fixture, "clone-1", "web");
  g_assert_true (succeeds (
      fixture,
      "openssl verify -x509_strict -CAfile ca/authority.pem -purpose sslclient clone-1.pem"));
  g_assert_false (
      succeeds (fixture, "openssl verify -CAfile ca/authority.pem -purpose sslserver clone-1.pem"));
  g_assert_true (succeeds (fixture, "openssl x509 -in clone-1.pem -noout -ext extendedKeyUsage | "
                                    "grep -q 'TLS Web Client Authentication'"));
  /* The key is the certificate's. */
  g_assert_true (succeeds (fixture, "openssl pkey -in clone-1.key -pubout >a && "
                                    "openssl x509 -in clone-1.pem -noout -pubkey >b && cmp a b"));
  g_assert_cmpuint (get_mode (fixture->base.dir, "clone-1.key"), ==, 0600);
  assert_count (fixture, 1);
  certificates = list (fixture);
  certificate = g_ptr_array_index (certificates, 0);
  g_assert_cmpstr (certificate->name, ==, "clone-1");
  g_assert_cmpstr (certificate->group, ==, "web");
  serial_command = g_strdup_printf (
      "openssl x509 -in clone-1.pem -noout -serial | grep -qi '^serial=%s$'", certificate->serial);
  g_assert_true (succeeds (fixture, serial_command));
  end_command = g_strdup_printf (
      "test \"$(date -d \"$(openssl x509 -in clone-1.pem -noout -enddate | cut -d= -f2)\" +%%s)\" "
      "= %" G_GINT64_FORMAT,
      certificate->expires - 1);
  g_assert_true (succeeds (fixture, end_command));
}

static void
test_services (Fixture *fixture, gconstpointer data)
{
  const char *const addresses[] = {"scand.example", "192.0.2.7", NULL};
  const VtScandCaWish wish = {.name = "scand", .addresses = addresses, .days = 7};
  g_autoptr (GError) error = NULL;

  g_assert_true (vt_scand_ca_issue_service (fixture->authority, fixture->state, &wish,
                                            fixture->base.dir, &error));
  g_assert_no_error (error);
  g_assert_true (
      succeeds (fixture, "openssl verify -x509_strict -CAfile ca/authority.pem -purpose sslserver "
                         "-verify_hostname scand.example scand.pem"));
  g_assert_true (
      succeeds (fixture, "openssl verify -CAfile ca/authority.pem -verify_ip 192.0.2.7 scand.pem"));
  g_assert_false (
      succeeds (fixture, "openssl verify -CAfile ca/authority.pem -verify_ip 192.0.2.8 scand.pem"));
  g_assert_false (
      succeeds (fixture, "openssl verify -CAfile ca/authority.pem -purpose sslclient scand.pem"));
  g_assert_true (succeeds (fixture, "openssl x509 -in scand.pem -noout -ext subjectAltName | "
                                    "grep -q 'DNS:scand.example, IP Address:192.0.2.7'"));
  assert_count (fixture, 1);
}

static void
test_services_have_addresses_and_agents_none (Fixture *fixture, gconstpointer data)
{
  const char *const none[] = {NULL};
  const char *const some[] = {"a.example", NULL};
  const char *const *const wrong[] = {NULL, none};
  VtScandCaWish wish = {.name = "x", .days = 7};

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (GError) error = NULL;

    wish.addresses = wrong[i];
    g_assert_false (vt_scand_ca_issue_service (fixture->authority, fixture->state, &wish,
                                               fixture->base.dir, &error));
    g_assert_error (error, VT_SCAND_CA_ERROR, VT_SCAND_CA_ERROR_INVALID);
  }
  wish.addresses = some;
  assert_no_agent (fixture, &wish, VT_SCAND_CA_ERROR, VT_SCAND_CA_ERROR_INVALID);
  assert_count (fixture, 0);
}

static void
test_private_files (Fixture *fixture, gconstpointer data)
{
  g_assert_cmpuint (get_mode (fixture->base.dir, "ca"), ==, 0700);
  g_assert_cmpuint (get_mode (fixture->ca_dir, "authority.key"), ==, 0600);
  g_assert_true (succeeds (fixture, "grep -q 'BEGIN PRIVATE KEY' ca/authority.key"));
  g_assert_true (succeeds (fixture, "test \"$(ls -A ca | wc -l)\" = 2"));
}

static void
test_never_a_second_one (Fixture *fixture, gconstpointer data)
{
  static const char *const parts[] = {"authority.key", "authority.pem"};

  for (gsize i = 0; i < 1 + G_N_ELEMENTS (parts); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (vt_scand_ca_init (fixture->ca_dir, "other", DAYS, &error));
    g_assert_error (error, VT_SCAND_CA_ERROR, VT_SCAND_CA_ERROR_EXISTS);
    /* Nor when half of it is lost. */
    if (i == 0)
      g_assert_true (succeeds (fixture, "cp -a ca saved"));
    g_assert_true (succeeds (
        fixture, "cmp saved/authority.key ca/authority.key || test ! -e ca/authority.key"));
    g_assert_true (succeeds (fixture, "rm -r ca && cp -a saved ca"));
    if (i < G_N_ELEMENTS (parts)) {
      g_autofree char *path = g_build_filename (fixture->ca_dir, parts[i], NULL);

      g_assert_cmpint (unlink (path), ==, 0);
    }
  }
}

static void
assert_not_loaded (Fixture *fixture, GQuark domain, int code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (vt_scand_ca_load (fixture->ca_dir, &error));
  g_assert_error (error, domain, code);
  g_test_message ("%s", error->message);
}

static void
test_exposed_keys_are_refused (Fixture *fixture, gconstpointer data)
{
  static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610};
  g_autofree char *key = g_build_filename (fixture->ca_dir, "authority.key", NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (modes); i++) {
    g_assert_cmpint (chmod (key, modes[i]), ==, 0);
    assert_not_loaded (fixture, VT_SCAND_CA_ERROR, VT_SCAND_CA_ERROR_UNTRUSTED);
  }
  g_assert_cmpint (chmod (key, 0400), ==, 0);
  vt_authority_free (load (fixture));
  g_assert_cmpint (chmod (fixture->ca_dir, 0777), ==, 0);
  assert_not_loaded (fixture, VT_SCAND_CA_ERROR, VT_SCAND_CA_ERROR_UNTRUSTED);
}

static void
test_not_whole (Fixture *fixture, gconstpointer data)
{
  g_autofree char *certificate = g_build_filename (fixture->ca_dir, "authority.pem", NULL);

  write_text (fixture->ca_dir, "authority.pem", "no certificate\n");
  assert_not_loaded (fixture, VT_CERTIFICATE_ERROR, VT_CERTIFICATE_ERROR_BAD);
  g_assert_cmpint (unlink (certificate), ==, 0);
  assert_not_loaded (fixture, VT_SCAND_CA_ERROR, VT_SCAND_CA_ERROR_NOT_FOUND);
}

static void
test_files_are_not_overwritten (Fixture *fixture, gconstpointer data)
{
  const VtScandCaWish wish = {.name = "clone", .days = 7};

  write_text (fixture->base.dir, "clone.pem", "mine\n");
  assert_no_agent (fixture, &wish, VT_SCAND_CA_ERROR, VT_SCAND_CA_ERROR_EXISTS);
  g_assert_true (succeeds (fixture, "grep -qx mine clone.pem && test ! -e clone.key"));
  g_assert_true (succeeds (fixture, "rm clone.pem && ln -s nowhere clone.key"));
  assert_no_agent (fixture, &wish, VT_SCAND_CA_ERROR, VT_SCAND_CA_ERROR_EXISTS);
  g_assert_true (succeeds (fixture, "test ! -e nowhere && test ! -e clone.pem"));
  /* Nothing was signed for it, so the name was not used up. */
  assert_count (fixture, 0);
  g_assert_true (succeeds (fixture, "rm clone.key"));
  issue_agent (fixture, "clone", NULL);
}

/* What could not be written is not valid, and its name is free again. */
static void
test_failed_writes_are_taken_back (Fixture *fixture, gconstpointer data)
{
  const VtScandCaWish wish = {.name = "clone", .days = 7};
  g_autofree char *nowhere = g_build_filename (fixture->base.dir, "nowhere", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) certificates = NULL;
  const VtScandCertificate *certificate;

  g_assert_false (
      vt_scand_ca_issue_agent (fixture->authority, fixture->state, &wish, nowhere, &error));
  g_assert_error (error, VT_SCAND_CA_ERROR, VT_SCAND_CA_ERROR_NOT_FOUND);
  assert_count (fixture, 1);
  certificates = list (fixture);
  certificate = g_ptr_array_index (certificates, 0);
  g_assert_true (vt_scand_state_is_revoked (fixture->state, certificate->serial));
  issue_agent (fixture, "clone", NULL);
}

static void
test_refused_wishes (Fixture *fixture, gconstpointer data)
{
  VtScandCaWish wish = {.name = "clone", .days = 0};

  assert_no_agent (fixture, &wish, VT_SCAND_CA_ERROR, VT_SCAND_CA_ERROR_INVALID);
  wish.days = VT_SCAND_CA_DAYS_MAX + 1;
  assert_no_agent (fixture, &wish, VT_SCAND_CA_ERROR, VT_SCAND_CA_ERROR_INVALID);
  wish.days = 7;
  wish.group = "a b";
  assert_no_agent (fixture, &wish, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_INVALID);
  wish.group = NULL;
  wish.name = "../clone";
  assert_no_agent (fixture, &wish, VT_CERTIFICATE_ERROR, VT_CERTIFICATE_ERROR_NAME);
  issue_agent (fixture, "clone", NULL);
  g_assert_true (succeeds (fixture, "rm clone.key clone.pem"));
  wish.name = "clone";
  assert_no_agent (fixture, &wish, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_EXISTS);
  g_assert_true (succeeds (fixture, "test ! -e clone.key && test ! -e clone.pem"));
  assert_count (fixture, 1);
}

static void
test_signs_requests (Fixture *fixture, gconstpointer data)
{
  const VtScandCaWish wish = {.name = "clone", .group = "web", .days = 7};
  g_autoptr (GError) error = NULL;
  vt_autosecret *key = vt_certificate_new_key (&error);
  g_autofree char *request = vt_certificate_new_request (key, "whatever", &error);
  g_autofree char *certificate =
      vt_scand_ca_sign (fixture->authority, fixture->state, request, &wish, &error);
  g_autofree char *serial = NULL;
  g_autofree char *group = NULL;

  g_assert_no_error (error);
  write_text (fixture->base.dir, "clone.pem", certificate);
  g_assert_true (
      succeeds (fixture, "openssl verify -CAfile ca/authority.pem -purpose sslclient clone.pem"));
  serial = vt_certificate_get_serial (certificate, &error);
  group = vt_scand_state_get_group (fixture->state, serial, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (group, ==, "web");
}

static void
test_expired_authorities_sign_nothing (Fixture *fixture, gconstpointer data)
{
  const VtScandCaWish wish = {.name = "clone", .days = 7};

  g_assert_true (succeeds (fixture,
                           "cd ca && rm authority.pem && touch index && echo 01 >serial && "
                           "openssl req -new -key authority.key -subj /CN=old -out r && "
                           "printf '[a]\\ndatabase=index\\nserial=serial\\nnew_certs_dir=.\\n"
                           "default_md=sha256\\npolicy=p\\nx509_extensions=e\\n[p]\\n"
                           "commonName=supplied\\n[e]\\nbasicConstraints=critical,CA:TRUE\\n"
                           "subjectKeyIdentifier=hash\\n' >c && "
                           "openssl ca -batch -config c -name a -selfsign -keyfile authority.key "
                           "-in r -out authority.pem -notext -startdate 20200101000000Z "
                           "-enddate 20200201000000Z"));
  vt_authority_free (fixture->authority);
  fixture->authority = load (fixture);
  assert_no_agent (fixture, &wish, VT_SCAND_CA_ERROR, VT_SCAND_CA_ERROR_EXPIRED);
  g_assert_true (succeeds (fixture, "test ! -e clone.key && test ! -e clone.pem"));
  assert_count (fixture, 0);
}

#define ADD_TEST(name, func) g_test_add ("/scand-ca/" name, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD_TEST ("agents", test_agents);
  ADD_TEST ("services", test_services);
  ADD_TEST ("services-have-addresses-and-agents-none",
            test_services_have_addresses_and_agents_none);
  ADD_TEST ("private-files", test_private_files);
  ADD_TEST ("never-a-second-one", test_never_a_second_one);
  ADD_TEST ("exposed-keys-are-refused", test_exposed_keys_are_refused);
  ADD_TEST ("not-whole", test_not_whole);
  ADD_TEST ("files-are-not-overwritten", test_files_are_not_overwritten);
  ADD_TEST ("failed-writes-are-taken-back", test_failed_writes_are_taken_back);
  ADD_TEST ("refused-wishes", test_refused_wishes);
  ADD_TEST ("signs-requests", test_signs_requests);
  ADD_TEST ("expired-authorities-sign-nothing", test_expired_authorities_sign_nothing);
  return g_test_run ();
}
