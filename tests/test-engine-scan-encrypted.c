// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What is encrypted was not scanned; and what only looks so is not encrypted.
 */
#include <elf.h>

#include "engine-scan-fixture.h"

static void
test_encrypted_zip (Fixture *fixture, gconstpointer data)
{
  static const ZipMember members[] = {
      {"secret", "0123456789abcdef0123456789abcdef", TRUE},
      {"plain", "nothing to see here\n", FALSE},
  };
  g_autoptr (GByteArray) zip = g_byte_array_new ();

  append_zip (zip, members, G_N_ELEMENTS (members));
  assert_incomplete (scan (fixture, zip), VT_REASON_ENCRYPTED);
}

static void
test_detection_wins_over_encryption (Fixture *fixture, gconstpointer data)
{
  static const ZipMember strong[] = {
      {"secret", "0123456789abcdef0123456789abcdef", TRUE},
      {"plain", MARKER, FALSE},
  };
  static const ZipMember weak[] = {
      {"plain", HEURISTIC, FALSE},
      {"secret", "0123456789abcdef0123456789abcdef", TRUE},
  };
  g_autoptr (GByteArray) zip = g_byte_array_new ();

  append_zip (zip, strong, G_N_ELEMENTS (strong));
  assert_infected (scan (fixture, zip), MARKER_NAME);
  g_byte_array_set_size (zip, 0);
  append_zip (zip, weak, G_N_ELEMENTS (weak));
  /* The engine names one of the two, now this and now that. */
  for (guint i = 0; i < 20; i++)
    assert_infected (scan (fixture, zip), HEURISTIC_NAME);
}

static void
run (const char *dir, const char *const *argv)
{
  g_autoptr (GError) error = NULL;
  int status;

  g_spawn_sync (dir, (char **)argv, NULL,
                G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL,
                NULL, NULL, NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_true (g_spawn_check_wait_status (status, &error));
}

static GByteArray *
read_file (const char *dir, const char *name)
{
  g_autofree char *path = g_build_filename (dir, name, NULL);
  g_autoptr (GError) error = NULL;
  char *text;
  gsize size;

  g_file_get_contents (path, &text, &size, &error);
  g_assert_no_error (error);
  return g_byte_array_new_take ((guint8 *)text, size);
}

/* What other programs make, their headers encrypted as well or not. */
static void
test_encrypted_by_other_programs (Fixture *fixture, gconstpointer data)
{
  static const char *const commands[][7] = {
      {"7z", "a", "-psecret", "names.7z", "content", NULL},
      {"7z", "a", "-psecret", "-mhe=on", "no-names.7z", "content", NULL},
      {"7z", "a", "-psecret", "-mem=AES256", "aes.zip", "content", NULL},
      {"zip", "-Psecret", "traditional.zip", "content", NULL},
  };
  guint tested = 0;

  write_file (fixture->base.dir, "content", MARKER "\n");
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++) {
    g_autofree char *program = g_find_program_in_path (commands[i][0]);
    g_autoptr (GByteArray) content = NULL;
    gsize file = 0;

    if (program == NULL)
      continue;
    run (fixture->base.dir, commands[i]);
    while (!g_str_has_suffix (commands[i][file], ".7z") &&
           !g_str_has_suffix (commands[i][file], ".zip"))
      file++;
    content = read_file (fixture->base.dir, commands[i][file]);
    g_test_message ("%s", commands[i][file]);
    assert_incomplete (scan (fixture, content), VT_REASON_ENCRYPTED);
    tested++;
  }
  if (tested < G_N_ELEMENTS (commands))
    g_test_skip ("7z or zip is missing");
}

static GByteArray *
make_program (void)
{
  GByteArray *bytes = zeros (4 * KIB);
  Elf64_Ehdr header = {.e_type = ET_EXEC,
                       .e_machine = EM_X86_64,
                       .e_version = EV_CURRENT,
                       .e_ehsize = sizeof header,
                       .e_phentsize = sizeof (Elf64_Phdr),
                       .e_shentsize = sizeof (Elf64_Shdr)};

  memcpy (header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  memcpy (bytes->data, &header, sizeof header);
  return bytes;
}

/* Programs that handle archives, as gzip(1) does, have a zip header's first bytes in them, and
 * whatever follows makes an encrypted member of enormous size. */
static void
test_program_with_a_zip_signature (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) program = make_program ();
  g_autoptr (GByteArray) rest = noise (256, 1);
  const ZipMember member = {"by chance", "", TRUE};

  append_zip_header (program, &member, FALSE, 0);
  g_byte_array_append (program, rest->data, rest->len);
  assert_clean (scan (fixture, program));
}

/* But an archive that is attached to a program is one. */
static void
test_program_with_an_encrypted_archive (Fixture *fixture, gconstpointer data)
{
  static const ZipMember member = {"secret", "0123456789abcdef0123456789abcdef", TRUE};
  g_autoptr (GByteArray) program = make_program ();

  append_zip (program, &member, 1);
  assert_incomplete (scan (fixture, program), VT_REASON_ENCRYPTED);
  /* What is appended does not hide the directory. */
  g_byte_array_append (program, (const guint8 *)"junk", 4);
  assert_incomplete (scan (fixture, program), VT_REASON_ENCRYPTED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("encrypted-zip", test_encrypted_zip);
  ADD ("detection-wins-over-encryption", test_detection_wins_over_encryption);
  ADD ("encrypted-by-other-programs", test_encrypted_by_other_programs);
  ADD ("program-with-a-zip-signature", test_program_with_a_zip_signature);
  ADD ("program-with-an-encrypted-archive", test_program_with_an_encrypted_archive);
  return g_test_run ();
}
