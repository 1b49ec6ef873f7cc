// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Images with damage at random places. Nothing in FAT tells of a number that is another valid one,
 * so the kernel is asked what it makes of each image that is not refused. Where it cannot be asked,
 * the image only has to end well.
 */
#include "fat-fixture.h"
#include "fs-damage.h"

#define VARIATIONS 250

static void
make_small_tree (FsFixture *fixture)
{
  for (guint i = 0; i < 30; i++) {
    g_autofree char *path = g_strdup_printf ("A directory %u/file-%u", i % 3, i);

    fs_fixture_write_noise (fixture, path, (i * i * 31) % 5000);
  }
  for (guint i = 0; i < 30; i++) {
    g_autofree char *path = g_strdup_printf ("MANY/NAME%u.TXT", i);

    fs_fixture_write (fixture, path, path, i % 7);
  }
  fs_fixture_write_noise (fixture, "large", 60000);
}

/* Slots of directories look like nothing else that there is. */
static gboolean
is_slot (const guint8 *at)
{
  return (at[11] == 0x0f || at[11] == 0x10 || at[11] == 0x20) && (at[12] & ~0x18) == 0;
}

/* The bytes that matter: of the boot sector, of the first table, of directories. Of gsize. */
static GArray *
find_places (const FsTrial *trial, const VtFatGeometry *geometry)
{
  GArray *places = g_array_new (FALSE, FALSE, sizeof (gsize));

  for (gsize at = 0; at < trial->size - FS_DAMAGE_MAX; at++) {
    gboolean in_table =
        at >= geometry->table_start && at < geometry->table_start + geometry->table_size;

    if (at < 90 || (in_table && trial->image[at] != 0) ||
        (at >= geometry->root_start && is_slot (trial->image + at / 32 * 32)))
      g_array_append_val (places, at);
  }
  return places;
}

/* Damage to one table is found by the other one, so most of it is done to both. */
static gsize
find_other_table (const VtFatGeometry *geometry, GRand *rand, gsize place)
{
  gsize end = (gsize)(geometry->table_start + geometry->table_size) - FS_DAMAGE_MAX;

  return geometry->copies == 2 && place >= geometry->table_start && place < end &&
                 g_rand_int_range (rand, 0, 4) > 0
             ? place + (gsize)geometry->table_size
             : place;
}

/* Bytes as they stand in places of their kind, more often than any. */
static guint8
pick_byte (GRand *rand)
{
  static const guint8 bytes[] = {0, 1, 2, 0x0f, 0x10, 0x20, 0x2e, 0x41, 0x5f, 0x7e, 0xe5, 0xff};

  return g_rand_boolean (rand) ? bytes[g_rand_int_range (rand, 0, G_N_ELEMENTS (bytes))]
                               : (guint8)g_rand_int (rand);
}

static void
try_one (
    FsTrial *self, const VtFatGeometry *geometry, GArray *places, guint seed, gboolean *has_kernel)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  g_autoptr (FsResult) result = NULL;
  gsize place = g_array_index (places, gsize, g_rand_int_range (rand, 0, (gint32)places->len));
  gsize other = find_other_table (geometry, rand, place);
  gsize n = (gsize)g_rand_int_range (rand, 1, 3);
  guint8 damage[FS_DAMAGE_MAX] = {0};

  for (gsize i = 0; i < n; i++)
    damage[i] = pick_byte (rand);
  fs_trial_damage (self, place, damage, n);
  fs_trial_damage (self, other, damage, n);
  result = fs_trial_read (self);
  if (*has_kernel && result->refusal == NULL && result->error == NULL) {
    g_autofree char *ours = fs_result_to_text (self->fixture->kind, result);
    g_autofree char *kernel = fs_fixture_kernel_to_text (self->fixture);

    *has_kernel = kernel != NULL;
    if (kernel != NULL)
      fs_assert_same (ours, kernel);
  }
  fs_trial_mend (self, place, n);
  fs_trial_mend (self, other, n);
}

static void
test_damage (FsFixture *fixture, gconstpointer options)
{
  g_autoptr (GArray) places = NULL;
  gboolean has_kernel = TRUE;
  VtFatGeometry geometry;
  FsTrial trial;

  make_small_tree (fixture);
  fat_fixture_mkfs (fixture, g_str_has_prefix (options, "-F 32") ? 34000 : 2600, options);
  fat_fixture_fill (fixture);
  geometry = fat_fixture_geometry (fixture);
  fs_trial_start (&trial, fixture, 0);
  places = find_places (&trial, &geometry);
  for (guint i = 0; i < VARIATIONS; i++)
    try_one (&trial, &geometry, places, i, &has_kernel);
  g_assert_cmpuint (trial.refused, >, VARIATIONS / 10);
  g_assert_cmpuint (trial.equal, >, VARIATIONS / 10);
  fs_trial_end (&trial);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  fat_fixture_add ("/fat-damage/fat12", "-F 12 -s 2", test_damage);
  fat_fixture_add ("/fat-damage/fat16", "-F 16 -s 1", test_damage);
  fat_fixture_add ("/fat-damage/fat32", "-F 32 -s 1", test_damage);
  return g_test_run ();
}
