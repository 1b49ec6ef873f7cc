// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Contents where they are not simple: pieces, holes, what was never written, what cannot be read.
 */
#include "ext-fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "vt-fd.h"

static const FsFile *
get_file (FsResult *result, const char *path)
{
  const FsFile *file = g_hash_table_lookup (result->files, path);

  g_assert_nonnull (file);
  return file;
}

static FsResult *
read_well (FsFixture *fixture, guint64 max_size)
{
  FsResult *result = fs_fixture_read (fixture, max_size);

  g_assert_no_error (result->error);
  g_assert_cmpstr (result->refusal, ==, NULL);
  return result;
}

/* Every second block of a file, so that nothing is next to anything. */
static void
write_pieces (FsFixture *fixture, const char *path, guint pieces)
{
  g_autofree char *full = fs_fixture_path (fixture, path);
  vt_autofd file = g_open (full, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  guint32 block[1024];

  for (guint i = 0; i < pieces; i++) {
    for (guint j = 0; j < G_N_ELEMENTS (block); j++)
      block[j] = i * 2654435761U + j;
    g_assert_cmpint (pwrite (file, block, sizeof block, (off_t)i * 2 * sizeof block), ==,
                     sizeof block);
  }
}

static void
test_pieces (FsFixture *fixture, gconstpointer options)
{
  g_autoptr (FsResult) result = NULL;
  g_autofree char *ours = NULL;
  g_autofree char *theirs = NULL;

  write_pieces (fixture, "pieces", 10000);
  g_assert_true (ext_fixture_mke2fs (fixture, 64, options));
  result = read_well (fixture, G_MAXUINT64);
  ours = fs_result_to_short_text (result);
  theirs = fs_fixture_tree_to_short_text (fixture);
  g_assert_cmpstr (ours, ==, theirs);
  g_clear_pointer (&result, fs_result_free);
  /* Hashed only, it must come to the same. */
  result = read_well (fixture, 1000);
  g_assert_cmpint (get_file (result, "/pieces")->reason, ==, VT_REASON_SIZE_LIMIT);
  g_assert_null (get_file (result, "/pieces")->bytes);
  g_clear_pointer (&ours, g_free);
  ours = fs_result_to_short_text (result);
  g_assert_cmpstr (ours, ==, theirs);
}

static void
test_size_limit (FsFixture *fixture, gconstpointer data)
{
  g_autoptr (FsResult) result = NULL;

  fs_fixture_write_noise (fixture, "at", 5000);
  fs_fixture_write_noise (fixture, "over", 5001);
  g_assert_true (ext_fixture_mke2fs (fixture, 8, "-t ext4"));
  result = read_well (fixture, 5000);
  g_assert_cmpint (get_file (result, "/at")->reason, ==, VT_REASON_NONE);
  g_assert_nonnull (get_file (result, "/at")->bytes);
  g_assert_cmpint (get_file (result, "/over")->reason, ==, VT_REASON_SIZE_LIMIT);
  g_assert_true (get_file (result, "/over")->has_digest);
  g_assert_null (get_file (result, "/over")->bytes);
}

/* Blocks that were set aside and never written, within the file and behind its end. */
static void
test_unwritten (FsFixture *fixture, gconstpointer data)
{
  g_autoptr (FsResult) result = NULL;
  const guint8 *bytes;
  gsize size;

  fs_fixture_write_noise (fixture, "a", 5000);
  fs_fixture_write_noise (fixture, "gone", 700000);
  g_assert_true (ext_fixture_mke2fs (fixture, 8, "-t ext4 -b 1024"));
  /* What is set aside lies where noise was. */
  ext_fixture_debugfs (fixture, "rm gone\nfallocate a 5 100\nsif a size 20000\n");
  result = read_well (fixture, G_MAXUINT64);
  bytes = g_bytes_get_data (get_file (result, "/a")->bytes, &size);
  g_assert_cmpuint (size, ==, 20000);
  for (gsize i = 5000; i < size; i++)
    g_assert_cmpint (bytes[i], ==, 0);
  fs_fixture_assert_as_the_kernel (fixture);
}

static void
test_hole_at_the_end (FsFixture *fixture, gconstpointer data)
{
  g_autoptr (FsResult) result = NULL;

  fs_fixture_write_noise (fixture, "a", 5000);
  fs_fixture_write (fixture, "b", "", 0);
  fs_fixture_write_noise (fixture, "c", 5000);
  g_assert_true (ext_fixture_mke2fs (fixture, 8, data));
  /* A is longer than what it has, B has nothing, C ends before its blocks do. */
  ext_fixture_debugfs (fixture, "sif a size 300000\nsif b size 70000\nsif c size 1500\n");
  result = read_well (fixture, G_MAXUINT64);
  g_assert_cmpuint (g_bytes_get_size (get_file (result, "/a")->bytes), ==, 300000);
  g_assert_cmpuint (g_bytes_get_size (get_file (result, "/b")->bytes), ==, 70000);
  g_assert_cmpuint (g_bytes_get_size (get_file (result, "/c")->bytes), ==, 1500);
  fs_fixture_assert_as_the_kernel (fixture);
}

static void
test_impossibly_large (FsFixture *fixture, gconstpointer data)
{
  g_autoptr (FsResult) result = NULL;

  fs_fixture_write_noise (fixture, "a", 5000);
  g_assert_true (ext_fixture_mke2fs (fixture, 8, "-t ext4 -b 4096"));
  /* Fifteen tebibytes of holes: told, but not even hashed. */
  ext_fixture_debugfs (fixture, "sif a size 16492674416640");
  result = read_well (fixture, 1000000);
  g_assert_cmpint (get_file (result, "/a")->reason, ==, VT_REASON_SIZE_LIMIT);
  g_assert_false (get_file (result, "/a")->has_digest);
}

/* The disk loses its end under the reader: what lies there cannot be read, the rest can. */
static void
test_bad_sectors (FsFixture *fixture, gconstpointer data)
{
  g_autoptr (FsResult) result = NULL;
  g_autoptr (FsResult) whole = NULL;
  g_autoptr (VtDisk) disk = NULL;
  g_autoptr (GError) error = NULL;
  guint good = 0;
  guint bad = 0;
  GHashTableIter iter;
  gpointer path, value;
  vt_autofd file = -1;

  for (guint i = 0; i < 40; i++) {
    g_autofree char *name = g_strdup_printf ("f%u", i);

    fs_fixture_write_noise (fixture, name, 150000);
  }
  g_assert_true (ext_fixture_mke2fs (fixture, 8, "-t ext4 -b 1024 -O ^has_journal"));
  whole = read_well (fixture, G_MAXUINT64);
  file = g_open (fixture->image, O_RDWR | O_CLOEXEC, 0);
  disk = vt_disk_new_file (file, &error);
  g_assert_cmpint (ftruncate (file, 4 << 20), ==, 0);
  result = fs_result_of_disk (fixture->kind, disk, 0, vt_disk_get_size (disk), G_MAXUINT64);
  g_assert_no_error (result->error);
  g_assert_cmpstr (result->refusal, ==, NULL);
  g_hash_table_iter_init (&iter, result->files);
  while (g_hash_table_iter_next (&iter, &path, &value)) {
    const FsFile *read = value;

    g_assert_true (read->delivered);
    if (read->reason == VT_REASON_READ_ERROR) {
      g_assert_false (read->has_digest);
      bad++;
      continue;
    }
    g_assert_true (vt_digest_equal (&read->digest, &get_file (whole, path)->digest));
    good++;
  }
  g_assert_cmpuint (good, >, 5);
  g_assert_cmpuint (bad, >, 5);
}

static gboolean
stop (gpointer data,
      int memfd,
      const VtDigest *digest,
      VtReason reason,
      gpointer user_data,
      GError **error)
{
  guint *calls = user_data;
  vt_autofd content = memfd;

  g_assert_cmpint (content, >=, 0);
  if (++*calls < 3)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "enough");
  return FALSE;
}

static gboolean
gather (const char *path, const VtFsStat *stat, gpointer user_data, GError **error)
{
  VtFsWanted wanted = {stat->inode, stat->size, NULL};

  g_array_append_val ((GArray *)user_data, wanted);
  return TRUE;
}

static void
test_callers_error_comes_back (FsFixture *fixture, gconstpointer data)
{
  g_autoptr (GArray) wanted = g_array_new (FALSE, FALSE, sizeof (VtFsWanted));
  g_autoptr (VtDisk) disk = NULL;
  g_autoptr (VtFs) ext = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *refusal = NULL;
  vt_autofd file = -1;
  const VtContentPlace place = {.max_size = G_MAXINT64};
  guint calls = 0;

  ext_fixture_make_tree (fixture);
  g_assert_true (ext_fixture_mke2fs (fixture, 64, "-t ext4"));
  file = g_open (fixture->image, O_RDONLY | O_CLOEXEC, 0);
  disk = vt_disk_new_file (file, &error);
  ext = vt_ext_open (disk, 0, vt_disk_get_size (disk), &refusal, &error);
  g_assert_true (vt_fs_list (ext, gather, wanted, &refusal, &error));
  g_assert_false (vt_fs_read_files (ext, (const VtFsWanted *)(void *)wanted->data, wanted->len,
                                    &place, stop, &calls, &refusal, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (calls, ==, 3);
  g_assert_null (refusal);
  g_clear_error (&error);
  /* It is not the file that was listed. */
  g_array_index (wanted, VtFsWanted, 5).size++;
  calls = 0;
  g_assert_false (vt_fs_read_files (ext, (const VtFsWanted *)(void *)wanted->data, wanted->len,
                                    &place, stop, &calls, &refusal, &error));
  g_assert_no_error (error);
  g_assert_nonnull (refusal);
  g_assert_cmpuint (calls, ==, 0);
}

typedef struct {
  const char *name;
  const char *options;
  const char *commands;
  const char *refusal;
} Damage;

static const Damage damages[] = {
    {"block-beyond-the-end", "-t ext2", "sif f block[0] 999999", "where none can be"},
    {"block-in-the-inode-table", "-t ext2", "sif f block[0] 40", "where none can be"},
    {"indirect-block-beyond-the-end", "-t ext2", "sif f block[IND] 999999", "beyond"},
    {"indirect-block-twice", "-t ext2", "sif f block[DIND] 7000\nsif f block[TIND] 7000\n", "list"},
    {"extent-magic", "-t ext4", "sif f block[0] 0x1f30b", "extent tree"},
    {"extent-depth", "-t ext4", "sif f block[1] 0x90004", "deeper"},
    {"extent-beyond-the-end", "-t ext4", "sif f block[5] 0x7fffffff", "where none can be"},
    {"extent-in-the-superblock", "-t ext4", "sif f block[5] 1", "where none can be"},
    {"extent-of-nothing", "-t ext4", "sif f block[4] 0", "overlap"},
};

static void
test_damage (FsFixture *fixture, gconstpointer data)
{
  const Damage *damage = data;
  g_autofree char *options = g_strconcat (damage->options, " -b 1024 -O ^has_journal", NULL);

  fs_fixture_write_noise (fixture, "a", 5000);
  fs_fixture_write_noise (fixture, "f", 100000);
  g_assert_true (ext_fixture_mke2fs (fixture, 8, options));
  ext_fixture_debugfs (fixture, damage->commands);
  fs_fixture_assert_refused (fixture, damage->refusal);
}

/* A leaf of the tree, in a block of its own: the first one behind the noise that starts with the
 * magic of extents. */
static void
test_damaged_leaf (FsFixture *fixture, gconstpointer data)
{
  const guint8 magic[2] = {0x0a, 0xf3};
  g_autofree char *bytes = NULL;
  gsize size;
  gsize at = 0;

  write_pieces (fixture, "pieces", 50);
  g_assert_true (ext_fixture_mke2fs (fixture, 8, "-t ext4 -b 1024 -O ^has_journal"));
  g_assert_true (g_file_get_contents (fixture->image, &bytes, &size, NULL));
  while (at < size && memcmp (bytes + at, magic, sizeof magic) != 0)
    at += 1024;
  g_assert_cmpuint (at, <, size);
  fs_fixture_patch (fixture, at + 30, "\x13", 1);
  fs_fixture_assert_refused (fixture, "checksum of an extent tree");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (damages); i++) {
    g_autofree char *path = g_strdup_printf ("/ext-read/refused/%s", damages[i].name);

    ext_fixture_add (path, &damages[i], test_damage);
  }
  ext_fixture_add ("/ext-read/refused/damaged-leaf", NULL, test_damaged_leaf);
  ext_fixture_add ("/ext-read/ten-thousand-pieces/ext4", "-t ext4 -b 4096", test_pieces);
  ext_fixture_add ("/ext-read/ten-thousand-pieces/ext2", "-t ext2 -b 1024", test_pieces);
  ext_fixture_add ("/ext-read/size-limit", NULL, test_size_limit);
  ext_fixture_add ("/ext-read/unwritten", NULL, test_unwritten);
  ext_fixture_add ("/ext-read/hole-at-the-end/ext4", "-t ext4", test_hole_at_the_end);
  ext_fixture_add ("/ext-read/hole-at-the-end/ext2", "-t ext2 -b 1024", test_hole_at_the_end);
  ext_fixture_add ("/ext-read/impossibly-large", NULL, test_impossibly_large);
  ext_fixture_add ("/ext-read/bad-sectors", NULL, test_bad_sectors);
  ext_fixture_add ("/ext-read/callers-error-comes-back", NULL, test_callers_error_comes_back);
  return g_test_run ();
}
