// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Starts the appliance. libguestfs keeps a process that ends QEMU when we die, but that one can be
 * killed with us; so QEMU itself is started through a script that makes the kernel kill it.
 */
#include "vt-guestfs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "vt-fd.h"

/* What QEMU prints when the guest cannot go on; it then waits for ever. */
#define KVM_FAILURE "KVM internal error"

/* Memory of the appliance, in MiB: XFS and btrfs repair nothing here, tar and find are small. */
#define MEMORY_MB 1024

gboolean
vt_guestfs_set_error (guestfs_h *g, VtImageError code, const char *what, GError **error)
{
  const char *message = guestfs_last_error (g) ?: "libguestfs does not say why";

  /* What follows the first line is advice to somebody who debugs libguestfs. */
  g_set_error (error, VT_IMAGE_ERROR, code, "%s: %.*s", what, (int)strcspn (message, "\n"),
               message);
  return FALSE;
}

static void
on_log (guestfs_h *g,
        void *sink,
        uint64_t event,
        int handle,
        int flags,
        const char *text,
        size_t length,
        const uint64_t *array,
        size_t array_length)
{
  g_autofree char *line = g_strndup (text, length);

  if (strstr (line, KVM_FAILURE) != NULL) {
    g_autoptr (GError) failure =
        g_error_new_literal (VT_IMAGE_ERROR, VT_IMAGE_ERROR_APPLIANCE, KVM_FAILURE);
    g_autoptr (GError) error = NULL;

    /* The launch that we are in does not return; the starter ends this process. */
    if (!vt_image_sink_failed (sink, failure, &error))
      g_debug ("%s", error->message);
  }
  g_strchomp (line);
  if (line[0] != '\0')
    vt_image_sink_log (sink, G_LOG_LEVEL_DEBUG, "appliance: %s", line);
}

/*
 * The script has QEMU's own time of change: libguestfs keeps what it learns of a QEMU under the
 * size and time of its file, and would learn it anew for every run.
 */
static char *
write_leash (const char *qemu, const char *run_dir, GError **error)
{
  g_autofree char *path = g_build_filename (run_dir, "qemu", NULL);
  g_autofree char *quoted = g_shell_quote (qemu);
  g_autofree char *text =
      g_strdup_printf ("#!/bin/sh\nexec setpriv --pdeathsig KILL -- %s \"$@\"\n", quoted);
  struct stat info;

  if (!g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_NONE, 0700, error))
    return NULL;
  if (stat (qemu, &info) == 0) {
    const struct timespec times[2] = {info.st_mtim, info.st_mtim};
    if (utimensat (AT_FDCWD, path, times, 0) < 0)
      g_debug ("%s: its time of change cannot be set", path);
  }
  return g_steal_pointer (&path);
}

static gboolean
put_on_leash (guestfs_h *g, const char *run_dir, GError **error)
{
  g_autofree char *qemu = guestfs_get_hv (g);
  g_autofree char *setpriv = g_find_program_in_path ("setpriv");
  g_autofree char *leash = NULL;

  if (setpriv == NULL || qemu == NULL)
    return TRUE;
  leash = write_leash (qemu, run_dir, error);
  if (leash == NULL)
    return FALSE;
  if (guestfs_set_hv (g, leash) == -1)
    return vt_guestfs_set_error (g, VT_IMAGE_ERROR_APPLIANCE, "appliance", error);
  return TRUE;
}

static gboolean
configure (guestfs_h *g, const char *run_dir, gboolean force_tcg, VtImageSink *sink, GError **error)
{
  guestfs_set_error_handler (g, NULL, NULL);
  guestfs_set_event_callback (
      g, on_log, GUESTFS_EVENT_APPLIANCE | GUESTFS_EVENT_LIBRARY | GUESTFS_EVENT_WARNING, 0, sink);
  if (guestfs_set_backend (g, "direct") == -1 || guestfs_set_tmpdir (g, run_dir) == -1 ||
      guestfs_set_memsize (g, MEMORY_MB) == -1 || guestfs_set_autosync (g, 0) == -1 ||
      (force_tcg && guestfs_set_backend_setting (g, "force_tcg", "1") == -1))
    return vt_guestfs_set_error (g, VT_IMAGE_ERROR_APPLIANCE, "appliance", error);
  return put_on_leash (g, run_dir, error);
}

static gboolean
add_image (guestfs_h *g, const char *nbd_socket, gboolean writable, GError **error)
{
  g_autofree char *server = g_strdup_printf ("unix:%s", nbd_socket);
  char *servers[] = {server, NULL};

  if (guestfs_add_drive_opts (g, "", GUESTFS_ADD_DRIVE_OPTS_READONLY, !writable,
                              GUESTFS_ADD_DRIVE_OPTS_FORMAT, "raw", GUESTFS_ADD_DRIVE_OPTS_PROTOCOL,
                              "nbd", GUESTFS_ADD_DRIVE_OPTS_SERVER, servers, -1) == -1)
    return vt_guestfs_set_error (g, VT_IMAGE_ERROR_APPLIANCE, "appliance: image", error);
  return TRUE;
}

/* The port is a socket that QEMU connects to when it starts. */
static gboolean
add_port (VtAppliance *self, const char *run_dir, GError **error)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  g_autofree char *path = g_build_filename (run_dir, "port", NULL);
  g_autofree char *chardev = NULL;

  if (g_strlcpy (address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path ||
      strchr (path, ',') != NULL) {
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_APPLIANCE,
                 "%s does not do for a socket (too long, or with a comma): set TMPDIR", path);
    return FALSE;
  }
  /* A reader that was given up may have left its own. */
  unlink (path);
  self->listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (self->listener < 0 ||
      bind (self->listener, (const struct sockaddr *)&address, sizeof address) < 0 ||
      listen (self->listener, 1) < 0) {
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_APPLIANCE, "%s: %s", path,
                 g_strerror (errno));
    return FALSE;
  }
  chardev = g_strdup_printf ("socket,id=vtcontent,path=%s", path);
  if (guestfs_config (self->g, "-chardev", chardev) == -1 ||
      guestfs_config (self->g, "-device",
                      "virtserialport,chardev=vtcontent,name=vtemplater.content") == -1)
    return vt_guestfs_set_error (self->g, VT_IMAGE_ERROR_APPLIANCE, "appliance: port", error);
  return TRUE;
}

/*
 * Emulated, a "rep movsb" goes byte by byte, and a kernel that is told of fast ones (ERMS, FSRM)
 * copies everything with it: without, the appliance reads two to three times as fast.
 */
static gboolean
hide_slow_instructions (guestfs_h *g, GError **error)
{
#if defined(__x86_64__)
  if (guestfs_config (g, "-cpu", "max,-erms,-fsrm") == -1)
    return vt_guestfs_set_error (g, VT_IMAGE_ERROR_APPLIANCE, "appliance: processor", error);
#endif
  return TRUE;
}

static gboolean
connect_port (VtAppliance *self, GError **error)
{
  struct pollfd connected = {.fd = self->listener, .events = POLLIN};

  /* QEMU is up, so it has connected: it does so before it runs the guest. */
  if (poll (&connected, 1, 0) == 1)
    self->port = accept4 (self->listener, NULL, NULL, SOCK_CLOEXEC);
  vt_fd_clear (&self->listener);
  if (self->port >= 0)
    return TRUE;
  g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_APPLIANCE,
                       "appliance: QEMU did not connect its port");
  return FALSE;
}

static gboolean
prepare (VtAppliance *self,
         const char *nbd_socket,
         const char *run_dir,
         gboolean writable,
         gboolean force_tcg,
         VtImageSink *sink,
         GError **error)
{
  self->g = guestfs_create ();
  if (self->g == NULL) {
    g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_APPLIANCE,
                         "libguestfs: no memory for a handle");
    return FALSE;
  }
  return configure (self->g, run_dir, force_tcg, sink, error) &&
         (!force_tcg || hide_slow_instructions (self->g, error)) &&
         add_image (self->g, nbd_socket, writable, error) && add_port (self, run_dir, error);
}

VtAppliance *
vt_appliance_launch (const char *nbd_socket,
                     const char *run_dir,
                     gboolean writable,
                     gboolean force_tcg,
                     VtImageSink *sink,
                     GError **error)
{
  g_autoptr (VtAppliance) self = g_new0 (VtAppliance, 1);

  self->listener = -1;
  self->port = -1;
  self->sink = sink;
  if (!prepare (self, nbd_socket, run_dir, writable, force_tcg, sink, error))
    return NULL;
  if (guestfs_launch (self->g) == -1) {
    vt_guestfs_set_error (self->g, VT_IMAGE_ERROR_APPLIANCE, "libguestfs's appliance", error);
    return NULL;
  }
  return connect_port (self, error) ? g_steal_pointer (&self) : NULL;
}

gboolean
vt_appliance_shutdown (VtAppliance *self, GError **error)
{
  if (guestfs_shutdown (self->g) == -1)
    return vt_guestfs_set_error (self->g, VT_IMAGE_ERROR_EDIT, "end of the appliance", error);
  return TRUE;
}

void
vt_appliance_free (VtAppliance *self)
{
  g_clear_pointer (&self->g, guestfs_close);
  vt_fd_clear (&self->port);
  vt_fd_clear (&self->listener);
  g_free (self);
}
