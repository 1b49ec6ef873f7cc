// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Documents that are not whole, or encrypted, and those that must not be taken for such. */
#include <string.h>

#include "vt-engine-arj.h"
#include "vt-engine-documents.h"
#include "vt-engine-ole2.h"

#define SECTOR ((gsize)512)
/* Of the compound file below: the table, the directory, the stream. */
#define N_SECTORS 11
#define TABLE     0
#define DIRECTORY 1
#define STREAM    2

typedef struct {
  guint8 bytes[(N_SECTORS + 1) * SECTOR];
} Compound;

static void
put (guint8 *at, guint32 value, guint n)
{
  for (guint i = 0; i < n; i++)
    at[i] = (guint8)(value >> (8 * i));
}

static guint8 *
sector (Compound *self, guint n)
{
  return self->bytes + (n + 1) * SECTOR;
}

static void
put_entry (guint8 *entry, const char *name, guint8 kind, guint32 start, guint32 size)
{
  for (gsize i = 0; name[i] != '\0'; i++)
    entry[2 * i] = (guint8)name[i];
  put (entry + 64, 2 * ((guint32)strlen (name) + 1), 2);
  entry[66] = kind;
  put (entry + 116, start, 4);
  put (entry + 120, size, 4);
}

/* One stream of nine sectors. */
static void
make_compound (Compound *self, const char *name)
{
  memset (self, 0, sizeof *self);
  put (self->bytes + 30, 9, 2);
  put (self->bytes + 32, 6, 2);
  put (self->bytes + 44, 1, 4);
  put (self->bytes + 48, DIRECTORY, 4);
  put (self->bytes + 56, 4096, 4);
  put (self->bytes + 60, 0xfffffffe, 4);
  put (self->bytes + 68, 0xfffffffe, 4);
  memset (self->bytes + 76, 0xff, SECTOR - 76);
  put (self->bytes + 76, TABLE, 4);
  memset (sector (self, TABLE), 0xff, SECTOR);
  for (guint32 i = STREAM; i < N_SECTORS - 1; i++)
    put (sector (self, TABLE) + 4 * i, i + 1, 4);
  put (sector (self, TABLE) + 4 * (N_SECTORS - 1), 0xfffffffe, 4);
  put (sector (self, TABLE) + 4 * DIRECTORY, 0xfffffffe, 4);
  put_entry (sector (self, DIRECTORY), "Root Entry", 5, 0xfffffffe, 0);
  put_entry (sector (self, DIRECTORY) + 128, name, 2, STREAM, (N_SECTORS - STREAM) * SECTOR - 10);
}

static void
test_compound_whole (void)
{
  Compound file;

  make_compound (&file, "Contents");
  g_assert_cmpint (vt_engine_ole2_check (file.bytes, sizeof file.bytes), ==, VT_REASON_NONE);
  /* The last sector need not be there in full. */
  g_assert_cmpint (vt_engine_ole2_check (file.bytes, sizeof file.bytes - 10), ==, VT_REASON_NONE);
}

static void
test_compound_damaged (void)
{
  Compound file;

  make_compound (&file, "Contents");
  for (gsize size = 0; size < sizeof file.bytes - 10; size += 7)
    g_assert_cmpint (vt_engine_ole2_check (file.bytes, size), ==, VT_REASON_DAMAGED);
  put (sector (&file, DIRECTORY) + 128 + 116, 1000, 4);
  g_assert_cmpint (vt_engine_ole2_check (file.bytes, sizeof file.bytes), ==, VT_REASON_DAMAGED);
  make_compound (&file, "Contents");
  put (sector (&file, TABLE) + 4 * STREAM, 0xfffffffe, 4);
  g_assert_cmpint (vt_engine_ole2_check (file.bytes, sizeof file.bytes), ==, VT_REASON_DAMAGED);
  /* A chain that bites its tail is followed as far as there are sectors. */
  make_compound (&file, "Contents");
  put (sector (&file, TABLE) + 4 * DIRECTORY, DIRECTORY, 4);
  g_assert_cmpint (vt_engine_ole2_check (file.bytes, sizeof file.bytes), ==, VT_REASON_DAMAGED);
  make_compound (&file, "Contents");
  put (file.bytes + 68, TABLE, 4);
  put (sector (&file, TABLE) + SECTOR - 4, TABLE, 4);
  g_assert_cmpint (vt_engine_ole2_check (file.bytes, sizeof file.bytes), ==, VT_REASON_DAMAGED);
}

static void
test_compound_encrypted (void)
{
  Compound file;

  make_compound (&file, "EncryptedPackage");
  g_assert_cmpint (vt_engine_ole2_check (file.bytes, sizeof file.bytes), ==, VT_REASON_ENCRYPTED);
  make_compound (&file, "WordDocument");
  g_assert_cmpint (vt_engine_ole2_check (file.bytes, sizeof file.bytes), ==, VT_REASON_NONE);
  sector (&file, STREAM)[11] = 1;
  g_assert_cmpint (vt_engine_ole2_check (file.bytes, sizeof file.bytes), ==, VT_REASON_ENCRYPTED);
  /* The record that begins a workbook, then that of a password. */
  make_compound (&file, "Workbook");
  put (sector (&file, STREAM), 0x00040809, 4);
  g_assert_cmpint (vt_engine_ole2_check (file.bytes, sizeof file.bytes), ==, VT_REASON_NONE);
  put (sector (&file, STREAM) + 8, 0x2f, 2);
  g_assert_cmpint (vt_engine_ole2_check (file.bytes, sizeof file.bytes), ==, VT_REASON_ENCRYPTED);
  make_compound (&file, "Current User");
  put (sector (&file, STREAM) + 12, 0xf3d1c4df, 4);
  g_assert_cmpint (vt_engine_ole2_check (file.bytes, sizeof file.bytes), ==, VT_REASON_ENCRYPTED);
}

/* Nothing is read beyond the end; the sanitizers would see it. */
static void
test_compound_hostile (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);

  for (guint i = 0; i < 20000; i++) {
    g_autofree guint8 *copy = NULL;
    gsize size = (gsize)g_rand_int_range (rand, 0, (gint32)sizeof (Compound) + 1);
    Compound file;

    make_compound (&file, i % 2 == 0 ? "Workbook" : "Contents");
    for (guint n = 0; n < 4; n++)
      file.bytes[g_rand_int_range (rand, 0, 3 * SECTOR)] = (guint8)g_rand_int (rand);
    copy = g_memdup2 (file.bytes, size);
    (void)vt_engine_ole2_check (copy, size);
  }
}

static void
test_ends (void)
{
  static const struct {
    const char *type;
    const char *text;
    VtReason reason;
  } documents[] = {
      {"CL_TYPE_PDF", "%PDF-1.7\nstartxref\n0\n%%EOF\n", VT_REASON_NONE},
      {"CL_TYPE_PDF", "%PDF-1.7\nstartxref\n0\n", VT_REASON_DAMAGED},
      {"CL_TYPE_RTF", "{\\rtf1 text}\r\n", VT_REASON_NONE},
      {"CL_TYPE_RTF", "{\\rtf1 text", VT_REASON_DAMAGED},
      {"CL_TYPE_RTF", "", VT_REASON_DAMAGED},
      {"CL_TYPE_MAIL", "From: x\n\nno parts", VT_REASON_NONE},
      {"CL_TYPE_MAIL", "From: x\nContent-Type: a/b; Boundary=\"b C\"\n\n--b C\n--b C--\n",
       VT_REASON_NONE},
      {"CL_TYPE_MAIL", "From: x\r\nContent-Type: a/b; boundary=bC\r\n\r\n--bC\r\n--bC--\r\n",
       VT_REASON_NONE},
      {"CL_TYPE_MAIL", "From: x\nContent-Type: a/b; boundary=bC\n\n--bC\n", VT_REASON_DAMAGED},
      {"CL_TYPE_MAIL", "From: x\n\nboundary=bC\n--bC\n", VT_REASON_NONE},
      {"CL_TYPE_MSCHM", "ITSF", VT_REASON_DAMAGED},
      {"CL_TYPE_TNEF", "123456", VT_REASON_NONE},
      {"CL_TYPE_TNEF", "123456\1\1\1\1\1\2\1\1\1xxxxxxx", VT_REASON_DAMAGED},
      {"CL_TYPE_TEXT_ASCII", "<manifest:manifest><manifest:encryption-data/>", VT_REASON_ENCRYPTED},
      {"CL_TYPE_TEXT_ASCII", "about <manifest:manifest><manifest:encryption-data/>",
       VT_REASON_NONE},
      {"CL_TYPE_MSEXE", "MZ", VT_REASON_NONE},
      {"CL_TYPE_MSEXE", "MZ\1\1\1\1\xef\xbe\xad\xdeNullsoftInst", VT_REASON_DAMAGED},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (documents); i++) {
    g_test_message ("%s, number %" G_GSIZE_FORMAT, documents[i].type, i);
    g_assert_cmpint (vt_engine_documents_check (documents[i].type,
                                                (const guint8 *)documents[i].text,
                                                strlen (documents[i].text)),
                     ==, documents[i].reason);
  }
}

static void
count (guint64 size, gpointer total)
{
  *(guint64 *)total += size;
}

/* From a real archive: its header, a member of five bytes, stored. */
static void
test_arj (void)
{
  g_autofree char *path = g_build_filename ("/usr/share/clamav-testfiles", "clam.arj", NULL);
  g_autofree char *text = NULL;
  guint64 total = 0;
  gsize size;

  if (!g_file_get_contents (path, &text, &size, NULL)) {
    g_test_skip ("clamav-testfiles is missing");
    return;
  }
  g_assert_true (vt_engine_arj_begins ((const guint8 *)text, size));
  g_assert_cmpint (vt_engine_arj_list ((const guint8 *)text, size, count, &total), ==,
                   VT_REASON_NONE);
  g_assert_cmpuint (total, ==, 544);
  for (gsize cut = 0; cut < size - 1; cut++) {
    g_autofree guint8 *copy = g_memdup2 (text, cut);

    g_assert_cmpint (vt_engine_arj_list (copy, cut, count, &total), !=, VT_REASON_NONE);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/engine-documents/compound-whole", test_compound_whole);
  g_test_add_func ("/engine-documents/compound-damaged", test_compound_damaged);
  g_test_add_func ("/engine-documents/compound-encrypted", test_compound_encrypted);
  g_test_add_func ("/engine-documents/compound-hostile", test_compound_hostile);
  g_test_add_func ("/engine-documents/ends", test_ends);
  g_test_add_func ("/engine-documents/arj", test_arj);
  return g_test_run ();
}
