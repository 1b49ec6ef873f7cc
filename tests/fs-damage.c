// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "fs-damage.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define SIZE_MAX_READ (64 << 20)

void
fs_trial_start (FsTrial *self, FsFixture *fixture, gsize near_start)
{
  g_autoptr (GError) error = NULL;
  char *image = NULL;

  *self = (FsTrial){.fixture = fixture, .near_start = near_start};
  g_assert_true (g_file_get_contents (fixture->image, &image, &self->size, &error));
  self->image = (guint8 *)image;
  self->file = g_open (fixture->image, O_RDWR | O_CLOEXEC, 0);
  self->disk = vt_disk_new_file (self->file, &error);
  g_assert_no_error (error);
  self->whole = fs_result_of_disk (fixture->kind, self->disk, 0, self->size, G_MAXUINT64);
  g_assert_no_error (self->whole->error);
  g_assert_cmpstr (self->whole->refusal, ==, NULL);
}

void
fs_trial_end (FsTrial *self)
{
  g_test_message ("%u equal, %u refused, %u with other bytes in files", self->equal, self->refused,
                  self->other_bytes);
  fs_result_free (self->whole);
  vt_disk_free (self->disk);
  close (self->file);
  g_free (self->image);
}

gsize
fs_trial_pick (FsTrial *self, GRand *rand)
{
  gsize span = g_rand_int_range (rand, 0, 3) > 0 ? self->near_start : self->size;
  gsize place = 0;

  for (guint i = 0; i < 30; i++) {
    place = (gsize)(g_rand_double (rand) * (double)(span - FS_DAMAGE_MAX));
    if (self->image[place] != 0)
      break;
  }
  return place;
}

void
fs_trial_damage (FsTrial *self, gsize place, const guint8 *damage, gsize n)
{
  g_assert_cmpint (pwrite (self->file, damage, n, (off_t)place), ==, n);
}

void
fs_trial_mend (FsTrial *self, gsize place, gsize n)
{
  fs_trial_damage (self, place, self->image + place, n);
}

FsResult *
fs_trial_read (FsTrial *self)
{
  FsResult *result =
      fs_result_of_disk (self->fixture->kind, self->disk, 0, self->size, SIZE_MAX_READ);

  if (result->refusal != NULL || result->error != NULL)
    self->refused++;
  else
    self->equal++;
  return result;
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
compare_file (
    FsTrial *self, const FsFile *before, const FsFile *after, const guint8 *damage, gsize n)
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

void
fs_trial_compare (FsTrial *self, FsResult *result, const guint8 *damage, gsize n)
{
  GHashTableIter iter;
  gpointer path, value;

  g_assert_cmpuint (g_hash_table_size (result->files), ==, g_hash_table_size (self->whole->files));
  g_hash_table_iter_init (&iter, self->whole->files);
  while (g_hash_table_iter_next (&iter, &path, &value)) {
    const FsFile *after = g_hash_table_lookup (result->files, path);

    g_assert_nonnull (after);
    compare_file (self, value, after, damage, n);
  }
}
