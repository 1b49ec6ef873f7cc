// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What is known here of image formats by their bytes. QEMU is never left to find a format out: it
 * knows more of them than it is good at, and opens what an image names while it looks.
 */
#pragma once

#include <gio/gio.h>

/* QEMU's names of the formats that are read, for people. */
#define VT_BLOCK_FORMATS "raw, qcow2, vmdk, vhdx, vdi, vpc, qcow, qed"

/* NULL: none that is read. Else the name, static. */
const char *vt_block_format_find (const char *name);

/* The format of FD by its first bytes; what none is known of is "raw". Errors are of
 * VT_IMAGE_ERROR.
 */
const char *vt_block_format_probe (int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Where a format keeps its end in mind and QEMU does not look: whether FD has all of it. */
gboolean
vt_block_format_is_whole (int fd, const char *format, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The file beside a qcow2 image FD that has its data. NAME is NULL if there is none. Free it with
 * g_free().
 */
gboolean
vt_block_format_get_data_file (int fd, char **name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The text of a VMDK that is nothing but a descriptor; NULL without an error if FD is another one,
 * which has all in itself. Free with g_free().
 */
char *
vt_block_format_read_descriptor (int fd, gsize *size, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Whether FD, a part of a VMDK that has its own tables, names no further files. */
gboolean vt_block_format_check_sparse_vmdk (int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;
