// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-findings.h"

#include <glib/gstdio.h>
#include <string.h>

#include "report-samples.h"
#include "vt-json-reader.h"

#define HEAD "{\"schema\": 1, \"tool\": {\"name\": \"vtemplater\", \"version\": \"0.1.0\"}, "
#define HEX  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define FINDING                                                                                    \
  "{\"path\": \"/a\", \"fs\": \"/dev/sda1\", \"threat\": \"T\", \"sha256\": \"" HEX                \
  "\", \"size\": 3, \"source\": \"engine\", \"members\": []}"
#define TAIL                                                                                       \
  "\"incomplete\": [], \"stats\": {\"infected\": 1, \"incomplete\": 0}, \"partial\": false, "      \
  "\"error\": null}"
#define GOOD HEAD "\"findings\": [" FINDING "], " TAIL

static VtFindings *
parse (const char *text, const char *image, GError **error)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static (text, strlen (text));

  return vt_findings_parse (bytes, image, error);
}

static void
assert_same (const VtFindings *a, const VtFindings *b)
{
  g_assert_cmpuint (a->findings->len, ==, b->findings->len);
  g_assert_cmpuint (a->infected, ==, b->infected);
  g_assert_cmpint (a->incomplete, ==, b->incomplete);
  for (guint i = 0; i < a->findings->len; i++) {
    const VtFinding *one = g_ptr_array_index (a->findings, i);
    const VtFinding *other = g_ptr_array_index (b->findings, i);

    g_assert_cmpstr (one->path, ==, other->path);
    g_assert_cmpstr (one->fs, ==, other->fs);
    g_assert_cmpstr (one->threat, ==, other->threat);
    g_assert_cmpuint (one->size, ==, other->size);
    g_assert_cmpint (one->has_digest, ==, other->has_digest);
    g_assert_true (!one->has_digest || vt_digest_equal (&one->digest, &other->digest));
    g_assert_true ((one->members == NULL) == (other->members == NULL));
    if (one->members != NULL)
      g_assert_cmpstrv (one->members, other->members);
  }
}

static guint
count_names_that_are_not_text (const VtFindings *findings)
{
  guint n = 0;

  for (guint i = 0; i < findings->findings->len; i++)
    n += !g_utf8_validate (((const VtFinding *)findings->findings->pdata[i])->path, -1, NULL);
  return n;
}

static void
bound_files (gpointer file, gpointer unused)
{
  ((VtFileResult *)file)->size = MIN (((VtFileResult *)file)->size, VT_JSON_READER_NUMBER_MAX);
}

/* There are samples with numbers of which many readers of JSON make others: those are not read. */
static void
bound_numbers (gpointer data, gpointer unused)
{
  VtScanResult *result = data;
  const VtScanStats stats = {
      .infected = MIN (result->stats.infected, VT_JSON_READER_NUMBER_MAX),
      .incomplete = MIN (result->stats.incomplete, VT_JSON_READER_NUMBER_MAX),
  };

  result->stats = stats;
  result->virtual_size = MIN (result->virtual_size, VT_JSON_READER_NUMBER_MAX);
  for (guint i = 0; i < result->filesystems->len; i++)
    ((VtFilesystem *)g_ptr_array_index (result->filesystems, i))->size = 1;
  g_ptr_array_foreach (result->findings, bound_files, NULL);
  g_ptr_array_foreach (result->incomplete, bound_files, NULL);
}

/* What a report says is what the scan found: names that are no text too. */
static void
test_report_says_what_the_scan_found (void)
{
  GPtrArray *results;
  guint other_names = 0;

  for (guint i = 0; (results = new_sample (i)) != NULL; i++) {
    g_autofree char *text = NULL;

    g_ptr_array_foreach (results, bound_numbers, NULL);
    text = write_report (VT_REPORT_JSON, results);
    for (guint k = 0; k < results->len; k++) {
      const VtScanResult *result = g_ptr_array_index (results, k);
      g_autoptr (VtFindings) expected = vt_findings_of_result (result);
      g_autoptr (GError) error = NULL;
      g_autoptr (VtFindings) findings = parse (text, result->path, &error);

      g_assert_no_error (error);
      assert_same (findings, expected);
      other_names += count_names_that_are_not_text (findings);
    }
    g_ptr_array_unref (results);
  }
  g_assert_cmpuint (other_names, >, 0);
}

static void
test_incomplete (void)
{
  static const char *const texts[] = {
      HEAD "\"findings\": [], \"incomplete\": [{}], \"stats\": {\"infected\": 0, \"incomplete\": "
           "0}, \"partial\": false, \"error\": null}",
      HEAD "\"findings\": [], \"incomplete\": [], \"stats\": {\"infected\": 0, \"incomplete\": 1}, "
           "\"partial\": false, \"error\": null}",
      HEAD "\"findings\": [], \"incomplete\": [], \"stats\": {\"infected\": 0, \"incomplete\": 0}, "
           "\"partial\": true, \"error\": null}",
      HEAD "\"findings\": [], \"incomplete\": [], \"stats\": {\"infected\": 0, \"incomplete\": 0}, "
           "\"partial\": false, \"error\": \"e\"}",
  };
  g_autoptr (VtFindings) good = parse (GOOD, "", NULL);

  g_assert_nonnull (good);
  g_assert_false (good->incomplete);
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (VtFindings) findings = parse (texts[i], "", NULL);

    g_assert_nonnull (findings);
    g_assert_true (findings->incomplete);
  }
}

static char *
replace (const char *text, const char *old, const char *new)
{
  g_autoptr (GString) string = g_string_new (text);

  g_assert_cmpuint (g_string_replace (string, old, new, 1), ==, 1);
  return g_string_free (g_steal_pointer (&string), FALSE);
}

static void
test_other_reports_are_refused (void)
{
  static const char *const changes[][2] = {
      {"\"schema\": 1", "\"schema\": 2"},
      {"\"name\": \"vtemplater\"", "\"name\": \"other\""},
      {"\"path\": \"/a\"", "\"path\": \"a\""},
      {"\"path\": \"/a\"", "\"path\": \"\""},
      {"\"path\": \"/a\"", "\"path\": 1"},
      {"\"path\": \"/a\"", "\"path\": \"/a\", \"path_base64\": \"L2E=\""},
      {"\"path\": \"/a\"", "\"path\": \"/\xef\xbf\xbd\", \"path_base64\": \"L2E=\""},
      {"\"path\": \"/a\"", "\"path\": \"/\xef\xbf\xbd\", \"path_base64\": \"L/8\""},
      {"\"path\": \"/a\"", "\"path\": \"/\xef\xbf\xbd\", \"path_base64\": \"L/8A\""},
      {"\"path\": \"/a\"", "\"path\": \"/\xef\xbf\xbd\", \"path_base64\": \"L/9=\""},
      {"\"path\": \"/a\"", "\"path\": \"/b\xef\xbf\xbd\", \"path_base64\": \"L/8=\""},
      {"\"path\": \"/a\"", "\"path\": \"/\xef\xbf\xbd\", \"path_base64\": 1"},
      {"\"fs\": \"/dev/sda1\"", "\"fs\": \"\""},
      {"\"threat\": \"T\"", "\"threat\": \"\""},
      {"\"threat\": \"T\"", "\"threat\": null"},
      {"\"sha256\": \"a", "\"sha256\": \"x"},
      {"\"sha256\": \"a", "\"sha256\": \"aa"},
      {"\"size\": 3", "\"size\": -3"},
      {"\"size\": 3", "\"size\": 9007199254740992"},
      {"\"members\": []", "\"members\": [1]"},
      {"\"members\": []", "\"members\": null"},
      {"\"members\": []", "\"members\": [\"a\"], \"members_base64\": []"},
      {"\"findings\": [", "\"findings\": [1, "},
      {"\"findings\": [", "\"others\": ["},
      {"\"incomplete\": []", "\"incomplete\": 0"},
      {"\"incomplete\": []", "\"incomplete\": [1]"},
      {"\"infected\": 1", "\"infected\": \"1\""},
      {", \"incomplete\": 0", ""},
      {"\"partial\": false", "\"partial\": 0"},
      {", \"error\": null", ""},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (changes); i++) {
    g_autofree char *text = replace (GOOD, changes[i][0], changes[i][1]);
    g_autoptr (GError) error = NULL;

    g_test_message ("%s", changes[i][1]);
    g_assert_null (parse (text, "", &error));
    g_assert_error (error, VT_FINDINGS_ERROR, VT_FINDINGS_ERROR_MALFORMED);
  }
}

static void
test_long_texts_are_refused (void)
{
  g_autofree char *path = g_strnfill (VT_FINDINGS_PATH_MAX, 'x');
  g_autofree char *threat = g_strnfill (VT_THREAT_MAX + 1, 'x');
  g_autofree char *long_path = g_strdup_printf ("\"path\": \"/%s\"", path);
  g_autofree char *long_threat = g_strdup_printf ("\"threat\": \"%s\"", threat);
  g_autofree char *first = replace (GOOD, "\"path\": \"/a\"", long_path);
  g_autofree char *second = replace (GOOD, "\"threat\": \"T\"", long_threat);

  g_assert_null (parse (first, "", NULL));
  g_assert_null (parse (second, "", NULL));
}

static void
test_one_of_several_images (void)
{
#define REPORT(name) "{\"image\": {\"path\": \"" name "\"}, \"findings\": [" FINDING "], " TAIL
  g_autofree char *several = g_strconcat (HEAD "\"reports\": [" REPORT ("a") ", ", REPORT ("b"),
                                          ", ", REPORT ("b"), ", {}]}", NULL);
  g_autoptr (VtFindings) found = parse (several, "a", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (found);
  g_assert_cmpuint (found->findings->len, ==, 1);
  g_assert_null (parse (several, "b", &error));
  g_assert_error (error, VT_FINDINGS_ERROR, VT_FINDINGS_ERROR_IMAGE);
  g_clear_error (&error);
  g_assert_null (parse (several, "c", &error));
  g_assert_error (error, VT_FINDINGS_ERROR, VT_FINDINGS_ERROR_IMAGE);
}

static void
test_files (void)
{
  g_autofree char *dir = g_dir_make_tmp ("vt-findings-XXXXXX", NULL);
  g_autofree char *file = g_build_filename (dir, "report.json", NULL);
  g_autoptr (VtFindings) findings = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_null (vt_findings_read (file, "", &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
  g_clear_error (&error);
  g_assert_null (vt_findings_read (dir, "", &error));
  g_assert_error (error, VT_FINDINGS_ERROR, VT_FINDINGS_ERROR_MALFORMED);
  g_clear_error (&error);
  g_assert_true (g_file_set_contents (file, "no JSON", -1, NULL));
  g_assert_null (vt_findings_read (file, "", &error));
  g_assert_error (error, VT_JSON_READER_ERROR, VT_JSON_READER_ERROR_MALFORMED);
  g_clear_error (&error);
  g_assert_true (g_file_set_contents (file, GOOD, -1, NULL));
  findings = vt_findings_read (file, "", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (findings->findings->len, ==, 1);
  g_assert_cmpint (g_remove (file), ==, 0);
  g_assert_cmpint (g_rmdir (dir), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/findings/report-says-what-the-scan-found",
                   test_report_says_what_the_scan_found);
  g_test_add_func ("/findings/incomplete", test_incomplete);
  g_test_add_func ("/findings/other-reports-are-refused", test_other_reports_are_refused);
  g_test_add_func ("/findings/long-texts-are-refused", test_long_texts_are_refused);
  g_test_add_func ("/findings/one-of-several-images", test_one_of_several_images);
  g_test_add_func ("/findings/files", test_files);
  return g_test_run ();
}
