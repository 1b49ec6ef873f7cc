// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Of an envelope and a database, which make a template, and what is said of others. */
#include "vt-template-open.h"

#include <fcntl.h>

#include "key-fixture.h"
#include "template-fixture.h"
#include "vt-dsse.h"

typedef struct {
  VtPrivateKey *key;
  VtCleanDatabase database;
  VtStatement *statement;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  VtCleanCacheBuilder *builder = new_builder ();

  add_file (builder, new_file (0, 12));
  fixture->key = make_key ();
  fixture->database = finish (builder);
  fixture->statement = new_statement (&fixture->database.digest);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  vt_private_key_free (fixture->key);
  vt_clean_database_clear (&fixture->database);
  vt_statement_free (fixture->statement);
}

static GBytes *
sign_as (Fixture *fixture, const char *type, GBytes *payload)
{
  g_autoptr (GError) error = NULL;
  GBytes *envelope = vt_dsse_sign (type, payload, fixture->key, &error);

  g_assert_no_error (error);
  return envelope;
}

static GBytes *
sign (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) payload = vt_statement_to_json (fixture->statement, &error);

  g_assert_no_error (error);
  return sign_as (fixture, VT_STATEMENT_MEDIA_TYPE, payload);
}

/* At NOW, with whatever age of its signatures. */
static VtTemplate *
open_at (Fixture *fixture, GBytes *envelope, int database, gint64 now, GError **error)
{
  const VtStatementPolicy policy = {.now = now, .max_age_s = -1};

  return vt_template_open (envelope, database, vt_private_key_get_public (fixture->key), &policy,
                           NULL, error);
}

static void
assert_refused_at (Fixture *fixture,
                   GBytes *envelope,
                   int database,
                   gint64 now,
                   GQuark domain,
                   int code,
                   const char *message)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtTemplate) template = open_at (fixture, envelope, database, now, &error);

  g_assert_null (template);
  g_assert_error (error, domain, code);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, message));
}

static void
assert_refused_now (
    Fixture *fixture, GBytes *envelope, GQuark domain, int code, const char *message)
{
  assert_refused_at (fixture, envelope, fixture->database.fd, CREATED, domain, code, message);
}

static void
test_right (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) envelope = sign (fixture);
  g_autoptr (VtTemplate) template =
      open_at (fixture, envelope, fixture->database.fd, CREATED, &error);
  const VtDigest digest =
      vt_digest_of_data (g_bytes_get_data (envelope, NULL), g_bytes_get_size (envelope));

  g_assert_no_error (error);
  g_assert_cmpuint (vt_template_count_files (template), ==, 1);
  g_assert_cmpstr (vt_template_get_statement (template)->template_id, ==, TEMPLATE);
  /* What was put into the image after the scan was scanned as well. */
  g_assert_true (vt_template_is_own (template, &digest));
  g_assert_true (vt_template_is_own (template, &fixture->database.digest));
  /* The descriptor is still the caller's. */
  g_assert_cmpint (fcntl (fixture->database.fd, F_GETFD), >=, 0);
}

static void
test_other_key (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GBytes) envelope = sign (fixture);

  vt_private_key_free (fixture->key);
  fixture->key = make_key ();
  assert_refused_now (fixture, envelope, VT_DSSE_ERROR, VT_DSSE_ERROR_OTHER_KEY,
                      "signed by other keys");
}

/* The payload of another statement, under the first one's signature. */
static void
test_changed_envelope (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GBytes) first = sign (fixture);
  g_autoptr (GBytes) second = NULL;
  g_autoptr (GBytes) mixed = NULL;
  g_autoptr (GString) text = NULL;
  const char *signature;

  fixture->statement->created--;
  second = sign (fixture);
  text = g_string_new_len (g_bytes_get_data (second, NULL), (gssize)g_bytes_get_size (second));
  signature = strstr (text->str, "\"signatures\"");
  g_assert_nonnull (signature);
  g_string_truncate (text, (gsize)(signature - text->str));
  g_string_append (text, g_strstr_len (g_bytes_get_data (first, NULL),
                                       (gssize)g_bytes_get_size (first), "\"signatures\""));
  mixed = g_bytes_new (text->str, text->len);
  assert_refused_now (fixture, mixed, VT_DSSE_ERROR, VT_DSSE_ERROR_BAD_SIGNATURE, "it was changed");
}

static void
test_no_envelope (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GBytes) text = bytes_of ("{\"some\": \"json\"}");

  assert_refused_now (fixture, text, VT_DSSE_ERROR, VT_DSSE_ERROR_MALFORMED, "envelope: ");
}

/* Signed by the key, but for something else. */
static void
test_other_payload_type (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) payload = vt_statement_to_json (fixture->statement, &error);
  g_autoptr (GBytes) envelope = sign_as (fixture, "text/plain", payload);

  assert_refused_now (fixture, envelope, VT_DSSE_ERROR, VT_DSSE_ERROR_TYPE, "text/plain");
}

static void
test_signed_nonsense (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GBytes) payload = bytes_of ("nonsense");
  g_autoptr (GBytes) envelope = sign_as (fixture, VT_STATEMENT_MEDIA_TYPE, payload);

  assert_refused_now (fixture, envelope, VT_STATEMENT_ERROR, VT_STATEMENT_ERROR_MALFORMED, "");
}

static void
test_changed_database (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GBytes) envelope = sign (fixture);
  vt_autofd longer = copy_database (&fixture->database, 1);
  vt_autofd changed = copy_database (&fixture->database, 0);

  g_assert_true (vt_fd_write_at (changed, 100, "x", 1));
  assert_refused_at (fixture, envelope, changed, CREATED, VT_CLEAN_CACHE_ERROR,
                     VT_CLEAN_CACHE_ERROR_CHANGED, "clean cache: ");
  assert_refused_at (fixture, envelope, longer, CREATED, VT_CLEAN_CACHE_ERROR,
                     VT_CLEAN_CACHE_ERROR_CHANGED, "clean cache: ");
}

/* Signed as it is, by whatever mistake, so that the digest is right. */
static void
test_database_of_another_template (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GBytes) envelope = NULL;

  g_free (fixture->statement->template_id);
  fixture->statement->template_id = g_strdup ("00000000-6f5b-4a7c-9a57-0d1c2b3a4958");
  envelope = sign (fixture);
  assert_refused_now (fixture, envelope, VT_TEMPLATE_ERROR, VT_TEMPLATE_ERROR_OTHER,
                      "are of different templates");
}

static void
test_id_in_capitals (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) envelope = NULL;
  g_autoptr (VtTemplate) template = NULL;
  char *id = g_ascii_strup (TEMPLATE, -1);

  g_free (fixture->statement->template_id);
  fixture->statement->template_id = id;
  envelope = sign (fixture);
  template = open_at (fixture, envelope, fixture->database.fd, CREATED, &error);
  g_assert_no_error (error);
}

static void
test_other_filesystems (Fixture *fixture, gconstpointer data)
{
  VtStatementFilesystem *second = g_ptr_array_index (fixture->statement->filesystems, 1);
  g_autoptr (GBytes) other_uuid = NULL;
  g_autoptr (GBytes) one_more = NULL;
  g_autoptr (GBytes) one_less = NULL;

  vt_statement_add_filesystem (fixture->statement, "/dev/sda3", "ext4", "");
  one_more = sign (fixture);
  assert_refused_now (fixture, one_more, VT_TEMPLATE_ERROR, VT_TEMPLATE_ERROR_OTHER, "different");
  g_ptr_array_remove_index (fixture->statement->filesystems, 2);
  g_free (second->uuid);
  second->uuid = g_strdup ("ABCD-0123");
  other_uuid = sign (fixture);
  assert_refused_now (fixture, other_uuid, VT_TEMPLATE_ERROR, VT_TEMPLATE_ERROR_OTHER, "different");
  g_ptr_array_remove_index (fixture->statement->filesystems, 1);
  one_less = sign (fixture);
  assert_refused_now (fixture, one_less, VT_TEMPLATE_ERROR, VT_TEMPLATE_ERROR_OTHER, "different");
}

static void
test_expired (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) envelope = NULL;
  g_autoptr (VtTemplate) template = NULL;
  const gint64 expires = CREATED + 30 * DAY;

  fixture->statement->expires = expires;
  envelope = sign (fixture);
  template = open_at (fixture, envelope, fixture->database.fd, expires - 1, &error);
  g_assert_no_error (error);
  assert_refused_at (fixture, envelope, fixture->database.fd, expires + 3 * DAY, VT_STATEMENT_ERROR,
                     VT_STATEMENT_ERROR_EXPIRED, "it expired 3 days ago");
}

static void
test_from_the_future (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GBytes) envelope = sign (fixture);

  assert_refused_at (fixture, envelope, fixture->database.fd, CREATED - 5 * DAY, VT_STATEMENT_ERROR,
                     VT_STATEMENT_ERROR_EXPIRED, "is the clock");
}

static void
test_too_old (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) envelope = sign (fixture);
  g_autoptr (VtTemplate) template = NULL;
  const VtStatementPolicy policy = {.now = CREATED, .max_age_s = 9 * DAY};

  template = vt_template_open (envelope, fixture->database.fd,
                               vt_private_key_get_public (fixture->key), &policy, NULL, &error);
  g_assert_null (template);
  g_assert_error (error, VT_STATEMENT_ERROR, VT_STATEMENT_ERROR_TOO_OLD);
}

static void
add (const char *path, void (*test) (Fixture *, gconstpointer))
{
  g_test_add (path, Fixture, NULL, set_up, test, tear_down);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("/template-open/right", test_right);
  add ("/template-open/other-key", test_other_key);
  add ("/template-open/changed-envelope", test_changed_envelope);
  add ("/template-open/no-envelope", test_no_envelope);
  add ("/template-open/other-payload-type", test_other_payload_type);
  add ("/template-open/signed-nonsense", test_signed_nonsense);
  add ("/template-open/changed-database", test_changed_database);
  add ("/template-open/database-of-another-template", test_database_of_another_template);
  add ("/template-open/id-in-capitals", test_id_in_capitals);
  add ("/template-open/other-file-systems", test_other_filesystems);
  add ("/template-open/expired", test_expired);
  add ("/template-open/from-the-future", test_from_the_future);
  add ("/template-open/too-old", test_too_old);
  return g_test_run ();
}
