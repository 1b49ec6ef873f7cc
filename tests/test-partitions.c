// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Devices of disks that sfdisk, mke2fs and mkswap have made. What is expected of good ones is what
 * libguestfs says of the same; what is damaged afterwards has to be refused.
 */
#include "vt-partitions.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "vt-fd.h"
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

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->dir = g_dir_make_tmp ("vt-test-XXXXXX", NULL);
  fixture->image = g_build_filename (fixture->dir, "image", NULL);
  fixture->fd = open (fixture->image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  g_assert_cmpint (ftruncate (fixture->fd, DISK_SIZE), ==, 0);
}

static void
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
static void
run (Fixture *fixture, const char *command)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *script = g_strconcat ("PATH=$PATH:/usr/sbin:/sbin; set -e; ", command, NULL);
  const char *argv[] = {"sh", "-c", script, NULL};
  int status;

  g_assert_true (g_spawn_sync (fixture->dir, (char **)argv, NULL,
                               G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL,
                               NULL, &status, &error));
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
}

static void
make_table (Fixture *fixture, const char *script)
{
  g_autofree char *path = g_build_filename (fixture->dir, "table", NULL);

  g_assert_true (g_file_set_contents (path, script, -1, NULL));
  run (fixture, "sfdisk -q image <table");
}

/* Makes a file system of SIZE MiB in a file of its own and puts it at AT MiB. */
static void
put (Fixture *fixture, const char *make, guint size, guint at)
{
  g_autofree char *command =
      g_strdup_printf ("rm -f fs; truncate -s %uM fs; %s fs >/dev/null 2>&1; "
                       "dd if=fs of=image bs=1M seek=%u conv=notrunc,sparse status=none",
                       size, make, at);
  run (fixture, command);
}

static void
patch (Fixture *fixture, guint64 offset, const void *bytes, gsize n)
{
  g_assert_cmpint (pwrite (fixture->fd, bytes, n, (off_t)offset), ==, n);
}

static void
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
static void
assert_devices (Fixture *fixture, const char *const *expected)
{
  static const char *const names[] = {"refused", "ext", "ntfs", "swap", "empty", "blank"};

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

static void
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

static void
assert_refused (Fixture *fixture, guint index)
{
  const VtPartition *device;

  probe (fixture);
  g_assert_cmpuint (fixture->devices->len, >, index);
  device = g_ptr_array_index (fixture->devices, index);
  g_assert_cmpint (device->judgement, ==, VT_PARTITION_REFUSED);
  g_test_message ("%s refused: %s", device->id, device->why);
}

static const VtPartition *
get (Fixture *fixture, guint index)
{
  return g_ptr_array_index (fixture->devices, index);
}

#define UUID(n)   "5eed0000-0000-4000-8000-00000000000" n
#define MKE2FS(n) "mke2fs -q -F -t ext" n " -U " UUID (n) " -L 'fs " n "'"
#define MKSWAP    "mkswap -q -L swp -U " UUID ("9")
#define SMALL_GPT "label: gpt\nstart=2048, size=16384\nstart=20480, size=16384\n"
#define SMALL_MBR "label: dos\nstart=2048, size=16384, type=83\nstart=20480, size=16384, type=83\n"
#define LOGICAL_MBR                                                                                \
  "label: dos\n1: start=2048, size=2048, type=83\n2: start=8192, size=65536, type=5\n"             \
  "5: start=10240, size=16384, type=83\n6: start=28672, size=16384, type=83\n"

static void
test_gpt (Fixture *fixture, gconstpointer data)
{
  make_table (fixture,
              "label: gpt\nlabel-id: 5eed0000-0000-4000-8000-00000000d15c\n"
              "1: start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649\n"
              "2: start=4096, size=16384, uuid=" UUID (
                  "A") "\n"
                       "4: start=20480, size=8192, type=0657FD6D-A4AB-43C4-84E5-0933C84B4F4F\n"
                       "5: start=28672, size=4096\n"
                       "7: start=32768, size=4096, type=E3C9E316-0B5C-4DB8-817D-F92DF00215AE\n"
                       "10: start=40960, size=16384\n"
                       "11: start=59392, size=16384\n"
                       "12: start=90112, size=2048\n");
  patch (fixture, MIB, "boot code", 9);
  put (fixture, MKE2FS ("4"), 8, 2);
  put (fixture, MKSWAP, 4, 10);
  put (fixture, MKE2FS ("3"), 8, 20);
  put (fixture, MKE2FS ("2"), 8, 29);
  patch (fixture, 44 * MIB + 300000, "noise", 5);
  assert_devices (
      fixture, (const char *[]){
                   "/dev/sda1 unknown   1 1 empty", "/dev/sda2 ext4 " UUID ("4") " fs 4 2 8 ext",
                   "/dev/sda4 swap " UUID ("9") " swp 10 4 swap", "/dev/sda5 unknown   14 2 blank",
                   "/dev/sda10 ext3 " UUID ("3") " fs 3 20 8 ext",
                   "/dev/sda11 ext2 " UUID ("2") " fs 2 29 8 ext",
                   "/dev/sda12 unknown   44 1 refused", "/dev/sda7 unknown   16 2 empty", NULL});
  g_assert_cmpstr (get (fixture, 0)->gpt_type, ==, "21686148-6449-6E6F-744E-656564454649");
  g_assert_cmpstr (get (fixture, 1)->uuid_of_partition, ==, "5eed0000-0000-4000-8000-00000000000a");
  g_assert_cmpint (get (fixture, 4)->number, ==, 10);
}

static void
test_mbr (Fixture *fixture, gconstpointer data)
{
  make_table (fixture, "label: dos\nlabel-id: 0x5eedd15c\n"
                       "1: start=2048, size=16384, type=83, bootable\n"
                       "2: start=20480, size=8192, type=82\n"
                       "4: start=32768, size=65536, type=5\n"
                       "5: start=34816, size=16384, type=83\n"
                       "6: start=53248, size=4096, type=83\n"
                       "7: start=59392, size=16384, type=83\n");
  put (fixture, MKE2FS ("2"), 8, 1);
  put (fixture, MKSWAP, 4, 10);
  put (fixture, MKE2FS ("4"), 8, 17);
  put (fixture, MKE2FS ("3"), 8, 29);
  assert_devices (fixture, (const char *[]){"/dev/sda1 ext2 " UUID ("2") " fs 2 1 8 ext",
                                            "/dev/sda2 swap " UUID ("9") " swp 10 4 swap",
                                            "/dev/sda5 ext4 " UUID ("4") " fs 4 17 8 ext",
                                            "/dev/sda6 unknown   26 2 blank",
                                            "/dev/sda7 ext3 " UUID ("3") " fs 3 29 8 ext", NULL});
  g_assert_cmpstr (get (fixture, 2)->uuid_of_partition, ==, "5eedd15c-05");
  g_assert_null (get (fixture, 2)->gpt_type);
  g_assert_cmpint (get (fixture, 1)->mbr_type, ==, 0x82);
}

static void
test_whole_disk (Fixture *fixture, gconstpointer data)
{
  put (fixture, MKE2FS ("4"), 64, 0);
  assert_devices (fixture, (const char *[]){"/dev/sda ext4 " UUID ("4") " fs 4 0 64 ext", NULL});
  patch (fixture, 2048, "RDSK", 4);
  assert_disk_refused (fixture);
  patch (fixture, 2048, "\0\0\0\0", 4);
  patch (fixture, 510, "\x55\xaa", 2);
  assert_disk_refused (fixture);
}

static void
test_blank_disk (Fixture *fixture, gconstpointer data)
{
  assert_devices (fixture, (const char *[]){"/dev/sda unknown   0 64 blank", NULL});
  patch (fixture, 40 * MIB, "x", 1);
  assert_devices (fixture, (const char *[]){"/dev/sda unknown   0 64 refused", NULL});
  g_assert_cmpint (ftruncate (fixture->fd, 0), ==, 0);
  assert_disk_refused (fixture);
  g_assert_cmpint (ftruncate (fixture->fd, (off_t)MIB + 1), ==, 0);
  assert_disk_refused (fixture);
}

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
  put (fixture, "mkfs.vfat", 8, 1);
  put (fixture, MKE2FS ("4"), 8, 10);
  probe (fixture);
  g_assert_cmpstr (get (fixture, 0)->type, ==, "vfat");
  g_assert_cmpint (get (fixture, 0)->judgement, ==, VT_PARTITION_REFUSED);
  g_assert_cmpint (get (fixture, 1)->judgement, ==, VT_PARTITION_EXT);
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
  run (fixture, "rm -f fs; truncate -s 320M fs; mkfs.xfs -q -f fs; "
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
  run (fixture, "printf '\\374\\116\\053\\251\\0\\0\\0\\0\\132\\0\\0\\0' | "
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

static void
test_damaged_gpt (Fixture *fixture, gconstpointer data)
{
  const guint64 offsets[] = {
      512 + 40,             /* the header */
      1024 + 128 + 56,      /* the entries */
      DISK_SIZE - 512 + 56, /* the other header */
      DISK_SIZE - 33 * 512, /* the other entries */
  };

  make_table (fixture, SMALL_GPT);
  put (fixture, MKE2FS ("4"), 8, 1);
  put (fixture, MKE2FS ("3"), 8, 10);
  probe (fixture);
  g_assert_cmpuint (fixture->devices->len, ==, 2);
  for (guint i = 0; i < G_N_ELEMENTS (offsets); i++) {
    guint8 byte;

    g_assert_cmpint (pread (fixture->fd, &byte, 1, (off_t)offsets[i]), ==, 1);
    byte ^= 0x41;
    patch (fixture, offsets[i], &byte, 1);
    assert_disk_refused (fixture);
    byte ^= 0x41;
    patch (fixture, offsets[i], &byte, 1);
  }
  /* The disk has grown since. */
  g_assert_cmpint (ftruncate (fixture->fd, DISK_SIZE + 4096), ==, 0);
  assert_disk_refused (fixture);
}

static void
test_hybrid_mbr (Fixture *fixture, gconstpointer data)
{
  make_table (fixture, SMALL_GPT);
  put (fixture, MKE2FS ("4"), 8, 1);
  patch (fixture, 446 + 16, "\0\0\0\0\x83\0\0\0\0\x08\0\0\0\x40\0\0", 16);
  assert_disk_refused (fixture);
  patch (fixture, 446, "\0\0\0\0\x83\0\0\0\0\x08\0\0\0\x40\0\0", 16);
  patch (fixture, 446 + 16, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
  probe (fixture);
  g_assert_cmpuint (fixture->devices->len, ==, 1);
}

static void
test_damaged_mbr (Fixture *fixture, gconstpointer data)
{
  static const struct {
    guint64 offset;
    const char *bytes;
    gsize n;
  } changes[] = {
      {446, "\x17", 1},              /* boot indicator */
      {446 + 4, "\xa5", 1},          /* a BSD disklabel may be in there */
      {446 + 4, "\x8e", 1},          /* LVM */
      {446 + 4, "\0", 1},            /* no type, but a size */
      {446 + 8, "\xff\xff\xff", 3},  /* beyond the disk */
      {446 + 12, "\xff\xff\xff", 3}, /* likewise */
      {446 + 16 + 8, "\0\x0a", 2},   /* the second over the first */
      {3, "NTFS    ", 8},
  };

  make_table (fixture, SMALL_MBR);
  put (fixture, MKE2FS ("4"), 8, 1);
  put (fixture, MKE2FS ("3"), 8, 10);
  probe (fixture);
  g_assert_cmpuint (fixture->devices->len, ==, 2);
  for (guint i = 0; i < G_N_ELEMENTS (changes); i++) {
    char saved[16];

    g_assert_cmpint (pread (fixture->fd, saved, changes[i].n, (off_t)changes[i].offset), >, 0);
    patch (fixture, changes[i].offset, changes[i].bytes, changes[i].n);
    assert_disk_refused (fixture);
    patch (fixture, changes[i].offset, saved, changes[i].n);
  }
}

static void
test_damaged_chain (Fixture *fixture, gconstpointer data)
{
  const guint64 first = 8192 * SECTOR;
  static const struct {
    guint64 offset;
    const char *bytes;
    gsize n;
  } changes[] = {
      {510, "\0", 1},                /* no record */
      {446 + 4, "\x82\0", 1},        /* still good */
      {446 + 4, "\x05", 1},          /* a chain that branches */
      {446 + 8, "\0\0\0\1", 4},      /* out of the extended partition */
      {446 + 16 + 8, "\0\0\0\0", 4}, /* the next record is the same */
      {446 + 16 + 8, "\0\0\0\1", 4}, /* the next one is outside */
      {446 + 16 + 4, "\x83", 1},     /* a second partition in place of the next record */
      {446 + 32 + 4, "\x83\0\0\0\0\x10\0\0\0\x10\0", 11}, /* a third entry */
      {446 + 48 + 4, "\x83\0\0\0\0\x10\0\0\0\x10\0", 11}, /* a fourth */
  };

  make_table (fixture, LOGICAL_MBR);
  put (fixture, MKE2FS ("4"), 8, 5);
  put (fixture, MKE2FS ("3"), 8, 14);
  probe (fixture);
  g_assert_cmpuint (fixture->devices->len, ==, 3);
  for (guint i = 0; i < G_N_ELEMENTS (changes); i++) {
    char saved[16];

    g_assert_cmpint (pread (fixture->fd, saved, changes[i].n, (off_t)(first + changes[i].offset)),
                     >, 0);
    patch (fixture, first + changes[i].offset, changes[i].bytes, changes[i].n);
    if (i != 1)
      assert_disk_refused (fixture);
    patch (fixture, first + changes[i].offset, saved, changes[i].n);
  }
}

static void
test_beside_partitions (Fixture *fixture, gconstpointer data)
{
  make_table (fixture, SMALL_GPT);
  put (fixture, MKE2FS ("4"), 8, 1);
  /* A volume descriptor of an ISO 9660, as on hybrid disks. */
  patch (fixture, 32768, "\1CD001\1", 7);
  patch (fixture, 34816, "\377CD001\1", 7);
  assert_disk_refused (fixture);
}

static void
test_other_tables (Fixture *fixture, gconstpointer data)
{
  make_table (fixture, "label: sgi\nstart=4096, size=16384\n");
  assert_disk_refused (fixture);
  run (fixture, "wipefs -q -f -a image");
  make_table (fixture, "label: sun\n");
  assert_disk_refused (fixture);
  run (fixture, "wipefs -q -f -a image");
  make_table (fixture, "label: gpt\n");
  assert_disk_refused (fixture);
}

static void
test_many (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GString) script = g_string_new ("label: gpt\n");

  for (guint i = 0; i < 128; i++)
    g_string_append_printf (script, "start=%u, size=2\n", 2048 + 2 * i);
  make_table (fixture, script->str);
  probe (fixture);
  g_assert_cmpuint (fixture->devices->len, ==, 128);
  g_assert_cmpstr (get (fixture, 127)->id, ==, "/dev/sda128");
  g_assert_cmpint (get (fixture, 127)->judgement, ==, VT_PARTITION_BLANK);
}

#define ADD(name, function)                                                                        \
  g_test_add ("/partitions/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("gpt", test_gpt);
  ADD ("mbr", test_mbr);
  ADD ("whole-disk", test_whole_disk);
  ADD ("blank-disk", test_blank_disk);
  ADD ("large-blank", test_large_blank);
  ADD ("other-types", test_other_types);
  ADD ("ntfs", test_ntfs);
  ADD ("damaged-ntfs", test_damaged_ntfs);
  ADD ("whole-disk-ntfs", test_whole_disk_ntfs);
  ADD ("ambiguous", test_ambiguous);
  ADD ("far-marks", test_far_marks);
  ADD ("unusual-label", test_unusual_label);
  ADD ("damaged-gpt", test_damaged_gpt);
  ADD ("hybrid-mbr", test_hybrid_mbr);
  ADD ("damaged-mbr", test_damaged_mbr);
  ADD ("damaged-chain", test_damaged_chain);
  ADD ("beside-partitions", test_beside_partitions);
  ADD ("other-tables", test_other_tables);
  ADD ("many", test_many);
  return g_test_run ();
}
