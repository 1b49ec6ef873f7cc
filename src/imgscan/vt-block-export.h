// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Opens an image file of whatever format QEMU reads, with its backing chain, and offers it as a raw
 * disk on a private unix socket, read-only: qemu-nbd(8), with the format always named.
 */
#pragma once

#include <gio/gio.h>
#include <sys/types.h>

typedef struct {
  char *format;         /* QEMU's name: "qcow2" */
  guint64 virtual_size; /* bytes */
  char *other_file;     /* one that it names and is not whole without, or NULL */
} VtBlockInfo;

void vt_block_info_clear (VtBlockInfo *info);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VtBlockInfo, vt_block_info_clear)

/*
 * Asks qemu-img(1) what the file at PATH is. FORMAT, if not NULL, is taken as its format; SNAPSHOT,
 * if not NULL, must be the name or id of an internal snapshot. Errors are of VT_IMAGE_ERROR.
 */
gboolean vt_block_info_read (const char *path,
                             const char *format,
                             const char *snapshot,
                             VtBlockInfo *info,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct _VtBlockExport VtBlockExport;

/*
 * Starts to export; returns when the image is open. The socket is made in DIR. The server dies with
 * the calling thread at the latest.
 */
VtBlockExport *vt_block_export_start (const char *path,
                                      const char *format,
                                      const char *snapshot,
                                      const char *dir,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_block_export_free (VtBlockExport *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtBlockExport, vt_block_export_free)

const char *vt_block_export_get_socket (VtBlockExport *self);
