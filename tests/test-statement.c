// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <string.h>

#include "vt-statement.h"

#define DAY G_GINT64_CONSTANT (86400)

#define ID   "3d8a6f0e-6f5b-4a7c-9a57-0d1c2b3a4958"
#define HEX  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define HEX2 "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" /* of "a" */

/* 2026-11-25T01:02:03Z */
#define CREATED G_GINT64_CONSTANT (1795568523)

/* Kept for ever: what a release has signed must be readable by all later ones. */
static const char *const sample =
    "{\"_type\":\"https://in-toto.io/Statement/v1\","
    "\"subject\":[{\"name\":\"clean.db\",\"digest\":{\"sha256\":\"" HEX "\"}}],"
    "\"predicateType\":\"https://vtemplater.org/attestation/template/v1\","
    "\"predicate\":{"
    "\"template\":{\"id\":\"" ID "\",\"created\":\"2026-11-25T01:02:03Z\","
    "\"expires\":\"2027-11-25T01:02:03Z\"},"
    "\"scanner\":{\"uri\":\"https://vtemplater.org\",\"version\":\"0.1.0\","
    "\"engine\":{\"version\":\"1.4.6\",\"flevel\":213,\"id\":\"" HEX "\",\"settings\":\"" HEX2 "\","
    "\"databases\":["
    "{\"name\":\"daily.cvd\",\"version\":27000,\"signatures\":2000000,"
    "\"time\":\"2026-11-20T00:00:00Z\",\"sha256\":\"" HEX "\"},"
    "{\"name\":\"own.ndb\",\"version\":0,\"signatures\":0,"
    "\"time\":\"2026-01-01T00:00:00Z\",\"sha256\":\"" HEX2 "\"}]}},"
    "\"options\":{\"max_file_size\":9007199254740991,\"a-b\":0},"
    "\"counts\":{\"files\":10,\"bytes\":1000,\"clean\":7,\"incomplete\":3,"
    "\"reasons\":{\"encrypted\":2,\"read-error\":1}},"
    "\"filesystems\":[{\"id\":\"/dev/sda1\",\"type\":\"ext4\",\"uuid\":\"\"},"
    "{\"id\":\"btrfsvol:/dev/sda2/h\xc3\xb6me\",\"type\":\"btrfs\",\"uuid\":\"" ID "\"}],"
    "\"system\":{\"product\":\"Debian \\\"12\\\"\",\"arch\":\"x86_64\"}}}";

static VtStatement *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) json = g_bytes_new (text, strlen (text));
  VtStatement *statement = vt_statement_parse (json, &error);

  g_assert_no_error (error);
  return statement;
}

static char *
write_text (const VtStatement *statement)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) json = vt_statement_to_json (statement, &error);

  g_assert_no_error (error);
  return g_strndup (g_bytes_get_data (json, NULL), g_bytes_get_size (json));
}

static VtStatement *
new_statement (void)
{
  VtStatement *self = vt_statement_new ();
  const VtDigest empty = vt_digest_of_data ("", 0);
  const VtDigest a = vt_digest_of_data ("a", 1);

  self->subject = empty;
  self->template_id = g_strdup (ID);
  self->created = CREATED;
  self->expires = CREATED + 365 * DAY;
  self->scanner_uri = g_strdup ("https://vtemplater.org");
  self->scanner_version = g_strdup ("0.1.0");
  self->engine_version = g_strdup ("1.4.6");
  self->flevel = 213;
  self->engine_id = g_strdup (HEX);
  self->settings = g_strdup (HEX2);
  vt_statement_add_database (self, "daily.cvd", 27000, 2000000, 1795132800, &empty);
  vt_statement_add_database (self, "own.ndb", 0, 0, 1767225600, &a);
  vt_statement_add_option (self, "max_file_size", G_GUINT64_CONSTANT (9007199254740991));
  vt_statement_add_option (self, "a-b", 0);
  self->files = 10;
  self->bytes = 1000;
  self->clean = 7;
  self->incomplete = 3;
  vt_statement_add_reason (self, "encrypted", 2);
  vt_statement_add_reason (self, "read-error", 1);
  vt_statement_add_filesystem (self, "/dev/sda1", "ext4", "");
  vt_statement_add_filesystem (self, "btrfsvol:/dev/sda2/h\xc3\xb6me", "btrfs", ID);
  self->product = g_strdup ("Debian \"12\"");
  self->arch = g_strdup ("x86_64");
  return self;
}

static void
test_the_sample_is_written (void)
{
  g_autoptr (VtStatement) statement = new_statement ();
  g_autofree char *text = write_text (statement);

  g_assert_cmpstr (text, ==, sample);
}

static void
test_the_sample_is_read (void)
{
  g_autoptr (VtStatement) self = parse (sample);
  const VtDigest empty = vt_digest_of_data ("", 0);
  const VtDigest a = vt_digest_of_data ("a", 1);
  const VtStatementDatabase *database = g_ptr_array_index (self->databases, 1);
  const VtStatementFilesystem *filesystem = g_ptr_array_index (self->filesystems, 1);
  const VtStatementNumber *option = g_ptr_array_index (self->options, 0);
  const VtStatementNumber *reason = g_ptr_array_index (self->reasons, 1);
  g_autofree char *again = write_text (self);

  g_assert_true (vt_digest_equal (&self->subject, &empty));
  g_assert_cmpstr (self->template_id, ==, ID);
  g_assert_cmpint (self->created, ==, CREATED);
  g_assert_cmpint (self->expires, ==, CREATED + 365 * DAY);
  g_assert_cmpuint (self->flevel, ==, 213);
  g_assert_cmpstr (self->engine_id, ==, HEX);
  g_assert_cmpstr (self->settings, ==, HEX2);
  g_assert_cmpuint (self->databases->len, ==, 2);
  g_assert_cmpstr (database->name, ==, "own.ndb");
  g_assert_cmpint (database->time, ==, 1767225600);
  g_assert_true (vt_digest_equal (&database->digest, &a));
  g_assert_cmpuint (self->options->len, ==, 2);
  g_assert_cmpstr (option->name, ==, "max_file_size");
  g_assert_cmpuint (option->value, ==, G_GUINT64_CONSTANT (9007199254740991));
  g_assert_cmpuint (self->bytes, ==, 1000);
  g_assert_cmpstr (reason->name, ==, "read-error");
  g_assert_cmpuint (reason->value, ==, 1);
  g_assert_cmpstr (filesystem->id, ==, "btrfsvol:/dev/sda2/h\xc3\xb6me");
  g_assert_cmpstr (filesystem->uuid, ==, ID);
  g_assert_cmpstr (self->product, ==, "Debian \"12\"");
  g_assert_cmpstr (again, ==, sample);
}

/* The sample with the first FROM in it replaced. */
static char *
replace (const char *from, const char *to)
{
  const char *place = strstr (sample, from);
  g_autofree char *before = NULL;

  g_assert_nonnull (place);
  before = g_strndup (sample, (gsize)(place - sample));
  return g_strconcat (before, to, place + strlen (from), NULL);
}

static void
assert_text_refused (const char *text, gsize size, VtStatementError code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) json = g_bytes_new (text, size);
  g_autoptr (VtStatement) statement = vt_statement_parse (json, &error);

  g_assert_null (statement);
  g_assert_error (error, VT_STATEMENT_ERROR, (int)code);
  g_assert_true (g_str_has_prefix (error->message, "statement: "));
}

static void
assert_refused (const char *from, const char *to, VtStatementError code)
{
  g_autofree char *text = replace (from, to);

  assert_text_refused (text, strlen (text), code);
}

static void
assert_malformed (const char *from, const char *to)
{
  assert_refused (from, to, VT_STATEMENT_ERROR_MALFORMED);
}

static void
test_nulls_and_unknown_members (void)
{
  static const char *const changes[][2] = {
      {"\"expires\":\"2027-11-25T01:02:03Z\"", "\"expires\":null"},
      {"\"settings\":\"" HEX2 "\"", "\"settings\":null"},
      {"\"system\":{\"product\":\"Debian \\\"12\\\"\",\"arch\":\"x86_64\"}", "\"system\":null"},
      {"\"arch\":\"x86_64\"", "\"arch\":null"},
  };
  g_autofree char *more =
      replace ("\"counts\":{", "\"later\":[{}],\"counts\":{\"more\":[1.5,-0.05,1e-05,2.00E+01],");
  g_autoptr (VtStatement) statement = parse (more);
  g_autofree char *without = write_text (statement);
  g_autoptr (VtStatement) never = NULL;

  g_assert_cmpstr (without, ==, sample);
  for (gsize i = 0; i < G_N_ELEMENTS (changes); i++) {
    g_autofree char *text = replace (changes[i][0], changes[i][1]);
    g_autoptr (VtStatement) changed = parse (text);
    g_autofree char *again = write_text (changed);

    g_assert_cmpstr (again, ==, text);
    if (i == 0)
      never = g_steal_pointer (&changed);
  }
  g_assert_cmpint (never->expires, ==, VT_STATEMENT_NEVER);
}

static void
test_other_statements_are_told_apart (void)
{
  assert_refused ("Statement/v1", "Statement/v0.1", VT_STATEMENT_ERROR_TYPE);
  assert_refused ("template/v1", "template/v2", VT_STATEMENT_ERROR_TYPE);
  assert_refused ("https://vtemplater.org/attestation/template/v1",
                  "https://in-toto.io/attestation/x", VT_STATEMENT_ERROR_TYPE);
  assert_malformed ("\"_type\"", "\"type\"");
  assert_malformed ("\"predicateType\":", "\"x\":");
}

static void
test_wrong_subjects_are_refused (void)
{
  assert_malformed ("\"clean.db\"", "\"other.db\"");
  assert_malformed ("\"clean.db\"", "\"clean.db\\u0000\"");
  assert_malformed ("{\"sha256\":\"" HEX "\"}", "{\"sha1\":\"" HEX "\"}");
  assert_malformed ("{\"sha256\":\"e3", "{\"sha256\":\"E3");
  assert_malformed ("{\"sha256\":\"e3", "{\"sha256\":\"");
  assert_malformed ("[{\"name\":\"clean.db\"", "[{},{\"name\":\"clean.db\"");
  assert_malformed ("\"subject\":[", "\"subject\":[],\"x\":[");
  assert_malformed ("\"subject\":[", "\"subject\":[1],\"x\":[");
}

static void
test_wrong_texts_are_refused (void)
{
  assert_malformed ("\"" ID "\"", "\"template\"");
  assert_malformed ("\"0.1.0\"", "1");
  assert_malformed ("\"0.1.0\"", "null");
  assert_malformed ("\"1.4.6\"", "\"\\ud800\"");
  assert_malformed ("\"1.4.6\"", "\"\\udc00\"");
  assert_malformed ("\"1.4.6\"", "\"\\ud800\\u0041\"");
  assert_malformed ("\"1.4.6\"", "\"\\ud800\\ud800\"");
  assert_malformed ("\"1.4.6\"", "\"\xff\"");
  assert_malformed ("\"id\":\"" HEX, "\"id\":\"0" HEX);
  assert_malformed ("\"settings\":\"" HEX2 "\"", "\"settings\":\"\"");
  assert_malformed ("\"settings\":\"" HEX2 "\",", "");
  assert_malformed ("\"type\":\"ext4\",", "");
  assert_malformed ("\"name\":\"daily.cvd\",", "");
  assert_malformed ("\"databases\":[", "\"databases\":[],\"x\":[");
  assert_malformed ("\"arch\":\"x86_64\"", "\"arch\":1");
}

static void
test_wrong_times_are_refused (void)
{
  static const char *const times[] = {
      "\"2026-11-25\"",
      "\"2026-11-25T01:02:03\"",
      "\"2026-11-25T01:02:03+00:00\"",
      "\"2026-11-25T01:02:03z\"",
      "\"2026-11-25t01:02:03Z\"",
      "\"2026-02-30T01:02:03Z\"",
      "\"2026-11-25T24:02:03Z\"",
      "\"2026-11-25T01:60:03Z\"",
      "\"2026-11-25T01:02:60Z\"",
      "\"2026-13-25T01:02:03Z\"",
      "\"0000-11-25T01:02:03Z\"",
      "\"-026-11-25T01:02:03Z\"",
      "\"2026-11-25T01:02:03Z \"",
      "1795568523",
      "null",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (times); i++)
    assert_malformed ("\"2026-11-25T01:02:03Z\"", times[i]);
  assert_malformed ("\"2027-11-25T01:02:03Z\"", "\"2026-11-25T01:02:03Z\"");
  assert_malformed (",\"expires\":\"2027-11-25T01:02:03Z\"", "");
}

static void
test_wrong_numbers_are_refused (void)
{
  static const char *const numbers[] = {
      "-1",
      "1.0",
      "1e3",
      "9007199254740992",
      "9223372036854775808",
      "18446744073709551617",
      "-18446744073709551615",
      "007",
      "010",
      "0x1f",
      "\"1\"",
      "null",
      "true",
      "[]",
      "0x10",
      "01234567890123456789012345",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++) {
    g_autofree char *bytes = g_strdup_printf ("\"bytes\":%s", numbers[i]);
    g_autofree char *option = g_strdup_printf ("\"a-b\":%s", numbers[i]);

    assert_malformed ("\"bytes\":1000", bytes);
    assert_malformed ("\"a-b\":0", option);
  }
  assert_malformed ("\"flevel\":213", "\"flevel\":4294967296");
  assert_malformed ("\"clean\":7", "\"clean\":8");
  assert_malformed ("\"clean\":7", "\"clean\":11");
  assert_malformed ("\"a-b\"", "\"a b\"");
  assert_malformed ("\"a-b\"", "\"\"");
}

static char *
repeat (const char *text, guint n)
{
  g_autoptr (GString) all = g_string_new (NULL);

  for (guint i = 0; i < n; i++)
    g_string_append (all, text);
  return g_string_free (g_steal_pointer (&all), FALSE);
}

static void
test_too_much_is_refused (void)
{
  g_autofree char *version = g_strnfill (257, 'x');
  g_autofree char *long_version = g_strdup_printf ("\"%s\"", version);
  g_autofree char *filesystems = repeat ("{\"id\":\"\",\"type\":\"\",\"uuid\":\"\"},", 1000);
  g_autofree char *many = g_strdup_printf ("[%s{\"id\":\"/dev/sda1\"", filesystems);
  g_autofree char *white = g_strnfill (VT_STATEMENT_SIZE_MAX, ' ');
  g_autofree char *large = g_strconcat (sample, white, NULL);
  g_autoptr (GString) options = g_string_new ("\"options\":{");

  assert_malformed ("\"1.4.6\"", long_version);
  assert_malformed ("[{\"id\":\"/dev/sda1\"", many);
  assert_text_refused (large, strlen (large), VT_STATEMENT_ERROR_MALFORMED);
  for (guint i = 0; i < 100; i++)
    g_string_append_printf (options, "\"o%u\":1,", i);
  assert_malformed ("\"options\":{", options->str);
}

/* json-glib alone would call itself until the stack ends. */
static void
test_depth_is_bounded (void)
{
  static const char *const levels[] = {"[", "{\"a\":", "[{\"]}\":"};

  for (gsize i = 0; i < G_N_ELEMENTS (levels); i++) {
    g_autofree char *deep = repeat (levels[i], 50000);
    g_autofree char *member = g_strconcat ("{\"a\":", deep, NULL);

    assert_text_refused (deep, strlen (deep), VT_STATEMENT_ERROR_MALFORMED);
    assert_text_refused (member, strlen (member), VT_STATEMENT_ERROR_MALFORMED);
  }
}

static void
test_what_is_no_json_is_refused (void)
{
  static const char *const texts[] = {
      "",
      "null",
      "[]",
      "1",
      "\"a\"",
      "{",
      "}",
      "{}",
      "{}}",
      "{\"",
      "{\"\\",
      "{\"a\"",
      "{\"a\":1} {}",
      "{\"a\":\"\t\"}",
      "{'a':1}",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    assert_text_refused (texts[i], strlen (texts[i]), VT_STATEMENT_ERROR_MALFORMED);
  assert_text_refused (sample, strlen (sample) - 1, VT_STATEMENT_ERROR_MALFORMED);
  assert_text_refused (sample, strlen (sample) + 1, VT_STATEMENT_ERROR_MALFORMED);
  assert_malformed ("\"counts\":{", "/* x */\"counts\":{");
  assert_malformed ("\"counts\":{", "\"counts\":{\"x\":\"\\u0000\",");
  assert_malformed ("\"counts\":{", "\"counts\":{\"x\":\"\\x\",");
}

static void
assert_not_written (const VtStatement *statement)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) json = vt_statement_to_json (statement, &error);

  g_assert_null (json);
  g_assert_error (error, VT_STATEMENT_ERROR, VT_STATEMENT_ERROR_MALFORMED);
}

/* Nothing is signed that nobody could read. */
static void
test_what_cannot_be_read_is_not_written (void)
{
  g_autoptr (VtStatement) unset = vt_statement_new ();
  g_autoptr (VtStatement) number = new_statement ();
  g_autoptr (VtStatement) twice = new_statement ();
  g_autoptr (VtStatement) date = new_statement ();
  g_autoptr (VtStatement) text = new_statement ();

  assert_not_written (unset);
  number->bytes = G_GUINT64_CONSTANT (1) << 63;
  assert_not_written (number);
  vt_statement_add_reason (twice, "encrypted", 1);
  assert_not_written (twice);
  date->expires = G_MAXINT64 - 1;
  assert_not_written (date);
  vt_statement_add_filesystem (text, "\xff", "ext4", "");
  assert_not_written (text);
}

static void
assert_check (const VtStatement *statement, gint64 now, gint64 max_age_s, int code)
{
  g_autoptr (GError) error = NULL;
  const VtStatementPolicy policy = {now, max_age_s};

  g_assert_cmpint (vt_statement_check (statement, &policy, &error), ==, code < 0);
  if (code < 0)
    g_assert_no_error (error);
  else
    g_assert_error (error, VT_STATEMENT_ERROR, code);
}

static void
test_it_expires (void)
{
  g_autoptr (VtStatement) statement = new_statement ();

  assert_check (statement, CREATED, -1, -1);
  assert_check (statement, statement->expires - 1, -1, -1);
  assert_check (statement, statement->expires, -1, VT_STATEMENT_ERROR_EXPIRED);
  /* Clocks may be a day apart. */
  assert_check (statement, CREATED - DAY, -1, -1);
  assert_check (statement, CREATED - DAY - 1, -1, VT_STATEMENT_ERROR_EXPIRED);
  statement->expires = VT_STATEMENT_NEVER;
  assert_check (statement, CREATED + 10000 * DAY, -1, -1);
}

static void
test_signatures_age (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtStatement) statement = new_statement ();
  const gint64 newest = 1795132800;
  const VtStatementPolicy policy = {newest + 31 * DAY - 1, 30 * DAY};

  g_assert_cmpint (vt_statement_get_signature_time (statement), ==, newest);
  assert_check (statement, newest + 30 * DAY, 30 * DAY, -1);
  assert_check (statement, newest + 30 * DAY + 1, 30 * DAY, VT_STATEMENT_ERROR_TOO_OLD);
  assert_check (statement, newest + 30 * DAY + 1, -1, -1);
  assert_check (statement, CREATED, 0, VT_STATEMENT_ERROR_TOO_OLD);
  g_assert_false (vt_statement_check (statement, &policy, &error));
  g_assert_nonnull (strstr (error->message, "31 days old"));
  g_assert_nonnull (strstr (error->message, "at most 30 days"));
}

/* A file's time of change is not always when its signatures are from. */
static void
test_signatures_are_no_newer_than_the_statement (void)
{
  g_autoptr (VtStatement) statement = new_statement ();
  const VtDigest digest = vt_digest_of_data ("", 0);

  vt_statement_add_database (statement, "own.hdb", 0, 0, CREATED + 1000 * DAY, &digest);
  g_assert_cmpint (vt_statement_get_signature_time (statement), ==, CREATED);
  assert_check (statement, CREATED + 100 * DAY, 99 * DAY, VT_STATEMENT_ERROR_TOO_OLD);
}

static void
test_other_databases_are_told_apart (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtStatement) statement = new_statement ();
  const VtDigest other = vt_digest_of_data ("a", 1);

  g_assert_true (vt_statement_check_subject (statement, &statement->subject, &error));
  g_assert_no_error (error);
  g_assert_false (vt_statement_check_subject (statement, &other, &error));
  g_assert_error (error, VT_STATEMENT_ERROR, VT_STATEMENT_ERROR_OTHER_DATABASE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/statement/the-sample-is-written", test_the_sample_is_written);
  g_test_add_func ("/statement/the-sample-is-read", test_the_sample_is_read);
  g_test_add_func ("/statement/nulls-and-unknown-members", test_nulls_and_unknown_members);
  g_test_add_func ("/statement/other-statements-are-told-apart",
                   test_other_statements_are_told_apart);
  g_test_add_func ("/statement/wrong-subjects-are-refused", test_wrong_subjects_are_refused);
  g_test_add_func ("/statement/wrong-texts-are-refused", test_wrong_texts_are_refused);
  g_test_add_func ("/statement/wrong-times-are-refused", test_wrong_times_are_refused);
  g_test_add_func ("/statement/wrong-numbers-are-refused", test_wrong_numbers_are_refused);
  g_test_add_func ("/statement/too-much-is-refused", test_too_much_is_refused);
  g_test_add_func ("/statement/depth-is-bounded", test_depth_is_bounded);
  g_test_add_func ("/statement/what-is-no-json-is-refused", test_what_is_no_json_is_refused);
  g_test_add_func ("/statement/what-cannot-be-read-is-not-written",
                   test_what_cannot_be_read_is_not_written);
  g_test_add_func ("/statement/it-expires", test_it_expires);
  g_test_add_func ("/statement/signatures-age", test_signatures_age);
  g_test_add_func ("/statement/signatures-are-no-newer-than-the-statement",
                   test_signatures_are_no_newer_than_the_statement);
  g_test_add_func ("/statement/other-databases-are-told-apart",
                   test_other_databases_are_told_apart);
  return g_test_run ();
}
