// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What the engine passes over without a word: members that are damaged, or behind damage, or of a
 * kind it does not know; and whole contents that it ignores.
 */
#include "engine-scan-fixture.h"

static GByteArray *
concatenate (GByteArray *first, GByteArray *second)
{
  GByteArray *bytes = g_byte_array_new ();

  g_byte_array_append (bytes, first->data, first->len);
  g_byte_array_append (bytes, second->data, second->len);
  return bytes;
}

/* Nothing may be said against an archive that is as it should be. */
static void
test_whole_archives_are_clean (Fixture *fixture, gconstpointer data)
{
  static const char *const formats[] = {"zip",  "7zip", "gnutar", "pax", "ustar",  "v7tar",
                                        "newc", "odc",  "cpio",   "xar", "iso9660"};
  static const char *const filters[] = {"gzip", "bzip2", "xz"};
  g_autoptr (GByteArray) content = noise (20 * KIB, 1);
  g_autoptr (GByteArray) tiny = bytes_of_text ("tiny");

  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++) {
    g_autoptr (GByteArray) archive = make_archive (formats[i], NULL, content, 3);
    g_autoptr (GByteArray) small = make_archive (formats[i], NULL, tiny, 3);

    g_test_message ("%s", formats[i]);
    assert_clean (scan (fixture, archive));
    assert_clean (scan (fixture, small));
  }
  for (gsize i = 0; i < G_N_ELEMENTS (filters); i++) {
    g_autoptr (GByteArray) archive = make_archive ("gnutar", filters[i], content, 3);

    g_test_message ("%s", filters[i]);
    assert_clean (scan (fixture, archive));
  }
}

static void
test_cut_archives (Fixture *fixture, gconstpointer data)
{
  static const char *const formats[] = {"zip", "7zip", "gnutar", "v7tar", "newc", "odc", "xar"};
  static const char *const filters[] = {"gzip", "bzip2"};
  g_autoptr (GByteArray) content = noise (20 * KIB, 1);

  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++) {
    g_autoptr (GByteArray) archive = make_archive (formats[i], NULL, content, 3);

    g_test_message ("%s", formats[i]);
    g_byte_array_set_size (archive, archive->len / 2);
    assert_incomplete (scan (fixture, archive), VT_REASON_DAMAGED);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (filters); i++) {
    g_autoptr (GByteArray) archive = make_archive ("gnutar", filters[i], content, 3);

    g_test_message ("%s", filters[i]);
    g_byte_array_set_size (archive, archive->len / 2);
    assert_incomplete (scan (fixture, archive), VT_REASON_DAMAGED);
  }
}

static void
test_zip_member_with_a_wrong_checksum (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) content = noise (KIB, 1);
  g_autoptr (GByteArray) zip = make_archive ("zip", NULL, content, 2);
  guint32 at = 0;

  /* The directory is at the end, its first entry has the checksum of the first member. */
  for (at = zip->len - 4; memcmp (zip->data + at, "PK\x01\x02", 4) != 0; at--)
    g_assert_cmpuint (at, >, 0);
  zip->data[at + 16] ^= 1;
  assert_incomplete (scan (fixture, zip), VT_REASON_DAMAGED);
}

/* The engine stops at the first entry that is none, and has nothing to say about it. */
static void
test_zip_directory_damaged (Fixture *fixture, gconstpointer data)
{
  static const ZipMember members[] = {{"first", "nothing to see here\n", FALSE},
                                      {"second", "nothing to see here\n", FALSE}};
  g_autoptr (GByteArray) zip = g_byte_array_new ();

  append_zip (zip, members, G_N_ELEMENTS (members));
  for (guint at = zip->len - 4; at > 0; at--)
    if (memcmp (zip->data + at, "PK\x01\x02", 4) == 0) {
      zip->data[at + 3] = 3;
      break;
    }
  assert_incomplete (scan (fixture, zip), VT_REASON_DAMAGED);
}

/* The engine takes the first part of a bzip2 file for all of it. */
static void
test_bzip2_of_several_parts (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) clean = bytes_of_text ("nothing to see here\n");
  g_autoptr (GByteArray) infected = bytes_of_text (MARKER "\n");
  g_autoptr (GByteArray) first = make_archive ("raw", "bzip2", clean, 1);
  g_autoptr (GByteArray) second = make_archive ("raw", "bzip2", infected, 1);
  g_autoptr (GByteArray) both = concatenate (first, second);

  assert_clean (scan (fixture, first));
  assert_infected (scan (fixture, second), MARKER_NAME);
  assert_incomplete (scan (fixture, both), VT_REASON_UNSUPPORTED);
}

static void
test_gzip_checksum (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) content = noise (KIB, 1);
  g_autoptr (GByteArray) gzip = make_archive ("raw", "gzip", content, 1);

  assert_clean (scan (fixture, gzip));
  gzip->data[gzip->len - 6] ^= 1;
  assert_incomplete (scan (fixture, gzip), VT_REASON_DAMAGED);
}

/* By their first bytes these are sounds, films or databases. */
static void
test_ignored_types (Fixture *fixture, gconstpointer data)
{
  static const char *const starts[] = {"ID3", "OggS", ".RMF", "SQLite format 3"};

  for (gsize i = 0; i < G_N_ELEMENTS (starts); i++) {
    g_autofree char *text = g_strconcat (starts[i], " " MARKER, NULL);
    g_autoptr (GByteArray) infected = bytes_of_text (text);
    g_autoptr (GByteArray) clean = bytes_of_text (starts[i]);
    g_autoptr (GByteArray) packed = make_archive ("zip", NULL, infected, 1);

    g_test_message ("%s", starts[i]);
    g_byte_array_append (clean, (const guint8 *)" nothing", 8);
    assert_clean (scan (fixture, clean));
    assert_infected (scan (fixture, infected), MARKER_NAME);
    assert_infected (scan (fixture, packed), MARKER_NAME);
  }
}

/* What is ignored is kept until the rest is scanned: within bounds. */
static void
test_too_much_is_ignored (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) content = zeros (60 * KIB);
  g_autoptr (GByteArray) zip = NULL;

  memcpy (content->data, "ID3", 3);
  zip = make_archive ("zip", NULL, content, 3);
  fixture->base.options->max_file_size = 100 * KIB;
  assert_incomplete (scan (fixture, zip), VT_REASON_SCAN_LIMIT);
}

static GByteArray *
make_program (GByteArray *archive)
{
  g_autoptr (GByteArray) head = zeros (4 * KIB);

  memcpy (head->data, "\177ELF\2\1\1", 7);
  return concatenate (head, archive);
}

static void
test_archive_attached_to_a_program (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) content = noise (20 * KIB, 1);
  g_autoptr (GByteArray) archive = make_archive ("7zip", NULL, content, 3);
  g_autoptr (GByteArray) by_chance =
      bytes_of_text ("7z\xbc\xaf\x27\x1c and whatever there is more");
  g_autoptr (GByteArray) whole = make_program (archive);
  g_autoptr (GByteArray) other = make_program (by_chance);
  g_autoptr (GByteArray) cut = NULL;

  assert_clean (scan (fixture, whole));
  assert_clean (scan (fixture, other));
  g_byte_array_set_size (archive, archive->len / 2);
  cut = make_program (archive);
  assert_incomplete (scan (fixture, cut), VT_REASON_DAMAGED);
}

/* Without its end an archive behind a program is one all the same; and so is one within it. The
 * engine does not open these here, whose members tell their sizes behind themselves. */
static void
test_zip_in_a_program (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) content = noise (20 * KIB, 1);
  g_autoptr (GByteArray) infected = bytes_of_text (MARKER "\n");
  g_autoptr (GByteArray) zip = make_archive ("zip", NULL, content, 2);
  g_autoptr (GByteArray) other = make_archive ("zip", NULL, infected, 1);
  g_autoptr (GByteArray) whole = make_program (zip);
  g_autoptr (GByteArray) within = make_program (other);
  g_autoptr (GByteArray) cut = NULL;

  assert_incomplete (scan (fixture, whole), VT_REASON_UNSUPPORTED);
  g_byte_array_set_size (zip, zip->len / 2);
  cut = make_program (zip);
  assert_incomplete (scan (fixture, cut), VT_REASON_DAMAGED);
  g_byte_array_set_size (within, within->len + 100 * KIB);
  memset (within->data + within->len - 100 * KIB, 0, 100 * KIB);
  assert_incomplete (scan (fixture, within), VT_REASON_UNSUPPORTED);
}

static void
test_zip_member_that_no_directory_tells_of (Fixture *fixture, gconstpointer data)
{
  static const ZipMember hidden = {"hidden", MARKER "\n", FALSE};
  static const ZipMember member = {"member", "nothing to see here\n", FALSE};
  g_autoptr (GByteArray) zip = g_byte_array_new ();

  append_zip_header (zip, &hidden, FALSE, 0);
  append_zip (zip, &member, 1);
  assert_incomplete (scan (fixture, zip), VT_REASON_DAMAGED);
}

/* The engine has nothing to say of them; what opens such a file does it by itself. */
static void
test_containers_that_the_engine_passes_by (Fixture *fixture, gconstpointer data)
{
  static const char *const filters[] = {"zstd", "lz4", "lzip", "lzma", "compress"};
  g_autoptr (GByteArray) content = noise (KIB, 1);
  g_autoptr (GByteArray) cpio = make_archive ("newc", NULL, content, 1);
  g_autoptr (GByteArray) initramfs = concatenate (cpio, cpio);
  g_autoptr (GByteArray) look_alike = bytes_of_text ("x^2 + y^2 = z^2 in this text");

  for (gsize i = 0; i < G_N_ELEMENTS (filters); i++) {
    g_autoptr (GByteArray) packed = make_archive ("raw", filters[i], content, 1);
    g_autoptr (GByteArray) zip = make_archive ("zip", NULL, packed, 1);
    g_autoptr (GByteArray) tar = make_archive ("gnutar", "gzip", packed, 1);

    g_test_message ("%s", filters[i]);
    assert_clean (scan (fixture, packed));
    assert_incomplete (scan (fixture, zip), VT_REASON_UNSUPPORTED);
    assert_incomplete (scan (fixture, tar), VT_REASON_UNSUPPORTED);
  }
  {
    g_autoptr (GByteArray) zip = make_archive ("zip", NULL, initramfs, 1);
    g_autoptr (GByteArray) chance = make_archive ("zip", NULL, look_alike, 1);

    assert_incomplete (scan (fixture, zip), VT_REASON_UNSUPPORTED);
    assert_clean (scan (fixture, chance));
  }
}

/* The engine decodes the first file only. */
static void
test_uuencoded_files (Fixture *fixture, gconstpointer data)
{
  static const char one[] = "begin 644 one\n#0V%T\n`\nend\n";
  g_autoptr (GByteArray) file = bytes_of_text (one);
  g_autoptr (GByteArray) damaged = bytes_of_text ("begin 644 one\n#0V%T\n#0v%T\n`\nend\n");

  assert_clean (scan (fixture, file));
  assert_incomplete (scan (fixture, damaged), VT_REASON_DAMAGED);
}

/* A program's name for something may begin so. */
static void
test_text_that_begins_like_a_zip (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) text = bytes_of_text ("PKGVERSION = \"(tzcode) \"\n");

  assert_clean (scan (fixture, text));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("whole-archives-are-clean", test_whole_archives_are_clean);
  ADD ("cut-archives", test_cut_archives);
  ADD ("zip-member-with-a-wrong-checksum", test_zip_member_with_a_wrong_checksum);
  ADD ("zip-directory-damaged", test_zip_directory_damaged);
  ADD ("bzip2-of-several-parts", test_bzip2_of_several_parts);
  ADD ("gzip-checksum", test_gzip_checksum);
  ADD ("ignored-types", test_ignored_types);
  ADD ("too-much-is-ignored", test_too_much_is_ignored);
  ADD ("archive-attached-to-a-program", test_archive_attached_to_a_program);
  ADD ("zip-in-a-program", test_zip_in_a_program);
  ADD ("zip-member-that-no-directory-tells-of", test_zip_member_that_no_directory_tells_of);
  ADD ("containers-that-the-engine-passes-by", test_containers_that_the_engine_passes_by);
  ADD ("uuencoded-files", test_uuencoded_files);
  ADD ("text-that-begins-like-a-zip", test_text_that_begins_like_a_zip);
  return g_test_run ();
}
