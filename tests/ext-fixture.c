// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "ext-fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vt-fd.h"

char *
ext_fixture_run (const char *directory, const char *const *argv, int *status)
{
  g_autofree char *messages = NULL;
  g_autoptr (GError) error = NULL;
  char *output = NULL;

  g_spawn_sync (directory, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output, &messages,
                status, &error);
  g_assert_no_error (error);
  if (*status != 0)
    g_test_message ("%s: %s", argv[0], messages);
  return output;
}

void
ext_fixture_set_up (ExtFixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture->dir = g_dir_make_tmp ("vt-ext-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->tree = g_build_filename (fixture->dir, "tree", NULL);
  fixture->image = g_build_filename (fixture->dir, "image", NULL);
  g_assert_cmpint (g_mkdir (fixture->tree, 0700), ==, 0);
}

void
ext_fixture_tear_down (ExtFixture *fixture, gconstpointer data)
{
  const char *const argv[] = {"rm", "-rf", fixture->dir, NULL};
  int status;

  g_free (ext_fixture_run (NULL, argv, &status));
  g_free (fixture->dir);
  g_free (fixture->tree);
  g_free (fixture->image);
}

char *
ext_fixture_path (ExtFixture *fixture, const char *path)
{
  return g_build_filename (fixture->tree, path, NULL);
}

void
ext_fixture_write (ExtFixture *fixture, const char *path, const void *data, gsize size)
{
  g_autofree char *full = ext_fixture_path (fixture, path);
  g_autofree char *directory = g_path_get_dirname (full);
  vt_autofd file = -1;

  g_assert_cmpint (g_mkdir_with_parents (directory, 0700), ==, 0);
  file = g_open (full, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
  g_assert_cmpint (file, >=, 0);
  g_assert_cmpint (write (file, data, size), ==, size);
}

void
ext_fixture_write_noise (ExtFixture *fixture, const char *path, gsize size)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (g_str_hash (path));
  g_autofree guint32 *data = g_new (guint32, size / sizeof (guint32) + 1);

  for (gsize i = 0; i <= size / sizeof (guint32); i++)
    data[i] = g_rand_int (rand);
  ext_fixture_write (fixture, path, data, size);
}

static void
make_sizes (ExtFixture *fixture)
{
  static const gsize sizes[] = {0,    1,     59,    60,     61,      100,           150,
                                160,  161,   400,   1023,   1024,    4095,          4096,
                                4097, 12288, 70000, 300000, 1 << 20, (2 << 20) + 17};

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autofree char *path = g_strdup_printf ("sizes/%zu", sizes[i]);

    ext_fixture_write_noise (fixture, path, sizes[i]);
  }
}

static void
make_names (ExtFixture *fixture)
{
  static const char *const names[] = {"\xff\xfe bad", "new\nline", " ", "..a", "\xc3\xa4", "a\\b"};
  g_autoptr (GString) deep = g_string_new ("deep");
  g_autofree char *longest = g_strnfill (255, 'n');
  g_autofree char *path = g_build_filename ("names", longest, NULL);

  ext_fixture_write (fixture, path, "long", 4);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *odd = g_build_filename ("names", names[i], NULL);

    ext_fixture_write (fixture, odd, names[i], strlen (names[i]));
  }
  for (guint i = 0; i < 50; i++) {
    g_string_append_printf (deep, "/d%u", i);
    path = (g_free (path), g_build_filename (deep->str, "f", NULL));
    ext_fixture_write (fixture, path, path, strlen (path));
  }
  for (guint i = 0; i < 400; i++) {
    path = (g_free (path), g_strdup_printf ("many/one-of-many-files-in-a-directory-%u", i));
    ext_fixture_write (fixture, path, path, strlen (path) % 50);
  }
}

static void
set_time (ExtFixture *fixture, const char *path, gint64 seconds, glong ns)
{
  g_autofree char *full = ext_fixture_path (fixture, path);
  const struct timespec times[2] = {{seconds, ns}, {seconds, ns}};

  g_assert_cmpint (utimensat (AT_FDCWD, full, times, 0), ==, 0);
}

static void
make_links (ExtFixture *fixture)
{
  g_autofree char *target = g_strnfill (200, 't');
  g_autofree char *file = ext_fixture_path (fixture, "sizes/100");
  g_autofree char *first = ext_fixture_path (fixture, "sizes/100.link");
  g_autofree char *second = ext_fixture_path (fixture, "deep/100.link");
  g_autofree char *fast = ext_fixture_path (fixture, "fast");
  g_autofree char *slow = ext_fixture_path (fixture, "slow");
  g_autofree char *fifo = ext_fixture_path (fixture, "fifo");
  g_autofree char *empty = ext_fixture_path (fixture, "empty");

  g_assert_cmpint (link (file, first), ==, 0);
  g_assert_cmpint (link (file, second), ==, 0);
  g_assert_cmpint (symlink ("sizes/100", fast), ==, 0);
  g_assert_cmpint (symlink (target, slow), ==, 0);
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  g_assert_cmpint (g_mkdir (empty, 0700), ==, 0);
}

void
ext_fixture_make_tree (ExtFixture *fixture)
{
  g_autofree char *sparse = ext_fixture_path (fixture, "sparse");
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
ext_fixture_mke2fs (ExtFixture *fixture, guint mib, const char *options)
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
  g_free (ext_fixture_run (NULL, (const char *const *)argv->pdata, &status));
  return status == 0;
}

void
ext_fixture_debugfs (ExtFixture *fixture, const char *commands)
{
  g_autofree char *script = g_build_filename (fixture->dir, "commands", NULL);
  const char *const argv[] = {"debugfs", "-w", "-f", script, fixture->image, NULL};
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  int status;

  g_file_set_contents (script, commands, -1, &error);
  g_assert_no_error (error);
  output = ext_fixture_run (NULL, argv, &status);
  g_test_message ("%s", output);
  g_assert_cmpint (status, ==, 0);
}

void
ext_fixture_patch (ExtFixture *fixture, guint64 offset, const void *data, gsize size)
{
  vt_autofd file = g_open (fixture->image, O_WRONLY | O_CLOEXEC, 0);

  g_assert_cmpint (pwrite (file, data, size, (off_t)offset), ==, size);
}

void
ext_fixture_add (const char *path, gconstpointer data, void (*test) (ExtFixture *, gconstpointer))
{
  g_test_add (path, ExtFixture, data, ext_fixture_set_up, test, ext_fixture_tear_down);
}
