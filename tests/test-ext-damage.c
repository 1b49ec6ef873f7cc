// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Images with damage at random places, the same ones each time. It has to end in what the whole
 * image gives, in a refusal or an error. Nothing tells of damage to a file's own bytes, so these
 * may differ, but in nothing except the bytes that were damaged.
 *
 * Where there are no checksums, a number that is another valid one cannot be told from the right
 * one, by the kernel neither: there it only has to end well.
 */
#include "ext-fixture.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vt-fd.h"

#define VARIATIONS  300
#define DAMAGED_MAX 8 /* bytes */

#define NEAR_THE_START ((gsize)80 * 1024)

typedef struct {
  const FsKind *kind;
  guint8 *image;
  gsize size;
  int file;
  VtDisk *disk;
  FsResult *whole;
  guint equal;
  guint refused;
  guint other_bytes;
} Trial;

static void
trial_start (Trial *self, FsFixture *fixture)
{
  g_autoptr (GError) error = NULL;
  char *image = NULL;

  self->kind = fixture->kind;
  g_assert_true (g_file_get_contents (fixture->image, &image, &self->size, &error));
  self->image = (guint8 *)image;
  self->file = memfd_create ("image", MFD_CLOEXEC);
  g_assert_cmpint (write (self->file, self->image, self->size), ==, self->size);
  self->disk = vt_disk_new_file (self->file, &error);
  g_assert_no_error (error);
  self->whole = fs_result_of_disk (self->kind, self->disk, 0, self->size, G_MAXUINT64);
  g_assert_no_error (self->whole->error);
  g_assert_cmpstr (self->whole->refusal, ==, NULL);
}

static void
trial_end (Trial *self)
{
  g_test_message ("%u equal, %u refused, %u with other bytes in files", self->equal, self->refused,
                  self->other_bytes);
  fs_result_free (self->whole);
  vt_disk_free (self->disk);
  close (self->file);
  g_free (self->image);
}

/* Where there is something other than zeros; two of three near the start, among the inodes. */
static gsize
pick_place (Trial *self, GRand *rand)
{
  gsize span = g_rand_int_range (rand, 0, 3) > 0 ? NEAR_THE_START : self->size;
  gsize place = 0;

  for (guint i = 0; i < 30; i++) {
    place = (gsize)(g_rand_double (rand) * (double)(span - DAMAGED_MAX));
    if (self->image[place] != 0)
      break;
  }
  return place;
}

/* Every byte that differs must be one that was written. */
static gboolean
differs_by_damage_only (GBytes *before, GBytes *after, const guint8 *damage, gsize n)
{
  gsize size, other_size;
  const guint8 *old = g_bytes_get_data (before, &size);
  const guint8 *new = g_bytes_get_data (after, &other_size);
  gsize first, last;

  if (size != other_size)
    return FALSE;
  for (first = 0; first < size && old[first] == new[first];)
    first++;
  for (last = size; last > first && old[last - 1] == new[last - 1];)
    last--;
  return last - first <= n && memmem (damage, n, new + first, last - first) != NULL;
}

static void
compare_file (Trial *self, const FsFile *before, const FsFile *after, const guint8 *damage, gsize n)
{
  g_assert_cmpuint (after->stat.inode, ==, before->stat.inode);
  g_assert_cmpuint (after->stat.size, ==, before->stat.size);
  g_assert_cmpuint (after->stat.links, ==, before->stat.links);
  g_assert_cmpint (after->stat.mtime_ns, ==, before->stat.mtime_ns);
  g_assert_cmpint (after->stat.ctime_ns, ==, before->stat.ctime_ns);
  if (vt_digest_equal (&before->digest, &after->digest))
    return;
  g_assert_true (differs_by_damage_only (before->bytes, after->bytes, damage, n));
  self->other_bytes++;
}

static void
compare (Trial *self, FsResult *result, gboolean strict, const guint8 *damage, gsize n)
{
  GHashTableIter iter;
  gpointer path, value;

  if (result->refusal != NULL || result->error != NULL) {
    self->refused++;
    return;
  }
  self->equal++;
  if (!strict)
    return;
  g_assert_cmpuint (g_hash_table_size (result->files), ==, g_hash_table_size (self->whole->files));
  g_hash_table_iter_init (&iter, self->whole->files);
  while (g_hash_table_iter_next (&iter, &path, &value)) {
    const FsFile *after = g_hash_table_lookup (result->files, path);

    g_assert_nonnull (after);
    compare_file (self, value, after, damage, n);
  }
}

static void
try_one (Trial *self, guint seed, gboolean strict)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  g_autoptr (FsResult) result = NULL;
  gsize place = pick_place (self, rand);
  gsize n = (gsize)g_rand_int_range (rand, 1, DAMAGED_MAX + 1);
  guint8 damage[DAMAGED_MAX] = {0};

  for (gsize i = 0; i < n; i++)
    damage[i] = (guint8)g_rand_int (rand);
  g_assert_cmpint (pwrite (self->file, damage, n, (off_t)place), ==, n);
  /* Not more of a file whose size was made enormous. */
  result = fs_result_of_disk (self->kind, self->disk, 0, self->size, 64 << 20);
  compare (self, result, strict, damage, n);
  g_assert_cmpint (pwrite (self->file, self->image + place, n, (off_t)place), ==, n);
}

static void
make_small_tree (FsFixture *fixture)
{
  g_autofree char *link_path = fs_fixture_path (fixture, "link");

  for (guint i = 0; i < 40; i++) {
    g_autofree char *path = g_strdup_printf ("d%u/file-%u", i % 5, i);

    fs_fixture_write_noise (fixture, path, (i * i * 31) % 9000);
  }
  fs_fixture_write_noise (fixture, "large", 200000);
  g_assert_cmpint (symlink ("large", link_path), ==, 0);
  for (guint i = 0; i < 60; i++) {
    g_autofree char *path = g_strdup_printf ("many/a-name-that-takes-some-of-the-room-%u", i);

    fs_fixture_write (fixture, path, path, i % 7);
  }
}

/* Without holes in the middle of a file, all its extents are in its inode: tear it apart. */
static void
make_pieces (FsFixture *fixture)
{
  g_autofree char *full = fs_fixture_path (fixture, "pieces");
  vt_autofd file = open (full, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

  for (guint i = 0; i < 60; i++)
    g_assert_cmpint (pwrite (file, "piece", 5, (off_t)i * 8192), ==, 5);
}

static void
test_with_checksums (FsFixture *fixture, gconstpointer options)
{
  Trial trial = {0};

  make_small_tree (fixture);
  make_pieces (fixture);
  g_assert_true (ext_fixture_mke2fs (fixture, 3, options));
  trial_start (&trial, fixture);
  for (guint i = 0; i < VARIATIONS; i++)
    try_one (&trial, i, TRUE);
  /* It was not all refused, nor all harmless. */
  g_assert_cmpuint (trial.refused, >, VARIATIONS / 60);
  g_assert_cmpuint (trial.equal, >, VARIATIONS / 20);
  g_assert_cmpuint (trial.other_bytes, >, 0);
  trial_end (&trial);
}

static void
test_without_checksums (FsFixture *fixture, gconstpointer options)
{
  Trial trial = {0};

  make_small_tree (fixture);
  g_assert_true (ext_fixture_mke2fs (fixture, 3, options));
  trial_start (&trial, fixture);
  for (guint i = 0; i < VARIATIONS; i++)
    try_one (&trial, i, FALSE);
  g_assert_cmpuint (trial.refused, >, VARIATIONS / 60);
  trial_end (&trial);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ext_fixture_add ("/ext-damage/with-checksums/ext4", "-t ext4 -b 1024 -N 256 -O ^has_journal",
                   test_with_checksums);
  ext_fixture_add ("/ext-damage/with-checksums/inline-data",
                   "-t ext4 -b 1024 -N 256 -O ^has_journal,inline_data", test_with_checksums);
  ext_fixture_add ("/ext-damage/without-checksums/ext4",
                   "-t ext4 -b 1024 -N 256 -O ^has_journal,^metadata_csum", test_without_checksums);
  ext_fixture_add ("/ext-damage/without-checksums/ext2", "-t ext2 -b 1024 -N 256",
                   test_without_checksums);
  return g_test_run ();
}
