// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Names and contents of all that there is, held against what went into the image and against what
 * the kernel makes of it. */
#include "fat-fixture.h"

#include <string.h>

typedef struct {
  const char *name;
  const char *options; /* of mkfs.vfat */
  guint kib;
} Kind;

static const Kind kinds[] = {
    {"fat12", "-F 12", 3000},
    {"fat12-large-clusters", "-F 12 -s 16", 20000},
    {"fat12-one-table", "-F 12 -s 4 -f 1", 4000},
    {"fat16", "-F 16 -s 1", 8000},
    {"fat16-small-root", "-F 16 -s 4 -r 16", 20000},
    {"fat16-64k-clusters", "-F 16 -s 128 -a", 400000},
    {"fat16-sectors-of-2k", "-F 16 -S 2048 -s 1", 20000},
    {"fat32", "-F 32 -s 1", 40000},
    {"fat32-many-reserved", "-F 32 -s 8 -R 64 -h 2048", 300000},
    {"fat32-sectors-of-4k", "-F 32 -S 4096 -s 1", 300000},
    {"fat32-large", "-F 32 -s 64", 4000000},
};

static void
test_kind (FsFixture *fixture, gconstpointer data)
{
  const Kind *kind = data;

  fat_fixture_make_tree (fixture);
  fat_fixture_mkfs (fixture, kind->kib, kind->options);
  fat_fixture_mtool (fixture, "mlabel ::A-LABEL");
  fat_fixture_fill (fixture);
  fs_fixture_assert_as_the_tree (fixture);
  fs_fixture_assert_as_the_kernel (fixture);
}

static void
test_empty (FsFixture *fixture, gconstpointer options)
{
  g_autoptr (FsResult) result = NULL;

  fat_fixture_mkfs (fixture, 8000, options);
  result = fs_fixture_read (fixture, 100);
  g_assert_cmpstr (result->refusal, ==, NULL);
  g_assert_cmpuint (g_hash_table_size (result->files), ==, 0);
}

/* Files lie in the gaps that others have left, and directories have gaps of their own. */
static void
test_fragmented (FsFixture *fixture, gconstpointer options)
{
  const char *const remove[] = {
      "sh", "-c", "for f in gap-* many/*[02468]; do mdel -i \"$0\" \"::$f\" && rm \"$f\"; done",
      fixture->image, NULL};
  int status;

  for (guint i = 0; i < 60; i++) {
    g_autofree char *path = g_strdup_printf (i % 2 == 0 ? "gap-%u" : "keep-%u", i);

    fs_fixture_write_noise (fixture, path, 3000 + 100 * i);
  }
  for (guint i = 0; i < 60; i++) {
    g_autofree char *path = g_strdup_printf ("many/a-file-with-a-long-name-%u", i);

    fs_fixture_write_noise (fixture, path, 10 * i);
  }
  fat_fixture_mkfs (fixture, g_str_has_prefix (options, "-F 32") ? 40000 : 8000, options);
  fat_fixture_fill (fixture);
  g_free (fs_fixture_run (fixture->tree, remove, &status));
  g_assert_cmpint (status, ==, 0);
  fs_fixture_write_noise (fixture, "large", 500000);
  fs_fixture_write_noise (fixture, "many/another-name-that-is-long-enough-for-some-slots", 4000);
  fat_fixture_mtool (fixture, "mcopy large ::");
  fat_fixture_mtool (fixture, "mcopy many/another-name-that-is-long-enough-for-some-slots ::many");
  fs_fixture_assert_as_the_tree (fixture);
  fs_fixture_assert_as_the_kernel (fixture);
}

static const FsFile *
get_file (FsResult *result, const char *path)
{
  const FsFile *file = g_hash_table_lookup (result->files, path);

  g_assert_nonnull (file);
  return file;
}

/* Mtools set the flags for lower case where a name needs no more than these. */
static void
test_case_of_short_names (FsFixture *fixture, gconstpointer data)
{
  g_autoptr (FsResult) result = NULL;
  guint64 slot;

  fs_fixture_write (fixture, "FILE.TXT", "x", 1);
  fat_fixture_mkfs (fixture, 1000, "-F 12");
  fat_fixture_fill (fixture);
  slot = fat_fixture_find (fixture, "FILE    TXT", 11);
  fs_fixture_patch (fixture, slot + 12, "\x08", 1);
  result = fs_fixture_read (fixture, 100);
  get_file (result, "/file.TXT");
  g_clear_pointer (&result, fs_result_free);
  fs_fixture_patch (fixture, slot + 12, "\x18", 1);
  result = fs_fixture_read (fixture, 100);
  get_file (result, "/file.txt");
  fs_fixture_assert_as_the_kernel (fixture);
}

/* Mtools know no characters beyond the first 65,536. */
static void
test_surrogates (FsFixture *fixture, gconstpointer data)
{
  g_autoptr (FsResult) result = NULL;

  fs_fixture_write (fixture, "XY smiles", "x", 1);
  fat_fixture_mkfs (fixture, 1000, "-F 12");
  fat_fixture_fill (fixture);
  fs_fixture_patch (fixture, fat_fixture_find (fixture, "X\0Y", 4), "\x3d\xd8\x00\xde", 4);
  result = fs_fixture_read (fixture, 100);
  get_file (result, "/\xf0\x9f\x98\x80 smiles");
  fs_fixture_assert_as_the_kernel (fixture);
}

typedef struct {
  const char *name;
  guint16 date;
  guint16 time;
  gint64 seconds;
} Time;

/* The seconds are what date(1) says, where there is such a date. */
static const Time times[] = {
    {"first", 1 << 5 | 1, 0, 315532800},
    {"of-all-parts", 43 << 9 | 11 << 5 | 14, 22 << 11 | 13 << 5 | 10, 1700000000},
    {"leap-day", 44 << 9 | 2 << 5 | 29, 0, 1709164800},
    {"behind-a-leap-day", 44 << 9 | 3 << 5 | 1, 0, 1709251200},
    {"2100-before-march", 120 << 9 | 2 << 5 | 28, 0, G_GINT64_CONSTANT (4107456000)},
    {"2100-march", 120 << 9 | 3 << 5 | 1, 0, G_GINT64_CONSTANT (4107542400)},
    {"2101", 121 << 9 | 1 << 5 | 1, 0, G_GINT64_CONSTANT (4133980800)},
    {"last", 127 << 9 | 12 << 5 | 31, 23 << 11 | 59 << 5 | 29, G_GINT64_CONSTANT (4354819198)},
    {"none", 0, 0, 315532800},
    {"beyond-the-day", 1 << 5 | 1, 31 << 11 | 63 << 5 | 31, 315532800 + 31 * 3600 + 63 * 60 + 62},
    {"month-13", 13 << 5 | 1, 0, 315532800 + 86400},
};

static void
test_time (FsFixture *fixture, gconstpointer data)
{
  const Time *expected = data;
  guint16 fields[2] = {GUINT16_TO_LE (expected->time), GUINT16_TO_LE (expected->date)};
  g_autoptr (FsResult) result = NULL;

  fs_fixture_write (fixture, "FILE.TXT", "x", 1);
  fat_fixture_mkfs (fixture, 1000, "-F 12");
  fat_fixture_fill (fixture);
  fs_fixture_patch (fixture, fat_fixture_find (fixture, "FILE    TXT", 11) + 22, fields,
                    sizeof fields);
  result = fs_fixture_read (fixture, 100);
  g_assert_cmpint (get_file (result, "/FILE.TXT")->stat.mtime_ns, ==,
                   expected->seconds * 1000000000);
  g_assert_cmpint (get_file (result, "/FILE.TXT")->stat.ctime_ns, ==,
                   expected->seconds * 1000000000);
  fs_fixture_assert_as_the_kernel (fixture);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    g_autofree char *path = g_strdup_printf ("/fat-list/all-of/%s", kinds[i].name);

    fat_fixture_add (path, &kinds[i], test_kind);
  }
  for (guint i = 0; i < G_N_ELEMENTS (times); i++) {
    g_autofree char *path = g_strdup_printf ("/fat-list/time/%s", times[i].name);

    fat_fixture_add (path, &times[i], test_time);
  }
  fat_fixture_add ("/fat-list/empty/fat12", "-F 12", test_empty);
  fat_fixture_add ("/fat-list/empty/fat32", "-F 32", test_empty);
  fat_fixture_add ("/fat-list/fragmented/fat12", "-F 12", test_fragmented);
  fat_fixture_add ("/fat-list/fragmented/fat16", "-F 16 -s 1", test_fragmented);
  fat_fixture_add ("/fat-list/fragmented/fat32", "-F 32 -s 1", test_fragmented);
  fat_fixture_add ("/fat-list/surrogates", NULL, test_surrogates);
  fat_fixture_add ("/fat-list/case-of-short-names", NULL, test_case_of_short_names);
  return g_test_run ();
}
