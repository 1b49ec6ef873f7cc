// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <gio/gio.h>
#include <string.h>

#include "report-samples.h"

static void
test_escape_is_safe_and_loses_nothing (void)
{
  g_autofree char *example = vt_report_escape ("a\nb\\c\033\xff\xc3\xa9");

  g_assert_cmpstr (example, ==, "a\\nb\\\\c\\033\\377\xc3\xa9");
  for (gsize i = 0; i < N_HOSTILE_PATHS; i++) {
    g_autofree char *escaped = vt_report_escape (hostile_paths[i]);
    g_autofree char *back = g_strcompress (escaped);

    g_assert_cmpstr (back, ==, hostile_paths[i]);
    g_assert_true (g_utf8_validate (escaped, -1, NULL));
    for (const char *p = escaped; *p != '\0'; p = g_utf8_next_char (p))
      g_assert_true (g_unichar_isprint (g_utf8_get_char (p)));
  }
}

static void
test_format_names (void)
{
  VtReportFormat format;

  g_assert_true (vt_report_format_from_string ("sarif", &format));
  g_assert_cmpint (format, ==, VT_REPORT_SARIF);
  g_assert_true (vt_report_format_from_string ("text", &format));
  g_assert_cmpint (format, ==, VT_REPORT_TEXT);
  g_assert_false (vt_report_format_from_string ("JSON", &format));
  g_assert_false (vt_report_format_from_string ("", &format));
}

static void
test_dates (void)
{
  g_autofree char *date = vt_report_format_date (86400);
  g_autofree char *none = vt_report_format_age (G_MAXINT64);
  g_autofree char *past = vt_report_format_age (g_get_real_time () / G_USEC_PER_SEC - 86400 - 60);
  g_autofree char *future = vt_report_format_age (g_get_real_time () / G_USEC_PER_SEC + 864000);

  g_assert_cmpstr (date, ==, "1970-01-02");
  g_assert_null (none);
  g_assert_true (g_str_has_suffix (past, " (1 day old)"));
  g_assert_true (g_str_has_suffix (future, " (0 days old)"));
}

static void
test_text_clean (void)
{
  g_autofree char *text = write_sample (VT_REPORT_TEXT, 0);
  g_autoptr (VtScanResult) result = new_clean_result ("");
  const VtEngineDatabase *database = g_ptr_array_index (result->engine->databases, 0);
  g_autoptr (GDateTime) then = g_date_time_new_from_unix_utc (database->time);
  g_autofree char *date = g_date_time_format (then, "%Y-%m-%d");
  g_autofree char *daily = g_strdup_printf (
      "Database: daily.cvd, version 27000, 2000000 signatures, of %s (3 days old)", date);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  const char *const expected[] = {
      "",
      "----------- SCAN SUMMARY -----------",
      "Image: disk.qcow2 (qcow2, 10.0 GiB)",
      "Engine version: 1.4.6 (functionality level 210)",
      daily,
      NULL, /* own.hdb, of 2020: as old as today makes it */
      "File systems: 1",
      "Files: 13744",
      "Clean files: 13744",
      "Infected files: 0",
      "Incomplete files: 0",
      "Excluded files: 0",
      "Data: 854.0 MiB",
      "Scanned: 700 files, 3.0 MiB",
      "From store: 13044 files",
      "From template: 0 files",
      "Time: 76.500 s (opening 0.250 s, loading 6.100 s, reading and scanning 70.062 s)",
      "",
  };

  g_assert_cmpuint (g_strv_length (lines), ==, G_N_ELEMENTS (expected));
  for (gsize i = 0; i < G_N_ELEMENTS (expected); i++) {
    if (expected[i] != NULL)
      g_assert_cmpstr (lines[i], ==, expected[i]);
  }
  g_assert_true (g_str_has_prefix (lines[5], "Database: own.hdb, of 2020-09-13 ("));
}

static void
assert_has_line (const char *text, const char *line)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  if (!g_strv_contains ((const char *const *)lines, line))
    g_error ("no line \"%s\" in:\n%s", line, text);
}

static void
test_text_older_verdicts (void)
{
  VtScanResult *result = new_clean_result ("disk.qcow2");
  g_autoptr (GPtrArray) results = new_results (result, NULL);
  g_autofree char *days = NULL;
  g_autofree char *day = NULL;

  result->stats.from_store_older = 44;
  result->stats.from_store_age = 86401;
  days = write_report (VT_REPORT_TEXT, results);
  assert_has_line (
      days, "Of these by older signatures: 44 files, the oldest 2 days old (--max-verdict-age)");
  result->stats.from_store_age = 1;
  day = write_report (VT_REPORT_TEXT, results);
  assert_has_line (
      day, "Of these by older signatures: 44 files, the oldest 1 day old (--max-verdict-age)");
}

static void
test_text_hostile (void)
{
  g_autofree char *text = write_sample (VT_REPORT_TEXT, 1);

  assert_has_line (text, "/new\\nline: Eicar-Test FOUND");
  assert_has_line (text, "btrfsvol:/dev/sdb/h\xc3\xb6me:/esc\\033[2Jape: Eicar-Test FOUND");
  assert_has_line (text, "/not\\377\\376utf8\\303: INCOMPLETE (size-limit)");
  assert_has_line (text, "/dev/sda2: INCOMPLETE (encrypted): LUKS: no key was given");
  assert_has_line (text, "Image: /images/di sk\\377#?.qcow2 (qcow2, 10.0 GiB)");
  assert_has_line (text, "Snapshot: before \"update\"");
  assert_has_line (text, "File systems: 3 (1 not read whole)");
  assert_has_line (text, "Infected files: 11");
  assert_has_line (text, "Incomplete files: 11 (size-limit: 10, read-error: 1)");
  g_assert_true (g_utf8_validate (text, -1, NULL));
  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    g_assert_true (*p == '\n' || g_unichar_isprint (g_utf8_get_char (p)));
}

static void
test_text_never_clean_without_a_scan (void)
{
  g_autofree char *failed = write_sample (VT_REPORT_TEXT, 2);
  g_autofree char *partial = write_sample (VT_REPORT_TEXT, 3);
  g_autofree char *lower = g_ascii_strdown (failed, -1);
  g_autoptr (GPtrArray) late = new_results (new_clean_result ("a"), NULL);
  VtScanResult *late_result = g_ptr_array_index (late, 0);
  g_autofree char *late_text = NULL;

  assert_has_line (failed, "gone.raw: FAILED: image: gone.raw: no such [file]\\n\\377");
  assert_has_line (failed, "FAILED: image: gone.raw: no such [file]\\n\\377");
  assert_has_line (failed, "Engine version: unknown");
  g_assert_null (strstr (lower, "clean"));
  g_assert_null (strstr (lower, "infected"));
  assert_has_line (partial, "PARTIAL: the scan was stopped before its end");
  late_result->error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "died");
  late_text = write_report (VT_REPORT_TEXT, late);
  assert_has_line (late_text, "Files: 13744");
  g_assert_null (strstr (late_text, "Clean"));
}

static void
test_text_several (void)
{
  g_autofree char *text = write_sample (VT_REPORT_TEXT, 4);

  assert_has_line (text, "a<\\033>.qcow2:/new\\nline: Eicar-Test FOUND");
  assert_has_line (text,
                   "a<\\033>.qcow2:/dev/sda2: INCOMPLETE (encrypted): LUKS: no key was given");
  assert_has_line (text, "b.qcow2: FAILED: image: b.qcow2: no such [file]\\n\\377");
}

typedef struct {
  guint cases;
  guint failures;
  guint errors;
  guint64 said_tests;
  guint64 said_failures;
  guint64 said_errors;
  GPtrArray *names;
} JUnit;

static void
count_element (GMarkupParseContext *context,
               const char *element,
               const char **names,
               const char **values,
               gpointer data,
               GError **error)
{
  JUnit *junit = data;

  for (gsize i = 0; names[i] != NULL && g_str_equal (element, "testsuite"); i++) {
    if (g_str_equal (names[i], "tests"))
      junit->said_tests += g_ascii_strtoull (values[i], NULL, 10);
    else if (g_str_equal (names[i], "failures"))
      junit->said_failures += g_ascii_strtoull (values[i], NULL, 10);
    else if (g_str_equal (names[i], "errors"))
      junit->said_errors += g_ascii_strtoull (values[i], NULL, 10);
  }
  for (gsize i = 0; names[i] != NULL && g_str_equal (element, "testcase"); i++) {
    if (g_str_equal (names[i], "name"))
      g_ptr_array_add (junit->names, g_strcompress (values[i]));
  }
  junit->cases += g_str_equal (element, "testcase");
  junit->failures += g_str_equal (element, "failure");
  junit->errors += g_str_equal (element, "error");
}

static JUnit
parse_junit (const char *text)
{
  static const GMarkupParser parser = {.start_element = count_element};
  JUnit junit = {.names = g_ptr_array_new_with_free_func (g_free)};
  g_autoptr (GError) error = NULL;
  g_autoptr (GMarkupParseContext) context =
      g_markup_parse_context_new (&parser, (GMarkupParseFlags)0, &junit, NULL);

  g_assert_true (g_markup_parse_context_parse (context, text, -1, &error));
  g_assert_true (g_markup_parse_context_end_parse (context, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (junit.said_tests, ==, junit.cases);
  g_assert_cmpuint (junit.said_failures, ==, junit.failures);
  g_assert_cmpuint (junit.said_errors, ==, junit.errors);
  return junit;
}

static void
test_junit (void)
{
  static const guint expected[][3] = {{1, 0, 0}, {24, 11, 12}, {1, 0, 1}, {1, 0, 1}, {25, 11, 13}};

  for (guint i = 0; i < G_N_ELEMENTS (expected); i++) {
    g_autofree char *text = write_sample (VT_REPORT_JUNIT, i);
    JUnit junit = parse_junit (text);

    g_assert_cmpuint (junit.cases, ==, expected[i][0]);
    g_assert_cmpuint (junit.failures, ==, expected[i][1]);
    g_assert_cmpuint (junit.errors, ==, expected[i][2]);
    if (i == 1) {
      g_assert_cmpstr (g_ptr_array_index (junit.names, 1), ==, hostile_paths[0]);
      g_assert_cmpstr (g_ptr_array_index (junit.names, 5), ==, hostile_paths[4]);
    }
    /* What XML 1.0 cannot hold. */
    g_assert_null (strstr (text, "&#x"));
    g_assert_null (strstr (text, "\xef\xbf\xbe"));
    for (const char *p = text; *p != '\0'; p++)
      g_assert_true ((guint8)*p >= 0x20 || *p == '\n');
    g_ptr_array_unref (junit.names);
  }
}

static void
test_a_full_disk_is_an_error (void)
{
  for (guint format = VT_REPORT_TEXT; format <= VT_REPORT_JUNIT; format++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GPtrArray) results = new_sample (1);
    char small[64];
    g_autoptr (GOutputStream) stream = g_memory_output_stream_new (small, sizeof small, NULL, NULL);

    g_assert_false (vt_report_write ((VtReportFormat)format, results, stream, &error));
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  }
}

/* For a test that holds them against their schemas. */
static void
write_samples_to (const char *directory)
{
  static const char *const suffixes[] = {"txt", "json", "sarif", "xml"};
  g_autoptr (GPtrArray) results = NULL;

  for (guint number = 0; (results = new_sample (number)) != NULL; number++) {
    for (guint format = VT_REPORT_TEXT; format <= VT_REPORT_JUNIT; format++) {
      g_autofree char *text = write_report ((VtReportFormat)format, results);
      g_autofree char *name = g_strdup_printf ("%s/%u.%s", directory, number, suffixes[format]);
      g_autoptr (GError) error = NULL;

      g_file_set_contents (name, text, -1, &error);
      g_assert_no_error (error);
    }
    g_clear_pointer (&results, g_ptr_array_unref);
  }
}

int
main (int argc, char **argv)
{
  const char *samples = g_getenv ("VT_TEST_REPORT_DIR");

  g_test_init (&argc, &argv, NULL);
  if (samples != NULL) {
    write_samples_to (samples);
    return 0;
  }
  g_test_add_func ("/report/escape", test_escape_is_safe_and_loses_nothing);
  g_test_add_func ("/report/format-names", test_format_names);
  g_test_add_func ("/report/dates", test_dates);
  g_test_add_func ("/report/text/clean", test_text_clean);
  g_test_add_func ("/report/text/older-verdicts", test_text_older_verdicts);
  g_test_add_func ("/report/text/hostile", test_text_hostile);
  g_test_add_func ("/report/text/never-clean-without-a-scan", test_text_never_clean_without_a_scan);
  g_test_add_func ("/report/text/several", test_text_several);
  g_test_add_func ("/report/junit", test_junit);
  g_test_add_func ("/report/full-disk", test_a_full_disk_is_an_error);
  return g_test_run ();
}
