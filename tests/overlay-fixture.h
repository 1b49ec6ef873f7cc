// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* An image, and an overlay of it. */
#pragma once

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "run-program.h"
#include "vt-digest.h"
#include "vt-fd.h"
#include "vt-image.h"
#include "vt-overlay.h"
#include "vt-paths.h"

#define IMAGE_SIZE ((guint64)20 * 1024 * 1024)

typedef struct {
  char *dir;
  char *image;
  VtImageOptions *options;
  VtOverlay *overlay;
  VtSpawner *spawner;
} Fixture;

/* An image of 1, with a backing file below, and 4 in a snapshot; overlaid with 7 at 2 MiB, for 1
 * MiB. */
static inline void
make_image (Fixture *fixture)
{
  run_script (fixture->dir,
              "qemu-img create -q -f qcow2 below.qcow2 20M; "
              "qemu-io -f qcow2 -c 'write -P 1 0 8M' below.qcow2; "
              "qemu-img create -q -f qcow2 -F qcow2 -b below.qcow2 -o cluster_size=4k image.qcow2; "
              "qemu-io -f qcow2 -c 'write -P 4 4M 64k' image.qcow2; "
              "qemu-img snapshot -c first image.qcow2; "
              "qemu-io -f qcow2 -c 'write -P 5 4M 64k' image.qcow2; "
              "chmod 640 image.qcow2");
}

static inline void
write_to_overlay (Fixture *fixture)
{
  run_program (fixture->dir, (const char *[]){"qemu-io", "-f", "qcow2", "-c", "write -P 7 2M 1M",
                                              vt_overlay_get_path (fixture->overlay), NULL});
}

static inline void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *below = NULL;

  fixture->spawner = vt_spawner_new (&error);
  g_assert_no_error (error);
  fixture->dir = g_dir_make_tmp ("vt-test-XXXXXX", NULL);
  fixture->image = g_build_filename (fixture->dir, "image.qcow2", NULL);
  make_image (fixture);
  fixture->overlay = vt_overlay_new (IMAGE_SIZE, &error);
  g_assert_no_error (error);
  fixture->options = vt_image_options_new (fixture->image);
  fixture->options->overlay = g_strdup (vt_overlay_get_path (fixture->overlay));
  below = g_build_filename (fixture->dir, "below.qcow2", NULL);
  g_strfreev (fixture->options->backing);
  fixture->options->backing = g_strsplit (below, "\n", -1);
}

static inline void
tear_down (Fixture *fixture, gconstpointer data)
{
  vt_image_options_free (fixture->options);
  g_clear_pointer (&fixture->overlay, vt_overlay_free);
  vt_spawner_free (fixture->spawner);
  vt_paths_remove_tree (fixture->dir);
  g_free (fixture->image);
  g_free (fixture->dir);
}

static inline VtDigest
digest_file (const char *path)
{
  vt_autofd fd = open (path, O_RDONLY | O_CLOEXEC);
  struct stat info;
  VtDigest digest = {0};

  g_assert_cmpint (fstat (fd, &info), ==, 0);
  g_assert_true (vt_digest_of_fd (fd, (guint64)info.st_size, &digest, NULL));
  return digest;
}

static inline void
assert_unchanged (const char *path, const VtDigest *before)
{
  const VtDigest now = digest_file (path);

  g_assert_true (vt_digest_equal (&now, before));
}

/* How many files there are in the fixture's directory, hidden ones too. */
static inline guint
count_files (Fixture *fixture)
{
  g_autoptr (GDir) dir = g_dir_open (fixture->dir, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}
