// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "ntfs-fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "vt-fd.h"
#include "vt-ntfs.h"

/* Tags of reparse points (Windows Protocols, MS-FSCC 2.1.2.1). */
#define TAG_MOUNT_POINT 0xA0000003U
#define TAG_SYMLINK     0xA000000CU
#define TAG_WOF         0x80000017U

/* In the boot sector. */
#define BOOT_CLUSTER_SIZE 13
#define BOOT_SECTORS      40
#define BOOT_RECORD_SIZE  64

static void
set_up (FsFixture *fixture, gconstpointer data)
{
  fs_fixture_set_up (fixture, &ntfs_kind);
}

static FsResult *
read_whole (FsFixture *fixture)
{
  FsResult *result = fs_fixture_read (fixture, G_MAXUINT64);

  g_assert_no_error (result->error);
  g_assert_cmpstr (result->refusal, ==, NULL);
  return result;
}

static void
test_as_the_mount (FsFixture *fixture, gconstpointer options)
{
  g_autoptr (NtfsMaker) maker = NULL;
  g_autoptr (FsResult) result = NULL;

  g_assert_true (ntfs_maker_format (fixture->image, 24 * 1024, options));
  maker = ntfs_maker_open (fixture->image);
  ntfs_maker_fill (maker);
  g_clear_pointer (&maker, ntfs_maker_close);
  result = read_whole (fixture);
  g_assert_cmpuint (g_hash_table_size (result->files), >, 500);
  fs_fixture_assert_as_the_kernel (fixture);
}

static void
assert_content (FsResult *result, const char *path, const void *data, gsize size)
{
  const FsFile *file = g_hash_table_lookup (result->files, path);
  const VtDigest expected = vt_digest_of_data (data, size);

  g_assert_nonnull (file);
  g_assert_cmpuint (file->stat.size, ==, size);
  g_assert_true (vt_digest_equal (&file->digest, &expected));
}

static void
test_contents (FsFixture *fixture, gconstpointer data)
{
  g_autoptr (NtfsMaker) maker = NULL;
  g_autoptr (FsResult) result = NULL;
  g_autofree guint8 *bytes = g_malloc (200000);

  memset (bytes, 'x', 200000);
  g_assert_true (ntfs_maker_format (fixture->image, 8 * 1024, "-c 4096"));
  maker = ntfs_maker_open (fixture->image);
  ntfs_maker_add_directory (maker, "/packed", TRUE);
  ntfs_maker_write (maker, "/packed/file", 0, bytes, 200000);
  ntfs_maker_write (maker, "/resident", 0, bytes, 300);
  ntfs_maker_write (maker, "/empty", 0, bytes, 0);
  ntfs_maker_write (maker, "/plain", 0, bytes, 200000);
  ntfs_maker_write (maker, "/part", 0, bytes, 200000);
  ntfs_maker_set_initialized (maker, "/part", 12345);
  g_clear_pointer (&maker, ntfs_maker_close);
  result = read_whole (fixture);
  g_assert_cmpuint (g_hash_table_size (result->files), ==, 5);
  assert_content (result, "/packed/file", bytes, 200000);
  assert_content (result, "/resident", bytes, 300);
  assert_content (result, "/empty", bytes, 0);
  assert_content (result, "/plain", bytes, 200000);
  memset (bytes + 12345, 0, 200000 - 12345);
  assert_content (result, "/part", bytes, 200000);
}

static void
test_names (FsFixture *fixture, gconstpointer data)
{
  g_autoptr (NtfsMaker) maker = NULL;
  g_autoptr (FsResult) result = NULL;
  const FsFile *first, *second;

  g_assert_true (ntfs_maker_format (fixture->image, 4 * 1024, ""));
  maker = ntfs_maker_open (fixture->image);
  ntfs_maker_write (maker, "/A long name.text", 0, "1", 1);
  ntfs_maker_set_dos_name (maker, "/A long name.text", "ALONGN~1.TEX");
  ntfs_maker_write (maker, "/first", 0, "22", 2);
  ntfs_maker_link (maker, "/first", "/second");
  g_clear_pointer (&maker, ntfs_maker_close);
  result = read_whole (fixture);
  g_assert_cmpuint (g_hash_table_size (result->files), ==, 3);
  first = g_hash_table_lookup (result->files, "/A long name.text");
  g_assert_cmpuint (first->stat.links, ==, 1);
  first = g_hash_table_lookup (result->files, "/first");
  second = g_hash_table_lookup (result->files, "/second");
  g_assert_cmpuint (first->stat.links, ==, 2);
  g_assert_cmpuint (first->stat.inode, ==, second->stat.inode);
}

static void
test_times (FsFixture *fixture, gconstpointer data)
{
  static const struct {
    const char *path;
    gint64 time;
    gint64 ns;
  } times[] = {
      {"/usual", G_GINT64_CONSTANT (133444736001234567), G_GINT64_CONSTANT (1700000000123456700)},
      {"/before-1970", G_GINT64_CONSTANT (116444735985000000), -1 * G_GINT64_CONSTANT (1000000000)},
      {"/zero", 0, G_MININT64},
      {"/far", G_MAXINT64, G_MAXINT64},
      {"/farther", G_MININT64, G_MININT64},
  };
  g_autoptr (NtfsMaker) maker = NULL;
  g_autoptr (FsResult) result = NULL;

  g_assert_true (ntfs_maker_format (fixture->image, 4 * 1024, ""));
  maker = ntfs_maker_open (fixture->image);
  for (guint i = 0; i < G_N_ELEMENTS (times); i++) {
    ntfs_maker_write (maker, times[i].path, 0, "x", 1);
    ntfs_maker_set_time (maker, times[i].path, times[i].time);
  }
  g_clear_pointer (&maker, ntfs_maker_close);
  result = read_whole (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (times); i++) {
    const FsFile *file = g_hash_table_lookup (result->files, times[i].path);

    g_assert_cmpint (file->stat.mtime_ns, ==, times[i].ns);
    g_assert_cmpint (file->stat.ctime_ns, ==, times[i].ns);
  }
}

/* NAME is of ASCII characters, the data is that of a link or mount point. */
static GByteArray *
make_link_data (const char *name, gint flags)
{
  GByteArray *data = g_byte_array_new ();
  const guint16 length = (guint16)(2 * strlen (name));
  const guint16 head[] = {0, length, length, 0};

  g_byte_array_append (data, (const guint8 *)head, sizeof head);
  if (flags >= 0)
    g_byte_array_append (data, (const guint8 *)&flags, sizeof flags);
  for (gsize i = 0; name[i] != '\0'; i++)
    g_byte_array_append (data, (const guint8[]){(guint8)name[i], 0}, 2);
  /* Windows writes one behind the name. */
  g_byte_array_append (data, (const guint8[]){0, 0}, 2);
  return data;
}

static void
add_link (NtfsMaker *maker, const char *path, guint32 tag, const char *name, gint flags)
{
  g_autoptr (GByteArray) data = make_link_data (name, flags);

  if (tag == TAG_MOUNT_POINT)
    ntfs_maker_add_directory (maker, path, FALSE);
  else
    ntfs_maker_write (maker, path, 0, "", 0);
  ntfs_maker_set_reparse_point (maker, path, tag, data->data, data->len);
}

/* What "find" in the mount finds, which is what the appliance is asked for. */
static void
assert_unreadable_as_the_mount (FsFixture *fixture, const char *expected)
{
  static const char script[] =
      "mkdir mount; mount -t ntfs-3g -o ro,loop image mount || exit 0; cd mount; "
      "find . -xdev -type l -lname 'unsupported reparse tag*' -printf '%p %s\\n' | sort; cd ..; "
      "umount mount";
  const char *const argv[] = {"sh", "-c", script, NULL};
  g_autofree char *output = NULL;
  int status;

  if (geteuid () != 0) {
    g_test_message ("not compared with the mount: that needs root");
    return;
  }
  output = fs_fixture_run (fixture->dir, argv, &status);
  if (output[0] != '\0')
    g_assert_cmpstr (output, ==, expected);
}

static void
test_reparse_points (FsFixture *fixture, gconstpointer data)
{
  static const char *const unreadable[] = {"/dangling", "/odd", "/packed"};
  static const guint32 wof[] = {1, 2, 1, 0};
  g_autoptr (NtfsMaker) maker = NULL;
  g_autoptr (FsResult) result = NULL;

  g_assert_true (ntfs_maker_format (fixture->image, 4 * 1024, ""));
  maker = ntfs_maker_open (fixture->image);
  ntfs_maker_write (maker, "/file", 0, "x", 1);
  ntfs_maker_write (maker, "/packed", 0, "y", 1);
  ntfs_maker_set_reparse_point (maker, "/packed", TAG_WOF, wof, sizeof wof);
  add_link (maker, "/junction", TAG_MOUNT_POINT, "\\??\\C:\\Users", -1);
  add_link (maker, "/odd", TAG_MOUNT_POINT, "nowhere", -1);
  add_link (maker, "/link", TAG_SYMLINK, "file", 1);
  add_link (maker, "/dangling", TAG_SYMLINK, "missing", 1);
  g_clear_pointer (&maker, ntfs_maker_close);
  result = read_whole (fixture);
  g_assert_cmpuint (g_hash_table_size (result->files), ==, 1 + G_N_ELEMENTS (unreadable));
  for (guint i = 0; i < G_N_ELEMENTS (unreadable); i++) {
    const FsFile *file = g_hash_table_lookup (result->files, unreadable[i]);

    g_assert_nonnull (file);
    g_assert_true (file->stat.unreadable);
    g_assert_cmpuint (file->stat.size, ==, strlen ("unsupported reparse tag 0x00000000"));
  }
  assert_unreadable_as_the_mount (fixture, "./dangling 34\n./odd 34\n./packed 34\n");
}

static void
test_unusual_reparse_points (FsFixture *fixture, gconstpointer data)
{
  g_autoptr (NtfsMaker) maker = NULL;

  g_assert_true (ntfs_maker_format (fixture->image, 4 * 1024, ""));
  maker = ntfs_maker_open (fixture->image);
  add_link (maker, "/short", TAG_SYMLINK, "x", 1);
  g_clear_pointer (&maker, ntfs_maker_close);
  fs_fixture_assert_refused (fixture, "a link of an unusual form");

  g_assert_true (ntfs_maker_format (fixture->image, 4 * 1024, ""));
  maker = ntfs_maker_open (fixture->image);
  ntfs_maker_add_pipe (maker, "/fifo", TRUE);
  g_clear_pointer (&maker, ntfs_maker_close);
  fs_fixture_assert_refused (fixture, "a special file of Windows's subsystem for Linux");
}

static void
test_encrypted (FsFixture *fixture, gconstpointer data)
{
  g_autoptr (NtfsMaker) maker = NULL;

  g_assert_true (ntfs_maker_format (fixture->image, 4 * 1024, ""));
  maker = ntfs_maker_open (fixture->image);
  ntfs_maker_write_noise (maker, "/secret", 10000, 256);
  ntfs_maker_set_encrypted (maker, "/secret");
  g_clear_pointer (&maker, ntfs_maker_close);
  fs_fixture_assert_refused (fixture, "is encrypted");
}

/* Its blocks are all there and marked as used, but names in one of them cannot be looked up. */
static void
test_index_that_contradicts_itself (FsFixture *fixture, gconstpointer data)
{
  g_autoptr (NtfsMaker) maker = NULL;

  g_assert_true (ntfs_maker_format (fixture->image, 4 * 1024, ""));
  maker = ntfs_maker_open (fixture->image);
  ntfs_maker_add_directory (maker, "/many", FALSE);
  for (guint i = 0; i < 100; i++) {
    g_autofree char *path = g_strdup_printf ("/many/a name that takes its place in a block, %u", i);

    ntfs_maker_write_noise (maker, path, 100, 256);
  }
  g_clear_pointer (&maker, ntfs_maker_close);
  {
    g_autoptr (FsResult) result = fs_fixture_read (fixture, G_MAXUINT64);

    g_assert_null (result->refusal);
  }
  maker = ntfs_maker_open (fixture->image);
  ntfs_maker_misdirect (maker, "/many");
  g_clear_pointer (&maker, ntfs_maker_close);
  fs_fixture_assert_refused (fixture, "a name in directory ");
}

static void
test_boot_sector (FsFixture *fixture, gconstpointer data)
{
  static const struct {
    guint64 offset;
    const char *bytes;
    gsize size;
    const char *refusal;
  } changes[] = {
      {3, "MSDOS   ", 8, "no NTFS boot sector"},
      {BOOT_CLUSTER_SIZE, "\3", 1, "in clusters of"},
      {BOOT_CLUSTER_SIZE, "\xe0", 1, "in clusters of"},
      {BOOT_RECORD_SIZE, "\xe2", 1, "records of an unusual size"},
      {BOOT_RECORD_SIZE, "\x80", 1, "records of an unusual size"},
      {BOOT_SECTORS, "\0\0\0\x10", 4, "do not fit its partition"},
      {BOOT_SECTORS, "\0\0\0\0", 4, "do not fit its partition"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (changes); i++) {
    g_assert_true (ntfs_maker_format (fixture->image, 4 * 1024, ""));
    fs_fixture_patch (fixture, changes[i].offset, changes[i].bytes, changes[i].size);
    fs_fixture_assert_refused (fixture, changes[i].refusal);
  }
  g_assert_true (ntfs_maker_format (fixture->image, 4 * 1024, ""));
  g_assert_cmpint (truncate (fixture->image, 2 * 1024 * 1024), ==, 0);
  fs_fixture_assert_refused (fixture, "do not fit its partition");
}

/* Cuts the file table, at which all that is read begins. */
static void
test_damaged_table (FsFixture *fixture, gconstpointer data)
{
  g_autofree guint8 *zeros = g_malloc0 (64 * 1024);
  guint64 cluster;
  vt_autofd file = -1;

  g_assert_true (ntfs_maker_format (fixture->image, 4 * 1024, "-c 4096"));
  file = g_open (fixture->image, O_RDONLY | O_CLOEXEC, 0);
  g_assert_cmpint (pread (file, &cluster, sizeof cluster, 48), ==, sizeof cluster);
  fs_fixture_patch (fixture, GUINT64_FROM_LE (cluster) * 4096, zeros, 64 * 1024);
  fs_fixture_assert_refused (fixture, "file system: ");
}

static void
test_paths (FsFixture *fixture, gconstpointer data)
{
  g_autoptr (NtfsMaker) maker = NULL;
  g_autofree char *refusal = NULL;
  g_autofree char *target = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (VtDisk) disk = NULL;
  g_autoptr (VtFs) fs = NULL;
  g_autoptr (GBytes) bytes = NULL;
  vt_autofd file = -1;
  VtFsType type;

  g_assert_true (ntfs_maker_format (fixture->image, 4 * 1024, ""));
  maker = ntfs_maker_open (fixture->image);
  ntfs_maker_add_directory (maker, "/WinDows", FALSE);
  ntfs_maker_write (maker, "/WinDows/Cmd.exe", 0, "12345", 5);
  add_link (maker, "/junction", TAG_MOUNT_POINT, "\\??\\C:\\Users", -1);
  g_clear_pointer (&maker, ntfs_maker_close);
  file = g_open (fixture->image, O_RDONLY | O_CLOEXEC, 0);
  disk = vt_disk_new_file (file, &error);
  fs = vt_ntfs_open (disk, 0, vt_disk_get_size (disk), &refusal, &error);
  g_assert_nonnull (fs);
  fs_assert_type (fs, "/", VT_FS_TYPE_DIRECTORY);
  fs_assert_type (fs, "/windows", VT_FS_TYPE_DIRECTORY);
  fs_assert_type (fs, "/WINDOWS/cmd.EXE", VT_FS_TYPE_REGULAR);
  fs_assert_type (fs, "/windows/other", VT_FS_TYPE_MISSING);
  fs_assert_type (fs, "/windows/cmd.exe/other", VT_FS_TYPE_MISSING);
  fs_assert_type (fs, "/$MFT", VT_FS_TYPE_MISSING);
  g_assert_true (vt_fs_read_head (fs, "/windows/cmd.exe", 3, &bytes, &error));
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "123", 3);
  g_assert_true (vt_fs_read_link (fs, "/windows", &target, &error));
  g_assert_null (target);
  g_assert_false (vt_fs_stat_path (fs, "/junction", &type, &error));
  g_assert_error (error, VT_FS_ERROR, VT_FS_ERROR_REFUSED);
}

static void
test_within_a_disk (FsFixture *fixture, gconstpointer data)
{
  const gsize start = 1024 * 1024;
  g_autoptr (NtfsMaker) maker = NULL;
  g_autoptr (FsResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (VtDisk) disk = NULL;
  g_autofree char *image = NULL;
  g_autofree char *noise = g_strnfill (200000, 'n');
  vt_autofd file = -1;
  gsize size;

  g_assert_true (ntfs_maker_format (fixture->image, 4 * 1024, ""));
  maker = ntfs_maker_open (fixture->image);
  ntfs_maker_write (maker, "/file", 0, noise, 200000);
  g_clear_pointer (&maker, ntfs_maker_close);
  g_assert_true (g_file_get_contents (fixture->image, &image, &size, NULL));
  file = g_open (fixture->image, O_RDWR | O_CLOEXEC, 0);
  g_assert_cmpint (pwrite (file, image, size, (off_t)start), ==, size);
  disk = vt_disk_new_file (file, &error);
  result = fs_result_of_disk (&ntfs_kind, disk, start, size, G_MAXUINT64);
  g_assert_cmpstr (result->refusal, ==, NULL);
  assert_content (result, "/file", noise, 200000);
}

static void
test_nothing_is_written (FsFixture *fixture, gconstpointer data)
{
  g_autoptr (NtfsMaker) maker = NULL;
  g_autoptr (FsResult) result = NULL;
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;
  gsize size, other_size;

  g_assert_true (ntfs_maker_format (fixture->image, 24 * 1024, ""));
  maker = ntfs_maker_open (fixture->image);
  ntfs_maker_fill (maker);
  g_clear_pointer (&maker, ntfs_maker_close);
  g_assert_true (g_file_get_contents (fixture->image, &before, &size, NULL));
  g_assert_cmpint (g_chmod (fixture->image, 0400), ==, 0);
  result = read_whole (fixture);
  g_assert_true (g_file_get_contents (fixture->image, &after, &other_size, NULL));
  g_assert_cmpmem (before, size, after, other_size);
}

int
main (int argc, char **argv)
{
#define ADD(path, data, test)                                                                      \
  g_test_add ("/ntfs/" path, FsFixture, data, set_up, test, fs_fixture_tear_down)

  g_test_init (&argc, &argv, NULL);
  ADD ("as-the-mount/usual", "-c 4096", test_as_the_mount);
  ADD ("as-the-mount/small-clusters", "-c 512", test_as_the_mount);
  ADD ("as-the-mount/large-sectors", "-s 4096 -c 4096", test_as_the_mount);
  ADD ("contents", NULL, test_contents);
  ADD ("names", NULL, test_names);
  ADD ("times", NULL, test_times);
  ADD ("reparse-points", NULL, test_reparse_points);
  ADD ("unusual-reparse-points-are-refused", NULL, test_unusual_reparse_points);
  ADD ("encrypted-files-are-refused", NULL, test_encrypted);
  ADD ("index-that-contradicts-itself-is-refused", NULL, test_index_that_contradicts_itself);
  ADD ("damaged-boot-sector-is-refused", NULL, test_boot_sector);
  ADD ("damaged-table-is-refused", NULL, test_damaged_table);
  ADD ("paths", NULL, test_paths);
  ADD ("within-a-disk", NULL, test_within_a_disk);
  ADD ("nothing-is-written", NULL, test_nothing_is_written);
  return g_test_run ();
}
