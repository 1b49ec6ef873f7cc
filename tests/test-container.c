// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "vt-container.h"
#include "vt-fd.h"

/* What tests/make-containers made. */
static const struct {
  const char *path;
  VtContainerKind kind;
  const char *name;
} made[] = {
    {"archives/7zip.7z", VT_CONTAINER_ARCHIVE, "7z"},
    {"archives/BZip2.7z", VT_CONTAINER_ARCHIVE, "7z"},
    {"archives/encrypted-names.7z", VT_CONTAINER_ARCHIVE, "7z"},
    {"archives/Deflate.zip", VT_CONTAINER_ENGINE, "zip"},
    {"archives/encrypted.zip", VT_CONTAINER_ENGINE, "zip"},
    {"archives/LZMA-alone.zip", VT_CONTAINER_ARCHIVE, "zip"},
    {"archives/v7.tar", VT_CONTAINER_ENGINE, "tar"},
    {"archives/ustar.tar", VT_CONTAINER_ENGINE, "tar"},
    {"archives/gnu.tar", VT_CONTAINER_ENGINE, "tar"},
    {"archives/posix.tar", VT_CONTAINER_ENGINE, "tar"},
    {"archives/tree.iso9660", VT_CONTAINER_ENGINE, "iso9660"},
    {"archives/tree.xar", VT_CONTAINER_ENGINE, "xar"},
    {"archives/tree.ar", VT_CONTAINER_ARCHIVE, "ar"},
    {"archives/tree.warc", VT_CONTAINER_ARCHIVE, "warc"},
    {"archives/tree.wim", VT_CONTAINER_UNSUPPORTED, "wim"},
    {"archives/gzip.deb", VT_CONTAINER_ARCHIVE, "deb"},
    {"archives/w3.zstdio.rpm", VT_CONTAINER_ARCHIVE, "rpm"},
    {"archives/numbers.gz", VT_CONTAINER_ENGINE, "gzip"},
    {"archives/numbers.xz", VT_CONTAINER_ENGINE, "xz"},
    {"archives/numbers.bz2", VT_CONTAINER_ARCHIVE, "bzip2"},
    {"archives/numbers.lzma", VT_CONTAINER_ARCHIVE, "lzma"},
    {"archives/numbers.lz", VT_CONTAINER_ARCHIVE, "lzip"},
    {"archives/numbers.zst", VT_CONTAINER_ARCHIVE, "zstd"},
    {"archives/numbers.lz4", VT_CONTAINER_ARCHIVE, "lz4"},
    {"archives/numbers.lz4-legacy", VT_CONTAINER_ARCHIVE, "lz4"},
    {"archives/numbers.Z", VT_CONTAINER_ARCHIVE, "compress"},
    {"archives/numbers.lzo", VT_CONTAINER_UNSUPPORTED, "lzop"},
    {"archives/tree.tar.zst", VT_CONTAINER_ARCHIVE, "zstd"},
    {"archives/newc.cpio", VT_CONTAINER_CPIO, "cpio"},
    {"archives/crc.cpio", VT_CONTAINER_CPIO, "cpio"},
    {"archives/odc.cpio", VT_CONTAINER_CPIO, "cpio"},
    {"archives/bin.cpio", VT_CONTAINER_CPIO, "cpio"},
    {"archives/initramfs.zst", VT_CONTAINER_CPIO, "cpio"},
    {"archives/zstd.squashfs", VT_CONTAINER_SQUASHFS, "squashfs"},
    {"archives/tree.appimage", VT_CONTAINER_SQUASHFS, "appimage"},
    {"archives/tree.erofs", VT_CONTAINER_UNSUPPORTED, "erofs"},
    {"archives/tree.cramfs", VT_CONTAINER_UNSUPPORTED, "cramfs"},
    {"disks/qcow2", VT_CONTAINER_DISK, "qcow2"},
    {"disks/vmdk", VT_CONTAINER_DISK, "vmdk"},
    {"disks/vmdk-descriptor", VT_CONTAINER_UNSUPPORTED, "vmdk-descriptor"},
    {"disks/vhdx", VT_CONTAINER_DISK, "vhdx"},
    {"disks/vdi", VT_CONTAINER_DISK, "vdi"},
    {"disks/vpc", VT_CONTAINER_DISK, "vhd"},
    {"disks/vpc-fixed", VT_CONTAINER_DISK, "vhd"},
    {"disks/qed", VT_CONTAINER_DISK, "qed"},
    {"disks/parallels", VT_CONTAINER_DISK, "parallels"},
    {"disks/ext2", VT_CONTAINER_DISK, "ext"},
    {"disks/ext3", VT_CONTAINER_DISK, "ext"},
    {"disks/ext4", VT_CONTAINER_DISK, "ext"},
    {"disks/ext4-1k", VT_CONTAINER_DISK, "ext"},
    {"disks/xfs", VT_CONTAINER_DISK, "xfs"},
    {"disks/btrfs", VT_CONTAINER_DISK, "btrfs"},
    {"disks/fat12", VT_CONTAINER_DISK, "fat"},
    {"disks/fat32", VT_CONTAINER_DISK, "fat"},
    {"disks/ntfs", VT_CONTAINER_DISK, "ntfs"},
    {"disks/mbr", VT_CONTAINER_DISK, "mbr"},
    {"disks/gpt", VT_CONTAINER_DISK, "gpt"},
    {"disks/luks", VT_CONTAINER_DISK, "luks"},
    {"tree/first", VT_CONTAINER_NONE, NULL},
    {"tree/empty", VT_CONTAINER_NONE, NULL},
    {"tree/directory/numbers", VT_CONTAINER_NONE, NULL},
    {"tree/directory/noise", VT_CONTAINER_NONE, NULL},
};

static int
open_made (const char *path, guint64 *size)
{
  const char *directory = g_getenv ("VT_TEST_CONTAINERS");
  g_autofree char *full = g_build_filename (directory, path, NULL);
  int fd = open (full, O_RDONLY | O_CLOEXEC);
  struct stat info;

  if (fd < 0)
    g_error ("%s: %s", full, g_strerror (errno));
  g_assert_cmpint (fstat (fd, &info), ==, 0);
  *size = (guint64)info.st_size;
  return fd;
}

static void
test_what_programs_make (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (made); i++) {
    const char *name = "none";
    guint64 size;
    vt_autofd fd = open_made (made[i].path, &size);

    g_test_message ("%s", made[i].path);
    g_assert_cmpint (vt_container_recognise (fd, size, &name), ==, made[i].kind);
    g_assert_cmpstr (name, ==, made[i].name);
  }
}

static void
assert_is (const guint8 *bytes, gsize size, VtContainerKind kind)
{
  vt_autofd fd = memfd_create ("test", MFD_CLOEXEC);

  g_assert_cmpint (write (fd, bytes, size), ==, (gssize)size);
  g_assert_cmpint (vt_container_recognise (fd, size, NULL), ==, kind);
}

static void
assert_head_is (gsize offset, const char *head, gsize n, VtContainerKind kind)
{
  g_autofree guint8 *bytes = g_malloc0 (70000);

  memcpy (bytes + offset, head, n);
  assert_is (bytes, 70000, kind);
}

/* Of marks that are short, or words, what is around them must fit as well. */
static void
test_look_alikes (void)
{
  static const struct {
    gsize offset;
    const char *head;
  } heads[] = {
      {0, "BZh is how a bzip2 file begins"},
      {0, "070701 is how a cpio archive begins"},
      {0, "0707070707 is a number"},
      {0, "\xc7\x71 are two bytes"},
      {0, "\x1f\x9d\xff are three bytes"},
      {0, "]ab12 is how an old lzma file might begin"},
      {0, "the method -lh5- is one of LHA"},
      {0, "KDMVxxxx"},
      {0, "QFI\xfb xxxx"},
      {0, "XFSB is how XFS begins"},
      {3, "NTFS    "},
      {3, "EXFAT   "},
      {8, "AI\2"},
      {1080, "\x53\xef"},
      {510, "\x55\xaa"},
      {0, "\x85\x19xx"},
      {512, "LABELONE"},
      {512, "EFI PARTY"},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (heads); i++) {
    g_test_message ("number %zu", i);
    assert_head_is (heads[i].offset, heads[i].head, strlen (heads[i].head), VT_CONTAINER_NONE);
  }
}

static guint8 *
read_made (const char *path, gsize n)
{
  guint64 size;
  vt_autofd fd = open_made (path, &size);
  guint8 *bytes = g_malloc0 (MAX (n, size));

  g_assert_cmpint (read (fd, bytes, size), ==, (gssize)size);
  return bytes;
}

/* Numbers that cannot be where the mark is right. */
static void
test_numbers_must_fit (void)
{
  static const guint8 cpio[26 + 8] = {0xc7, 0x71, [20] = 8, [26] = 'n', 'o',
                                      '\0', 'e',  'n',      'd',        's'};
  guint8 lzma[14] = {0x5d, 0, 0, 0x80, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0};
  g_autofree guint8 *ext = read_made ("disks/ext4", 0);

  assert_is (ext, 100000, VT_CONTAINER_DISK);
  ext[1024 + 40]++; /* inodes a group */
  assert_is (ext, 100000, VT_CONTAINER_NONE);
  assert_is (lzma, sizeof lzma, VT_CONTAINER_ARCHIVE);
  lzma[1] = 0x05; /* the dictionary */
  assert_is (lzma, sizeof lzma, VT_CONTAINER_NONE);
  assert_is (cpio, sizeof cpio, VT_CONTAINER_NONE);
}

/* Copies of boot sectors, and boot loaders, are on every system. */
static void
test_boot_sectors_are_no_disks (void)
{
  static const char *const disks[] = {"disks/mbr", "disks/fat12", "disks/ntfs"};

  for (gsize i = 0; i < G_N_ELEMENTS (disks); i++) {
    g_autofree guint8 *bytes = read_made (disks[i], 0);

    assert_is (bytes, 65536, i == 0 ? VT_CONTAINER_NONE : VT_CONTAINER_DISK);
    assert_is (bytes, 2 * 1024 * 1024, VT_CONTAINER_DISK);
    assert_is (bytes, 512, VT_CONTAINER_NONE);
  }
}

/* The table as it is, in a file with the mark of a kernel behind its first sector. */
static void
test_kernels_are_no_disks (void)
{
  g_autofree guint8 *bytes = read_made ("disks/mbr", 0);

  memcpy (bytes + 514, "HdrS", 4);
  assert_is (bytes, 2 * 1024 * 1024, VT_CONTAINER_NONE);
}

static void
test_entries_of_a_table_must_be_right (void)
{
  static const struct {
    gsize offset;
    guint8 value;
  } changes[] = {{446, 1}, {450, 0}, {462, 0x7f}, {466, 0x83}, {510, 0}, {457, 0xff}};

  for (gsize i = 0; i < G_N_ELEMENTS (changes); i++) {
    g_autofree guint8 *bytes = read_made ("disks/mbr", 0);

    bytes[changes[i].offset] = changes[i].value;
    assert_is (bytes, 4 * 1024 * 1024, VT_CONTAINER_NONE);
  }
}

static void
test_what_cannot_be_read_is_none (void)
{
  g_assert_cmpint (vt_container_recognise (-1, 100000, NULL), ==, VT_CONTAINER_NONE);
}

/* The first bytes of each, in numbers from none to more than all marks take. */
static void
test_short_contents (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (made); i++) {
    g_autofree guint8 *bytes = read_made (made[i].path, 600);

    for (gsize n = 0; n < 600; n += 7) {
      vt_autofd fd = memfd_create ("test", MFD_CLOEXEC);

      g_assert_cmpint (write (fd, bytes, n), ==, (gssize)n);
      g_assert_cmpint (vt_container_recognise (fd, n, NULL), <, VT_CONTAINER_N_KINDS);
    }
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/container/what-programs-make", test_what_programs_make);
  g_test_add_func ("/container/look-alikes", test_look_alikes);
  g_test_add_func ("/container/numbers-must-fit", test_numbers_must_fit);
  g_test_add_func ("/container/boot-sectors-are-no-disks", test_boot_sectors_are_no_disks);
  g_test_add_func ("/container/kernels-are-no-disks", test_kernels_are_no_disks);
  g_test_add_func ("/container/entries-of-a-table-must-be-right",
                   test_entries_of_a_table_must_be_right);
  g_test_add_func ("/container/what-cannot-be-read-is-none", test_what_cannot_be_read_is_none);
  g_test_add_func ("/container/short-contents", test_short_contents);
  return g_test_run ();
}
