// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <glib/gstdio.h>
#include <utime.h>

#include "vt-accel-private.h"
#include "vt-paths.h"

/* Any file that may be used stands for it. */
static const char device[] = "/dev/null";

static char *
memory_path (void)
{
  g_autofree char *dir = vt_paths_cache_dir ();

  return g_build_filename (dir, "kvm-broken", NULL);
}

static void
test_broken_kvm_is_remembered (void)
{
  g_assert_true (vt_accel_kvm_is_worth_trying ());
  vt_accel_remember_broken (TRUE);
  g_assert_false (vt_accel_kvm_is_worth_trying ());
  vt_accel_remember_broken (FALSE);
  g_assert_true (vt_accel_kvm_is_worth_trying ());
}

static void
test_memory_does_not_last (void)
{
  g_autofree char *path = memory_path ();
  struct utimbuf yesterday = {.modtime = time (NULL) - VT_ACCEL_MEMORY_S - 60};

  vt_accel_remember_broken (TRUE);
  yesterday.actime = yesterday.modtime;
  g_assert_cmpint (utime (path, &yesterday), ==, 0);
  g_assert_true (vt_accel_kvm_is_worth_trying ());
  /* The host was started anew, perhaps with other settings. */
  g_assert_true (g_file_set_contents (path, "another boot\n", -1, NULL));
  g_assert_true (vt_accel_kvm_is_worth_trying ());
  vt_accel_remember_broken (FALSE);
}

static void
test_device_must_be_usable (void)
{
  vt_accel_set_device ("/dev/null/missing");
  g_assert_false (vt_accel_kvm_is_worth_trying ());
  vt_accel_set_device (device);
  g_assert_true (vt_accel_kvm_is_worth_trying ());
}

static void
test_users_word_counts (void)
{
  g_assert_true (vt_accel_kvm_is_worth_trying ());
  g_setenv ("LIBGUESTFS_BACKEND_SETTINGS", "network_bridge=virbr0:force_tcg", TRUE);
  g_assert_false (vt_accel_kvm_is_worth_trying ());
  g_unsetenv ("LIBGUESTFS_BACKEND_SETTINGS");
}

int
main (int argc, char **argv)
{
  g_autofree char *dir = g_dir_make_tmp ("vt-test-XXXXXX", NULL);
  int status;

  g_setenv ("XDG_CACHE_HOME", dir, TRUE);
  g_unsetenv ("LIBGUESTFS_BACKEND_SETTINGS");
  vt_accel_set_device (device);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/accel/broken-kvm-is-remembered", test_broken_kvm_is_remembered);
  g_test_add_func ("/accel/memory-does-not-last", test_memory_does_not_last);
  g_test_add_func ("/accel/device-must-be-usable", test_device_must_be_usable);
  g_test_add_func ("/accel/users-word-counts", test_users_word_counts);
  status = g_test_run ();
  vt_paths_remove_tree (dir);
  return status;
}
