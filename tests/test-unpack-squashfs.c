// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What goes wrong in a squashfs; what goes well is in test-unpack.c. */
#include <sys/stat.h>

#include "unpack-fixture.h"
#include "vt-bytes.h"

/* Fields of the superblock. */
#define SUPERBLOCK_SIZE 96
#define ROOT_INODE      32
#define INODE_TABLE     64
#define DIRECTORY_TABLE 72

/* Metadata of this one is not compressed. */
static guint8 *
read_plain (gsize *size)
{
  g_autoptr (GBytes) bytes = container_bytes ("archives/plain.squashfs");

  *size = g_bytes_get_size (bytes);
  return g_memdup2 (g_bytes_get_data (bytes, NULL), *size);
}

/* The entry of "directory" in the root's list. */
static guint8 *
find_entry (guint8 *data, gsize size)
{
  gsize table = vt_le64 (data + DIRECTORY_TABLE);
  guint8 *name = memmem (data + table, size - table, "directory", 9);

  g_assert_nonnull (name);
  return name - 8;
}

/* A directory that has its own parent in it. */
static void
test_directories_in_themselves (void)
{
  gsize size;
  g_autofree guint8 *data = read_plain (&size);
  g_autoptr (Unpacked) unpacked = NULL;

  memcpy (find_entry (data, size), data + ROOT_INODE, 2);
  unpacked = unpack_data (data, size, &usual_limits);
  g_assert_cmpint (unpacked->reason, ==, VT_REASON_DAMAGED);
  g_assert_cmpuint (unpacked->members->len, ==, 1);
  g_assert_cmpuint (count_content (unpacked, "first"), ==, 1);
}

/* The library would write as many bytes as there are into room for 256. */
static void
test_names_that_are_too_long (void)
{
  gsize size;
  g_autofree guint8 *data = read_plain (&size);
  g_autoptr (Unpacked) unpacked = NULL;
  guint8 *entry = find_entry (data, size);

  entry[6] = 0x00;
  entry[7] = 0x20;
  unpacked = unpack_data (data, size, &usual_limits);
  g_assert_cmpint (unpacked->reason, ==, VT_REASON_DAMAGED);
}

static void
test_names_that_cannot_be (void)
{
  static const char bytes[] = {'\0', '/'};

  for (gsize i = 0; i < G_N_ELEMENTS (bytes); i++) {
    gsize size;
    g_autofree guint8 *data = read_plain (&size);
    g_autoptr (Unpacked) unpacked = NULL;

    find_entry (data, size)[8] = (guint8)bytes[i];
    unpacked = unpack_data (data, size, &usual_limits);
    g_assert_cmpint (unpacked->reason, ==, VT_REASON_DAMAGED);
    g_assert_cmpuint (count_content (unpacked, "first"), ==, 1);
  }
}

/* The library would read as far behind the block. */
static void
test_places_behind_a_block (void)
{
  gsize size;
  g_autofree guint8 *data = read_plain (&size);
  g_autoptr (Unpacked) unpacked = NULL;

  memset (find_entry (data, size), 0xff, 2);
  unpacked = unpack_data (data, size, &usual_limits);
  g_assert_cmpint (unpacked->reason, ==, VT_REASON_DAMAGED);
  memset (data + ROOT_INODE, 0xff, 2);
  g_clear_pointer (&unpacked, unpacked_free);
  unpacked = unpack_data (data, size, &usual_limits);
  g_assert_cmpint (unpacked->reason, ==, VT_REASON_DAMAGED);
  g_assert_cmpuint (unpacked->members->len, ==, 0);
}

/* At the superblock itself, and behind the end. */
static void
test_tables_where_none_can_be (void)
{
  static const gsize fields[] = {INODE_TABLE, DIRECTORY_TABLE};
  static const guint8 places[] = {0, 1, 0xff};

  for (gsize i = 0; i < G_N_ELEMENTS (fields); i++) {
    for (gsize j = 0; j < G_N_ELEMENTS (places); j++) {
      gsize size;
      g_autofree guint8 *data = read_plain (&size);
      g_autoptr (Unpacked) unpacked = NULL;

      memset (data + fields[i], 0, 8);
      data[fields[i] + (places[j] == 0xff ? 5 : 0)] = places[j];
      unpacked = unpack_data (data, size, &usual_limits);
      g_assert_cmpint (unpacked->reason, ==, VT_REASON_DAMAGED);
      g_assert_cmpuint (unpacked->members->len, ==, 0);
    }
  }
}

static void
test_what_is_cut_is_told (void)
{
  g_autoptr (GBytes) bytes = container_bytes ("archives/zstd.squashfs");
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);

  size = vt_le64 (data + 40); /* without padding */
  for (gsize i = 1; i < 20; i++) {
    g_autoptr (Unpacked) unpacked = unpack_data (data, size * i / 20, &usual_limits);

    g_assert_cmpint (unpacked->reason, ==, VT_REASON_DAMAGED);
  }
}

/* The small files are in one block, behind the noise, which is not compressed. */
static void
test_damaged_data (void)
{
  g_autoptr (GBytes) bytes = container_bytes ("archives/gzip.squashfs");
  gsize size = g_bytes_get_size (bytes);
  g_autofree guint8 *data = g_memdup2 (g_bytes_get_data (bytes, NULL), size);
  g_autoptr (Unpacked) unpacked = NULL;

  memset (data + SUPERBLOCK_SIZE + 300000, 0xff, 16);
  unpacked = unpack_data (data, size, &usual_limits);
  g_assert_cmpint (unpacked->reason, ==, VT_REASON_NONE);
  g_assert_cmpuint (unpacked->members->len, ==, 3);
  for (guint i = 0; i < 3; i++) {
    UnpackedMember *member = g_ptr_array_index (unpacked->members, i);

    g_assert_cmpint (member->reason, ==,
                     member->size == 300000 ? VT_REASON_NONE : VT_REASON_DAMAGED);
  }
  g_assert_cmpuint (count_content (unpacked, "directory/noise"), ==, 1);
}

static void
test_compression_of_another_kind (void)
{
  g_autoptr (Unpacked) unpacked = unpack_made ("archives/lzma.squashfs", &usual_limits);

  g_assert_cmpint (unpacked->reason, ==, VT_REASON_UNSUPPORTED);
  g_assert_nonnull (strstr (unpacked->detail, "lzma"));
}

/* A hole of 20 MiB, a byte, another hole; a file with two names. */
static void
test_holes_and_links (void)
{
  g_autoptr (Unpacked) unpacked = unpack_made ("archives/odd.squashfs", &usual_limits);
  guint holes = 0;

  g_assert_cmpstr (unpacked->detail, ==, NULL);
  g_assert_cmpuint (unpacked->members->len, ==, 2);
  g_assert_cmpuint (count_content (unpacked, "first"), ==, 1);
  for (guint i = 0; i < unpacked->members->len; i++) {
    UnpackedMember *member = g_ptr_array_index (unpacked->members, i);
    struct stat info;

    if (member->size != 30 * MEBI)
      continue;
    g_assert_cmpint (fstat (member->content, &info), ==, 0);
    g_assert_cmpint (info.st_blocks, <=, 1024);
    holes++;
  }
  g_assert_cmpuint (holes, ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/unpack-squashfs/directories-in-themselves", test_directories_in_themselves);
  g_test_add_func ("/unpack-squashfs/names-that-are-too-long", test_names_that_are_too_long);
  g_test_add_func ("/unpack-squashfs/names-that-cannot-be", test_names_that_cannot_be);
  g_test_add_func ("/unpack-squashfs/places-behind-a-block", test_places_behind_a_block);
  g_test_add_func ("/unpack-squashfs/tables-where-none-can-be", test_tables_where_none_can_be);
  g_test_add_func ("/unpack-squashfs/what-is-cut-is-told", test_what_is_cut_is_told);
  g_test_add_func ("/unpack-squashfs/damaged-data", test_damaged_data);
  g_test_add_func ("/unpack-squashfs/compression-of-another-kind",
                   test_compression_of_another_kind);
  g_test_add_func ("/unpack-squashfs/holes-and-links", test_holes_and_links);
  return g_test_run ();
}
