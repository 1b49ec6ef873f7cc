// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Files for the tests of vt-wrapper, made by the programs that users make them with. */
#pragma once

#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run-program.h"
#include "vt-fd.h"
#include "vt-paths.h"
#include "vt-wrapper-private.h"

typedef struct {
  char *dir;
} Fixture;

static inline void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->dir = g_dir_make_tmp ("vt-test-XXXXXX", NULL);
}

static inline void
tear_down (Fixture *fixture, gconstpointer data)
{
  vt_paths_remove_tree (fixture->dir);
  g_free (fixture->dir);
}

static inline char *
in_dir (const Fixture *fixture, const char *name)
{
  return g_build_filename (fixture->dir, name, NULL);
}

static inline void
write_file (const Fixture *fixture, const char *name, const void *data, gsize size)
{
  g_autofree char *path = in_dir (fixture, name);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, data, (gssize)size, &error);
  g_assert_no_error (error);
}

static inline int
open_file (const Fixture *fixture, const char *name, guint64 *size)
{
  g_autofree char *path = in_dir (fixture, name);
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  struct stat info;

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (fstat (fd, &info), ==, 0);
  *size = (guint64)info.st_size;
  return fd;
}

/* Runs a shell command in the directory. */
static inline void
shell (const Fixture *fixture, const char *command)
{
  run_script (fixture->dir, command);
}
