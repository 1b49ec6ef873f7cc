// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-qemu-img-private.h"

#include <string.h>
#include <unistd.h>

#include "vt-image.h"
#include "vt-spawner.h"

/* For a hostile header: 100 MB are enough for an honest one. */
#define MEMORY_MAX ((rlim_t)2 * 1024 * 1024 * 1024)

void
vt_qemu_img_set_up (gpointer data)
{
  const VtQemuImgSetup *setup = data;
  const struct rlimit cpu = {setup->cpu_s, setup->cpu_s};
  const struct rlimit memory = {MEMORY_MAX, MEMORY_MAX};

  if (!vt_die_with_parent (setup->parent))
    _exit (1);
  setrlimit (RLIMIT_CPU, &cpu);
  setrlimit (RLIMIT_AS, &memory);
  vt_block_files_hand_on (setup->files);
}

gboolean
vt_qemu_img_fail_to_run (GError **error)
{
  g_prefix_error_literal (error, "qemu-img (package qemu-utils): ");
  return FALSE;
}

gboolean
vt_qemu_img_set_lock_error (GError **error, const char *message)
{
  if (strstr (message, "Failed to get shared") == NULL &&
      strstr (message, "Failed to get \"") == NULL)
    return FALSE;
  g_set_error_literal (
      error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE,
      "it is in use: another process, such as a running virtual machine, writes to it");
  return TRUE;
}
