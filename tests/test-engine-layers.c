// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What was found clean is not scanned again: but only in the same surroundings, and only if nothing
 * was amiss. That a layer is skipped shows in a limit that is not reached then.
 */
#include "engine-scan-fixture.h"

/* A signature for something that is in a zip archive, whatever else it is in. */
#define IN_ZIP      "VTEMPLATER-TEST-IN-ZIP-91"
#define IN_ZIP_NAME "Vt.Test.InZip.UNOFFICIAL"

static void
set_up_known (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GString) signature = g_string_new ("Vt.Test.InZip;Engine:81-255,"
                                                "Container:CL_TYPE_ZIP,Target:0;0;");

  set_up (fixture, data);
  for (const char *c = IN_ZIP; *c != '\0'; c++)
    g_string_append_printf (signature, "%02x", (guint)*c);
  g_string_append_c (signature, '\n');
  write_file (fixture->base.database_dir, "test.ldb", signature->str);
  fixture->known = vt_engine_layers_new ();
  fixture->base.options->max_files = 8;
}

/* A zip archive with four members, which are no two in two archives. */
static GByteArray *
make_inner (guint number)
{
  g_autofree char *text = g_strdup_printf ("nothing to see here, number %u\n", number);
  g_autoptr (GByteArray) content = bytes_of_text (text);

  return make_archive ("zip", NULL, content, 4);
}

static GByteArray *
wrap (const char *format, guint first, guint n)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  struct archive *archive = archive_write_new ();

  g_assert_cmpint (archive_write_set_format_by_name (archive, format), ==, ARCHIVE_OK);
  archive_write_set_bytes_in_last_block (archive, 1);
  g_assert_cmpint (archive_write_open (archive, bytes, NULL, archive_sink, NULL), ==, ARCHIVE_OK);
  for (guint i = 0; i < n; i++) {
    g_autoptr (GByteArray) inner = make_inner (first + i);
    g_autofree char *name = g_strdup_printf ("inner-%u", i);

    add_member (archive, name, inner);
  }
  g_assert_cmpint (archive_write_close (archive), ==, ARCHIVE_OK);
  archive_write_free (archive);
  return g_steal_pointer (&bytes);
}

static void
test_known_layers_are_skipped (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) all = wrap ("zip", 0, 3);

  for (guint i = 0; i < 3; i++) {
    g_autoptr (GByteArray) one = wrap ("zip", i, 1);

    /* All but one are too many still. */
    if (i < 2)
      assert_incomplete (scan (fixture, all), VT_REASON_FILES_LIMIT);
    assert_clean (scan (fixture, one));
  }
  assert_clean (scan (fixture, all));
}

static void
test_other_surroundings (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) all = wrap ("zip", 0, 3);

  for (guint i = 0; i < 3; i++) {
    g_autoptr (GByteArray) one = wrap ("gnutar", i, 1);

    assert_clean (scan (fixture, one));
  }
  assert_incomplete (scan (fixture, all), VT_REASON_FILES_LIMIT);
}

static void
test_signature_for_a_container (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) content = bytes_of_text ("before " IN_ZIP " after\n");
  g_autoptr (GByteArray) tar = make_archive ("gnutar", NULL, content, 1);
  g_autoptr (GByteArray) zip = make_archive ("zip", NULL, content, 1);

  assert_clean (scan (fixture, tar));
  assert_infected (scan (fixture, zip), IN_ZIP_NAME);
}

/* Of a content that was not scanned whole, or is infected, nothing is remembered. */
static void
test_nothing_of_what_is_not_clean (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) damaged = wrap ("zip", 0, 1);
  g_autoptr (GByteArray) whole = wrap ("zip", 1, 1);
  g_autoptr (GByteArray) all = wrap ("zip", 0, 3);
  guint at = damaged->len - 4;

  while (memcmp (damaged->data + at, "PK\x01\x02", 4) != 0)
    at--;
  damaged->data[at + 16] ^= 1;
  assert_incomplete (scan (fixture, damaged), VT_REASON_DAMAGED);
  assert_clean (scan (fixture, whole));
  assert_incomplete (scan (fixture, all), VT_REASON_FILES_LIMIT);
}

static void
test_infected_layers_are_found_again (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) content = bytes_of_text (MARKER "\n");
  g_autoptr (GByteArray) zip = make_archive ("zip", NULL, content, 2);

  assert_infected (scan (fixture, zip), MARKER_NAME);
  assert_infected (scan (fixture, zip), MARKER_NAME);
}

/* However many there are, they take no more than a bounded memory; and none is lost at once. */
static void
test_many (void)
{
  g_autoptr (VtEngineLayers) layers = vt_engine_layers_new ();

  for (guint i = 0; i < 200000; i++) {
    VtDigest key = vt_digest_of_data (&i, sizeof i);

    vt_engine_layers_add (layers, &key, 1);
    g_assert_true (vt_engine_layers_know (layers, &key));
  }
  for (guint i = 0; i < 100000; i++) {
    VtDigest key = vt_digest_of_data (&i, sizeof i);

    g_assert_false (vt_engine_layers_know (layers, &key));
  }
}

#define ADD_KNOWN(name, function)                                                                  \
  g_test_add ("/engine-layers/" name, Fixture, NULL, set_up_known, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD_KNOWN ("known-layers-are-skipped", test_known_layers_are_skipped);
  ADD_KNOWN ("other-surroundings", test_other_surroundings);
  ADD_KNOWN ("signature-for-a-container", test_signature_for_a_container);
  ADD_KNOWN ("nothing-of-what-is-not-clean", test_nothing_of_what_is_not_clean);
  ADD_KNOWN ("infected-layers-are-found-again", test_infected_layers_are_found_again);
  g_test_add_func ("/engine-layers/many", test_many);
  return g_test_run ();
}
