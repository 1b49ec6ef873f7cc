// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "fat-fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vt-bytes.h"
#include "vt-fd.h"

static void
run_words (FsFixture *fixture, const char *const *argv)
{
  int status;

  g_free (fs_fixture_run (fixture->tree, argv, &status));
  g_assert_cmpint (status, ==, 0);
}

void
fat_fixture_mkfs (FsFixture *fixture, guint kib, const char *options)
{
  g_autofree char *line = g_strdup_printf ("mkfs.vfat -C %s %s %u", options, fixture->image, kib);
  g_auto (GStrv) words = g_strsplit (line, " ", -1);

  g_unlink (fixture->image);
  run_words (fixture, (const char *const *)words);
}

void
fat_fixture_mtool (FsFixture *fixture, const char *command)
{
  g_auto (GStrv) words = NULL;
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();

  g_assert_true (g_shell_parse_argv (command, NULL, &words, NULL));
  g_ptr_array_add (argv, words[0]);
  g_ptr_array_add (argv, (gpointer) "-i");
  g_ptr_array_add (argv, fixture->image);
  for (guint i = 1; words[i] != NULL; i++)
    g_ptr_array_add (argv, words[i]);
  g_ptr_array_add (argv, NULL);
  run_words (fixture, (const char *const *)argv->pdata);
}

void
fat_fixture_fill (FsFixture *fixture)
{
  const char *const argv[] = {"sh", "-c", "mcopy -smQ -i \"$0\" ./* ::", fixture->image, NULL};

  run_words (fixture, argv);
}

static void
make_names (FsFixture *fixture)
{
  static const char *const names[] = {
      "SHORT.TXT",
      "lower.txt",
      "MIXED.txt",
      "other.TXT",
      "Mixed Case.Text",
      "noext",
      "two.dots.x",
      ".hidden",

      "a+b,c;d=e[f]",
      " leading",
      "\xc3\xa4pfel und \xc3\xb6l.txt",
      "\xe4\xb8\xad\xe6\x96\x87",
      "LONGERTHANEIGHT~1.TXT",
  };
  g_autofree char *longest = g_strnfill (255, 'n');
  g_autofree char *path = g_build_filename ("names", longest, NULL);
  g_autoptr (GString) deep = g_string_new ("deep");

  fs_fixture_write (fixture, path, "long", 4);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *odd = g_build_filename ("names", names[i], NULL);

    fs_fixture_write (fixture, odd, names[i], strlen (names[i]));
  }
  for (guint i = 0; i < 20; i++) {
    g_string_append_printf (deep, "/Directory %u", i);
    path = (g_free (path), g_build_filename (deep->str, "f", NULL));
    fs_fixture_write (fixture, path, path, strlen (path));
  }
  for (guint i = 0; i < 100; i++) {
    path = (g_free (path), g_strdup_printf ("many/one-of-many-files-in-a-directory-%u", i));
    fs_fixture_write (fixture, path, path, strlen (path) % 50);
  }
}

void
fat_fixture_make_tree (FsFixture *fixture)
{
  static const gsize sizes[] = {0, 1, 511, 512, 513, 4095, 4096, 4097, 32768, 70000, 300001};
  g_autofree char *empty = fs_fixture_path (fixture, "empty");

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autofree char *path = g_strdup_printf ("sizes/%zu", sizes[i]);

    fs_fixture_write_noise (fixture, path, sizes[i]);
  }
  make_names (fixture);
  g_assert_cmpint (g_mkdir (empty, 0700), ==, 0);
}

void
fat_fixture_make_sample (FsFixture *fixture, const char *options)
{
  fs_fixture_write_noise (fixture, "FILE.BIN", 2500);
  fs_fixture_write_noise (fixture, "TWO.BIN", 1000);
  fs_fixture_write_noise (fixture, "DUO.BIN", 1000);
  fs_fixture_write (fixture, "EMPTY", "", 0);
  fs_fixture_write (fixture, "A long name, and longer.text", "long", 4);
  fs_fixture_write (fixture, "DIR/SUB/F", "f", 1);
  fs_fixture_write (fixture, "OTHER/G", "g", 1);
  fat_fixture_mkfs (fixture, g_str_equal (options, FAT_FIXTURE_32) ? 40000 : 8000, options);
  fat_fixture_fill (fixture);
}

void
fat_fixture_assert_read (FsFixture *fixture)
{
  g_autoptr (FsResult) result = fs_fixture_read (fixture, 100);

  g_assert_no_error (result->error);
  g_assert_cmpstr (result->refusal, ==, NULL);
}

VtFatGeometry
fat_fixture_geometry (FsFixture *fixture)
{
  vt_autofd file = g_open (fixture->image, O_RDONLY | O_CLOEXEC, 0);
  guint8 sector[VT_FAT_BOOT_SIZE];
  g_autoptr (GError) error = NULL;
  VtFatGeometry geometry;

  g_assert_cmpint (pread (file, sector, sizeof sector, 0), ==, sizeof sector);
  g_assert_true (vt_fat_boot_parse (sector, G_MAXUINT64, &geometry, &error));
  return geometry;
}

guint64
fat_fixture_find (FsFixture *fixture, const void *what, gsize n)
{
  g_autofree char *bytes = NULL;
  const char *found;
  gsize size;

  g_assert_true (g_file_get_contents (fixture->image, &bytes, &size, NULL));
  found = memmem (bytes, size, what, n);
  g_assert_nonnull (found);
  return (guint64)(found - bytes);
}

void
fat_fixture_set_next (FsFixture *fixture, guint32 cluster, guint32 next)
{
  VtFatGeometry geometry = fat_fixture_geometry (fixture);
  guint32 value = GUINT32_TO_LE (next);
  guint width = geometry.bits / 8;

  for (guint copy = 0; copy < geometry.copies; copy++)
    fs_fixture_patch (fixture,
                      geometry.table_start + copy * geometry.table_size + (guint64)cluster * width,
                      &value, width);
}

guint32
fat_fixture_first_cluster (FsFixture *fixture, const char *name)
{
  vt_autofd file = g_open (fixture->image, O_RDONLY | O_CLOEXEC, 0);
  guint64 slot = fat_fixture_find (fixture, name, 11);
  guint8 bytes[VT_FAT_SLOT_SIZE];

  g_assert_cmpint (pread (file, bytes, sizeof bytes, (off_t)slot), ==, sizeof bytes);
  return vt_le16 (bytes + 26) | (guint32)vt_le16 (bytes + 20) << 16;
}

static const FsKind fat_kind = {vt_fat_open, "vfat", FALSE};

static void
set_up (FsFixture *fixture, gconstpointer data)
{
  g_setenv ("TZ", "UTC", TRUE);
  fs_fixture_set_up (fixture, &fat_kind);
}

void
fat_fixture_add (const char *path, gconstpointer data, void (*test) (FsFixture *, gconstpointer))
{
  g_test_add (path, FsFixture, data, set_up, test, fs_fixture_tear_down);
}
