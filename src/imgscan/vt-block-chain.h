// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * An image and all the files that it names: backing files, data files, extents. Every one is
 * checked and opened before QEMU opens any, and QEMU is told all of them (vt-block-files.h): it
 * never follows a name in an image.
 */
#pragma once

#include "vt-block-files.h"
#include "vt-image.h"

typedef struct _VtBlockChain VtBlockChain;

/*
 * Opens the image of OPTIONS (path, file, offset, size, format, snapshot, overlay, backing). With
 * an overlay, that lies on top, and with VT_IMAGE_EDIT it is what is written to; the image and all
 * that it lies upon never are. What is named without being allowed is refused, and so are a format
 * that is not told or not read, network addresses, loops, and what is damaged, encrypted or in use.
 * Errors are of VT_IMAGE_ERROR.
 */
VtBlockChain *vt_block_chain_open (const VtImageOptions *options,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_block_chain_free (VtBlockChain *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtBlockChain, vt_block_chain_free)

/* QEMU's name of the image's format. */
const char *vt_block_chain_get_format (VtBlockChain *self);
guint64 vt_block_chain_get_virtual_size (VtBlockChain *self); /* bytes */
/* Whether the overlay is to be written to, and if so up to which size of it, in bytes. */
gboolean vt_block_chain_is_writable (VtBlockChain *self);
guint64 vt_block_chain_get_overlay_max (VtBlockChain *self);
/* Whether all the image's own data is in one regular file, backing files aside. */
gboolean vt_block_chain_is_one_file (VtBlockChain *self);
/* From now on FD, a copy of the image's file, stands in the place of it, and may be written to. FD
 * stays the caller's. */
gboolean
vt_block_chain_replace_image (VtBlockChain *self, int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Has qemu-img check the image that is in that place for damage. */
gboolean vt_block_chain_check_image (VtBlockChain *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Images of which it consists, one upon the other; 0 is the image itself. */
guint vt_block_chain_get_length (VtBlockChain *self);
/* Which of them is the file at PATH; -1: none. */
gint vt_block_chain_find (VtBlockChain *self, const char *path);
/* One of them with all that it lies upon, and the image with what lies upon it; what QEMU takes for
 * a file name: "json:{...}". */
const char *vt_block_chain_get_node (VtBlockChain *self, guint index);
/* For a child, before it becomes a program of QEMU's. */
void vt_block_chain_hand_on (VtBlockChain *self);
/* What such a program says, with names in the place of descriptors. Free with g_free(). */
char *vt_block_chain_explain (VtBlockChain *self, const char *text);
