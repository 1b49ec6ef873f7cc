// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-overlay.h"

#include <sys/wait.h>

#include "vt-fd.h"
#include "vt-image.h"
#include "vt-paths.h"

struct _VtOverlay {
  int fd;
  char *path;
};

void
vt_overlay_free (VtOverlay *self)
{
  vt_fd_clear (&self->fd);
  g_free (self->path);
  g_free (self);
}

static gboolean
create (const char *path, guint64 virtual_size, GError **error)
{
  g_autofree char *size = g_strdup_printf ("%" G_GUINT64_FORMAT, virtual_size);
  const char *argv[] = {"qemu-img", "create", "-q", "-f", "qcow2", "--", path, size, NULL};
  g_autofree char *messages = NULL;
  int status;

  if (!g_spawn_sync (NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL,
                     NULL, NULL, NULL, &messages, &status, error)) {
    g_prefix_error_literal (error, "qemu-img (package qemu-utils): ");
    return FALSE;
  }
  if (status == 0)
    return TRUE;
  g_strchomp (messages);
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_EDIT,
               "no overlay can be made for an image of %s bytes: %s", size,
               messages[0] != '\0' ? messages : "qemu-img ended without a word");
  return FALSE;
}

VtOverlay *
vt_overlay_new (guint64 virtual_size, GError **error)
{
  g_autoptr (VtOverlay) self = g_new0 (VtOverlay, 1);

  self->fd = vt_paths_open_unnamed (error);
  if (self->fd < 0)
    return NULL;
  self->path = g_strdup_printf ("/proc/%d/fd/%d", (int)getpid (), self->fd);
  return create (self->path, virtual_size, error) ? g_steal_pointer (&self) : NULL;
}

const char *
vt_overlay_get_path (const VtOverlay *self)
{
  return self->path;
}

int
vt_overlay_get_fd (const VtOverlay *self)
{
  return self->fd;
}
