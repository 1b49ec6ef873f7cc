// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Which file systems are refused, and single files by their paths. */
#include "ext-fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "vt-ext-io.h"
#include "vt-fd.h"

typedef struct {
  const char *name;
  const char *options;  /* of mke2fs */
  const char *commands; /* of debugfs */
  const char *refusal;
} Case;

static const Case cases[] = {
    {"journal-to-be-replayed", "-t ext4", "feature needs_recovery", "replayed"},
    {"journal-written-to", "-t ext4", "jo\njw -b 333 /dev/zero\njc\nfeature -needs_recovery\n",
     "journal is not empty"},
    {"error-flag", "-t ext4", "ssv state 3", "errors"},
    {"noted-errors", "-t ext4", "ssv error_count 2", "noted 2 errors"},
    {"not-unmounted-ext2", "-t ext2", "ssv state 0", "not unmounted"},
    {"not-unmounted-ext4", "-t ext4", "ssv state 0", "not unmounted"},
    {"orphans", "-t ext4", "ssv last_orphan 12", "deleted files"},
    {"orphans-in-a-file", "-t ext4 -O orphan_file", "feature orphan_present", "features"},
    {"journal-device", "-t ext4", "ssv journal_dev 0x801", "another device"},
    {"encryption", "-t ext4 -O encrypt", NULL, "encrypted"},
    {"case-folding", "-t ext4 -O casefold", NULL, "features"},
    {"unknown-incompat", "-t ext4", "feature FEATURE_I30", "features"},
    {"unknown-ro-compat", "-t ext4", "feature FEATURE_R30", "features"},
    {"shared-blocks", "-t ext4", "feature shared_blocks", "features"},
    {"other-system", "-t ext4", "ssv creator_os 1", "Linux"},
    {"larger-than-its-window", "-t ext2", "ssv blocks_count 9000", "do not fit"},
    {"many-groups", "-t ext2", "ssv blocks_per_group 0", "damaged"},
    {"inodes-beyond-their-bitmap", "-t ext2",
     "ssv inodes_per_group 10000\nssv inodes_count 10000\n", "inodes a group"},
    {"first-inode", "-t ext2", "ssv first_ino 5", "first inode"},
    {"journal-lost", "-t ext4", "clri <8>", "inode"},
    {"group-lost", "-t ext2", "set_bg 0 inode_table 20000", "beyond"},
    {"groups-overlap", "-t ext2", "set_bg 0 inode_bitmap 3", "overlap"},
    {"group-checksum", "-t ext4", "set_bg 0 checksum 1", "checksum of group"},
};

static void
test_refused (FsFixture *fixture, gconstpointer data)
{
  const Case *item = data;
  g_autofree char *options = g_strconcat (item->options, " -b 1024", NULL);

  fs_fixture_write_noise (fixture, "f", 5000);
  if (!ext_fixture_mke2fs (fixture, 8, options)) {
    g_test_skip ("this mke2fs cannot make it");
    return;
  }
  if (item->commands != NULL) {
    g_autoptr (FsResult) before = fs_fixture_read (fixture, 0);

    g_assert_cmpstr (before->refusal, ==, NULL);
    ext_fixture_debugfs (fixture, item->commands);
  }
  fs_fixture_assert_refused (fixture, item->refusal);
}

/* A bit in each of the structures that have a checksum, in the superblock's label among others. */
static void
test_checksums (FsFixture *fixture, gconstpointer data)
{
  fs_fixture_write_noise (fixture, "f", 5000);
  g_assert_true (ext_fixture_mke2fs (fixture, 8, "-t ext4 -b 1024"));
  fs_fixture_patch (fixture, 1024 + 120, "x", 1);
  fs_fixture_assert_refused (fixture, "checksum");
  g_assert_true (ext_fixture_mke2fs (fixture, 8, "-t ext4 -b 1024"));
  fs_fixture_patch (fixture, 2048 + 12, "\x77", 1);
  fs_fixture_assert_refused (fixture, "checksum of group");
}

/* Somebody has it mounted, or had until he crashed. debugfs cannot do that. */
static void
test_mounted_elsewhere (FsFixture *fixture, gconstpointer data)
{
  const guint32 sequence = GUINT32_TO_LE (5);
  struct ext2_super_block super;
  vt_autofd file = -1;

  fs_fixture_write (fixture, "f", "x", 1);
  g_assert_true (ext_fixture_mke2fs (fixture, 8, "-t ext4 -b 1024 -O mmp,^metadata_csum"));
  file = g_open (fixture->image, O_RDONLY | O_CLOEXEC, 0);
  g_assert_cmpint (pread (file, &super, sizeof super, 1024), ==, sizeof super);
  fs_fixture_patch (fixture, GUINT64_FROM_LE (super.s_mmp_block) * 1024 + 4, &sequence,
                    sizeof sequence);
  fs_fixture_assert_refused (fixture, "mmp");
}

static void
test_windows (FsFixture *fixture, gconstpointer data)
{
  vt_autofd file = -1;
  g_autoptr (VtDisk) disk = NULL;
  g_autoptr (VtFs) first = NULL;
  g_autoptr (VtFs) second = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *refusal = NULL;
  g_autoptr (GBytes) bytes = NULL;

  fs_fixture_write (fixture, "f", "first", 5);
  g_assert_true (ext_fixture_mke2fs (fixture, 8, "-t ext4 -E offset=1048576"));
  g_assert_cmpint (truncate (fixture->image, 32 << 20), ==, 0);
  fs_fixture_write (fixture, "f", "second", 6);
  {
    g_autofree char *other = g_strdup_printf (
        "cd \"%s\" && mv image keep && mke2fs -qF -t ext2 -b 1024 -d tree image 8M && "
        "dd if=image of=keep bs=1M seek=16 conv=notrunc status=none && mv keep image",
        fixture->dir);
    const char *const argv[] = {"sh", "-c", other, NULL};
    int status;

    g_free (fs_fixture_run (NULL, argv, &status));
    g_assert_cmpint (status, ==, 0);
  }
  disk = fs_fixture_open_image (fixture, &file);
  first = vt_ext_open (disk, 1 << 20, 8 << 20, &refusal, &error);
  g_assert_nonnull (first);
  second = vt_ext_open (disk, 16 << 20, 8 << 20, &refusal, &error);
  g_assert_nonnull (second);
  /* Both at once, and each its own. */
  g_assert_true (vt_fs_read_head (first, "/f", 100, &bytes, &error));
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "first", 5);
  g_clear_pointer (&bytes, g_bytes_unref);
  g_assert_true (vt_fs_read_head (second, "/f", 100, &bytes, &error));
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "second", 6);
  g_assert_null (vt_ext_open (disk, 16 << 20, (8 << 20) - 1024, &refusal, &error));
  g_assert_nonnull (strstr (refusal, "do not fit"));
  g_clear_pointer (&refusal, g_free);
  g_assert_null (vt_ext_open (disk, 31 << 20, 8 << 20, &refusal, &error));
  g_assert_nonnull (strstr (refusal, "not within its disk"));
  g_clear_pointer (&refusal, g_free);
  g_assert_null (vt_ext_open (disk, 0, 100, &refusal, &error));
  g_assert_nonnull (refusal);
  g_assert_no_error (error);
}

static void
make_paths (FsFixture *fixture)
{
  static const char *const links[][2] = {
      {"../usr/lib/os-release", "etc/os-release"},
      {"/usr/lib/os-release", "etc/absolute"},
      {"absolute", "etc/again"},
      {"loop", "etc/loop"},
      {"../../../../../usr/lib", "etc/up"},
      {"/nowhere", "etc/dangling"},
      {"os-release/x", "etc/through-a-file"},
  };
  g_autofree char *target = g_strnfill (70, '/');
  g_autofree char *slow = g_strconcat (target, "usr/lib/os-release", NULL);
  g_autofree char *slow_path = fs_fixture_path (fixture, "etc/slow");

  fs_fixture_write (fixture, "usr/lib/os-release", "ID=x\n", 5);
  fs_fixture_write (fixture, "etc/empty", "", 0);
  for (guint i = 0; i < G_N_ELEMENTS (links); i++) {
    g_autofree char *path = fs_fixture_path (fixture, links[i][1]);

    g_assert_cmpint (symlink (links[i][0], path), ==, 0);
  }
  g_assert_cmpint (symlink (slow, slow_path), ==, 0);
}

static void
assert_link (VtFs *ext, const char *path, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *target = NULL;

  g_assert_true (vt_fs_read_link (ext, path, &target, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (target, ==, expected);
}

static void
test_paths (FsFixture *fixture, gconstpointer data)
{
  static const char *const good[] = {"/etc/os-release",
                                     "etc/absolute",
                                     "/etc/again",
                                     "/etc/slow",
                                     "//usr/./lib/../lib//os-release",
                                     "/etc/up/os-release",
                                     "/../usr/lib/os-release"};
  vt_autofd file = -1;
  g_autoptr (VtDisk) disk = NULL;
  g_autoptr (VtFs) ext = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *refusal = NULL;
  GBytes *bytes = NULL;
  VtFsType type;

  make_paths (fixture);
  g_assert_true (ext_fixture_mke2fs (fixture, 8, data));
  disk = fs_fixture_open_image (fixture, &file);
  ext = vt_ext_open (disk, 0, vt_disk_get_size (disk), &refusal, &error);
  g_assert_nonnull (ext);
  for (guint i = 0; i < G_N_ELEMENTS (good); i++) {
    fs_assert_type (ext, good[i], VT_FS_TYPE_REGULAR);
    g_assert_true (vt_fs_read_head (ext, good[i], 5, &bytes, &error));
    g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "ID=x\n", 5);
    g_clear_pointer (&bytes, g_bytes_unref);
  }
  assert_link (ext, "/etc/again", "absolute");
  assert_link (ext, "/etc/up/../../etc/loop", "loop");
  assert_link (ext, "/etc/up/os-release", NULL);
  assert_link (ext, "/etc/none", NULL);
  fs_assert_type (ext, "/", VT_FS_TYPE_DIRECTORY);
  fs_assert_type (ext, "/etc/up", VT_FS_TYPE_DIRECTORY);
  fs_assert_type (ext, "/etc/dangling", VT_FS_TYPE_MISSING);
  fs_assert_type (ext, "/etc/none", VT_FS_TYPE_MISSING);
  fs_assert_type (ext, "/etc/through-a-file", VT_FS_TYPE_MISSING);
  g_assert_false (vt_fs_stat_path (ext, "/etc/loop", &type, &error));
  g_assert_error (error, VT_FS_ERROR, VT_FS_ERROR_REFUSED);
  g_clear_error (&error);
  g_assert_true (vt_fs_read_head (ext, "/etc/os-release", 4, &bytes, &error));
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "ID=x", 4);
  g_clear_pointer (&bytes, g_bytes_unref);
  g_assert_false (vt_fs_read_head (ext, "/etc", 4, &bytes, &error));
  g_assert_error (error, VT_FS_ERROR, VT_FS_ERROR_REFUSED);
  g_clear_error (&error);
  g_assert_false (vt_fs_read_head (ext, "/etc/none", 4, &bytes, &error));
  g_assert_error (error, VT_FS_ERROR, VT_FS_ERROR_MISSING);
  g_assert_true (vt_fs_read_head (ext, "/etc/empty", 4, &bytes, NULL));
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, 0);
  g_bytes_unref (bytes);
}

static void
test_nothing_is_written (FsFixture *fixture, gconstpointer data)
{
  vt_autofd file = -1;
  g_autoptr (VtDisk) disk = NULL;
  g_autoptr (VtExtIo) io = NULL;
  ext2_filsys fs = NULL;
  char block[1024] = "";

  fs_fixture_write (fixture, "f", "x", 1);
  g_assert_true (ext_fixture_mke2fs (fixture, 8, "-t ext2 -b 1024"));
  disk = fs_fixture_open_image (fixture, &file);
  io = vt_ext_io_new (disk, 0, vt_disk_get_size (disk));
  g_assert_cmpint (vt_ext_io_open (io, EXT2_FLAG_64BITS | EXT2_FLAG_RW, &fs), ==, 0);
  g_assert_cmpint (fs->flags & EXT2_FLAG_RW, ==, 0);
  g_assert_cmpint (io_channel_write_blk64 (fs->io, 5, 1, block), !=, 0);
  ext2fs_free (fs);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path = g_strdup_printf ("/ext/refused/%s", cases[i].name);

    ext_fixture_add (path, &cases[i], test_refused);
  }
  ext_fixture_add ("/ext/refused/checksums", NULL, test_checksums);
  ext_fixture_add ("/ext/refused/mounted-elsewhere", NULL, test_mounted_elsewhere);
  ext_fixture_add ("/ext/windows", NULL, test_windows);
  ext_fixture_add ("/ext/paths/ext4", "-t ext4", test_paths);
  ext_fixture_add ("/ext/paths/ext2", "-t ext2 -b 1024", test_paths);
  ext_fixture_add ("/ext/paths/inline-data", "-t ext4 -O inline_data", test_paths);
  ext_fixture_add ("/ext/nothing-is-written", NULL, test_nothing_is_written);
  return g_test_run ();
}
