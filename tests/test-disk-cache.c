// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-disk-cache.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vt-fd.h"

#define DISK_SIZE ((gsize)64 * 1024 * 1024)
#define MARK_STEP ((gsize)4096)

/* A disk whose every MARK_STEP bytes start with their own offset. */
static int
make_disk (void)
{
  int file = memfd_create ("disk", MFD_CLOEXEC);

  g_assert_cmpint (ftruncate (file, DISK_SIZE), ==, 0);
  for (guint64 at = 0; at < DISK_SIZE; at += MARK_STEP)
    g_assert_cmpint (pwrite (file, &at, sizeof at, (off_t)at), ==, sizeof at);
  return file;
}

static void
assert_mark (VtDiskCache *cache, guint64 offset, guint64 expected)
{
  g_autoptr (GError) error = NULL;
  guint64 mark = 0;

  g_assert_true (vt_disk_cache_read (cache, offset, &mark, sizeof mark, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (mark, ==, expected);
}

static void
test_window (void)
{
  vt_autofd file = make_disk ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VtDisk) disk = vt_disk_new_file (file, &error);
  g_autoptr (VtDiskCache) cache = vt_disk_cache_new (disk, 1 << 20, (1 << 20) + 100);
  guint8 buffer[200];

  assert_mark (cache, 0, 1 << 20);
  assert_mark (cache, 1 << 20, 2 << 20);
  g_assert_true (vt_disk_cache_read (cache, 1 << 20, buffer, 100, &error));
  g_assert_no_error (error);
  /* There is more of the disk, but not of the window. */
  g_assert_false (vt_disk_cache_read (cache, 1 << 20, buffer, 101, &error));
  g_assert_error (error, VT_DISK_ERROR, VT_DISK_ERROR_RANGE);
  g_clear_error (&error);
  g_assert_false (vt_disk_cache_read (cache, G_MAXUINT64 - 10, buffer, 20, &error));
  g_assert_error (error, VT_DISK_ERROR, VT_DISK_ERROR_RANGE);
}

static void
test_neighbours_come_together (void)
{
  vt_autofd file = make_disk ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VtDisk) disk = vt_disk_new_file (file, &error);
  g_autoptr (VtDiskCache) cache = vt_disk_cache_new (disk, 0, DISK_SIZE);
  g_autofree guint8 *large = g_malloc (1 << 20);

  for (guint i = 0; i < 64; i++)
    assert_mark (cache, i * MARK_STEP, i * MARK_STEP);
  /* 256 KiB: the first few pieces, then what follows at once. */
  g_assert_cmpuint (vt_disk_cache_count_requests (cache), ==, 2);
  /* Across many pieces of the cache, and from the middle of one to the middle of another. */
  g_assert_true (vt_disk_cache_read (cache, MARK_STEP - 8, large, 1 << 20, &error));
  g_assert_no_error (error);
  for (gsize at = 0; at < (1 << 20) / MARK_STEP; at++) {
    guint64 mark;

    memcpy (&mark, large + 8 + at * MARK_STEP, sizeof mark);
    g_assert_cmpuint (mark, ==, (at + 1) * MARK_STEP);
    if (at + 2 == (1 << 20) / MARK_STEP)
      break;
  }
}

/* More than the cache holds, twice, so that pieces of it are used again. */
static void
test_cache_is_bounded (void)
{
  vt_autofd file = make_disk ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VtDisk) disk = vt_disk_new_file (file, &error);
  g_autoptr (VtDiskCache) cache = vt_disk_cache_new (disk, 0, DISK_SIZE);
  guint64 first;

  for (guint64 at = 0; at < DISK_SIZE; at += MARK_STEP)
    assert_mark (cache, at, at);
  first = vt_disk_cache_count_requests (cache);
  for (guint64 at = 0; at < DISK_SIZE; at += MARK_STEP)
    assert_mark (cache, at, at);
  /* Had all been kept, there would be no more requests. */
  g_assert_cmpuint (vt_disk_cache_count_requests (cache), ==, 2 * first);
}

/* The disk loses its end, in the middle of what is read at once. */
static void
test_bad_sector_costs_only_itself (void)
{
  vt_autofd file = make_disk ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VtDisk) disk = vt_disk_new_file (file, &error);
  g_autoptr (VtDiskCache) cache = vt_disk_cache_new (disk, 0, DISK_SIZE);
  guint64 mark;

  g_assert_cmpint (ftruncate (file, 5 * MARK_STEP), ==, 0);
  assert_mark (cache, 4 * MARK_STEP, 4 * MARK_STEP);
  g_assert_false (vt_disk_cache_read (cache, 5 * MARK_STEP, &mark, sizeof mark, &error));
  g_assert_error (error, VT_DISK_ERROR, VT_DISK_ERROR_READ);
  assert_mark (cache, 3 * MARK_STEP, 3 * MARK_STEP);
}

/* What was asked for ahead costs no request when it is needed, whether it has come or not, and no
 * more than a bounded number is asked for. */
static void
test_prefetch (void)
{
  vt_autofd file = make_disk ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VtDisk) disk = vt_disk_new_file (file, &error);
  g_autoptr (VtDiskCache) cache = vt_disk_cache_new (disk, 0, DISK_SIZE);
  g_autoptr (VtDiskCache) other = vt_disk_cache_new (disk, 0, DISK_SIZE);
  const guint64 far = 1 << 20;
  guint64 asked;

  for (guint i = 3; i > 0; i--)
    vt_disk_cache_prefetch (cache, i * far + 2 * MARK_STEP);
  vt_disk_cache_prefetch (cache, far + 3 * MARK_STEP - 1);
  g_assert_cmpuint (vt_disk_cache_count_requests (cache), ==, 3);
  for (guint i = 1; i <= 3; i++)
    assert_mark (cache, i * far + 2 * MARK_STEP, i * far + 2 * MARK_STEP);
  g_assert_cmpuint (vt_disk_cache_count_requests (cache), ==, 3);
  vt_disk_cache_prefetch (cache, DISK_SIZE);
  vt_disk_cache_prefetch (cache, G_MAXUINT64);
  g_assert_cmpuint (vt_disk_cache_count_requests (cache), ==, 3);
  /* Never needed, and freed while they are under way. */
  for (guint64 at = 0; at < DISK_SIZE; at += 16 * MARK_STEP)
    vt_disk_cache_prefetch (other, at);
  asked = vt_disk_cache_count_requests (other);
  g_assert_cmpuint (asked, >=, 2);
  g_assert_cmpuint (asked, <=, 100);
}

/* A directory is no reason to read what lies behind it. */
static void
test_prefetched_pieces_lie_alone (void)
{
  vt_autofd file = make_disk ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VtDisk) disk = vt_disk_new_file (file, &error);
  g_autoptr (VtDiskCache) cache = vt_disk_cache_new (disk, 0, DISK_SIZE);
  const guint few = 8;

  vt_disk_cache_prefetch (cache, 0);
  assert_mark (cache, 0, 0);
  assert_mark (cache, MARK_STEP, MARK_STEP);
  g_assert_cmpuint (vt_disk_cache_count_requests (cache), ==, 2);
  assert_mark (cache, few * MARK_STEP, few * MARK_STEP);
  g_assert_cmpuint (vt_disk_cache_count_requests (cache), ==, 2);
  /* Not more than a few of these came with the one that was needed. */
  assert_mark (cache, (few + 1) * MARK_STEP, (few + 1) * MARK_STEP);
  g_assert_cmpuint (vt_disk_cache_count_requests (cache), ==, 3);
}

/* The failure is that of the read which needs it, and of no other. */
static void
test_prefetch_of_a_bad_sector (void)
{
  vt_autofd file = make_disk ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VtDisk) disk = vt_disk_new_file (file, &error);
  g_autoptr (VtDiskCache) cache = vt_disk_cache_new (disk, 0, DISK_SIZE);
  guint64 mark;

  g_assert_cmpint (ftruncate (file, 5 * MARK_STEP), ==, 0);
  vt_disk_cache_prefetch (cache, 5 * MARK_STEP);
  assert_mark (cache, 4 * MARK_STEP, 4 * MARK_STEP);
  g_assert_false (vt_disk_cache_read (cache, 5 * MARK_STEP, &mark, sizeof mark, &error));
  g_assert_error (error, VT_DISK_ERROR, VT_DISK_ERROR_READ);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/disk-cache/window", test_window);
  g_test_add_func ("/disk-cache/neighbours-come-together", test_neighbours_come_together);
  g_test_add_func ("/disk-cache/cache-is-bounded", test_cache_is_bounded);
  g_test_add_func ("/disk-cache/bad-sector-costs-only-itself", test_bad_sector_costs_only_itself);
  g_test_add_func ("/disk-cache/prefetch", test_prefetch);
  g_test_add_func ("/disk-cache/prefetched-pieces-lie-alone", test_prefetched_pieces_lie_alone);
  g_test_add_func ("/disk-cache/prefetch-of-a-bad-sector", test_prefetch_of_a_bad_sector);
  return g_test_run ();
}
