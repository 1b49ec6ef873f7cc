// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Names, identities and contents of all that there is, held against what went into the image and
 * against what the kernel makes of it. */
#include "ext-fixture.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct {
  const char *name;
  const char *options; /* of mke2fs */
  guint mib;
} Kind;

static const Kind kinds[] = {
    {"ext2", "-t ext2 -b 1024", 64},
    {"ext2-4k", "-t ext2 -b 4096", 64},
    {"ext2-revision-0", "-t ext2 -r 0 -b 1024 -O none", 64},
    {"ext2-without-types", "-t ext2 -O ^filetype", 64},
    {"ext3-2k", "-t ext3 -b 2048", 64},
    {"ext4", "-t ext4", 64},
    {"ext4-1k", "-t ext4 -b 1024", 64},
    {"ext4-64k", "-t ext4 -b 65536", 256},
    {"small-inodes", "-t ext4 -I 128 -O ^metadata_csum", 64},
    {"large-inodes", "-t ext4 -I 1024 -b 4096", 64},
    {"inline-data", "-t ext4 -O inline_data", 64},
    {"inline-data-512", "-t ext4 -O inline_data -I 512 -b 1024", 64},
    {"bigalloc", "-t ext4 -O bigalloc -C 65536", 128},
    {"bigalloc-1k", "-t ext4 -b 1024 -O bigalloc -C 16384", 128},
    {"meta-bg", "-t ext4 -O meta_bg,^resize_inode -b 1024", 64},
    {"sparse-super2", "-t ext4 -O sparse_super2,^resize_inode -b 1024 -g 8192", 64},
    {"many-features",
     "-t ext4 -O metadata_csum_seed,ea_inode,large_dir,verity,stable_inodes,project,quota,mmp,"
     "orphan_file",
     64},
    {"uninit-bg", "-t ext4 -O ^64bit,^flex_bg,uninit_bg,^metadata_csum -b 1024", 64},
    {"no-journal", "-t ext4 -O ^has_journal,^huge_file,^dir_nlink,^extra_isize", 64},
};

static void
test_kind (FsFixture *fixture, gconstpointer data)
{
  const Kind *kind = data;

  ext_fixture_make_tree (fixture);
  if (!ext_fixture_mke2fs (fixture, kind->mib, kind->options)) {
    g_test_skip ("this mke2fs cannot make it");
    return;
  }
  fs_fixture_assert_as_the_tree (fixture);
  fs_fixture_assert_as_the_kernel (fixture);
}

/* Directories with an index, which mke2fs does not make but e2fsck does. */
static void
test_indexed (FsFixture *fixture, gconstpointer data)
{
  const char *const argv[] = {"e2fsck", "-fyD", fixture->image, NULL};
  const char *const look[] = {"debugfs", "-R", "htree /many", fixture->image, NULL};
  g_autofree char *index = NULL;
  int status;

  ext_fixture_make_tree (fixture);
  g_assert_true (ext_fixture_mke2fs (fixture, 64, data));
  g_free (fs_fixture_run (NULL, argv, &status));
  index = fs_fixture_run (NULL, look, &status);
  g_assert_nonnull (strstr (index, "Root node dump"));
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

static void
test_times (FsFixture *fixture, gconstpointer data)
{
  g_autoptr (FsResult) result = NULL;

  fs_fixture_write (fixture, "a", "a", 1);
  fs_fixture_write (fixture, "b", "b", 1);
  g_assert_true (ext_fixture_mke2fs (fixture, 8, "-t ext4 -b 1024 -I 256"));
  ext_fixture_debugfs (fixture, "sif a mtime_lo 0xfffffffe\nsif a mtime_extra 0x77359400\n"
                                "sif a ctime_lo 5\nsif a ctime_extra 0x1\n"
                                "sif b mtime_lo 0x80000000\nsif b mtime_extra 0x1\n");
  result = fs_fixture_read (fixture, 100);
  g_assert_cmpstr (result->refusal, ==, NULL);
  g_assert_cmpint (get_file (result, "/a")->stat.mtime_ns, ==, -1500000000);
  g_assert_cmpint (get_file (result, "/a")->stat.ctime_ns, ==,
                   G_GINT64_CONSTANT (4294967301000000000));
  g_assert_cmpint (get_file (result, "/b")->stat.mtime_ns, ==,
                   G_GINT64_CONSTANT (2147483648000000000));
  fs_fixture_assert_as_the_kernel (fixture);
}

static void
test_times_that_cannot_be_told (FsFixture *fixture, gconstpointer data)
{
  fs_fixture_write (fixture, "a", "a", 1);
  g_assert_true (ext_fixture_mke2fs (fixture, 8, "-t ext4 -b 1024"));
  ext_fixture_debugfs (fixture, "sif a mtime_extra 0x3");
  fs_fixture_assert_refused (fixture, "time");
}

static void
test_generation (FsFixture *fixture, gconstpointer data)
{
  g_autoptr (FsResult) result = NULL;

  fs_fixture_write (fixture, "a", "a", 1);
  g_assert_true (ext_fixture_mke2fs (fixture, 8, "-t ext2"));
  ext_fixture_debugfs (fixture, "sif a generation 77");
  result = fs_fixture_read (fixture, 100);
  g_assert_cmpuint (get_file (result, "/a")->stat.generation, ==, 77);
}

static void
test_full (FsFixture *fixture, gconstpointer data)
{
  g_autofree char *big = fs_fixture_path (fixture, "big");

  fs_fixture_write_noise (fixture, "big", 6 << 20);
  while (!ext_fixture_mke2fs (fixture, 6, "-t ext4 -b 1024 -m 0 -N 16")) {
    GStatBuf info;

    g_assert_cmpint (g_stat (big, &info), ==, 0);
    fs_fixture_write_noise (fixture, "big", (gsize)info.st_size - (200 << 10));
  }
  fs_fixture_assert_as_the_kernel (fixture);
}

typedef struct {
  const char *name;
  const char *commands; /* of debugfs */
  const char *refusal;
} Damage;

static const Damage damages[] = {
    {"directory-with-two-names", "ln d /e", "directory"},
    {"directory-in-itself", "ln d /d/e", "directory"},
    {"root-in-a-directory", "ln / /d/e", "has two names"},
    {"deleted-file", "sif f links_count 0", "deleted"},
    {"freed-inode", "freei f", "not in use"},
    {"cleared-inode", "clri f", "inode"},
    {"reserved-inode", "ln <8> /g", "but cannot"},
    {"more-links-than-names", "sif f links_count 3", "lacks"},
    {"more-names-than-links", "ln f /g\nln f /h\nsif f links_count 2", "more names"},
    {"other-type", "sif f mode 0120644", "type"},
    {"no-type", "sif f mode 0644", "type"},
    {"directory-links", "sif d links_count 7", "links"},
    {"hole-in-a-directory", "sif d size 8192", "hole"},
    {"odd-directory-size", "sif d size 1000", "size"},
    {"encrypted-file", "sif f flags 0x80800", "flags"},
    {"inline-without-the-feature", "sif f flags 0x10000000", "data"},
    {"extra-size", "sif f extra_isize 200", "longer"},
};

static void
test_damage (FsFixture *fixture, gconstpointer data)
{
  const Damage *damage = data;

  fs_fixture_write_noise (fixture, "f", 5000);
  fs_fixture_write_noise (fixture, "d/x", 500);
  g_assert_true (ext_fixture_mke2fs (fixture, 8, "-t ext4 -b 1024 -O ^metadata_csum"));
  ext_fixture_debugfs (fixture, damage->commands);
  fs_fixture_assert_refused (fixture, damage->refusal);
}

typedef struct {
  const char *name;
  const char *to; /* what "renamed-1" becomes in its directory */
  const char *refusal;
} Rename;

static const Rename renames[] = {
    {"two-entries-of-one-name", "renamed-2", "one name"},
    {"name-with-a-slash", "renamed/2", "name that cannot be"},
    {"name-with-a-nul", "renamed\0a", "name that cannot be"},
};

static void
test_renamed (FsFixture *fixture, gconstpointer data)
{
  const Rename *to = data;
  g_autofree char *bytes = NULL;
  const char *found;
  gsize size;

  fs_fixture_write (fixture, "renamed-1", "1", 1);
  fs_fixture_write (fixture, "renamed-2", "2", 1);
  g_assert_true (ext_fixture_mke2fs (fixture, 8, "-t ext2 -b 1024"));
  g_assert_true (g_file_get_contents (fixture->image, &bytes, &size, NULL));
  found = memmem (bytes, size, "renamed-1", 9);
  g_assert_nonnull (found);
  fs_fixture_patch (fixture, (guint64)(found - bytes), to->to, 9);
  fs_fixture_assert_refused (fixture, to->refusal);
}

static gboolean
stop (const char *path, const VtFsStat *stat, gpointer user_data, GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "enough");
  return FALSE;
}

static void
test_callers_error_comes_back (FsFixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *refusal = NULL;
  g_autoptr (VtDisk) disk = NULL;
  g_autoptr (VtFs) ext = NULL;
  FILE *file;

  fs_fixture_write (fixture, "a", "a", 1);
  g_assert_true (ext_fixture_mke2fs (fixture, 8, "-t ext4"));
  file = g_fopen (fixture->image, "re");
  disk = vt_disk_new_file (fileno (file), &error);
  ext = vt_ext_open (disk, 0, vt_disk_get_size (disk), &refusal, &error);
  g_assert_nonnull (ext);
  g_assert_false (vt_fs_list (ext, stop, NULL, &refusal, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_null (refusal);
  fclose (file);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    g_autofree char *path = g_strdup_printf ("/ext-list/all-of/%s", kinds[i].name);

    ext_fixture_add (path, &kinds[i], test_kind);
  }
  for (guint i = 0; i < G_N_ELEMENTS (damages); i++) {
    g_autofree char *path = g_strdup_printf ("/ext-list/refused/%s", damages[i].name);

    ext_fixture_add (path, &damages[i], test_damage);
  }
  for (guint i = 0; i < G_N_ELEMENTS (renames); i++) {
    g_autofree char *path = g_strdup_printf ("/ext-list/refused/%s", renames[i].name);

    ext_fixture_add (path, &renames[i], test_renamed);
  }
  ext_fixture_add ("/ext-list/indexed/ext4", "-t ext4 -b 1024", test_indexed);
  ext_fixture_add ("/ext-list/indexed/ext3", "-t ext3 -b 1024", test_indexed);
  ext_fixture_add ("/ext-list/times", NULL, test_times);
  ext_fixture_add ("/ext-list/refused/times", NULL, test_times_that_cannot_be_told);
  ext_fixture_add ("/ext-list/generation", NULL, test_generation);
  ext_fixture_add ("/ext-list/full", NULL, test_full);
  ext_fixture_add ("/ext-list/callers-error-comes-back", NULL, test_callers_error_comes_back);
  return g_test_run ();
}
