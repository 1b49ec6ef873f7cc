// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A disk that sfdisk and the makers of file systems write to, and what is found on it. What is
 * expected of good ones is what libguestfs says of the same; what is damaged has to be refused.
 */
#pragma once

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "run-program.h"
#include "vt-fd.h"
#include "vt-partitions.h"
#include "vt-paths.h"

#define MIB       ((gsize)1024 * 1024)
#define DISK_SIZE (64 * MIB)
#define SECTOR    512

typedef struct {
  char *dir;
  char *image;
  int fd;
  VtDisk *disk;
  GPtrArray *devices;
} Fixture;

static inline void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->dir = g_dir_make_tmp ("vt-test-XXXXXX", NULL);
  fixture->image = g_build_filename (fixture->dir, "image", NULL);
  fixture->fd = open (fixture->image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  g_assert_cmpint (ftruncate (fixture->fd, DISK_SIZE), ==, 0);
}

static inline void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_clear_pointer (&fixture->devices, g_ptr_array_unref);
  g_clear_pointer (&fixture->disk, vt_disk_free);
  vt_fd_clear (&fixture->fd);
  vt_paths_remove_tree (fixture->dir);
  g_free (fixture->dir);
  g_free (fixture->image);
}

/* Runs a shell command in the fixture's directory; its image is "image". */
static inline void
make_table (Fixture *fixture, const char *script)
{
  g_autofree char *path = g_build_filename (fixture->dir, "table", NULL);

  g_assert_true (g_file_set_contents (path, script, -1, NULL));
  run_script (fixture->dir, "sfdisk -q image <table");
}

/* Makes a file system of SIZE MiB in a file of its own and puts it at AT MiB. */
static inline void
put (Fixture *fixture, const char *make, guint size, guint at)
{
  g_autofree char *command =
      g_strdup_printf ("rm -f fs; truncate -s %uM fs; %s fs >/dev/null 2>&1; "
                       "dd if=fs of=image bs=1M seek=%u conv=notrunc,sparse status=none",
                       size, make, at);
  run_script (fixture->dir, command);
}

static inline void
patch (Fixture *fixture, guint64 offset, const void *bytes, gsize n)
{
  g_assert_cmpint (pwrite (fixture->fd, bytes, n, (off_t)offset), ==, n);
}

static inline void
probe (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;

  g_clear_pointer (&fixture->devices, g_ptr_array_unref);
  g_clear_pointer (&fixture->disk, vt_disk_free);
  fixture->disk = vt_disk_new_file (fixture->fd, &error);
  g_assert_no_error (error);
  fixture->devices = vt_partitions_read (fixture->disk, &error);
  g_assert_no_error (error);
  g_assert_nonnull (fixture->devices);
}

/* "id type uuid label start size judgement", the numbers in MiB. */
static inline void
assert_devices (Fixture *fixture, const char *const *expected)
{
  static const char *const names[] = {"refused", "ext", "fat", "ntfs", "swap", "empty", "blank"};

  probe (fixture);
  for (guint i = 0; i < fixture->devices->len; i++) {
    const VtPartition *device = g_ptr_array_index (fixture->devices, i);
    g_autofree char *text = g_strdup_printf (
        "%s %s %s %s %u %u %s", device->id, device->type, device->uuid, device->label,
        (guint)(device->start / MIB), (guint)(device->size / MIB), names[device->judgement]);

    g_assert_cmpstr (text, ==, expected[i]);
    g_assert_true ((device->why != NULL) == (device->judgement == VT_PARTITION_REFUSED));
  }
  g_assert_null (expected[fixture->devices->len]);
}

static inline void
assert_disk_refused (Fixture *fixture)
{
  const VtPartition *device;

  probe (fixture);
  g_assert_cmpuint (fixture->devices->len, ==, 1);
  device = g_ptr_array_index (fixture->devices, 0);
  g_assert_cmpstr (device->id, ==, "/dev/sda");
  g_assert_cmpint (device->judgement, ==, VT_PARTITION_REFUSED);
  g_assert_nonnull (device->why);
  g_test_message ("refused: %s", device->why);
}

static inline void
assert_refused (Fixture *fixture, guint index)
{
  const VtPartition *device;

  probe (fixture);
  g_assert_cmpuint (fixture->devices->len, >, index);
  device = g_ptr_array_index (fixture->devices, index);
  g_assert_cmpint (device->judgement, ==, VT_PARTITION_REFUSED);
  g_test_message ("%s refused: %s", device->id, device->why);
}

static inline const VtPartition *
get (Fixture *fixture, guint index)
{
  return g_ptr_array_index (fixture->devices, index);
}

#define UUID(n)   "5eed0000-0000-4000-8000-00000000000" n
#define MKE2FS(n) "mke2fs -q -F -t ext" n " -U " UUID (n) " -L 'fs " n "'"
#define MKSWAP    "mkswap -q -L swp -U " UUID ("9")
#define SMALL_GPT "label: gpt\nstart=2048, size=16384\nstart=20480, size=16384\n"
#define SMALL_MBR "label: dos\nstart=2048, size=16384, type=83\nstart=20480, size=16384, type=83\n"

#define ADD(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)
