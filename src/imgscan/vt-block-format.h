// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What is known here of image formats by their bytes. QEMU is never left to find a format out: it
 * knows more of them than it is good at, and opens what an image names while it looks.
 */
#pragma once

#include "vt-block-files.h"

/* QEMU's names of the formats that are read, for people. */
#define VT_BLOCK_FORMATS "raw, qcow2, vmdk, vhdx, vdi, vpc, qcow, qed"

/* NULL: none that is read. Else the name, static. */
const char *vt_block_format_find (const char *name);

/* The format of FILE by its first bytes; what none is known of is "raw". Errors are of
 * VT_IMAGE_ERROR.
 */
const char *vt_block_format_probe (const VtBlockFile *file,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Where a format keeps its end in mind and QEMU does not look: whether FILE has all of it. */
gboolean vt_block_format_is_whole (const VtBlockFile *file,
                                   const char *format,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The file beside a qcow2 image FILE that has its data. NAME is NULL if there is none. Free it with
 * g_free().
 */
gboolean vt_block_format_get_data_file (const VtBlockFile *file,
                                        char **name,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The text of a VMDK that is nothing but a descriptor; NULL without an error if FILE is another
 * one, which has all in itself. Free with g_free().
 */
char *vt_block_format_read_descriptor (const VtBlockFile *file,
                                       gsize *size,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Whether FILE, a part of a VMDK that has its own tables, names no further files. */
gboolean vt_block_format_check_sparse_vmdk (const VtBlockFile *file,
                                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
