// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * An initramfs is any number of cpio archives, one after the other, each plain or compressed, with
 * zeros between them: the kernel unpacks all of them. The payload of an rpm is one that is
 * compressed.
 */
#include "vt-unpack-private.h"

/* Archives one after the other that are unpacked. */
#define ARCHIVES_MAX 1000U
/* A stream in a stream, and one more. */
#define DEPTH_MAX 3U

gboolean
vt_unpack_cpio (VtUnpacker *self, VtInput *input, guint depth)
{
  for (guint i = 0; i < ARCHIVES_MAX; i++) {
    VtContainerType type;
    gboolean at_end;

    if (!vt_input_skip_zeros (input, &at_end) || !vt_input_look (input, &type))
      return FALSE;
    if (at_end)
      return TRUE;
    if (type.kind == VT_CONTAINER_CPIO) {
      if (!vt_unpack_one_cpio (self, input))
        return FALSE;
    } else if (vt_format_is_stream (type.format) && depth < DEPTH_MAX) {
      if (!vt_unpack_stream (self, input, type.format, vt_unpack_cpio, depth))
        return FALSE;
    } else {
      return vt_unpacker_fail (self, VT_REASON_DAMAGED,
                               "cpio: what begins at byte %" G_GUINT64_FORMAT " is no archive (%s)",
                               input->position, type.name ?: "unknown");
    }
  }
  return vt_unpacker_fail (self, VT_REASON_FILES_LIMIT, "more than %u cpio archives, the limit",
                           ARCHIVES_MAX);
}
