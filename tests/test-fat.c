// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Which file systems are refused, and single files by their paths. */
#include "fat-fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "vt-fd.h"

#define FAT16 FAT_FIXTURE_16
#define FAT32 FAT_FIXTURE_32

/* Bytes with their number: there may be NULs among them. */
#define BYTES(text) text, sizeof (text) - 1

typedef struct {
  const char *name;
  const char *options;
  guint64 offset;
  const char *bytes;
  gsize n;
  const char *refusal;
} Boot;

static const Boot boots[] = {
    {"sector-size-0", FAT16, 11, BYTES ("\0\0"), "size of sectors"},
    {"sector-size-8192", FAT16, 11, BYTES ("\0\x20"), "size of sectors"},
    {"sector-size-768", FAT16, 11, BYTES ("\0\x03"), "size of sectors"},
    {"no-sectors-a-cluster", FAT16, 13, BYTES ("\0"), "sectors a cluster"},
    {"three-sectors-a-cluster", FAT16, 13, BYTES ("\x03"), "sectors a cluster"},
    {"nothing-reserved", FAT16, 14, BYTES ("\0\0"), "reserved"},
    {"no-tables", FAT16, 16, BYTES ("\0"), "tables"},
    {"three-tables", FAT16, 16, BYTES ("\x03"), "tables"},
    {"top-directory-of-half-a-sector", FAT16, 17, BYTES ("\x08\x02"), "top directory"},
    {"no-top-directory", FAT16, 17, BYTES ("\0\0"), "top directory"},
    {"more-sectors-than-there-are", FAT16, 19, BYTES ("\xff\xff"), "do not fit"},
    {"fewer-sectors-than-before-the-data", FAT16, 19, BYTES ("\x20\0"), "sectors"},
    {"two-numbers-of-sectors", FAT16, 32, BYTES ("\x20\0"), "two numbers"},
    {"medium", FAT16, 21, BYTES ("\x10"), "medium"},
    {"table-too-short", FAT16, 22, BYTES ("\x08\0"), "clusters"},
    {"no-table", FAT16, 22, BYTES ("\0\0"), "boot sector"},
    {"one-table-kept", FAT32, 40, BYTES ("\x80"), "not kept"},
    {"version", FAT32, 42, BYTES ("\x01"), "version"},
    {"top-directory-at-cluster-1", FAT32, 44, BYTES ("\x01"), "cluster of the top"},
    {"top-directory-beyond", FAT32, 44, BYTES ("\0\0\x10"), "cluster of the top"},
    {"top-directory-of-both-kinds", FAT32, 17, BYTES ("\x10"), "entries of the top"},
    {"counts-beyond-what-is-reserved", FAT32, 48, BYTES ("\xff\xff"), "counts"},
    {"huge-table", FAT32, 36, BYTES ("\xff\xff\xff\xff"), "sectors"},
    {"exfat", FAT16, 0,
     BYTES ("\xeb\x76\x90"
            "EXFAT   \0\0\0\0\0\0\0\0\0"),
     "size of sectors"},
};

static void
test_boot (FsFixture *fixture, gconstpointer data)
{
  const Boot *boot = data;

  fat_fixture_make_sample (fixture, boot->options);
  fat_fixture_assert_read (fixture);
  fs_fixture_patch (fixture, boot->offset, boot->bytes, boot->n);
  fs_fixture_assert_refused (fixture, boot->refusal);
}

/* Both are as long as they should be. */
static void
test_cluster_of_two_files (FsFixture *fixture, gconstpointer options)
{
  guint32 first;

  fat_fixture_make_sample (fixture, options);
  fat_fixture_assert_read (fixture);
  first = fat_fixture_first_cluster (fixture, "TWO     BIN");
  fat_fixture_set_next (fixture, fat_fixture_first_cluster (fixture, "DUO     BIN"), first + 1);
  fs_fixture_assert_refused (fixture, "belongs to two files");
}

static void
test_directory_with_two_names (FsFixture *fixture, gconstpointer options)
{
  guint16 first;

  fat_fixture_make_sample (fixture, options);
  first = GUINT16_TO_LE ((guint16)fat_fixture_first_cluster (fixture, "DIR        "));
  fs_fixture_patch (fixture, fat_fixture_find (fixture, "OTHER      ", 11) + 26, &first, 2);
  fs_fixture_assert_refused (fixture, "has two names");
}

/* It would be endless. */
static void
test_top_directory_in_itself (FsFixture *fixture, gconstpointer options)
{
  VtFatGeometry geometry;
  guint16 first;

  fat_fixture_make_sample (fixture, FAT32);
  geometry = fat_fixture_geometry (fixture);
  first = GUINT16_TO_LE ((guint16)geometry.root_cluster);
  fs_fixture_patch (fixture, fat_fixture_find (fixture, "OTHER      ", 11) + 26, &first, 2);
  fs_fixture_assert_refused (fixture, "not there");
}

/* It has a number on FAT32, and some write that where others write 0. */
static void
test_top_directory_by_its_number (FsFixture *fixture, gconstpointer options)
{
  VtFatGeometry geometry;
  guint64 slot;
  guint16 first;

  fat_fixture_make_sample (fixture, FAT32);
  geometry = fat_fixture_geometry (fixture);
  slot = vt_fat_cluster_offset (&geometry, fat_fixture_first_cluster (fixture, "OTHER      "));
  first = GUINT16_TO_LE ((guint16)geometry.root_cluster);
  fs_fixture_patch (fixture, slot + 32 + 26, &first, 2);
  fat_fixture_assert_read (fixture);
  fs_fixture_assert_as_the_kernel (fixture);
}

static void
test_tables_that_differ (FsFixture *fixture, gconstpointer options)
{
  VtFatGeometry geometry;
  guint64 entry;

  fat_fixture_make_sample (fixture, options);
  geometry = fat_fixture_geometry (fixture);
  entry = geometry.table_start + geometry.table_size +
          (guint64)fat_fixture_first_cluster (fixture, "FILE    BIN") * geometry.bits / 8;
  fs_fixture_patch (fixture, entry, "\x55", 1);
  fs_fixture_assert_refused (fixture, "not the same");
}

/* It does not matter here: there is no journal, and the kernel mounts it as it is. */
static void
test_not_unmounted (FsFixture *fixture, gconstpointer options)
{
  VtFatGeometry geometry;

  fat_fixture_make_sample (fixture, options);
  geometry = fat_fixture_geometry (fixture);
  fs_fixture_patch (fixture, geometry.bits == 32 ? 65 : 37, "\x01", 1);
  fs_fixture_patch (fixture, geometry.table_start + geometry.bits / 8, "\xff\x3f", 2);
  fat_fixture_assert_read (fixture);
  fs_fixture_assert_as_the_kernel (fixture);
}

/* What ties a long name to its short one. */
static guint8
get_checksum (const char *name)
{
  guint8 sum = 0;

  for (guint i = 0; i < 11; i++)
    sum = (guint8)((sum << 7 | sum >> 1) + name[i]);
  return sum;
}

/* A name that is another file's short one, by which the kernel would find that. */
static void
test_name_that_is_a_short_one (FsFixture *fixture, gconstpointer data)
{
  const char *to = "BNAME~1X   ";
  guint8 checksum = get_checksum (to);
  guint64 slot;

  fs_fixture_write (fixture, "a name with blanks", "a", 1);
  fs_fixture_write (fixture, "bname~1x", "b", 1);
  fat_fixture_mkfs (fixture, 1000, "-F 12");
  fat_fixture_fill (fixture);
  fat_fixture_assert_read (fixture);
  slot = fat_fixture_find (fixture, "ANAMEW~1   ", 11);
  fs_fixture_patch (fixture, slot, to, 11);
  fs_fixture_patch (fixture, slot - 64 + 13, &checksum, 1);
  fs_fixture_patch (fixture, slot - 32 + 13, &checksum, 1);
  fs_fixture_assert_refused (fixture, "one name");
}

static void
assert_head (VtFs *fs, const char *path, gsize max, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;

  g_assert_true (vt_fs_read_head (fs, path, max, &bytes, &error));
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), expected,
                   strlen (expected));
}

static void
test_paths (FsFixture *fixture, gconstpointer options)
{
  g_autoptr (VtDisk) disk = NULL;
  g_autoptr (VtFs) fs = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autofree char *refusal = NULL;
  g_autofree char *target = NULL;
  vt_autofd file = -1;

  fat_fixture_make_sample (fixture, options);
  disk = fs_fixture_open_image (fixture, &file);
  fs = vt_fat_open (disk, 0, vt_disk_get_size (disk), &refusal, &error);
  g_assert_nonnull (fs);
  fs_assert_type (fs, "/", VT_FS_TYPE_DIRECTORY);
  fs_assert_type (fs, "/DIR/SUB", VT_FS_TYPE_DIRECTORY);
  fs_assert_type (fs, "/dir/sub/f", VT_FS_TYPE_REGULAR);
  fs_assert_type (fs, "/dir//./sub/../../other/G", VT_FS_TYPE_REGULAR);
  fs_assert_type (fs, "/../../DIR.", VT_FS_TYPE_DIRECTORY);
  fs_assert_type (fs, "/DIR/...", VT_FS_TYPE_MISSING);
  fs_assert_type (fs, "/a LONG name, and longer.TEXT", VT_FS_TYPE_REGULAR);
  fs_assert_type (fs, "/alongn~1.tex", VT_FS_TYPE_REGULAR);
  fs_assert_type (fs, "/FILE", VT_FS_TYPE_MISSING);
  fs_assert_type (fs, "/EMPTY/x", VT_FS_TYPE_MISSING);
  assert_head (fs, "/A long name, and longer.text", 3, "lon");
  assert_head (fs, "/A long name, and longer.text", 100, "long");
  assert_head (fs, "/empty", 100, "");
  g_assert_false (vt_fs_read_head (fs, "/nothing", 10, &bytes, &error));
  g_assert_error (error, VT_FS_ERROR, VT_FS_ERROR_MISSING);
  g_clear_error (&error);
  g_assert_false (vt_fs_read_head (fs, "/DIR", 10, &bytes, &error));
  g_assert_error (error, VT_FS_ERROR, VT_FS_ERROR_REFUSED);
  g_clear_error (&error);
  g_assert_true (vt_fs_read_link (fs, "/DIR", &target, &error));
  g_assert_null (target);
}

static void
test_windows (FsFixture *fixture, gconstpointer data)
{
  g_autofree char *moved = g_strdup_printf ("cd '%s' && truncate -s 1M start && cat image >>start "
                                            "&& truncate -s +1M start && mv start image",
                                            fixture->dir);
  const char *const argv[] = {"sh", "-c", moved, NULL};
  g_autoptr (VtDisk) disk = NULL;
  g_autoptr (FsResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *refusal = NULL;
  vt_autofd file = -1;
  int status;

  fat_fixture_make_sample (fixture, FAT16);
  g_free (fs_fixture_run (NULL, argv, &status));
  g_assert_cmpint (status, ==, 0);
  disk = fs_fixture_open_image (fixture, &file);
  result = fs_result_of_disk (fixture->kind, disk, 1 << 20, 8000 << 10, G_MAXUINT64);
  g_assert_cmpstr (result->refusal, ==, NULL);
  {
    g_autofree char *ours = fs_result_to_short_text (result);
    g_autofree char *theirs = fs_fixture_tree_to_short_text (fixture);

    fs_assert_same (ours, theirs);
  }
  g_assert_null (vt_fat_open (disk, 1 << 20, (8000 << 10) - 512, &refusal, &error));
  g_assert_nonnull (strstr (refusal, "do not fit"));
  g_clear_pointer (&refusal, g_free);
  g_assert_null (vt_fat_open (disk, 0, 100, &refusal, &error));
  g_assert_nonnull (strstr (refusal, "hold no file system"));
  g_clear_pointer (&refusal, g_free);
  g_assert_null (vt_fat_open (disk, 5 << 20, 8000 << 10, &refusal, &error));
  g_assert_nonnull (strstr (refusal, "not within its disk"));
}

static void
add_boot_sectors (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (boots); i++) {
    g_autofree char *path = g_strdup_printf ("/fat/boot-sector/%s", boots[i].name);

    fat_fixture_add (path, &boots[i], test_boot);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_boot_sectors ();
  fat_fixture_add ("/fat/cluster-of-two-files/fat16", FAT16, test_cluster_of_two_files);
  fat_fixture_add ("/fat/cluster-of-two-files/fat32", FAT32, test_cluster_of_two_files);
  fat_fixture_add ("/fat/directory-with-two-names/fat16", FAT16, test_directory_with_two_names);
  fat_fixture_add ("/fat/directory-with-two-names/fat32", FAT32, test_directory_with_two_names);
  fat_fixture_add ("/fat/top-directory-in-itself", NULL, test_top_directory_in_itself);
  fat_fixture_add ("/fat/top-directory-by-its-number", NULL, test_top_directory_by_its_number);
  fat_fixture_add ("/fat/tables-that-differ/fat12", "-F 12 -s 4", test_tables_that_differ);
  fat_fixture_add ("/fat/tables-that-differ/fat16", FAT16, test_tables_that_differ);
  fat_fixture_add ("/fat/tables-that-differ/fat32", FAT32, test_tables_that_differ);
  fat_fixture_add ("/fat/not-unmounted/fat16", FAT16, test_not_unmounted);
  fat_fixture_add ("/fat/not-unmounted/fat32", FAT32, test_not_unmounted);
  fat_fixture_add ("/fat/name-that-is-a-short-one", NULL, test_name_that_is_a_short_one);
  fat_fixture_add ("/fat/paths/fat12", "-F 12 -s 4", test_paths);
  fat_fixture_add ("/fat/paths/fat32", FAT32, test_paths);
  fat_fixture_add ("/fat/windows", NULL, test_windows);
  return g_test_run ();
}
