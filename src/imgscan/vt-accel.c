// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-accel-private.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "vt-paths.h"

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"

static const char *device = "/dev/kvm";

void
vt_accel_set_device (const char *path)
{
  device = path;
}

static char *
memory_path (void)
{
  g_autofree char *dir = vt_paths_cache_dir ();

  return g_build_filename (dir, "kvm-broken", NULL);
}

static gboolean
is_remembered_broken (void)
{
  g_autofree char *path = memory_path ();
  g_autofree char *remembered = NULL;
  g_autofree char *boot_id = NULL;
  GStatBuf info;
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;

  if (g_stat (path, &info) != 0 || now - info.st_mtime > VT_ACCEL_MEMORY_S)
    return FALSE;
  return g_file_get_contents (path, &remembered, NULL, NULL) &&
         g_file_get_contents (BOOT_ID_FILE, &boot_id, NULL, NULL) &&
         strcmp (remembered, boot_id) == 0;
}

static gboolean
user_forces_tcg (void)
{
  const char *settings = g_getenv ("LIBGUESTFS_BACKEND_SETTINGS");
  g_auto (GStrv) items = g_strsplit (settings ?: "", ":", -1);

  return g_strv_contains ((const gchar *const *)items, "force_tcg") ||
         g_strv_contains ((const gchar *const *)items, "force_tcg=1");
}

gboolean
vt_accel_kvm_is_worth_trying (void)
{
  return access (device, R_OK | W_OK) == 0 && !user_forces_tcg () && !is_remembered_broken ();
}

void
vt_accel_remember_broken (gboolean broken)
{
  g_autofree char *path = memory_path ();
  g_autofree char *dir = g_path_get_dirname (path);
  g_autofree char *boot_id = NULL;
  g_autoptr (GError) error = NULL;

  if (!broken) {
    g_unlink (path);
    return;
  }
  if (g_mkdir_with_parents (dir, 0700) != 0)
    return;
  if (g_file_get_contents (BOOT_ID_FILE, &boot_id, NULL, &error) &&
      g_file_set_contents (path, boot_id, -1, &error))
    return;
  g_debug ("not remembered that KVM is broken: %s", error->message);
}
