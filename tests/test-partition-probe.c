// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What is on a partition. */
#include "partitions-fixture.h"
#include "vt-fat-boot.h"

/* More is not read for zeros than a device may have to be taken for blank. */
static void
test_large_blank (Fixture *fixture, gconstpointer data)
{
  g_assert_cmpint (ftruncate (fixture->fd, (off_t)(256 * MIB)), ==, 0);
  assert_devices (fixture, (const char *[]){"/dev/sda unknown   0 256 blank", NULL});
  g_assert_cmpint (ftruncate (fixture->fd, (off_t)(256 * MIB + SECTOR)), ==, 0);
  assert_refused (fixture, 0);
}

static void
test_other_types (Fixture *fixture, gconstpointer data)
{
  make_table (fixture, SMALL_GPT);
  put (fixture, "mkfs.minix", 8, 1);
  put (fixture, MKE2FS ("4"), 8, 10);
  probe (fixture);
  g_assert_cmpstr (get (fixture, 0)->type, ==, "minix");
  g_assert_cmpint (get (fixture, 0)->judgement, ==, VT_PARTITION_REFUSED);
  g_assert_cmpint (get (fixture, 1)->judgement, ==, VT_PARTITION_EXT);
}

static void
test_fat (Fixture *fixture, gconstpointer data)
{
  make_table (fixture, SMALL_GPT);
  put (fixture, "mkfs.vfat -F 12 -i 12345678 -n A-LABEL", 8, 1);
  put (fixture, "mkfs.vfat -F 16 -s 1 -i 00000042", 8, 10);
  assert_devices (fixture, (const char *[]){"/dev/sda1 vfat 1234-5678 A-LABEL 1 8 fat",
                                            "/dev/sda2 vfat 0000-0042  10 8 fat", NULL});
  /* A swap space's mark within what is reserved, at the end of a page. */
  run_script (fixture->dir, "rm -f fs; mkfs.vfat -C -F 12 -R 16 fs 8192 >/dev/null; "
                            "dd if=fs of=image bs=1M seek=1 conv=notrunc status=none");
  patch (fixture, 1 * MIB + 4096 - 10, "SWAPSPACE2", 10);
  patch (fixture, 1 * MIB + 1024, "\1\0\0\0\xff\1\0\0", 8);
  assert_refused (fixture, 0);
}

/* What tells of it is not what the reader goes by. */
static void
test_damaged_fat (Fixture *fixture, gconstpointer data)
{
  make_table (fixture, SMALL_GPT);
  put (fixture, "mkfs.vfat -F 12", 8, 1);
  patch (fixture, 1 * MIB + 16, "\3", 1); /* tables */
  assert_refused (fixture, 0);
  put (fixture, "mkfs.vfat -F 12", 8, 1);
  patch (fixture, 1 * MIB + 3, "MSWIN4.1", 8);
  assert_refused (fixture, 0);
  put (fixture, "mkfs.vfat -F 12", 8, 1);
  patch (fixture, 1 * MIB + 3, "EXFAT   ", 8);
  assert_refused (fixture, 0);
}

#define LARGE_GPT "label: gpt\nstart=2048, size=2097152\n"

/* The label is behind tables of 16 MiB, and in the boot sector is another one. */
static void
test_fat_label_far_away (Fixture *fixture, gconstpointer data)
{
  g_assert_cmpint (ftruncate (fixture->fd, (off_t)(1026 * MIB)), ==, 0);
  make_table (fixture, LARGE_GPT);
  put (fixture, "mkfs.vfat -F 32 -s 1 -i 12345678 -n FAR-AWAY", 1024, 1);
  patch (fixture, 1 * MIB + 71, "OTHER      ", 11);
  assert_devices (fixture, (const char *[]){"/dev/sda1 vfat 1234-5678 FAR-AWAY 1 1024 fat", NULL});
}

/* libblkid takes an entry of the table for a cluster where there is none any more. */
static void
test_fat_directory_beyond (Fixture *fixture, gconstpointer data)
{
  VtFatGeometry geometry;
  guint8 sector[VT_FAT_BOOT_SIZE];
  guint32 next;

  g_assert_cmpint (ftruncate (fixture->fd, (off_t)(1026 * MIB)), ==, 0);
  make_table (fixture, LARGE_GPT);
  put (fixture, "mkfs.vfat -F 32 -s 1", 1024, 1);
  g_assert_cmpint (pread (fixture->fd, sector, sizeof sector, 1 * MIB), ==, sizeof sector);
  g_assert_true (vt_fat_boot_parse (sector, 1024 * MIB, &geometry, NULL));
  next = GUINT32_TO_LE ((guint32)(geometry.table_size / 4) - 1);
  g_assert_cmpuint (next, >=, geometry.cluster_end);
  probe (fixture);
  g_assert_cmpint (get (fixture, 0)->judgement, ==, VT_PARTITION_FAT);
  patch (fixture, 1 * MIB + geometry.table_start + 8, &next, sizeof next);
  assert_refused (fixture, 0);
}

/* libblkid goes to the file table for the label, however far off that is. */
static void
test_ntfs (Fixture *fixture, gconstpointer data)
{
  const char *const expected[] = {"/dev/sda1 ntfs 0123456789ABCDEF a label 1 62 ntfs", NULL};
  const guint64 table = 1 * MIB + 16 * 1024;
  const guint64 other_table = 1 * MIB + 40 * MIB;
  guint8 records[4 * 1024];

  make_table (fixture, "label: dos\nstart=2048, size=126976, type=7\n");
  put (fixture,
       "f() { mkntfs -q -F -Q -c 4096 -L 'a label' -s 512 -p 2048 -H 255 -S 63 $1; "
       "ntfslabel --new-serial=0123456789abcdef $1; }; f",
       62, 1);
  assert_devices (fixture, expected);
  g_assert_cmpint (pread (fixture->fd, records, sizeof records, (off_t)table), ==, sizeof records);
  patch (fixture, other_table, records, sizeof records);
  memset (records, 0, sizeof records);
  patch (fixture, table, records, sizeof records);
  patch (fixture, 1 * MIB + 48, "\0\x28\0\0\0\0\0\0", 8);
  assert_devices (fixture, expected);
}

/* What begins like one, but leads elsewhere. */
static void
test_damaged_ntfs (Fixture *fixture, gconstpointer data)
{
  make_table (fixture, SMALL_GPT);
  put (fixture, "mkntfs -q -F -Q", 8, 1);
  probe (fixture);
  g_assert_cmpint (get (fixture, 0)->judgement, ==, VT_PARTITION_NTFS);
  /* Records that are larger than what the window gets. */
  patch (fixture, 1 * MIB + 64, "\xf1", 1);
  assert_refused (fixture, 0);
  patch (fixture, 1 * MIB + 64, "\xf6", 1);
  probe (fixture);
  g_assert_cmpint (get (fixture, 0)->judgement, ==, VT_PARTITION_NTFS);
  patch (fixture, 1 * MIB + 48, "\0\0\0\0\0\0\0\x10", 8);
  assert_refused (fixture, 0);
}

/* Its boot sector might be a table of partitions, too. */
static void
test_whole_disk_ntfs (Fixture *fixture, gconstpointer data)
{
  put (fixture, "mkntfs -q -F -Q -L fs", 64, 0);
  assert_disk_refused (fixture);
}

/* Two things at once: whatever is first in some order must not win. */
static void
test_ambiguous (Fixture *fixture, gconstpointer data)
{
  make_table (fixture, SMALL_GPT);
  put (fixture, MKE2FS ("4"), 8, 1);
  put (fixture, MKSWAP, 8, 10);
  /* A FAT's parameters, which libblkid follows to where they lead. */
  patch (fixture, 10 * MIB + 11, "\0\2", 2);
  assert_refused (fixture, 1);
  patch (fixture, 10 * MIB + 11, "\0\0", 2);
  probe (fixture);
  g_assert_cmpint (get (fixture, 1)->judgement, ==, VT_PARTITION_SWAP);
  patch (fixture, 18 * MIB - 512, "\xde\x11\xde\x11", 4);
  assert_refused (fixture, 1);
  patch (fixture, 18 * MIB - 512, "\0\0\0\0", 4);
  /* An XFS's mark over an ext4. */
  run_script (fixture->dir, "rm -f fs; truncate -s 320M fs; mkfs.xfs -q -f fs; "
                            "dd if=fs of=image bs=512 count=1 seek=2048 conv=notrunc status=none");
  assert_refused (fixture, 0);
}

/* All marks that libblkid knows near the start and the end are within what it is given. */
static void
test_far_marks (Fixture *fixture, gconstpointer data)
{
  g_assert_cmpint (ftruncate (fixture->fd, (off_t)(512 * MIB)), ==, 0);
  put (fixture, MKE2FS ("4"), 512, 0);
  probe (fixture);
  g_assert_cmpint (get (fixture, 0)->judgement, ==, VT_PARTITION_EXT);
  /* A RAID's metadata at the end, as mdadm of version 0.90 leaves them. */
  run_script (fixture->dir,
              "printf '\\374\\116\\053\\251\\0\\0\\0\\0\\132\\0\\0\\0' | "
              "dd of=image bs=1 seek=$((512 * 1048576 - 65536)) conv=notrunc status=none");
  assert_refused (fixture, 0);
}

static void
test_unusual_label (Fixture *fixture, gconstpointer data)
{
  make_table (fixture, SMALL_GPT);
  put (fixture, "mke2fs -q -F -t ext4 -L 'a\"b\\c'", 8, 1);
  put (fixture, "mke2fs -q -F -t ext4 -L \303\244", 8, 10);
  assert_refused (fixture, 0);
  assert_refused (fixture, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/partition-probe/large-blank", test_large_blank);
  ADD ("/partition-probe/other-types", test_other_types);
  ADD ("/partition-probe/fat", test_fat);
  ADD ("/partition-probe/damaged-fat", test_damaged_fat);
  ADD ("/partition-probe/fat-label-far-away", test_fat_label_far_away);
  ADD ("/partition-probe/fat-directory-beyond", test_fat_directory_beyond);
  ADD ("/partition-probe/ntfs", test_ntfs);
  ADD ("/partition-probe/damaged-ntfs", test_damaged_ntfs);
  ADD ("/partition-probe/whole-disk-ntfs", test_whole_disk_ntfs);
  ADD ("/partition-probe/ambiguous", test_ambiguous);
  ADD ("/partition-probe/far-marks", test_far_marks);
  ADD ("/partition-probe/unusual-label", test_unusual_label);
  return g_test_run ();
}
