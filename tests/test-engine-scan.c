// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Nothing is clean that was not scanned. Every case here is one that the engine alone calls clean,
 * or one that a rule against those must not hit.
 */
#include "engine-scan-fixture.h"

/* Of the first member's unpacked size in a zip archive; four bytes. */
#define ZIP_REAL_SIZE_OFFSET 22

static void
test_clean_and_infected (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) clean = bytes_of_text ("nothing to see here\n");
  g_autoptr (GByteArray) infected = bytes_of_text ("before " MARKER " after\n");
  g_autoptr (GByteArray) heuristic = bytes_of_text ("before " HEURISTIC " after\n");
  g_autoptr (GByteArray) packed = make_archive ("gnutar", "gzip", infected, 3);

  assert_clean (scan (fixture, clean));
  assert_infected (scan (fixture, infected), MARKER_NAME);
  assert_infected (scan (fixture, heuristic), HEURISTIC_NAME);
  assert_infected (scan (fixture, packed), MARKER_NAME);
  /* The same content again: an earlier verdict must not be remembered by the engine itself. */
  assert_clean (scan (fixture, clean));
  assert_infected (scan (fixture, infected), MARKER_NAME);
}

static void
test_tiny_contents_are_clean (Fixture *fixture, gconstpointer data)
{
  for (guint size = 0; size <= 6; size++) {
    g_autoptr (GByteArray) content = zeros (size);

    assert_clean (scan (fixture, content));
  }
}

static void
test_no_temporary_directory (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) infected = bytes_of_text (MARKER "\n");
  g_autoptr (GByteArray) clean = bytes_of_text ("nothing to see here\n");

  load (fixture);
  vt_paths_remove_tree (fixture->tmp_dir);
  assert_incomplete (scan (fixture, infected), VT_REASON_ENGINE_ERROR);
  assert_incomplete (scan (fixture, clean), VT_REASON_ENGINE_ERROR);
}

static void
test_short_read (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) content = zeros (4 * KIB);
  vt_autofd fd = memfd_of_data (content->data, content->len);

  load (fixture);
  assert_incomplete (
      vt_engine_scan_fd (fixture->engine, fixture->base.options, NULL, fd, content->len + 1),
      VT_REASON_READ_ERROR);
}

static void
test_file_over_the_limit (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) content = zeros (64 * KIB + 1);

  fixture->base.options->max_file_size = 64 * KIB;
  assert_incomplete (scan (fixture, content), VT_REASON_SIZE_LIMIT);
  g_byte_array_set_size (content, 64 * KIB);
  assert_clean (scan (fixture, content));
}

static void
test_too_many_files (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) content = bytes_of_text ("nothing to see here\n");
  g_autoptr (GByteArray) zip = make_archive ("zip", NULL, content, 20);
  g_autoptr (GByteArray) tar = make_archive ("gnutar", NULL, content, 20);

  fixture->base.options->max_files = 5;
  assert_incomplete (scan (fixture, zip), VT_REASON_FILES_LIMIT);
  assert_incomplete (scan (fixture, tar), VT_REASON_FILES_LIMIT);
}

static GByteArray *
nest (const char *text, guint depth)
{
  GByteArray *content = bytes_of_text (text);

  for (guint i = 0; i < depth; i++) {
    GByteArray *outer = make_archive ("zip", NULL, content, 1);

    g_byte_array_unref (content);
    content = outer;
  }
  return content;
}

static void
test_nested_too_deep (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) deep = nest (MARKER, 8);
  g_autoptr (GByteArray) shallow = nest ("nothing to see here\n", 2);

  fixture->base.options->max_recursion = 4;
  assert_incomplete (scan (fixture, deep), VT_REASON_RECURSION_LIMIT);
  assert_clean (scan (fixture, shallow));
}

static void
test_too_much_to_scan (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) content = zeros (100 * KIB);
  g_autoptr (GByteArray) zip = make_archive ("zip", NULL, content, 10);

  fixture->base.options->max_scan_size = 300 * KIB;
  assert_incomplete (scan (fixture, zip), VT_REASON_SCAN_LIMIT);
}

static void
test_too_long (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) content = noise (MIB, 1);
  g_autoptr (GByteArray) tar = make_archive ("gnutar", NULL, content, 16);

  load (fixture);
  /* A millisecond: shorter than our own options can say. */
  cl_engine_set_num (fixture->engine, CL_ENGINE_MAX_SCANTIME, 1);
  assert_incomplete (scan (fixture, tar), VT_REASON_TIME_LIMIT);
}

/* The engine cuts such a member at the limit, and goes on as if that were all of it. */
static void
test_zip_member_over_the_limit (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) content = zeros (MIB);
  g_autoptr (GByteArray) zip = NULL;

  g_byte_array_append (content, (const guint8 *)MARKER, strlen (MARKER));
  zip = make_archive ("zip", NULL, content, 1);
  fixture->base.options->max_file_size = 100 * KIB;
  assert_incomplete (scan (fixture, zip), VT_REASON_SIZE_LIMIT);
}

/* The same with headers that lie about the member's size. */
static void
test_zip_member_with_a_wrong_size (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) content = zeros (MIB + 16);
  g_autoptr (GByteArray) zip = make_archive ("zip", NULL, content, 1);
  const guint8 size[4] = {0x10, 0x00, 0x10, 0x00};
  guint replaced = 0;

  for (guint i = 0; i + sizeof size <= zip->len; i++)
    if (memcmp (zip->data + i, size, sizeof size) == 0) {
      zip->data[i + 2] = 0;
      zip->data[i + 1] = 0x20;
      replaced++;
    }
  g_assert_cmpuint (replaced, >=, 1);
  fixture->base.options->max_file_size = 100 * KIB;
  assert_incomplete (scan (fixture, zip), VT_REASON_SIZE_LIMIT);
}

/* A member that says it is too large and does not unpack to that. */
static void
test_zip_member_that_is_not_whole (Fixture *fixture, gconstpointer data)
{
  static const ZipMember member = {"cut", "nothing to see here\n", FALSE};
  g_autoptr (GByteArray) zip = g_byte_array_new ();

  append_zip (zip, &member, 1);
  assert_clean (scan (fixture, zip));
  zip->data[ZIP_REAL_SIZE_OFFSET + 3] = 0x10;
  assert_incomplete (scan (fixture, zip), VT_REASON_SIZE_LIMIT);
}

static void
test_compressed_over_the_limit (Fixture *fixture, gconstpointer data)
{
  static const char *const filters[] = {"gzip", "bzip2", "xz"};
  g_autoptr (GByteArray) content = zeros (MIB);

  fixture->base.options->max_file_size = 100 * KIB;
  for (gsize i = 0; i < G_N_ELEMENTS (filters); i++) {
    g_autoptr (GByteArray) alone = make_archive ("raw", filters[i], content, 1);
    g_autoptr (GByteArray) tar = make_archive ("gnutar", filters[i], content, 1);

    g_test_message ("%s", filters[i]);
    assert_incomplete (scan (fixture, alone), VT_REASON_SIZE_LIMIT);
    assert_incomplete (scan (fixture, tar), VT_REASON_SIZE_LIMIT);
  }
}

/* A limit that was reached does not hide what was found before it. */
static void
test_detection_wins_over_a_limit (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) infected = bytes_of_text (MARKER "\n");
  g_autoptr (GByteArray) heuristic = bytes_of_text (HEURISTIC "\n");
  g_autoptr (GByteArray) strong = make_archive ("zip", NULL, infected, 20);
  g_autoptr (GByteArray) weak = make_archive ("zip", NULL, heuristic, 20);

  fixture->base.options->max_files = 5;
  assert_infected (scan (fixture, strong), MARKER_NAME);
  assert_infected (scan (fixture, weak), HEURISTIC_NAME);
}

/* The engine gives such a mail up with a warning, the rest of it unread. */
static void
test_engine_warning (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) mail =
      bytes_of_text ("From: somebody@example.com\n"
                     "To: somebody@example.com\n"
                     "Subject: elsewhere\n"
                     "MIME-Version: 1.0\n"
                     "Content-Type: message/external-body; access-type=\"x\"\n"
                     "\n"
                     "nothing to see here\n");

  assert_incomplete (scan (fixture, mail), VT_REASON_ENGINE_ERROR);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("clean-and-infected", test_clean_and_infected);
  ADD ("tiny-contents-are-clean", test_tiny_contents_are_clean);
  ADD ("no-temporary-directory", test_no_temporary_directory);
  ADD ("short-read", test_short_read);
  ADD ("file-over-the-limit", test_file_over_the_limit);
  ADD ("too-many-files", test_too_many_files);
  ADD ("nested-too-deep", test_nested_too_deep);
  ADD ("too-much-to-scan", test_too_much_to_scan);
  ADD ("too-long", test_too_long);
  ADD ("zip-member-over-the-limit", test_zip_member_over_the_limit);
  ADD ("zip-member-with-a-wrong-size", test_zip_member_with_a_wrong_size);
  ADD ("zip-member-that-is-not-whole", test_zip_member_that_is_not_whole);
  ADD ("compressed-over-the-limit", test_compressed_over_the_limit);
  ADD ("detection-wins-over-a-limit", test_detection_wins_over_a_limit);
  ADD ("engine-warning", test_engine_warning);
  return g_test_run ();
}
