// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Images with damage at random places, the same ones each time. It has to end in a refusal, or in
 * what ntfs-3g shows of the same image when it is mounted: NTFS has no checksums, so that damage
 * cannot always be told. What the mount has an error for may be there all the same.
 */
#include "ntfs-fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "vt-fd.h"

#define VARIATIONS  150
#define DAMAGED_MAX 8 /* bytes */
#define IMAGE_KIB   3072

/* Larger ones are those whose size was made enormous: they are not read to the end here. */
#define SIZE_MAX_COMPARED ((guint64)16 * 1024 * 1024)

typedef struct {
  FsFixture *fixture;
  guint8 *image;
  gsize size;
  char *whole; /* as text */
  guint equal;
  guint refused;
  guint as_the_mount;
} Trial;

static void
set_up (FsFixture *fixture, gconstpointer data)
{
  fs_fixture_set_up (fixture, &ntfs_kind);
}

/* Where there is something other than zeros, and in records of the file table or an index. */
static gsize
pick_place (const Trial *self, GRand *rand)
{
  gsize place = 0;

  for (guint i = 0; i < 2000; i++) {
    gsize record;

    place = (gsize)(g_rand_double (rand) * (double)(self->size - DAMAGED_MAX));
    record = place & ~(gsize)1023;
    if (self->image[place] != 0 && (memcmp (self->image + record, "FILE", 4) == 0 ||
                                    memcmp (self->image + (place & ~(gsize)4095), "INDX", 4) == 0))
      break;
  }
  return place;
}

/* Puts a record of digest and path for each file that can be read into a file. */
static void
list_mount (const Trial *self)
{
  static const char script[] =
      "mkdir -p mount; : >list; mount -t ntfs-3g -o ro,loop image mount 2>/dev/null || exit 0; "
      "cd mount; find . -xdev -type f -size -16385k -print0 2>/dev/null | "
      "xargs -0r sha256sum -z -- >../list 2>/dev/null; cd ..; umount mount";
  const char *const argv[] = {"sh", "-c", script, NULL};
  int status;

  g_free (fs_fixture_run (self->fixture->dir, argv, &status));
  g_assert_cmpint (status, ==, 0);
}

static void
compare_with_mount (Trial *self, FsResult *result)
{
  g_autofree char *path = g_build_filename (self->fixture->dir, "list", NULL);
  g_autofree char *list = NULL;
  gsize size;

  list_mount (self);
  g_assert_true (g_file_get_contents (path, &list, &size, NULL));
  for (const char *record = list; record < list + size; record += strlen (record) + 1) {
    const char *name = record + VT_DIGEST_HEX_SIZE - 1 + strlen ("  .");
    const FsFile *file = g_hash_table_lookup (result->files, name);
    char hex[VT_DIGEST_HEX_SIZE];

    if (file == NULL || !file->has_digest)
      g_error ("the mount has %s, too", name);
    if (strncmp (vt_digest_to_hex (&file->digest, hex), record, VT_DIGEST_HEX_SIZE - 1) != 0)
      g_error ("the mount has other bytes in %s", name);
    self->as_the_mount++;
  }
}

static void
try_one (Trial *self, guint seed)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  g_autoptr (FsResult) result = NULL;
  gsize place = pick_place (self, rand);
  gsize n = (gsize)g_rand_int_range (rand, 1, DAMAGED_MAX + 1);
  guint8 damage[DAMAGED_MAX] = {0};

  for (gsize i = 0; i < n; i++)
    damage[i] = (guint8)g_rand_int (rand);
  fs_fixture_patch (self->fixture, place, damage, n);
  result = fs_fixture_read (self->fixture, SIZE_MAX_COMPARED);
  g_assert_no_error (result->error);
  if (result->refusal != NULL) {
    self->refused++;
  } else {
    g_autofree char *text = fs_result_to_short_text (result);

    if (g_str_equal (text, self->whole))
      self->equal++;
    else if (geteuid () == 0)
      compare_with_mount (self, result);
  }
  fs_fixture_patch (self->fixture, place, self->image + place, n);
}

static void
fill (NtfsMaker *maker)
{
  ntfs_maker_add_directory (maker, "/many", FALSE);
  ntfs_maker_add_directory (maker, "/packed", TRUE);
  for (guint i = 0; i < 120; i++) {
    g_autofree char *path = g_strdup_printf ("/many/a-name-that-takes-some-of-the-room-%u", i);

    ntfs_maker_write_noise (maker, path, i * i % 3000, 256);
  }
  ntfs_maker_write_noise (maker, "/packed/file", 100000, 3);
  ntfs_maker_write_noise (maker, "/large", 200000, 256);
  for (guint i = 0; i < 30; i++) {
    g_autofree char *path = g_strdup_printf ("/another-name-of-the-large-file-%u", i);

    ntfs_maker_link (maker, "/large", path);
  }
}

static void
test_damage (FsFixture *fixture, gconstpointer options)
{
  g_autoptr (NtfsMaker) maker = NULL;
  g_autoptr (FsResult) result = NULL;
  Trial trial = {.fixture = fixture};

  g_assert_true (ntfs_maker_format (fixture->image, IMAGE_KIB, options));
  maker = ntfs_maker_open (fixture->image);
  fill (maker);
  g_clear_pointer (&maker, ntfs_maker_close);
  g_assert_true (
      g_file_get_contents (fixture->image, (char **)(void *)&trial.image, &trial.size, NULL));
  result = fs_fixture_read (fixture, G_MAXUINT64);
  g_assert_cmpstr (result->refusal, ==, NULL);
  trial.whole = fs_result_to_short_text (result);
  for (guint i = 0; i < VARIATIONS; i++)
    try_one (&trial, i);
  g_test_message ("%u equal, %u refused, %u files compared with the mount", trial.equal,
                  trial.refused, trial.as_the_mount);
  /* It was not all refused, nor all harmless. */
  g_assert_cmpuint (trial.refused, >, VARIATIONS / 20);
  g_assert_cmpuint (trial.equal, >, VARIATIONS / 20);
  g_free (trial.image);
  g_free (trial.whole);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/ntfs-damage/usual", FsFixture, "-c 4096", set_up, test_damage,
              fs_fixture_tear_down);
  g_test_add ("/ntfs-damage/small-clusters", FsFixture, "-c 512", set_up, test_damage,
              fs_fixture_tear_down);
  return g_test_run ();
}
