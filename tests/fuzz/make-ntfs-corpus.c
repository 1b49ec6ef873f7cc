// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Makes small NTFS volumes for the fuzzer to start from. Usage: make-ntfs-corpus DIRECTORY */
#include <string.h>

#include "ntfs-fixture.h"

/* "link" to "/file", and what Windows makes of a file that it has compressed itself. */
#define TAG_SYMLINK 0xA000000CU
#define TAG_WOF     0x80000017U
#define LINK_DATA   "\0\0\x08\0\x08\0\0\0\1\0\0\0f\0i\0l\0e\0"
#define WOF_DATA    "\1\0\0\0\2\0\0\0\1\0\0\0\0\0\0\0"

static void
fill (NtfsMaker *maker)
{
  ntfs_maker_add_directory (maker, "/etc", FALSE);
  ntfs_maker_add_directory (maker, "/many", FALSE);
  ntfs_maker_add_directory (maker, "/packed", TRUE);
  ntfs_maker_write (maker, "/etc/os-release", 0, "ID=x\n", 5);
  ntfs_maker_write (maker, "/file", 0, "small", 5);
  ntfs_maker_set_time (maker, "/file", 0);
  ntfs_maker_write_noise (maker, "/packed/file", 30000, 3);
  ntfs_maker_write_noise (maker, "/large", 60000, 256);
  ntfs_maker_write (maker, "/sparse", 100000, "x", 1);
  ntfs_maker_write (maker, "/link", 0, "", 0);
  ntfs_maker_set_reparse_point (maker, "/link", TAG_SYMLINK, LINK_DATA, sizeof LINK_DATA - 1);
  ntfs_maker_write (maker, "/wof", 0, "", 0);
  ntfs_maker_set_reparse_point (maker, "/wof", TAG_WOF, WOF_DATA, sizeof WOF_DATA - 1);
  ntfs_maker_set_dos_name (maker, "/large", "LARGE~1");
  ntfs_maker_add_pipe (maker, "/pipe", FALSE);
  ntfs_maker_add_interix_link (maker, "/interix");
  for (guint i = 0; i < 60; i++) {
    g_autofree char *path = g_strdup_printf ("/many/a-name-of-some-length-%u", i);

    ntfs_maker_write (maker, path, 0, path, i % 20);
  }
}

/* Pieces and names that need more than one record each. */
static void
fill_records (NtfsMaker *maker)
{
  guint8 bytes[512];

  ntfs_maker_write (maker, "/linked", 0, "x", 1);
  for (guint i = 0; i < 30; i++) {
    g_autofree char *path = g_strdup_printf ("/another-name-of-the-same-file-%u", i);

    ntfs_maker_link (maker, "/linked", path);
  }
  for (guint i = 0; i < 250; i++) {
    memset (bytes, (int)i, sizeof bytes);
    ntfs_maker_write (maker, "/pieces", i * sizeof bytes, bytes, sizeof bytes);
    ntfs_maker_write (maker, "/other-pieces", i * sizeof bytes, bytes, sizeof bytes);
  }
}

static void
make (const char *directory, const char *name, const char *options, void (*fill_it) (NtfsMaker *))
{
  g_autofree char *image = g_build_filename (directory, name, NULL);
  g_autoptr (NtfsMaker) maker = NULL;

  if (!ntfs_maker_format (image, 2048, options))
    g_error ("mkntfs %s", options);
  maker = ntfs_maker_open (image);
  fill_it (maker);
}

int
main (int argc, char **argv)
{
  if (argc != 2 || g_mkdir_with_parents (argv[1], 0700) != 0) {
    g_printerr ("usage: %s DIRECTORY\n", argv[0]);
    return 2;
  }
  make (argv[1], "small-clusters", "-c 512", fill);
  make (argv[1], "usual", "-c 4096", fill);
  make (argv[1], "records", "-c 512", fill_records);
  return 0;
}
