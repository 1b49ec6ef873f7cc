// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <json-glib/json-glib.h>
#include <string.h>

#include "report-samples.h"

static JsonObject *
parse (JsonParser *parser, const char *text)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (json_parser_load_from_data (parser, text, -1, &error));
  g_assert_no_error (error);
  return json_node_get_object (json_parser_get_root (parser));
}

/* The exact bytes of a member that may have a _base64 beside it. */
static char *
get_bytes (JsonObject *object, const char *name)
{
  g_autofree char *exact_name = g_strconcat (name, "_base64", NULL);
  const char *readable = json_object_get_string_member (object, name);
  g_autofree guchar *bytes = NULL;
  gsize size;

  if (!json_object_has_member (object, exact_name))
    return g_strdup (readable);
  g_assert_nonnull (strstr (readable, "\xef\xbf\xbd"));
  bytes = g_base64_decode (json_object_get_string_member (object, exact_name), &size);
  return g_strndup ((const char *)bytes, size);
}

static void
assert_path (JsonArray *array, guint index, const char *expected)
{
  g_autofree char *path = get_bytes (json_array_get_object_element (array, index), "path");

  g_assert_cmpstr (path, ==, expected);
}

static void
assert_members (JsonObject *finding)
{
  JsonArray *members = json_object_get_array_member (finding, "members");
  JsonArray *exact = json_object_get_array_member (finding, "members_base64");

  g_assert_cmpuint (json_array_get_length (members), ==, 2);
  g_assert_cmpstr (json_array_get_string_element (members, 0), ==, "data.tar\n");
  g_assert_cmpstr (json_array_get_string_element (members, 1), ==, "\xef\xbf\xbd\033[31m<&");
  g_assert_cmpuint (json_array_get_length (exact), ==, 2);
  g_assert_cmpstr (json_array_get_string_element (exact, 1), ==, "/xtbMzFtPCY=");
}

static void
test_json_hostile (void)
{
  g_autofree char *text = write_sample (VT_REPORT_JSON, 1);
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonObject *report = parse (parser, text);
  JsonArray *findings = json_object_get_array_member (report, "findings");
  JsonArray *incomplete = json_object_get_array_member (report, "incomplete");
  JsonObject *first = json_array_get_object_element (findings, 0);
  JsonObject *filesystem = json_array_get_object_element (incomplete, 0);
  JsonObject *image = json_object_get_object_member (report, "image");
  g_autofree char *image_path = get_bytes (image, "path");

  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    g_assert_true (*p == '\n' || (!g_unichar_iscntrl (g_utf8_get_char (p)) &&
                                  g_unichar_type (g_utf8_get_char (p)) != G_UNICODE_FORMAT));
  g_assert_cmpint (json_object_get_int_member (report, "schema"), ==, 1);
  g_assert_cmpstr (image_path, ==, "/images/di sk\xff#?.qcow2");
  g_assert_cmpuint (json_array_get_length (findings), ==, N_HOSTILE_PATHS + 1);
  g_assert_cmpuint (json_array_get_length (incomplete), ==, N_HOSTILE_PATHS + 2);
  assert_members (json_array_get_object_element (findings, N_HOSTILE_PATHS));
  for (guint i = 0; i < N_HOSTILE_PATHS; i++) {
    assert_path (findings, i, hostile_paths[i]);
    assert_path (incomplete, i + 1, hostile_paths[i]);
  }
  g_assert_cmpstr (json_object_get_string_member (first, "threat"), ==, "Eicar-Test");
  g_assert_cmpstr (json_object_get_string_member (first, "fs"), ==, "/dev/sda1");
  g_assert_cmpstr (json_object_get_string_member (filesystem, "path"), ==, "/");
  g_assert_cmpstr (json_object_get_string_member (filesystem, "fs"), ==, "/dev/sda2");
  g_assert_cmpstr (json_object_get_string_member (filesystem, "reason"), ==, "encrypted");
  g_assert_cmpstr (json_object_get_string_member (filesystem, "detail"), ==,
                   "LUKS: no key was given");
  g_assert_true (json_object_get_null_member (
      json_array_get_object_element (incomplete, N_HOSTILE_PATHS + 1), "sha256"));
  g_assert_nonnull (strstr (text, "\"excluded\": 18446744073709551615"));
  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    g_assert_true (*p == '\n' || !g_unichar_iscntrl (g_utf8_get_char (p)));
}

static void
test_json_failed_and_several (void)
{
  g_autofree char *failed = write_sample (VT_REPORT_JSON, 2);
  g_autofree char *several = write_sample (VT_REPORT_JSON, 4);
  g_autoptr (JsonParser) failed_parser = json_parser_new ();
  g_autoptr (JsonParser) several_parser = json_parser_new ();
  JsonObject *report = parse (failed_parser, failed);
  JsonArray *reports = json_object_get_array_member (parse (several_parser, several), "reports");

  g_assert_true (json_object_get_null_member (report, "engine"));
  g_assert_cmpstr (json_object_get_string_member (report, "error"), ==,
                   "image: gone.raw: no such [file]\n\xef\xbf\xbd");
  g_assert_cmpuint (json_array_get_length (reports), ==, 2);
  g_assert_false (json_object_has_member (json_array_get_object_element (reports, 0), "schema"));
}

static JsonObject *
get_run (JsonParser *parser, const char *text)
{
  JsonArray *runs = json_object_get_array_member (parse (parser, text), "runs");

  return json_array_get_object_element (runs, 0);
}

static JsonObject *
get_artifact_location (JsonObject *result)
{
  JsonArray *locations = json_object_get_array_member (result, "locations");
  JsonObject *location = json_array_get_object_element (locations, 0);

  return json_object_get_object_member (
      json_object_get_object_member (location, "physicalLocation"), "artifactLocation");
}

static void
assert_sarif_results (JsonObject *run)
{
  JsonArray *results = json_object_get_array_member (run, "results");
  JsonObject *driver =
      json_object_get_object_member (json_object_get_object_member (run, "tool"), "driver");
  JsonArray *rules = json_object_get_array_member (driver, "rules");
  JsonObject *bases = json_object_get_object_member (run, "originalUriBaseIds");

  g_assert_cmpuint (json_array_get_length (rules), ==, 5);
  g_assert_cmpuint (json_array_get_length (results), ==, 2 * N_HOSTILE_PATHS + 3);
  for (guint i = 0; i < json_array_get_length (results); i++) {
    JsonObject *result = json_array_get_object_element (results, i);
    guint index = (guint)json_object_get_int_member (result, "ruleIndex");
    JsonObject *rule = json_array_get_object_element (rules, index);
    const char *base = json_object_get_string_member (get_artifact_location (result), "uriBaseId");

    g_assert_cmpstr (json_object_get_string_member (result, "ruleId"), ==,
                     json_object_get_string_member (rule, "id"));
    g_assert_true (json_object_has_member (bases, base));
  }
  for (guint i = 0; i < N_HOSTILE_PATHS; i++) {
    JsonObject *location = get_artifact_location (json_array_get_object_element (results, i));
    const char *uri = json_object_get_string_member (location, "uri");
    g_autofree char *path = g_uri_unescape_string (uri, NULL);

    g_assert_cmpstr (path, ==, hostile_paths[i] + 1);
    g_assert_cmpstr (json_object_get_string_member (location, "uriBaseId"), ==,
                     i % 2 == 0 ? "IMAGE" : "FILESYSTEM2");
  }
}

static void
test_sarif_hostile (void)
{
  g_autofree char *text = write_sample (VT_REPORT_SARIF, 1);
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonObject *run = get_run (parser, text);
  JsonObject *bases = json_object_get_object_member (run, "originalUriBaseIds");
  JsonObject *other = json_array_get_object_element (json_object_get_array_member (run, "results"),
                                                     N_HOSTILE_PATHS);
  JsonObject *invocation =
      json_array_get_object_element (json_object_get_array_member (run, "invocations"), 0);

  assert_sarif_results (run);
  g_assert_cmpstr (
      json_object_get_string_member (json_object_get_object_member (bases, "IMAGE"), "uri"), ==,
      "file:///images/di%20sk%FF%23%3F.qcow2/");
  g_assert_cmpstr (
      json_object_get_string_member (json_object_get_object_member (other, "message"), "text"), ==,
      "Other <{{\\[&\\]}}> was found");
  g_assert_true (json_object_get_boolean_member (invocation, "executionSuccessful"));
}

static void
test_sarif_failed (void)
{
  for (guint sample = 2; sample <= 3; sample++) {
    g_autofree char *text = write_sample (VT_REPORT_SARIF, sample);
    g_autoptr (JsonParser) parser = json_parser_new ();
    JsonObject *run = get_run (parser, text);
    JsonObject *invocation =
        json_array_get_object_element (json_object_get_array_member (run, "invocations"), 0);

    g_assert_false (json_object_get_boolean_member (invocation, "executionSuccessful"));
    g_assert_cmpuint (json_array_get_length (
                          json_object_get_array_member (invocation, "toolExecutionNotifications")),
                      ==, 1);
  }
}

static void
test_json_older_verdicts (void)
{
  VtScanResult *result = new_clean_result ("disk.qcow2");
  g_autoptr (GPtrArray) results = new_results (result, NULL);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autofree char *text = NULL;
  JsonObject *stats;

  result->stats.from_store_older = 44;
  result->stats.from_store_age = 86401;
  text = write_report (VT_REPORT_JSON, results);
  stats = json_object_get_object_member (parse (parser, text), "stats");
  g_assert_cmpint (json_object_get_int_member (stats, "from_store_older"), ==, 44);
  g_assert_cmpint (json_object_get_int_member (stats, "from_store_age"), ==, 86401);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/report-json/older-verdicts", test_json_older_verdicts);
  g_test_add_func ("/report/json/hostile", test_json_hostile);
  g_test_add_func ("/report/json/failed-and-several", test_json_failed_and_several);
  g_test_add_func ("/report/sarif/hostile", test_sarif_hostile);
  g_test_add_func ("/report/sarif/failed", test_sarif_failed);
  return g_test_run ();
}
