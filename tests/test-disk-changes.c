// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What each image of a chain holds, as qemu-nbd tells it. */
#include <glib/gstdio.h>

#include "connect.h"
#include "run-program.h"
#include "vt-block-export.h"
#include "vt-disk-changes.h"
#include "vt-image.h"
#include "vt-paths.h"

#define MIB ((guint64)1024 * 1024)
/* What qcow2 allocates by itself. */
#define CLUSTER ((guint64)64 * 1024)

typedef struct {
  char *dir;
  VtBlockChain *chain;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->dir = g_dir_make_tmp ("vt-test-XXXXXX", NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_clear_pointer (&fixture->chain, vt_block_chain_free);
  vt_paths_remove_tree (fixture->dir);
  g_free (fixture->dir);
}

static void
open_chain (Fixture *fixture, const char *name)
{
  g_autofree char *path = g_build_filename (fixture->dir, name, NULL);
  g_autoptr (VtImageOptions) options = vt_image_options_new (path);
  g_autoptr (GStrvBuilder) backing = g_strv_builder_new ();
  g_autoptr (GError) error = NULL;

  g_strv_builder_add (backing, fixture->dir);
  g_strfreev (options->backing);
  options->backing = g_strv_builder_end (backing);
  fixture->chain = vt_block_chain_open (options, &error);
  g_assert_no_error (error);
}

static VtDiskMap *
read_changes (Fixture *fixture, const char *snapshot, guint layers)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtBlockExport) export =
      vt_block_export_start (fixture->chain, 0, snapshot, fixture->dir, &error);
  VtDiskMap *map;

  g_assert_no_error (error);
  map = vt_disk_changes_read (connect_to (vt_block_export_get_socket (export)), layers, &error);
  g_assert_no_error (error);
  return map;
}

/* The map holds the cluster at OFFSET, and none beside it. */
static void
assert_cluster (VtDiskMap *map, guint64 offset)
{
  g_assert_true (vt_disk_map_has_any (map, offset, 1));
  g_assert_true (vt_disk_map_has_any (map, offset + CLUSTER - 1, 1));
  g_assert_false (vt_disk_map_has_any (map, offset - 1, 1));
  g_assert_false (vt_disk_map_has_any (map, offset + CLUSTER, 1));
}

static void
make_chain (Fixture *fixture)
{
  run_script (fixture->dir,
              "qemu-img create -q -f qcow2 base 20M;"
              "qemu-io -f qcow2 -c 'write -P 1 0 10M' base;"
              "qemu-img create -q -f qcow2 -b base -F qcow2 middle;"
              "qemu-io -f qcow2 -c 'write -P 2 1M 512' middle;"
              "qemu-img create -q -f qcow2 -b middle -F qcow2 top;"
              "qemu-io -f qcow2 -c 'write -P 3 2M 512' -c 'write -z 3M 64k' -c 'write -z 15M 64k'"
              "  -c 'discard 4M 64k' top");
}

static void
test_layers (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtDiskMap) none = NULL;
  g_autoptr (VtDiskMap) top = NULL;
  g_autoptr (VtDiskMap) both = NULL;

  make_chain (fixture);
  open_chain (fixture, "top");
  g_assert_cmpuint (vt_block_chain_get_length (fixture->chain), ==, 3);
  none = read_changes (fixture, NULL, 0);
  g_assert_cmpuint (vt_disk_map_count (none), ==, 0);
  top = read_changes (fixture, NULL, 1);
  assert_cluster (top, 2 * MIB);
  /* Zeros and what was discarded hide what lies below as well. */
  assert_cluster (top, 3 * MIB);
  assert_cluster (top, 4 * MIB);
  assert_cluster (top, 15 * MIB);
  g_assert_cmpuint (vt_disk_map_count (top), ==, 4 * CLUSTER);
  both = read_changes (fixture, NULL, 2);
  assert_cluster (both, 1 * MIB);
  g_assert_cmpuint (vt_disk_map_count (both), ==, 5 * CLUSTER);
}

/* An image between that is shorter hides what lies behind its end. */
static void
test_short_middle (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtDiskMap) map = NULL;

  run_script (fixture->dir, "qemu-img create -q -f qcow2 base 20M;"
                            "qemu-io -f qcow2 -c 'write -P 1 0 20M' base;"
                            "qemu-img create -q -f qcow2 -b base -F qcow2 middle 10M;"
                            "qemu-img create -q -f qcow2 -b middle -F qcow2 top 20M");
  open_chain (fixture, "top");
  map = read_changes (fixture, NULL, 2);
  g_assert_false (vt_disk_map_has_any (map, 0, 10 * MIB));
  g_assert_true (vt_disk_map_has_any (map, 10 * MIB, 1));
  g_assert_cmpuint (vt_disk_map_count (map), ==, 10 * MIB);
}

static void
test_snapshot (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtDiskMap) now = NULL;
  g_autoptr (VtDiskMap) then = NULL;

  run_script (fixture->dir, "qemu-img create -q -f qcow2 base 20M;"
                            "qemu-img create -q -f qcow2 -b base -F qcow2 top;"
                            "qemu-io -f qcow2 -c 'write -P 3 2M 512' top;"
                            "qemu-img snapshot -c then top;"
                            "qemu-io -f qcow2 -c 'write -P 3 5M 512' top");
  open_chain (fixture, "top");
  now = read_changes (fixture, NULL, 1);
  then = read_changes (fixture, "then", 1);
  g_assert_cmpuint (vt_disk_map_count (now), ==, 2 * CLUSTER);
  g_assert_cmpuint (vt_disk_map_count (then), ==, CLUSTER);
  assert_cluster (then, 2 * MIB);
}

/* More than is asked about at a time, and images of other formats. */
static void
test_large (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtDiskMap) map = NULL;

  run_script (fixture->dir,
              "truncate -s 5G base;"
              "qemu-img create -q -f qcow2 -b base -F raw top;"
              "qemu-io -f qcow2 -c 'write 1073676288 131072' -c 'write 5368643584 65536' top");
  open_chain (fixture, "top");
  map = read_changes (fixture, NULL, 1);
  g_assert_cmpuint (vt_disk_map_count (map), ==, 3 * CLUSTER);
  g_assert_true (vt_disk_map_has_any (map, 5 * 1024 * MIB - 1, 1));
}

/* A server that was started otherwise cannot tell, and then nothing is unchanged. */
static void
test_server_that_cannot_tell (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->dir, "socket", NULL);
  g_autoptr (GSubprocess) server = NULL;
  g_autoptr (GError) error = NULL;

  run_script (fixture->dir, "qemu-img create -q -f qcow2 base 20M");
  g_chdir (fixture->dir);
  server = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, &error, "qemu-nbd", "--read-only", "-k", path,
                             "-f", "qcow2", "base", NULL);
  g_assert_no_error (error);
  g_assert_null (vt_disk_changes_read (connect_to (path), 1, &error));
  g_assert_error (error, VT_DISK_ERROR, VT_DISK_ERROR_LOST);
  g_subprocess_force_exit (server);
  g_subprocess_wait (server, NULL, NULL);
}

static void
add (const char *path, void (*test) (Fixture *, gconstpointer))
{
  g_test_add (path, Fixture, NULL, set_up, test, tear_down);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("/disk-changes/layers", test_layers);
  add ("/disk-changes/short-middle", test_short_middle);
  add ("/disk-changes/snapshot", test_snapshot);
  add ("/disk-changes/large", test_large);
  add ("/disk-changes/server-that-cannot-tell", test_server_that_cannot_tell);
  return g_test_run ();
}
