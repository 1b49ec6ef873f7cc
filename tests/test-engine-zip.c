// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What the directory of a zip archive does not tell of, and who says so. */
#include "engine-fixture.h"
#include "vt-container.h"
#include "vt-engine-zip.h"
#include "vt-fd.h"
#include "vt-unpack.h"

static const ZipMember first = {"first", "the first member", FALSE};
static const ZipMember second = {"second", "the second member", FALSE};

/* A member that no directory tells of. */
static void
append_hidden (GByteArray *bytes, const ZipMember *member)
{
  append_zip_header (bytes, member, FALSE, 0);
  g_byte_array_append (bytes, (const guint8 *)member->content, (guint)strlen (member->content));
}

/* How many pieces there are; START and END of the first. */
static guint
count_pieces (GByteArray *bytes, guint64 limit, guint64 *start, guint64 *end)
{
  g_autoptr (VtEngineZip) zip =
      vt_engine_zip_new (vt_engine_zip_peek_memory, bytes->data, bytes->len);
  guint64 other_start;
  guint64 other_end;
  guint n = 0;

  if (!vt_engine_zip_next (zip, limit, start, end))
    return 0;
  do
    n++;
  while (n < 100 && vt_engine_zip_next (zip, limit, &other_start, &other_end));
  return n;
}

static gboolean
nothing_wanted (const VtUnpackMember *member, gpointer user_data)
{
  if (member->content >= 0)
    close (member->content);
  return TRUE;
}

static VtReason
unpack (GByteArray *bytes, VtContainerKind kind)
{
  static const VtUnpackLimits limits = {1 << 20, 1 << 20, 100, 1000, NULL};
  vt_autofd fd = memfd_of_data (bytes->data, bytes->len);

  return vt_unpack (fd, bytes->len, kind, &limits, nothing_wanted, NULL, NULL);
}

static void
test_nothing_is_hidden (void)
{
  const ZipMember both[] = {first, second};
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  guint64 start;
  guint64 end;

  append_zip (bytes, both, 2);
  g_assert_cmpuint (count_pieces (bytes, bytes->len, &start, &end), ==, 0);
  g_assert_cmpint (unpack (bytes, VT_CONTAINER_ENGINE), ==, VT_REASON_NONE);
  /* What is appended does not hide the directory. */
  g_byte_array_append (bytes, (const guint8 *)"junk", 4);
  g_assert_cmpuint (count_pieces (bytes, bytes->len, &start, &end), ==, 0);
}

static void
test_hidden_before_and_behind (void)
{
  g_autoptr (GByteArray) before = g_byte_array_new ();
  g_autoptr (GByteArray) behind = g_byte_array_new ();
  guint64 start;
  guint64 end;

  append_hidden (before, &first);
  append_zip (before, &second, 1);
  g_assert_cmpuint (count_pieces (before, before->len, &start, &end), ==, 1);
  g_assert_cmpuint (start, ==, 0);
  g_assert_cmpuint (end, ==, 30 + 5 + 16);
  g_assert_cmpint (unpack (before, VT_CONTAINER_ENGINE), ==, VT_REASON_DAMAGED);
  /* The archive of both, without the second in its directory. */
  append_zip_header (behind, &first, FALSE, 0);
  g_byte_array_append (behind, (const guint8 *)first.content, 16);
  append_hidden (behind, &second);
  {
    guint32 directory = behind->len;

    append_zip_header (behind, &first, TRUE, 0);
    append_le (behind, 0x06054b50, 4);
    append_le (behind, 0, 4);
    append_le (behind, 1, 2);
    append_le (behind, 1, 2);
    append_le (behind, behind->len - 12 - directory, 4);
    append_le (behind, directory, 4);
    append_le (behind, 0, 2);
  }
  g_assert_cmpuint (count_pieces (behind, behind->len, &start, &end), ==, 1);
  g_assert_cmpuint (start, ==, 30 + 5 + 16);
  g_assert_cmpint (unpack (behind, VT_CONTAINER_ENGINE), ==, VT_REASON_DAMAGED);
}

/* An archive in an archive is what a member of it has. */
static void
test_archives_in_members (void)
{
  g_autoptr (GByteArray) inner = g_byte_array_new ();
  g_autoptr (GByteArray) outer = NULL;
  guint64 start;
  guint64 end;

  append_zip (inner, &first, 1);
  outer = make_archive ("zip", NULL, inner, 2);
  g_assert_cmpuint (count_pieces (outer, outer->len, &start, &end), ==, 0);
}

/* Without a directory, each archive is a piece, up to its end or to that of all. */
static void
test_within_something (void)
{
  g_autoptr (GByteArray) bytes = zeros (200000);
  guint64 start;
  guint64 end;

  append_zip (bytes, &first, 1);
  g_byte_array_set_size (bytes, 400000);
  append_zip (bytes, &second, 1);
  g_byte_array_set_size (bytes, 600000);
  memset (bytes->data + 500000, 0, 100000);
  g_assert_cmpuint (count_pieces (bytes, bytes->len, &start, &end), ==, 2);
  g_assert_cmpuint (start, ==, 200000);
  g_assert_cmpuint (end, <, 201000);
  g_assert_cmpuint (count_pieces (bytes, 300000, &start, &end), ==, 1);
  g_assert_cmpuint (count_pieces (bytes, 200000, &start, &end), ==, 0);
}

static void
test_look_alikes (void)
{
  static const guint8 program[] = "PK\3\4\xff\xff\x12\x34 compares these bytes with others";
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  guint64 start;
  guint64 end;

  for (guint i = 0; i < 100; i++)
    g_byte_array_append (bytes, program, sizeof program);
  g_assert_cmpuint (count_pieces (bytes, bytes->len, &start, &end), ==, 0);
}

/* Nothing is read beyond the end, and there is an end to it; the sanitizers would see it. */
static void
test_hostile (void)
{
  const ZipMember both[] = {first, second};
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);

  for (guint i = 0; i < 20000; i++) {
    g_autoptr (GByteArray) bytes = g_byte_array_new ();
    g_autofree guint8 *copy = NULL;
    GByteArray cut = {0};
    guint64 start;
    guint64 end;

    append_hidden (bytes, &first);
    append_zip (bytes, both, 2);
    for (guint n = 0; n < 4; n++)
      bytes->data[g_rand_int_range (rand, 0, (gint32)bytes->len)] = (guint8)g_rand_int (rand);
    cut.len = (guint)g_rand_int_range (rand, 1, (gint32)bytes->len + 1);
    cut.data = copy = g_memdup2 (bytes->data, cut.len);
    g_assert_cmpuint (count_pieces (&cut, cut.len, &start, &end), <, 100);
  }
}

static void
test_behind_a_program (void)
{
  g_autoptr (GByteArray) bytes = zeros (100);
  vt_autofd none = -1;

  append_zip (bytes, &first, 1);
  g_assert_cmpint (unpack (bytes, VT_CONTAINER_ATTACHED), ==, VT_REASON_NONE);
  none = memfd_of_data (bytes->data, bytes->len - 1);
  g_assert_false (vt_container_has_attached (none, bytes->len - 1));
}

static void
test_java_modules (void)
{
  GByteArray *bytes = bytes_of_text ("JM\1");
  const char *name = NULL;
  vt_autofd fd = -1;

  g_byte_array_append (bytes, (const guint8 *)"", 1);
  append_zip (bytes, &first, 1);
  fd = memfd_of_data (bytes->data, bytes->len);
  g_assert_cmpint (vt_container_recognise (fd, bytes->len, &name), ==, VT_CONTAINER_ARCHIVE);
  g_assert_cmpstr (name, ==, "jmod");
  g_assert_cmpint (unpack (bytes, VT_CONTAINER_ARCHIVE), ==, VT_REASON_NONE);
  bytes->data[bytes->len - 22] = 'x';
  g_assert_cmpint (unpack (bytes, VT_CONTAINER_ARCHIVE), ==, VT_REASON_DAMAGED);
  g_byte_array_unref (bytes);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/engine-zip/nothing-is-hidden", test_nothing_is_hidden);
  g_test_add_func ("/engine-zip/hidden-before-and-behind", test_hidden_before_and_behind);
  g_test_add_func ("/engine-zip/archives-in-members", test_archives_in_members);
  g_test_add_func ("/engine-zip/within-something", test_within_something);
  g_test_add_func ("/engine-zip/look-alikes", test_look_alikes);
  g_test_add_func ("/engine-zip/hostile", test_hostile);
  g_test_add_func ("/engine-zip/java-modules", test_java_modules);
  g_test_add_func ("/engine-zip/behind-a-program", test_behind_a_program);
  return g_test_run ();
}
