// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Files as a reader tells of them, one or hundreds to a message: column by column, so that neither
 * side has to build or check a value for each. What is read back may come from a process that
 * parsed a hostile image; its type is all that is known of it.
 */
#pragma once

#include "vt-scan-result.h"

/* File systems, paths, each with a NUL behind it, inodes, generations, sizes, times of change of
 * content and inode, digests of all or of none, reasons. */
#define VT_IMAGE_BATCH_TYPE "(auayatauataxaxayay)"

typedef struct _VtImageBatch VtImageBatch;

VtImageBatch *vt_image_batch_new (void);
void vt_image_batch_free (VtImageBatch *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtImageBatch, vt_image_batch_free)

/* Whether there is room for FILE beside what is there: else that has to be taken first. */
gboolean vt_image_batch_has_room (const VtImageBatch *self, const VtFileResult *file);
void vt_image_batch_add (VtImageBatch *self, const VtFileResult *file);
/* All that was added, as a floating value, and the batch is empty again; NULL if there is none. */
GVariant *vt_image_batch_take (VtImageBatch *self);

/* The files (VtFileResult), which may be taken out of the array by setting them to NULL. NULL: it
 * is no batch. */
GPtrArray *vt_image_batch_parse (GVariant *value);
