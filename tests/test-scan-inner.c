// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Containers in containers that the engine opens, and behind programs: what the engine passes by in
 * them is opened.
 */
#include "members-fixture.h"

/* The head of a program, and ARCHIVE behind it, which is taken. */
static GByteArray *
behind_a_program (GByteArray *archive)
{
  GByteArray *program = zeros (4096);

  memcpy (program->data, "\177ELF\2\1\1", 7);
  g_byte_array_append (program, archive->data, archive->len);
  g_byte_array_unref (archive);
  return program;
}

static GByteArray *
make_packed (const char *format, const char *filter, const char *text)
{
  g_autoptr (GByteArray) content = bytes_of_hidden_text (text);

  return make_archive (format, filter, content, 1);
}

static GByteArray *
make_outer (const char *format, const char *filter, const char *text)
{
  g_autoptr (GByteArray) inner = make_packed ("raw", "zstd", text);

  return make_archive (format, filter, inner, 1);
}

static void
test_containers_in_archives (Fixture *fixture, gconstpointer worker)
{
  g_autoptr (VtScanResult) result = NULL;

  add_file (fixture, "clean.zip", make_outer ("zip", NULL, "nothing"));
  add_file (fixture, "tar.gz", make_outer ("gnutar", "gzip", MARKER));
  add_file (fixture, "zip", make_outer ("zip", NULL, MARKER));
  result = run_job (fixture);
  g_assert_cmpuint (result->stats.clean, ==, 1);
  assert_infected (result, "/zip", "!member-0!data");
  assert_infected (result, "/tar.gz", "!member-0!data");
}

/* The engine opens none whose members tell their sizes behind themselves. */
static void
test_archives_behind_programs (Fixture *fixture, gconstpointer worker)
{
  g_autoptr (VtScanResult) result = NULL;
  GByteArray *two = behind_a_program (make_packed ("zip", NULL, MARKER));
  g_autoptr (GByteArray) other = make_packed ("zip", NULL, "nothing");

  g_byte_array_append (two, other->data, other->len);
  add_file (fixture, "clean", behind_a_program (make_packed ("zip", NULL, "nothing")));
  add_file (fixture, "infected", behind_a_program (make_packed ("zip", NULL, MARKER)));
  add_file (fixture, "two", two);
  result = run_job (fixture);
  g_assert_cmpuint (result->stats.clean, ==, 1);
  assert_infected (result, "/infected", "!member-0");
  /* The first is in what is before the second. */
  assert_infected (result, "/two", "!data!member-0");
}

/* What is behind the program, and no archive to its end, is not made up for by that. */
static void
test_damage_remains (Fixture *fixture, gconstpointer worker)
{
  g_autoptr (VtScanResult) result = NULL;
  GByteArray *cut = make_packed ("zip", NULL, MARKER);
  GByteArray *program;
  g_autoptr (GByteArray) other = make_packed ("zip", NULL, "nothing");

  g_byte_array_set_size (cut, cut->len / 2);
  program = behind_a_program (cut);
  g_byte_array_append (program, other->data, other->len);
  add_file (fixture, "cut", program);
  result = run_job (fixture);
  assert_incomplete (result, "/cut", VT_REASON_DAMAGED, "");
}

static void
test_what_is_hidden_remains (Fixture *fixture, gconstpointer worker)
{
  static const ZipMember hidden = {"hidden", MARKER "\n", FALSE};
  g_autoptr (GByteArray) content = noise (100000, 1);
  g_autoptr (GByteArray) archive = make_archive ("zip", NULL, content, 3);
  GByteArray *zip = g_byte_array_new ();
  g_autoptr (VtScanResult) result = NULL;

  fixture->base.options->max_scan_size = 150000;
  append_zip_header (zip, &hidden, FALSE, 0);
  g_byte_array_append (zip, (const guint8 *)hidden.content, (guint)strlen (hidden.content));
  g_byte_array_append (zip, archive->data, archive->len);
  add_file (fixture, "zip", zip);
  result = run_job (fixture);
  g_assert_cmpuint (result->stats.clean, ==, 0);
}

static void
add_tests (void)
{
  ADD_MEMBERS ("containers-in-archives", NULL, test_containers_in_archives);
  ADD_MEMBERS ("archives-behind-programs", NULL, test_archives_behind_programs);
  ADD_MEMBERS ("damage-remains", NULL, test_damage_remains);
  ADD_MEMBERS ("what-is-hidden-remains", NULL, test_what_is_hidden_remains);
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
