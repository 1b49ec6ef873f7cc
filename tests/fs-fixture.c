// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "fs-fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "vt-fd.h"

char *
fs_fixture_run (const char *directory, const char *const *argv, int *status)
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
fs_fixture_set_up (FsFixture *fixture, const FsKind *kind)
{
  g_autoptr (GError) error = NULL;

  fixture->kind = kind;
  fixture->dir = g_dir_make_tmp ("vt-fs-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->tree = g_build_filename (fixture->dir, "tree", NULL);
  fixture->image = g_build_filename (fixture->dir, "image", NULL);
  g_assert_cmpint (g_mkdir (fixture->tree, 0700), ==, 0);
}

void
fs_fixture_tear_down (FsFixture *fixture, gconstpointer data)
{
  const char *const argv[] = {"rm", "-rf", fixture->dir, NULL};
  int status;

  g_free (fs_fixture_run (NULL, argv, &status));
  g_free (fixture->dir);
  g_free (fixture->tree);
  g_free (fixture->image);
}

char *
fs_fixture_path (FsFixture *fixture, const char *path)
{
  return g_build_filename (fixture->tree, path, NULL);
}

void
fs_fixture_write (FsFixture *fixture, const char *path, const void *data, gsize size)
{
  g_autofree char *full = fs_fixture_path (fixture, path);
  g_autofree char *directory = g_path_get_dirname (full);
  vt_autofd file = -1;

  g_assert_cmpint (g_mkdir_with_parents (directory, 0700), ==, 0);
  file = g_open (full, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
  g_assert_cmpint (file, >=, 0);
  g_assert_cmpint (write (file, data, size), ==, size);
}

void
fs_fixture_write_noise (FsFixture *fixture, const char *path, gsize size)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (g_str_hash (path));
  g_autofree guint32 *data = g_new (guint32, size / sizeof (guint32) + 1);

  for (gsize i = 0; i <= size / sizeof (guint32); i++)
    data[i] = g_rand_int (rand);
  fs_fixture_write (fixture, path, data, size);
}

void
fs_fixture_patch (FsFixture *fixture, guint64 offset, const void *data, gsize size)
{
  vt_autofd file = g_open (fixture->image, O_WRONLY | O_CLOEXEC, 0);

  g_assert_cmpint (pwrite (file, data, size, (off_t)offset), ==, size);
}
