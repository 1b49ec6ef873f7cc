// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "ext-fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vt-fd.h"

static void
make_sizes (FsFixture *fixture)
{
  static const gsize sizes[] = {0,    1,     59,    60,     61,      100,           150,
                                160,  161,   400,   1023,   1024,    4095,          4096,
                                4097, 12288, 70000, 300000, 1 << 20, (2 << 20) + 17};

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autofree char *path = g_strdup_printf ("sizes/%zu", sizes[i]);

    fs_fixture_write_noise (fixture, path, sizes[i]);
  }
}

static void
make_names (FsFixture *fixture)
{
  static const char *const names[] = {"\xff\xfe bad", "new\nline", " ", "..a", "\xc3\xa4", "a\\b"};
  g_autoptr (GString) deep = g_string_new ("deep");
  g_autofree char *longest = g_strnfill (255, 'n');
  g_autofree char *path = g_build_filename ("names", longest, NULL);

  fs_fixture_write (fixture, path, "long", 4);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *odd = g_build_filename ("names", names[i], NULL);

    fs_fixture_write (fixture, odd, names[i], strlen (names[i]));
  }
  for (guint i = 0; i < 50; i++) {
    g_string_append_printf (deep, "/d%u", i);
    path = (g_free (path), g_build_filename (deep->str, "f", NULL));
    fs_fixture_write (fixture, path, path, strlen (path));
  }
  for (guint i = 0; i < 400; i++) {
    path = (g_free (path), g_strdup_printf ("many/one-of-many-files-in-a-directory-%u", i));
    fs_fixture_write (fixture, path, path, strlen (path) % 50);
  }
}

static void
set_time (FsFixture *fixture, const char *path, gint64 seconds, glong ns)
{
  g_autofree char *full = fs_fixture_path (fixture, path);
  const struct timespec times[2] = {{seconds, ns}, {seconds, ns}};

  g_assert_cmpint (utimensat (AT_FDCWD, full, times, 0), ==, 0);
}

static void
make_links (FsFixture *fixture)
{
  g_autofree char *target = g_strnfill (200, 't');
  g_autofree char *file = fs_fixture_path (fixture, "sizes/100");
  g_autofree char *first = fs_fixture_path (fixture, "sizes/100.link");
  g_autofree char *second = fs_fixture_path (fixture, "deep/100.link");
  g_autofree char *fast = fs_fixture_path (fixture, "fast");
  g_autofree char *slow = fs_fixture_path (fixture, "slow");
  g_autofree char *fifo = fs_fixture_path (fixture, "fifo");
  g_autofree char *empty = fs_fixture_path (fixture, "empty");

  g_assert_cmpint (link (file, first), ==, 0);
  g_assert_cmpint (link (file, second), ==, 0);
  g_assert_cmpint (symlink ("sizes/100", fast), ==, 0);
  g_assert_cmpint (symlink (target, slow), ==, 0);
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  g_assert_cmpint (g_mkdir (empty, 0700), ==, 0);
}

void
ext_fixture_make_tree (FsFixture *fixture)
{
  g_autofree char *sparse = fs_fixture_path (fixture, "sparse");
  vt_autofd file = -1;

  make_sizes (fixture);
  make_names (fixture);
  make_links (fixture);
  file = g_open (sparse, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  g_assert_cmpint (pwrite (file, "middle", 6, 5 << 20), ==, 6);
  g_assert_cmpint (pwrite (file, "end", 3, 20 << 20), ==, 3);
  set_time (fixture, "sizes/1", -2, 500000000);
  set_time (fixture, "sizes/59", G_GINT64_CONSTANT (4102444800), 123456789);
  set_time (fixture, "sizes/60", G_GINT64_CONSTANT (2147483648), 5);
}

gboolean
ext_fixture_mke2fs (FsFixture *fixture, guint mib, const char *options)
{
  g_autofree char *size = g_strdup_printf ("%uM", mib);
  g_auto (GStrv) words = g_strsplit (options, " ", -1);
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  int status;

  g_unlink (fixture->image);
  g_ptr_array_add (argv, (gpointer) "mke2fs");
  g_ptr_array_add (argv, (gpointer) "-qF");
  for (guint i = 0; words[i] != NULL; i++)
    g_ptr_array_add (argv, words[i]);
  g_ptr_array_add (argv, (gpointer) "-d");
  g_ptr_array_add (argv, fixture->tree);
  g_ptr_array_add (argv, fixture->image);
  g_ptr_array_add (argv, size);
  g_ptr_array_add (argv, NULL);
  g_free (fs_fixture_run (NULL, (const char *const *)argv->pdata, &status));
  return status == 0;
}

void
ext_fixture_debugfs (FsFixture *fixture, const char *commands)
{
  g_autofree char *script = g_build_filename (fixture->dir, "commands", NULL);
  const char *const argv[] = {"debugfs", "-w", "-f", script, fixture->image, NULL};
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  int status;

  g_file_set_contents (script, commands, -1, &error);
  g_assert_no_error (error);
  output = fs_fixture_run (NULL, argv, &status);
  g_test_message ("%s", output);
  g_assert_cmpint (status, ==, 0);
}

static const FsKind ext_kind = {vt_ext_open, NULL, TRUE};

static void
set_up (FsFixture *fixture, gconstpointer data)
{
  fs_fixture_set_up (fixture, &ext_kind);
}

void
ext_fixture_add (const char *path, gconstpointer data, void (*test) (FsFixture *, gconstpointer))
{
  g_test_add (path, FsFixture, data, set_up, test, fs_fixture_tear_down);
}
