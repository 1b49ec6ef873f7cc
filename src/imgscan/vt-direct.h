// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Reads an image without an appliance. All that parses it is in a process of its own, the walker
 * (vt-direct-walker.c), which is sandboxed and sends the files to the reader's own starter.
 *
 * Functions fail with VT_IMAGE_ERROR_READER when the walker is lost: it must not be used any more,
 * and nothing that it sent since the last answer may be believed.
 */
#pragma once

#include "vt-read-plan.h"

/* What there is to read of a device, as the walker sees it. */
typedef enum {
  VT_VOLUME_READABLE, /* a file system that can be read directly */
  VT_VOLUME_EMPTY,    /* nothing to read: swap, say */
  VT_VOLUME_REFUSED,  /* only the appliance can tell */
} VtVolumeKind;

typedef struct {
  VtFilesystem *filesystem;
  VtVolumeKind kind;
  char *refusal; /* why, or NULL */
} VtVolume;

void vt_volume_free (VtVolume *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtVolume, vt_volume_free)

typedef struct _VtDirect VtDirect;

/* A template that lies below the disk. */
typedef struct {
  const char *nbd_socket; /* where it is exported */
  guint layers;           /* images of the disk that lie upon it */
} VtDirectBelow;

/*
 * Starts the walker on the disk that is exported at NBD_SOCKET. BELOW is where the template of
 * OPTIONS is exported, or NULL. What it finds goes to SINK; OPTIONS and SINK must stay until the
 * end.
 */
VtDirect *vt_direct_start (const char *nbd_socket,
                           const VtDirectBelow *below,
                           const VtImageOptions *options,
                           VtImageSink *sink,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Ends the walker. */
void vt_direct_free (VtDirect *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtDirect, vt_direct_free)

/*
 * What is on the disk: VOLUMES of VtVolume, SYSTEMS of VtOperatingSystem, each in the order in
 * which libguestfs lists them. With a REFUSAL, only the appliance can tell what systems there are.
 */
gboolean vt_direct_probe (VtDirect *self,
                          GPtrArray **volumes,
                          GPtrArray **systems,
                          char **refusal,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Sends the files of a readable volume; VOLUME is its index. With a REFUSAL it cannot be read
 * directly after all, and what was sent of it must not be used.
 */
gboolean vt_direct_read (VtDirect *self,
                         guint volume,
                         const VtReadPlan *plan,
                         char **refusal,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Sends the file that path number WHICH of VtImageOptions.fetch is of the plan's file system, which
 * is the readable volume VOLUME; FOUND says whether there is one. With a REFUSAL that cannot be
 * told directly.
 */
gboolean vt_direct_fetch (VtDirect *self,
                          guint volume,
                          const VtReadPlan *plan,
                          guint which,
                          gboolean *found,
                          char **refusal,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
