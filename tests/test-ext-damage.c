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
#include "fs-damage.h"

#include <fcntl.h>
#include <unistd.h>

#include "vt-fd.h"

#define VARIATIONS 300

/* Among the inodes. */
#define NEAR_THE_START ((gsize)80 * 1024)

static void
try_one (FsTrial *self, guint seed, gboolean strict)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  g_autoptr (FsResult) result = NULL;
  gsize place = fs_trial_pick (self, rand);
  gsize n = (gsize)g_rand_int_range (rand, 1, FS_DAMAGE_MAX + 1);
  guint8 damage[FS_DAMAGE_MAX] = {0};

  for (gsize i = 0; i < n; i++)
    damage[i] = (guint8)g_rand_int (rand);
  fs_trial_damage (self, place, damage, n);
  result = fs_trial_read (self);
  if (strict && result->refusal == NULL && result->error == NULL)
    fs_trial_compare (self, result, damage, n);
  fs_trial_mend (self, place, n);
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
  FsTrial trial;

  make_small_tree (fixture);
  make_pieces (fixture);
  g_assert_true (ext_fixture_mke2fs (fixture, 3, options));
  fs_trial_start (&trial, fixture, NEAR_THE_START);
  for (guint i = 0; i < VARIATIONS; i++)
    try_one (&trial, i, TRUE);
  /* It was not all refused, nor all harmless. */
  g_assert_cmpuint (trial.refused, >, VARIATIONS / 60);
  g_assert_cmpuint (trial.equal, >, VARIATIONS / 20);
  g_assert_cmpuint (trial.other_bytes, >, 0);
  fs_trial_end (&trial);
}

static void
test_without_checksums (FsFixture *fixture, gconstpointer options)
{
  FsTrial trial;

  make_small_tree (fixture);
  g_assert_true (ext_fixture_mke2fs (fixture, 3, options));
  fs_trial_start (&trial, fixture, NEAR_THE_START);
  for (guint i = 0; i < VARIATIONS; i++)
    try_one (&trial, i, FALSE);
  g_assert_cmpuint (trial.refused, >, VARIATIONS / 60);
  fs_trial_end (&trial);
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
