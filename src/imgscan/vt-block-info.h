// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What qemu-img(1) tells of one image of a chain. Whether it is whole, vt-block-checks.h finds out.
 */
#pragma once

#include "vt-block-files.h"

typedef struct {
  guint64 virtual_size; /* bytes */
  char *backing;        /* name of the backing file as the header has it, or NULL */
  char *backing_format; /* as the header has it, or NULL */
} VtBlockInfo;

void vt_block_info_clear (VtBlockInfo *info);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VtBlockInfo, vt_block_info_clear)

/*
 * Asks of NODE, which must not leave QEMU anything to open by a name. SNAPSHOT, if not NULL, must
 * be the name or id of an internal snapshot. Errors are of VT_IMAGE_ERROR.
 */
gboolean vt_block_info_read (VtBlockFiles *files,
                             const char *node,
                             const char *snapshot,
                             VtBlockInfo *info,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
