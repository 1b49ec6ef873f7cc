// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vt-paths.h"

static void
test_run_dir_is_private_and_goes (void)
{
  g_autoptr (GError) error = NULL;
  VtRunDir *dir = vt_run_dir_new (&error);
  g_autofree char *path = NULL;
  g_autofree char *sub = NULL;
  g_autofree char *file = NULL;
  GStatBuf info;

  g_assert_no_error (error);
  path = g_strdup (vt_run_dir_get_path (dir));
  sub = g_build_filename (path, "sub", NULL);
  file = g_build_filename (sub, "file", NULL);
  g_assert_cmpint (g_stat (path, &info), ==, 0);
  g_assert_cmpint (info.st_mode & 0777, ==, 0700);
  g_assert_cmpint (g_mkdir (sub, 0700), ==, 0);
  g_assert_true (g_file_set_contents (file, "x", 1, &error));
  vt_run_dir_free (dir);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

static void
test_links_are_not_followed (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *outside = g_dir_make_tmp ("vt-test-XXXXXX", &error);
  g_autofree char *victim = g_build_filename (outside, "victim", NULL);
  VtRunDir *dir = vt_run_dir_new (&error);
  g_autofree char *link_path = g_build_filename (vt_run_dir_get_path (dir), "link", NULL);

  g_assert_no_error (error);
  g_assert_true (g_file_set_contents (victim, "x", 1, &error));
  g_assert_cmpint (symlink (outside, link_path), ==, 0);
  vt_run_dir_free (dir);
  g_assert_true (g_file_test (victim, G_FILE_TEST_EXISTS));
  vt_paths_remove_tree (outside);
}

static void
test_left_over_is_removed (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtRunDir) living = vt_run_dir_new (&error);
  g_autoptr (VtRunDir) later = NULL;
  int pipe_fds[2];
  char path[4096] = "";
  pid_t pid;

  g_assert_cmpint (pipe (pipe_fds), ==, 0);
  pid = fork ();
  if (pid == 0) {
    VtRunDir *left = vt_run_dir_new (NULL);
    const char *name = vt_run_dir_get_path (left);
    _exit (write (pipe_fds[1], name, strlen (name)) > 0 ? 0 : 1);
  }
  g_assert_cmpint (waitpid (pid, NULL, 0), ==, pid);
  g_assert_cmpint (read (pipe_fds[0], path, sizeof path - 1), >, 0);
  g_assert_true (g_file_test (path, G_FILE_TEST_IS_DIR));
  later = vt_run_dir_new (&error);
  g_assert_no_error (error);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  g_assert_true (g_file_test (vt_run_dir_get_path (living), G_FILE_TEST_IS_DIR));
  close (pipe_fds[0]);
  close (pipe_fds[1]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/paths/run-dir-is-private-and-goes", test_run_dir_is_private_and_goes);
  g_test_add_func ("/paths/links-are-not-followed", test_links_are_not_followed);
  g_test_add_func ("/paths/left-over-is-removed", test_left_over_is_removed);
  return g_test_run ();
}
