// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Partition tables. */
#include "partitions-fixture.h"

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
  run_script (fixture->dir, "wipefs -q -f -a image");
  make_table (fixture, "label: sun\n");
  assert_disk_refused (fixture);
  run_script (fixture->dir, "wipefs -q -f -a image");
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

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/partitions/gpt", test_gpt);
  ADD ("/partitions/mbr", test_mbr);
  ADD ("/partitions/whole-disk", test_whole_disk);
  ADD ("/partitions/blank-disk", test_blank_disk);
  ADD ("/partitions/damaged-gpt", test_damaged_gpt);
  ADD ("/partitions/hybrid-mbr", test_hybrid_mbr);
  ADD ("/partitions/damaged-mbr", test_damaged_mbr);
  ADD ("/partitions/damaged-chain", test_damaged_chain);
  ADD ("/partitions/beside-partitions", test_beside_partitions);
  ADD ("/partitions/other-tables", test_other_tables);
  ADD ("/partitions/many", test_many);
  return g_test_run ();
}
