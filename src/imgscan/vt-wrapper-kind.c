// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-wrapper-private.h"

#include <string.h>

#include "vt-block-format.h"
#include "vt-container-private.h"
#include "vt-fd.h"

#define SECTOR_SIZE 512

static const VtFormat formats[VT_WRAPPER_N_KINDS] = {
    [VT_WRAPPER_GZIP] = VT_FORMAT_GZIP, [VT_WRAPPER_XZ] = VT_FORMAT_XZ,
    [VT_WRAPPER_ZSTD] = VT_FORMAT_ZSTD, [VT_WRAPPER_BZIP2] = VT_FORMAT_BZIP2,
    [VT_WRAPPER_TAR] = VT_FORMAT_TAR,
};

gboolean
vt_wrapper_read (int fd, guint64 offset, void *buffer, gsize size)
{
  return vt_fd_read_at (fd, offset, buffer, size) == (gssize)size;
}

/* The mark alone could be a boot sector's text: the checksum must be right too. */
static gboolean
is_tar (int fd, guint64 offset)
{
  guint8 header[SECTOR_SIZE];
  const VtContainerView view = {.head = header, .head_size = sizeof header};

  return vt_wrapper_read (fd, offset, header, sizeof header) && vt_container_has_tar_sum (&view);
}

VtWrapperKind
vt_wrapper_recognise (int fd, guint64 offset, guint64 size)
{
  VtContainerType type = vt_container_look_at (fd, offset, size);

  if (type.format == VT_FORMAT_TAR && !is_tar (fd, offset))
    return VT_WRAPPER_NONE;
  for (guint i = VT_WRAPPER_NONE + 1; i < VT_WRAPPER_N_KINDS; i++)
    if (type.format == formats[i])
      return i;
  return VT_WRAPPER_NONE;
}

static gboolean
has_boot_signature (int fd, guint64 offset, guint64 size)
{
  guint8 signature[2];

  return size >= SECTOR_SIZE &&
         vt_wrapper_read (fd, offset + SECTOR_SIZE - 2, signature, sizeof signature) &&
         memcmp (signature, "\x55\xaa", sizeof signature) == 0;
}

/* Less is asked for here than of a file in a file system: a damaged disk must not pass for none. */
gboolean
vt_wrapper_is_image (int fd, guint64 offset, guint64 size)
{
  const VtBlockFile file = {.fd = fd, .offset = offset, .size = size};
  const char *format = vt_block_format_probe (&file, NULL);
  VtContainerType type = vt_container_look_at (fd, offset, size);

  return (format != NULL && !g_str_equal (format, "raw")) || type.kind == VT_CONTAINER_DISK ||
         type.format == VT_FORMAT_ISO9660 || has_boot_signature (fd, offset, size);
}
