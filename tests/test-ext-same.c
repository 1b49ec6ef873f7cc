// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What was changed since an earlier state of a file system, and what only looks like it. The images
 * are compared in clusters, as QEMU's overlays keep them.
 */
#include "ext-fixture.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "run-program.h"
#include "vt-fd.h"

#define CLUSTER 65536
#define BLOCK   4096

typedef struct {
  FsFixture *fixture;
  int file;
  int before_file;
  VtDisk *disk;
  VtDisk *before_disk;
  VtFs *fs;
  VtFs *before;
  VtDiskMap *changed;
  FsResult *files;
} Comparison;

static char *
before_path (FsFixture *fixture)
{
  return g_strconcat (fixture->image, ".before", NULL);
}

/* What follows is a change. */
static void
keep_state (FsFixture *fixture)
{
  g_autofree char *before = before_path (fixture);

  run_program (NULL, (const char *[]){"cp", fixture->image, before, NULL});
}

static VtDiskMap *
compare_disks (int file, int before, guint64 size, gsize grain)
{
  VtDiskMap *map = vt_disk_map_new ();
  g_autofree guint8 *ours = g_malloc (grain);
  g_autofree guint8 *theirs = g_malloc (grain);

  for (guint64 at = 0; at < size; at += grain) {
    gssize n = vt_fd_read_at (file, at, ours, grain);
    gssize m = vt_fd_read_at (before, at, theirs, grain);

    if (n != m || memcmp (ours, theirs, (gsize)n) != 0)
      g_assert_true (vt_disk_map_add (map, at, grain));
  }
  return map;
}

static VtFs *
open_fs (VtDisk *disk)
{
  g_autofree char *refusal = NULL;
  g_autoptr (GError) error = NULL;
  VtFs *fs = vt_ext_open (disk, 0, vt_disk_get_size (disk), &refusal, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (refusal, ==, NULL);
  return fs;
}

static void
comparison_init (Comparison *self, FsFixture *fixture, gsize grain)
{
  g_autofree char *before = before_path (fixture);
  g_autofree char *refusal = NULL;
  g_autoptr (GError) error = NULL;

  self->fixture = fixture;
  self->disk = fs_fixture_open_image (fixture, &self->file);
  self->before_file = open (before, O_RDONLY | O_CLOEXEC);
  self->before_disk = vt_disk_new_file (self->before_file, &error);
  g_assert_no_error (error);
  self->fs = open_fs (self->disk);
  self->before = vt_fs_open_reference (self->fs, self->before_disk, &refusal, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (refusal, ==, NULL);
  self->changed =
      compare_disks (self->file, self->before_file, vt_disk_get_size (self->disk), grain);
  self->files = fs_fixture_read (fixture, G_MAXUINT64);
  g_assert_cmpstr (self->files->refusal, ==, NULL);
}

static void
comparison_clear (Comparison *self)
{
  vt_fs_free (self->fs);
  vt_fs_free (self->before);
  vt_disk_free (self->disk);
  vt_disk_free (self->before_disk);
  vt_fd_clear (&self->file);
  vt_fd_clear (&self->before_file);
  vt_disk_map_free (self->changed);
  fs_result_free (self->files);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Comparison, comparison_clear)

static gboolean
is_same (Comparison *self, const char *path)
{
  const FsFile *file = g_hash_table_lookup (self->files->files, path);
  g_autofree char *refusal = NULL;
  g_autoptr (GError) error = NULL;
  gboolean same;

  g_assert_nonnull (file);
  g_assert_true (vt_fs_is_same (self->fs, self->before, self->changed, file->stat.inode, &same,
                                &refusal, &error));
  return same;
}

/* Of all files, only those are not the same; the names end with NULL. */
static void
assert_changed (FsFixture *fixture, const char *const *names)
{
  g_auto (Comparison) self = {0};
  GHashTableIter iter;
  const char *path;

  comparison_init (&self, fixture, CLUSTER);
  for (guint i = 0; names[i] != NULL; i++)
    if (is_same (&self, names[i]))
      g_error ("%s is the same", names[i]);
  g_hash_table_iter_init (&iter, self.files->files);
  while (g_hash_table_iter_next (&iter, (gpointer *)&path, NULL))
    if (!g_strv_contains (names, path) && !is_same (&self, path))
      g_error ("%s is not the same", path);
}

/* Where others may share a cluster with it. */
static void
assert_is_changed (FsFixture *fixture, const char *path)
{
  g_auto (Comparison) self = {0};

  comparison_init (&self, fixture, BLOCK);
  g_assert_false (is_same (&self, path));
}

/* Files so far from each other that no two share a cluster, and each with an inode near the
 * others'. */
static void
make_image (FsFixture *fixture, const char *options)
{
  fs_fixture_write_noise (fixture, "first", 3 * CLUSTER);
  fs_fixture_write_noise (fixture, "second", 3 * CLUSTER);
  fs_fixture_write_noise (fixture, "third", 3 * CLUSTER);
  fs_fixture_write (fixture, "small", "small", 5);
  g_assert_true (ext_fixture_mke2fs (fixture, 32, options));
  keep_state (fixture);
}

static guint64
find_block (FsFixture *fixture, const char *path, guint64 block_size)
{
  g_autofree char *command = g_strdup_printf ("bmap %s 20", path);
  const char *const argv[] = {"debugfs", "-R", command, fixture->image, NULL};
  int status;
  g_autofree char *output = fs_fixture_run (NULL, argv, &status);

  g_assert_cmpint (status, ==, 0);
  return g_ascii_strtoull (output, NULL, 10) * block_size;
}

static void
test_nothing (FsFixture *fixture, gconstpointer options)
{
  make_image (fixture, options);
  assert_changed (fixture, (const char *[]){NULL});
}

static void
test_access_times (FsFixture *fixture, gconstpointer options)
{
  make_image (fixture, options);
  ext_fixture_debugfs (fixture, "sif first atime 20300101\nsif small atime 20300101\n");
  assert_changed (fixture, (const char *[]){NULL});
}

/* Size and all times are as before, since nothing of the inode was touched. */
static void
test_content (FsFixture *fixture, gconstpointer options)
{
  make_image (fixture, options);
  fs_fixture_patch (fixture, find_block (fixture, "/first", 4096), "evil", 4);
  assert_changed (fixture, (const char *[]){"/first", NULL});
}

static void
test_inode (FsFixture *fixture, gconstpointer field)
{
  g_autofree char *command = g_strdup_printf ("sif second %s\n", (const char *)field);

  make_image (fixture, "-t ext4 -b 4096");
  ext_fixture_debugfs (fixture, command);
  assert_changed (fixture, (const char *[]){"/second", NULL});
}

/* The blocks of another file, which are all as they were. */
static void
test_redirected (FsFixture *fixture, gconstpointer data)
{
  make_image (fixture, "-t ext2 -b 4096");
  for (guint i = 0; i < 12; i++) {
    g_autofree char *from = g_strdup_printf ("bmap third %u", i);
    const char *const argv[] = {"debugfs", "-R", from, fixture->image, NULL};
    int status;
    g_autofree char *output = fs_fixture_run (NULL, argv, &status);
    g_autofree char *command = g_strdup_printf ("sif second block[%u] %s", i, output);

    ext_fixture_debugfs (fixture, command);
  }
  assert_changed (fixture, (const char *[]){"/second", NULL});
}

/* What tells where the blocks are lies in blocks of its own. */
static void
test_tree_of_blocks (FsFixture *fixture, gconstpointer data)
{
  g_autofree char *path = fs_fixture_path (fixture, "pieces");
  g_autofree guint8 *noise = g_malloc0 (4096);
  vt_autofd file = open (path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  const char *const argv[] = {"debugfs", "-R", "stat pieces", fixture->image, NULL};
  g_autofree char *output = NULL;
  const char *found;
  int status;

  for (guint i = 0; i < 200; i++) {
    memset (noise, (int)i, 4096);
    g_assert_cmpint (pwrite (file, noise, 4096, (off_t)i * 2 * CLUSTER), ==, 4096);
  }
  make_image (fixture, "-t ext4 -b 4096 -O ^metadata_csum");
  output = fs_fixture_run (NULL, argv, &status);
  found = strstr (output, "(ETB0):");
  g_assert_nonnull (found);
  /* A byte that is not used: valid, and changed all the same. */
  fs_fixture_patch (fixture, g_ascii_strtoull (found + strlen ("(ETB0):"), NULL, 10) * 4096 + 4000,
                    "x", 1);
  assert_is_changed (fixture, "/pieces");
}

/* Data that are kept in the inode, those in the place of its fields' end among them. */
static void
test_inline_data (FsFixture *fixture, gconstpointer data)
{
  make_image (fixture, "-t ext4 -b 4096 -O inline_data -I 256");
  ext_fixture_debugfs (fixture, "sif small block[0] 0x6c697665\n");
  assert_changed (fixture, (const char *[]){"/small", NULL});
}

static void
test_new_file_with_an_old_number (FsFixture *fixture, gconstpointer data)
{
  g_autofree char *source = g_build_filename (fixture->dir, "evil", NULL);
  g_autofree char *command = g_strdup_printf ("rm second\nwrite %s second\n", source);
  g_autoptr (GError) error = NULL;

  make_image (fixture, "-t ext4 -b 4096");
  g_file_set_contents (source, "evil", 4, &error);
  g_assert_no_error (error);
  ext_fixture_debugfs (fixture, command);
  assert_is_changed (fixture, "/second");
}

static void
test_grown (FsFixture *fixture, gconstpointer data)
{
  make_image (fixture, "-t ext4 -b 4096");
  run_program (NULL, (const char *[]){"truncate", "-s", "300M", fixture->image, NULL});
  run_program (NULL, (const char *[]){"/usr/sbin/resize2fs", fixture->image, NULL});
  {
    g_auto (Comparison) self = {0};

    /* New structures of the file system may share a cluster with the last file. */
    comparison_init (&self, fixture, CLUSTER);
    g_assert_true (is_same (&self, "/first"));
    g_assert_true (is_same (&self, "/second"));
  }
}

static void
test_other_uuid (FsFixture *fixture, gconstpointer data)
{
  make_image (fixture, "-t ext4 -b 4096");
  run_program (NULL,
               (const char *[]){"/usr/sbin/tune2fs", "-f", "-U",
                                "12345678-1234-4000-8000-123456789abc", fixture->image, NULL});
  run_program (NULL, (const char *[]){"/usr/sbin/e2fsck", "-fn", fixture->image, NULL});
  assert_changed (fixture, (const char *[]){NULL});
}

/* Another file system in the same place. */
static void
test_made_anew (FsFixture *fixture, gconstpointer options)
{
  make_image (fixture, "-t ext4 -b 4096");
  g_assert_true (ext_fixture_mke2fs (fixture, 32, options));
  assert_changed (fixture, (const char *[]){"/first", "/second", "/third", "/small", NULL});
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ext_fixture_add ("/ext-same/nothing/ext4", "-t ext4 -b 4096", test_nothing);
  ext_fixture_add ("/ext-same/nothing/ext2", "-t ext2 -b 4096", test_nothing);
  ext_fixture_add ("/ext-same/access-times/ext4", "-t ext4 -b 4096", test_access_times);
  ext_fixture_add ("/ext-same/access-times/small-inodes",
                   "-t ext4 -b 4096 -I 128 -O ^metadata_csum", test_access_times);
  ext_fixture_add ("/ext-same/access-times/inline-data", "-t ext4 -b 4096 -O inline_data",
                   test_access_times);
  ext_fixture_add ("/ext-same/content/ext4", "-t ext4 -b 4096", test_content);
  ext_fixture_add ("/ext-same/content/ext2", "-t ext2 -b 4096", test_content);
  ext_fixture_add ("/ext-same/inode/mtime", "mtime 20300101", test_inode);
  ext_fixture_add ("/ext-same/inode/ctime", "ctime 20300101", test_inode);
  ext_fixture_add ("/ext-same/inode/ctime-ns", "ctime_extra 4", test_inode);
  ext_fixture_add ("/ext-same/inode/size", "size 100", test_inode);
  ext_fixture_add ("/ext-same/inode/generation", "generation 77", test_inode);
  ext_fixture_add ("/ext-same/inode/mode", "mode 0100755", test_inode);
  ext_fixture_add ("/ext-same/redirected", NULL, test_redirected);
  ext_fixture_add ("/ext-same/tree-of-blocks", NULL, test_tree_of_blocks);
  ext_fixture_add ("/ext-same/inline-data", NULL, test_inline_data);
  ext_fixture_add ("/ext-same/new-file-with-an-old-number", NULL, test_new_file_with_an_old_number);
  ext_fixture_add ("/ext-same/grown", NULL, test_grown);
  ext_fixture_add ("/ext-same/other-uuid", NULL, test_other_uuid);
  ext_fixture_add ("/ext-same/made-anew/other-blocks", "-t ext4 -b 1024", test_made_anew);
  ext_fixture_add ("/ext-same/made-anew/other-inodes", "-t ext4 -b 4096 -I 512", test_made_anew);
  return g_test_run ();
}
