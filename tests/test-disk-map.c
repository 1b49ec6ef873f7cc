// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-disk-map.h"

static void
test_empty (void)
{
  g_autoptr (VtDiskMap) map = vt_disk_map_new ();

  g_assert_false (vt_disk_map_has_any (map, 0, G_MAXUINT64));
  g_assert_true (vt_disk_map_add (map, 10, 0));
  g_assert_false (vt_disk_map_has_any (map, 0, 100));
  g_assert_cmpuint (vt_disk_map_count (map), ==, 0);
}

static void
test_edges (void)
{
  g_autoptr (VtDiskMap) map = vt_disk_map_new ();

  for (guint64 i = 1; i <= 100; i++)
    g_assert_true (vt_disk_map_add (map, i * 100, 10));
  g_assert_cmpuint (vt_disk_map_count (map), ==, 1000);
  for (guint64 i = 1; i <= 100; i++) {
    g_assert_false (vt_disk_map_has_any (map, i * 100 - 90, 90));
    g_assert_true (vt_disk_map_has_any (map, i * 100 - 90, 91));
    g_assert_true (vt_disk_map_has_any (map, i * 100 + 9, 1));
    g_assert_false (vt_disk_map_has_any (map, i * 100 + 10, 1));
    g_assert_true (vt_disk_map_has_any (map, i * 100 - 1, 1000));
  }
  g_assert_false (vt_disk_map_has_any (map, 0, 100));
}

static void
test_neighbours_become_one (void)
{
  g_autoptr (VtDiskMap) map = vt_disk_map_new ();

  g_assert_true (vt_disk_map_add (map, 100, 50));
  g_assert_true (vt_disk_map_add (map, 150, 50));
  g_assert_true (vt_disk_map_add (map, 160, 10));
  g_assert_true (vt_disk_map_add (map, 190, 20));
  g_assert_cmpuint (vt_disk_map_count (map), ==, 110);
  g_assert_true (vt_disk_map_has_any (map, 209, 1));
  g_assert_false (vt_disk_map_has_any (map, 210, 1));
}

static void
test_nonsense (void)
{
  g_autoptr (VtDiskMap) map = vt_disk_map_new ();

  g_assert_true (vt_disk_map_add (map, 100, 50));
  g_assert_false (vt_disk_map_add (map, 99, 1));
  g_assert_false (vt_disk_map_add (map, 200, G_MAXUINT64));
  g_assert_true (vt_disk_map_has_any (map, G_MAXUINT64, 1));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/disk-map/empty", test_empty);
  g_test_add_func ("/disk-map/edges", test_edges);
  g_test_add_func ("/disk-map/neighbours-become-one", test_neighbours_become_one);
  g_test_add_func ("/disk-map/nonsense", test_nonsense);
  return g_test_run ();
}
