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
      {"CL_TYPE_MAIL",
       "From a Wed Jan  1 00:00:00 2020\nContent-Type: a/b; boundary=bC\n\n--bC--\n\n"
       "From b Wed Jan  1 00:00:00 2020\nContent-Type: a/b; boundary=bC\n\n--bC--\n",
       VT_REASON_NONE},
      {"CL_TYPE_MAIL",
       "From a Wed Jan  1 00:00:00 2020\nContent-Type: a/b; boundary=bC\n\n--bC--\n\n"
       "From b Wed Jan  1 00:00:00 2020\nContent-Type: a/b; boundary=bC\n\n--bC\n",
       VT_REASON_DAMAGED},
      {"CL_TYPE_MAIL",
       "From a Wed Jan  1 00:00:00 2020\r\nContent-Type: a/b; boundary=bC\r\n\r\n--bC\r\n\r\n"
       "From b Wed Jan  1 00:00:00 2020\r\nContent-Type: a/b; boundary=bC\r\n\r\n--bC--\r\n",
       VT_REASON_DAMAGED},
      /* A sentence, and not another message. */
      {"CL_TYPE_MAIL",
       "From: x\nContent-Type: a/b; boundary=bC\n\n--bC\n\nFrom here on: nothing.\n--bC--\n",
       VT_REASON_NONE},
      {"CL_TYPE_HTML", "<img src=\"data:image/png;base64,QUJD", VT_REASON_DAMAGED},
      {"CL_TYPE_TEXT_ASCII", "A file:\nbegin 644 x\n#0V%T\n`\nend\n", VT_REASON_UNSUPPORTED},
      {"CL_TYPE_TEXT_ASCII", "A sentence:\nbegin 644 x and end it\n", VT_REASON_NONE},
      {"CL_TYPE_ALZ", "ALZ", VT_REASON_UNSUPPORTED},
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
test_pdf (void)
{
  static const struct {
    const char *dictionary;
    VtReason reason;
  } documents[] = {
      {"/Filter/FlateDecode", VT_REASON_NONE},
      {"/Filter [ /ASCIIHexDecode\n/Fl ]", VT_REASON_NONE},
      {"/Filter/Flate#44ecode", VT_REASON_NONE},
      {"/Filter null", VT_REASON_NONE},
      {"/Subtype/Image/Filter/DCTDecode", VT_REASON_NONE},
      {"/Filter[/FlateDecode/CCITTFaxDecode]/Width 8", VT_REASON_NONE},
      {"/FilterKind/Other", VT_REASON_NONE},
      {"/Filter/OtherDecode", VT_REASON_UNSUPPORTED},
      {"/Filter[/FlateDecode/OtherDecode]", VT_REASON_UNSUPPORTED},
      {"/Filter[/FlateDecode", VT_REASON_UNSUPPORTED},
      {"/Filter/DCTDecode", VT_REASON_UNSUPPORTED},
      {"/Filter 9 0 R", VT_REASON_UNSUPPORTED},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (documents); i++) {
    g_autofree char *stream =
        g_strdup_printf ("%%PDF-1.7\n1 0 obj\n<<%s>>\nstream\nx\nendstream\nendobj\n%%%%EOF\n",
                         documents[i].dictionary);
    /* What is no stream has filters of another kind: that of a signature, say. */
    g_autofree char *other =
        g_strdup_printf ("%%PDF-1.7\n1 0 obj\n<<%s>>\nendobj\n2 0 obj\n<<>>\nstream\n%%%%EOF\n",
                         documents[i].dictionary);

    g_test_message ("%s", documents[i].dictionary);
    g_assert_cmpint (
        vt_engine_documents_check ("CL_TYPE_PDF", (const guint8 *)stream, strlen (stream)), ==,
        documents[i].reason);
    g_assert_cmpint (
        vt_engine_documents_check ("CL_TYPE_PDF", (const guint8 *)other, strlen (other)), ==,
        VT_REASON_NONE);
  }
}

static void
test_tnef_sums (void)
{
  guint8 attribute[] = "123456\1\1\1\1\1\3\0\0\0abc\0";

  put (attribute + 18, 'a' + 'b' + 'c', 2);
  g_assert_cmpint (vt_engine_documents_check ("CL_TYPE_TNEF", attribute, 20), ==, VT_REASON_NONE);
  attribute[16]++;
  g_assert_cmpint (vt_engine_documents_check ("CL_TYPE_TNEF", attribute, 20), ==,
                   VT_REASON_DAMAGED);
}

/* A cabinet of one folder by MSZIP. */
static GByteArray *
make_cabinet (guint n_blocks)
{
  GByteArray *cabinet = g_byte_array_new ();

  g_byte_array_set_size (cabinet, 44);
  memset (cabinet->data, 0, 44);
  memcpy (cabinet->data, "MSCF", 4);
  put (cabinet->data + 26, 1, 2);
  put (cabinet->data + 36, 44, 4);
  put (cabinet->data + 40, n_blocks, 2);
  put (cabinet->data + 42, 1, 2);
  return cabinet;
}

static void
append_block (GByteArray *cabinet, const char *packed, guint n, guint real)
{
  guint8 header[8] = {0, 0, 0, 0, (guint8)n, 0, (guint8)real, 0};

  g_byte_array_append (cabinet, header, sizeof header);
  g_byte_array_append (cabinet, (const guint8 *)packed, n);
}

static VtReason
check_cabinet (const GByteArray *cabinet, gsize size)
{
  return vt_engine_documents_check ("CL_TYPE_MSCAB", cabinet->data, size);
}

static void
test_cabinet (void)
{
  /* "abc", stored; and three times the byte before, which is in the block before. */
  static const char stored[] = "CK\1\3\0\xfc\xff\x61\x62\x63";
  static const char repeated[] = "CK\3\2\0";
  g_autoptr (GByteArray) whole = make_cabinet (2);
  g_autoptr (GByteArray) alone = make_cabinet (1);
  g_autoptr (GByteArray) longer = make_cabinet (1);
  g_autoptr (GByteArray) wrong = make_cabinet (1);

  append_block (whole, stored, 10, 3);
  append_block (whole, repeated, 5, 3);
  g_assert_cmpint (check_cabinet (whole, whole->len), ==, VT_REASON_NONE);
  for (gsize size = 0; size < whole->len; size++)
    g_assert_cmpint (check_cabinet (whole, size), ==, VT_REASON_DAMAGED);
  append_block (alone, repeated, 5, 3);
  g_assert_cmpint (check_cabinet (alone, alone->len), ==, VT_REASON_DAMAGED);
  /* Behind the end of the stream, and fewer bytes than there should be. */
  append_block (longer, stored, 11, 3);
  g_assert_cmpint (check_cabinet (longer, longer->len), ==, VT_REASON_DAMAGED);
  append_block (wrong, stored, 10, 4);
  g_assert_cmpint (check_cabinet (wrong, wrong->len), ==, VT_REASON_DAMAGED);
  /* Of another method nothing is known. */
  put (wrong->data + 42, 3, 2);
  g_assert_cmpint (check_cabinet (wrong, wrong->len), ==, VT_REASON_NONE);
}

#define AUTOIT "\xa3\x48\x4b\xbe\x98\x6c\x4a\xa9\x99\x4c\x53\x0a\x86\xd6\x48\x7d"

static void
test_autoit (void)
{
  static const struct {
    const char *text;
    VtReason reason;
  } programs[] = {
      {"MZ" AUTOIT "AU3!EA06 script AU3!EA06", VT_REASON_NONE},
      {"MZ" AUTOIT "AU3!EA06 script AU3!EA06 signature", VT_REASON_NONE},
      {"MZ AU3!EA06" AUTOIT "AU3!EA06 script", VT_REASON_DAMAGED},
      {"MZ AU3!EA06" AUTOIT " by chance", VT_REASON_NONE},
      {"MZ AU3!EA06" AUTOIT, VT_REASON_NONE},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (programs); i++)
    g_assert_cmpint (vt_engine_documents_check ("CL_TYPE_MSEXE", (const guint8 *)programs[i].text,
                                                strlen (programs[i].text)),
                     ==, programs[i].reason);
}

/* Two files behind the program, of three bytes each. */
static void
test_installshield (void)
{
  enum { HEADER = 46, FILE = 312, SIZE = 10 + HEADER + 2 * (FILE + 3) };
  guint8 program[SIZE] = {'M', 'Z'};

  memcpy (program + 10, "InstallShield", 13);
  put (program + 10 + 14, 2, 4);
  put (program + 10 + HEADER + 268, 3, 4);
  put (program + 10 + HEADER + FILE + 3 + 268, 3, 4);
  g_assert_cmpint (vt_engine_documents_check ("CL_TYPE_MSEXE", program, SIZE), ==, VT_REASON_NONE);
  for (gsize size = 10 + HEADER; size < SIZE; size++)
    g_assert_cmpint (vt_engine_documents_check ("CL_TYPE_MSEXE", program, size), ==,
                     VT_REASON_DAMAGED);
  /* The name alone. */
  program[10 + 20] = 1;
  g_assert_cmpint (vt_engine_documents_check ("CL_TYPE_MSEXE", program, 100), ==, VT_REASON_NONE);
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
  g_test_add_func ("/engine-documents/pdf", test_pdf);
  g_test_add_func ("/engine-documents/tnef-sums", test_tnef_sums);
  g_test_add_func ("/engine-documents/cabinet", test_cabinet);
  g_test_add_func ("/engine-documents/autoit", test_autoit);
  g_test_add_func ("/engine-documents/installshield", test_installshield);
  g_test_add_func ("/engine-documents/arj", test_arj);
  return g_test_run ();
}
