// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Offers an image of whatever format, with all that it lies upon, as a raw disk on a private unix
 * socket: qemu-nbd(8). Only the overlay of a chain that is writable is written to.
 */
#pragma once

#include <sys/types.h>

#include "vt-block-chain.h"

typedef struct _VtBlockExport VtBlockExport;

/*
 * Starts to export one image of the chain, with all that it lies upon; returns when it is open.
 * SNAPSHOT is an internal one, or NULL. The socket is made in DIR. The server tells which image has
 * what (vt-disk-changes.h). It dies with the calling thread at the latest.
 */
VtBlockExport *vt_block_export_start (VtBlockChain *chain,
                                      guint link,
                                      const char *snapshot,
                                      const char *dir,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same in two steps, for several at a time: the server is started, and waited for. */
VtBlockExport *vt_block_export_begin (VtBlockChain *chain,
                                      guint link,
                                      const char *snapshot,
                                      const char *dir,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_block_export_wait (VtBlockExport *self,
                               VtBlockChain *chain,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_block_export_free (VtBlockExport *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtBlockExport, vt_block_export_free)

/* Ends the server in order: all that it was given to write is in its file then. Errors are of
 * VT_IMAGE_ERROR. */
gboolean vt_block_export_finish (VtBlockExport *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

const char *vt_block_export_get_socket (VtBlockExport *self);
