// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * libguestfs for the reader process: the appliance, what is in the image, and how to read it.
 *
 * All of it runs in the reader process; errors are of VT_IMAGE_ERROR.
 */
#pragma once

#include <gio/gio.h>
#include <guestfs.h>

#include "vt-image-sink.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC (guestfs_h, guestfs_close)

/* Sets ERROR to libguestfs's last, after "WHAT: ". Returns FALSE. */
gboolean vt_guestfs_set_error (guestfs_h *g, VtImageError code, const char *what, GError **error);

/* A running appliance. */
typedef struct {
  guestfs_h *g;
  int listener;      /* where QEMU connects the port's other end */
  int port;          /* a serial port of the appliance's, for contents: see vt-guestfs-tar.h */
  VtImageSink *sink; /* not owned */
} VtAppliance;

/* The port's device in the appliance. */
#define VT_APPLIANCE_PORT "/dev/virtio-ports/vtemplater.content"

/*
 * Starts an appliance with the disk that is exported at NBD_SOCKET, read-only unless it is
 * WRITABLE. RUN_DIR gets its temporary files. The appliance's QEMU dies with the calling thread.
 */
VtAppliance *vt_appliance_launch (const char *nbd_socket,
                                  const char *run_dir,
                                  gboolean writable,
                                  gboolean force_tcg,
                                  VtImageSink *sink,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_appliance_free (VtAppliance *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtAppliance, vt_appliance_free)

/* Ends the appliance. Fails when its disk, which was writable, may not have all that was written.
 */
gboolean vt_appliance_shutdown (VtAppliance *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Opens encrypted devices with KEYS (VtImageOptions.keys), read-only unless WRITABLE, finds
 * operating systems and file systems, and sends them to SINK. Returns the file systems in the order
 * they were sent; those that cannot be read have their reason.
 */
GPtrArray *vt_guestfs_inspect (guestfs_h *g,
                               const char *const *keys,
                               gboolean writable,
                               VtImageSink *sink,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether it is a file system that can be mounted, as far as inspection can tell. */
gboolean vt_guestfs_is_readable (const VtFilesystem *filesystem);

/* Mounts the file system read-only at the appliance's root, which must be free. */
gboolean vt_guestfs_mount (guestfs_h *g,
                           const VtFilesystem *filesystem,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
