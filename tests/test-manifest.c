// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <json-glib/json-glib.h>
#include <string.h>

#include "vt-manifest.h"

#define N_FILES 300u

static VtFileResult *
new_file (guint filesystem, const char *path, guint64 inode, guint content, VtSource source)
{
  VtFileResult *file = vt_file_result_new ();

  file->filesystem = filesystem;
  file->path = g_strdup (path);
  file->inode = inode;
  file->size = 10;
  file->mtime_ns = -1;
  file->ctime_ns = G_MAXINT64;
  file->has_digest = TRUE;
  file->digest = vt_digest_of_data (&content, sizeof content);
  file->verdict = vt_verdict_clean ();
  file->source = source;
  return file;
}

static VtScanResult *
new_result (void)
{
  VtScanResult *result = vt_scan_result_new ("disk.raw");

  for (guint i = 0; i < 2; i++) {
    VtFilesystem *filesystem = vt_filesystem_new ();

    filesystem->id = g_strdup_printf ("/dev/sda%u", i + 1);
    g_ptr_array_add (result->filesystems, filesystem);
  }
  return result;
}

static VtManifest *
new_manifest (void)
{
  g_autoptr (GError) error = NULL;
  VtManifest *manifest = vt_manifest_new (&error);

  g_assert_no_error (error);
  return manifest;
}

static void
add (VtManifest *manifest, VtFileResult *file)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (vt_manifest_add (manifest, file, &error));
  g_assert_no_error (error);
  vt_file_result_free (file);
}

static char *
write_manifest (VtManifest *manifest)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtScanResult) result = new_result ();
  g_autoptr (GOutputStream) stream = g_memory_output_stream_new_resizable ();

  g_assert_true (vt_manifest_write (manifest, result, stream, &error));
  g_assert_no_error (error);
  g_output_stream_write_all (stream, "", 1, NULL, NULL, NULL);
  g_output_stream_close (stream, NULL, NULL);
  return g_memory_output_stream_steal_data (G_MEMORY_OUTPUT_STREAM (stream));
}

static void
test_a_line (void)
{
  static const char *const members[] = {"data.tar", "\xffx", NULL};
  g_autoptr (VtManifest) manifest = new_manifest ();
  VtFileResult *infected = new_file (1, "/a\n\xff", G_MAXUINT64, 1, VT_SOURCE_ENGINE);
  VtFileResult *unread = new_file (0, "/z", 2, 2, VT_SOURCE_NONE);
  g_autofree char *text = NULL;

  infected->verdict = vt_verdict_infected ("Eicar-Test");
  infected->digest = vt_digest_of_data ("", 0);
  infected->members = g_strdupv ((char **)members);
  unread->verdict = vt_verdict_incomplete (VT_REASON_READ_ERROR);
  unread->has_digest = FALSE;
  add (manifest, infected);
  add (manifest, unread);
  text = write_manifest (manifest);
  g_assert_cmpstr (
      text, ==,
      "{\"path\":\"/z\",\"fs\":\"/dev/sda1\",\"inode\":2,\"size\":10,\"mtime_ns\":-1,"
      "\"ctime_ns\":9223372036854775807,\"sha256\":null,\"verdict\":\"incomplete\","
      "\"threat\":null,\"reason\":\"read-error\",\"source\":\"none\",\"members\":[]}\n"
      "{\"path\":\"/a\\u000a\xef\xbf\xbd\",\"path_base64\":\"L2EK/w==\",\"fs\":\"/dev/sda2\","
      "\"inode\":18446744073709551615,\"size\":10,\"mtime_ns\":-1,"
      "\"ctime_ns\":9223372036854775807,"
      "\"sha256\":\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\","
      "\"verdict\":\"infected\",\"threat\":\"Eicar-Test\",\"reason\":null,"
      "\"source\":\"engine\",\"members\":[\"data.tar\",\"\xef\xbf\xbdx\"],"
      "\"members_base64\":[\"ZGF0YS50YXI=\",\"/3g=\"]}\n");
}

/* PATH=SOURCE of each line. */
static char *
get_sources (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_autoptr (GString) sources = g_string_new (NULL);

  for (gsize i = 0; lines[i] != NULL && lines[i][0] != '\0'; i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (JsonParser) parser = json_parser_new ();
    JsonObject *line;

    g_assert_true (json_parser_load_from_data (parser, lines[i], -1, &error));
    g_assert_no_error (error);
    line = json_node_get_object (json_parser_get_root (parser));
    g_string_append_printf (sources, "%s=%s ", json_object_get_string_member (line, "path"),
                            json_object_get_string_member (line, "source"));
  }
  return g_string_free (g_steal_pointer (&sources), FALSE);
}

static void
assert_sources (VtManifest *manifest, const char *expected)
{
  g_autofree char *text = write_manifest (manifest);
  g_autofree char *sources = get_sources (text);

  g_assert_cmpstr (sources, ==, expected);
}

static void
test_hard_links (void)
{
  g_autoptr (VtManifest) manifest = new_manifest ();

  add (manifest, new_file (0, "/c", 7, 1, VT_SOURCE_ENGINE));
  add (manifest, new_file (0, "/b", 7, 1, VT_SOURCE_HARDLINK));
  add (manifest, new_file (0, "/a", 7, 1, VT_SOURCE_HARDLINK));
  /* The same numbers on another file system, and none at all, are no links. */
  add (manifest, new_file (1, "/d", 7, 2, VT_SOURCE_TEMPLATE));
  add (manifest, new_file (1, "/e", 0, 3, VT_SOURCE_EMPTY));
  add (manifest, new_file (1, "/f", 0, 3, VT_SOURCE_EMPTY));
  assert_sources (manifest, "/a=engine /b=hardlink /c=hardlink /d=template /e=empty /f=empty ");
}

static void
test_copies (void)
{
  g_autoptr (VtManifest) manifest = new_manifest ();

  add (manifest, new_file (1, "/a", 1, 1, VT_SOURCE_ENGINE));
  add (manifest, new_file (0, "/b", 2, 1, VT_SOURCE_STORE));
  add (manifest, new_file (0, "/c", 3, 1, VT_SOURCE_STORE));
  /* Known before this run: the engine saw none of them. */
  add (manifest, new_file (0, "/d", 4, 2, VT_SOURCE_STORE));
  add (manifest, new_file (0, "/e", 5, 2, VT_SOURCE_STORE));
  /* A link to a copy. */
  add (manifest, new_file (0, "/a", 3, 1, VT_SOURCE_HARDLINK));
  assert_sources (manifest, "/a=engine /b=store /c=hardlink /d=store /e=store /a=store ");
}

static void
test_paths_are_ordered_as_bytes (void)
{
  g_autoptr (VtManifest) manifest = new_manifest ();

  add (manifest, new_file (0, "/\xc3\xa9", 1, 1, VT_SOURCE_TEMPLATE));
  add (manifest, new_file (0, "/a", 2, 2, VT_SOURCE_TEMPLATE));
  add (manifest, new_file (0, "/Z", 3, 3, VT_SOURCE_TEMPLATE));
  add (manifest, new_file (0, "/a/b", 4, 4, VT_SOURCE_TEMPLATE));
  add (manifest, new_file (0, "/a-", 5, 5, VT_SOURCE_TEMPLATE));
  assert_sources (manifest,
                  "/Z=template /a=template /a-=template /a/b=template /\xc3\xa9=template ");
}

static void
test_failed_filesystem (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtManifest) manifest = new_manifest ();
  VtFileResult *infected = new_file (0, "/b", 2, 2, VT_SOURCE_ENGINE);
  g_autofree char *text = NULL;

  infected->verdict = vt_verdict_infected ("X");
  add (manifest, new_file (0, "/a", 1, 1, VT_SOURCE_ENGINE));
  g_assert_true (vt_manifest_fail_filesystem (manifest, 0, VT_REASON_READ_ERROR, &error));
  g_assert_no_error (error);
  /* Also what comes later. */
  add (manifest, infected);
  add (manifest, new_file (0, "/c", 3, 3, VT_SOURCE_ENGINE));
  add (manifest, new_file (1, "/d", 4, 4, VT_SOURCE_ENGINE));
  text = write_manifest (manifest);
  g_assert_nonnull (strstr (text,
                            "\"verdict\":\"incomplete\",\"threat\":null,"
                            "\"reason\":\"read-error\",\"source\":\"engine\",\"members\":[]}\n"
                            "{\"path\":\"/b\""));
  g_assert_nonnull (strstr (text, "\"threat\":\"X\",\"reason\":null"));
  g_assert_nonnull (strstr (text,
                            "\"verdict\":\"incomplete\",\"threat\":null,"
                            "\"reason\":\"read-error\",\"source\":\"engine\",\"members\":[]}\n"
                            "{\"path\":\"/d\""));
  g_assert_nonnull (strstr (text, "\"verdict\":\"clean\""));
}

/* As a reader would add them in this ORDER: the first of a kind from the engine. */
static char *
write_in_order (const guint *order)
{
  g_autoptr (VtManifest) manifest = new_manifest ();
  g_autoptr (GHashTable) inodes = g_hash_table_new (NULL, NULL);
  g_autoptr (GHashTable) contents = g_hash_table_new (NULL, NULL);

  for (guint i = 0; i < N_FILES; i++) {
    guint number = order[i];
    guint inode = number % 2 == 0 ? number : number / 4 + 1000;
    guint content = inode % 40;
    g_autofree char *path = g_strdup_printf ("/%u/%u", number * 7 % 10, number);
    guint key = inode * 2 + number % 2;
    VtSource source = VT_SOURCE_ENGINE;

    if (!g_hash_table_add (inodes, GUINT_TO_POINTER (key + 1)))
      source = VT_SOURCE_HARDLINK;
    else if (!g_hash_table_add (contents, GUINT_TO_POINTER (content + 1)))
      source = VT_SOURCE_STORE;
    add (manifest, new_file (number % 2, path, inode, content, source));
  }
  return write_manifest (manifest);
}

static void
shuffle (guint *order)
{
  for (guint i = N_FILES - 1; i > 0; i--) {
    guint j = (guint)g_test_rand_int_range (0, (gint32)i + 1);
    guint swapped = order[i];

    order[i] = order[j];
    order[j] = swapped;
  }
}

static void
test_order_of_reading_does_not_show (void)
{
  guint order[N_FILES];
  g_autofree char *expected = NULL;

  for (guint i = 0; i < N_FILES; i++)
    order[i] = i;
  expected = write_in_order (order);
  g_assert_nonnull (strstr (expected, "\"store\""));
  g_assert_nonnull (strstr (expected, "\"hardlink\""));
  for (guint round = 0; round < 5; round++) {
    g_autofree char *text = NULL;

    shuffle (order);
    text = write_in_order (order);
    g_assert_cmpstr (text, ==, expected);
  }
}

static void
test_writing_again_and_appending (void)
{
  g_autoptr (VtManifest) manifest = new_manifest ();
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;

  add (manifest, new_file (0, "/b", 1, 1, VT_SOURCE_ENGINE));
  add (manifest, new_file (0, "/a", 1, 1, VT_SOURCE_HARDLINK));
  first = write_manifest (manifest);
  second = write_manifest (manifest);
  g_assert_cmpstr (first, ==, second);
}

static void
test_errors (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtManifest) manifest = new_manifest ();
  g_autoptr (VtScanResult) result = new_result ();
  char small[16];
  g_autoptr (GOutputStream) stream = g_memory_output_stream_new (small, sizeof small, NULL, NULL);

  add (manifest, new_file (0, "/a", 1, 1, VT_SOURCE_ENGINE));
  g_assert_false (vt_manifest_write (manifest, result, stream, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_clear_error (&error);
  add (manifest, new_file (2, "/a", 1, 1, VT_SOURCE_ENGINE));
  g_assert_false (vt_manifest_write (manifest, result, stream, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

/* For a test that holds it against its schema. */
static void
write_sample_to (const char *directory)
{
  g_autofree char *name = g_build_filename (directory, "manifest.jsonl", NULL);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (VtManifest) manifest = new_manifest ();
  VtFileResult *infected = new_file (1, "/a\n\xff", G_MAXUINT64, 1, VT_SOURCE_ENGINE);
  VtFileResult *unread = new_file (0, "/z\033\"\\", 2, 2, VT_SOURCE_NONE);

  infected->verdict = vt_verdict_infected ("Eicar-Test");
  unread->verdict = vt_verdict_incomplete (VT_REASON_READ_ERROR);
  unread->has_digest = FALSE;
  add (manifest, infected);
  add (manifest, unread);
  add (manifest, new_file (0, "/plain", 0, 3, VT_SOURCE_EMPTY));
  text = write_manifest (manifest);
  g_file_set_contents (name, text, -1, &error);
  g_assert_no_error (error);
}

int
main (int argc, char **argv)
{
  const char *samples = g_getenv ("VT_TEST_REPORT_DIR");

  g_test_init (&argc, &argv, NULL);
  if (samples != NULL) {
    write_sample_to (samples);
    return 0;
  }
  g_test_add_func ("/manifest/a-line", test_a_line);
  g_test_add_func ("/manifest/hard-links", test_hard_links);
  g_test_add_func ("/manifest/copies", test_copies);
  g_test_add_func ("/manifest/paths-are-ordered-as-bytes", test_paths_are_ordered_as_bytes);
  g_test_add_func ("/manifest/failed-filesystem", test_failed_filesystem);
  g_test_add_func ("/manifest/order-of-reading", test_order_of_reading_does_not_show);
  g_test_add_func ("/manifest/writing-again", test_writing_again_and_appending);
  g_test_add_func ("/manifest/errors", test_errors);
  return g_test_run ();
}
