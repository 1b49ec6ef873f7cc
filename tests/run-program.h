// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Programs that make what a test needs: they must succeed. */
#pragma once

#include <gio/gio.h>

/* In DIRECTORY, or the present one if that is NULL. ARGV ends with NULL. */
static inline void
run_program (const char *directory, const char *const *argv)
{
  g_autoptr (GError) error = NULL;
  int status;

  g_spawn_sync (directory, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL,
                NULL, NULL, NULL, NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
}

/* A script, which ends at the first program that fails; those of an administrator are found. */
static inline void
run_script (const char *directory, const char *script)
{
  g_autofree char *whole = g_strconcat ("PATH=$PATH:/usr/sbin:/sbin; set -e; ", script, NULL);

  run_program (directory, (const char *[]){"sh", "-c", whole, NULL});
}
