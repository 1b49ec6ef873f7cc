// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "vt-wrapper-private.h"

#define SECTOR_SIZE 512
/* Of a tar header. */
#define TAR_MAGIC_AT     257
#define TAR_CHECKSUM_AT  148
#define TAR_CHECKSUM_LEN 8
/* Where a tar header must still be whole. */
#define ISO_MAGIC_AT 32769

typedef struct {
  guint at;
  guint size;
  const char *bytes;
} Magic;

static const Magic compressed[VT_WRAPPER_N_KINDS] = {
    [VT_WRAPPER_GZIP] = {0, 3, "\x1f\x8b\x08"},
    [VT_WRAPPER_XZ] = {0, 6,
                       "\xfd"
                       "7zXZ\0"},
    [VT_WRAPPER_ZSTD] = {0, 4, "\x28\xb5\x2f\xfd"},
    [VT_WRAPPER_BZIP2] = {0, 3, "BZh"},
};

/* What follows "BZh" and the block size: a block, or the end of an empty stream. */
static const Magic bzip2_blocks[] = {
    {4, 6, "1AY&SY"},
    {4, 6, "\x17\x72\x45\x38\x50\x90"},
};

/* QEMU's formats, and the boot signature of a partitioned disk. */
static const Magic images[] = {
    {0, 4, "QFI\xfb"},
    {0, 4, "KDMV"},
    {0, 4, "COWD"},
    {0, 21, "# Disk DescriptorFile"},
    {0, 8, "vhdxfile"},
    {0, 8, "conectix"},
    {64, 4, "\x7f\x10\xda\xbe"}, /* vdi */
    {510, 2, "\x55\xaa"},
};

gboolean
vt_wrapper_read (int fd, guint64 offset, void *buffer, gsize size)
{
  guint8 *at = buffer;

  while (size > 0) {
    ssize_t n = pread (fd, at, size, (off_t)offset);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return FALSE;
    at += n;
    offset += (guint64)n;
    size -= (gsize)n;
  }
  return TRUE;
}

static gboolean
matches (const guint8 *sector, const Magic *magic)
{
  return magic->bytes != NULL && memcmp (sector + magic->at, magic->bytes, magic->size) == 0;
}

static gboolean
matches_any (const guint8 *sector, const Magic *magic, gsize n)
{
  for (gsize i = 0; i < n; i++)
    if (matches (sector, &magic[i]))
      return TRUE;
  return FALSE;
}

/* The magic number alone could be a boot sector's text: the checksum must be right too. */
static gboolean
is_tar_header (const guint8 *sector)
{
  char digits[TAR_CHECKSUM_LEN + 1] = "";
  guint64 sum = 0;

  if (memcmp (sector + TAR_MAGIC_AT, "ustar", 5) != 0)
    return FALSE;
  for (guint i = 0; i < SECTOR_SIZE; i++)
    sum += i - TAR_CHECKSUM_AT < TAR_CHECKSUM_LEN ? ' ' : sector[i];
  memcpy (digits, sector + TAR_CHECKSUM_AT, TAR_CHECKSUM_LEN);
  return g_ascii_strtoull (digits, NULL, 8) == sum;
}

VtWrapperKind
vt_wrapper_recognise (int fd, guint64 offset, guint64 size)
{
  guint8 sector[SECTOR_SIZE] = {0};

  if (!vt_wrapper_read (fd, offset, sector, (gsize)MIN (size, sizeof sector)))
    return VT_WRAPPER_NONE;
  for (guint i = 0; i < VT_WRAPPER_N_KINDS; i++)
    if (matches (sector, &compressed[i]) &&
        (i != VT_WRAPPER_BZIP2 || matches_any (sector, bzip2_blocks, G_N_ELEMENTS (bzip2_blocks))))
      return i;
  return size >= SECTOR_SIZE && is_tar_header (sector) ? VT_WRAPPER_TAR : VT_WRAPPER_NONE;
}

gboolean
vt_wrapper_is_image (int fd, guint64 offset, guint64 size)
{
  static const Magic iso = {0, 5, "CD001"};
  guint8 sector[SECTOR_SIZE];

  if (size < sizeof sector || !vt_wrapper_read (fd, offset, sector, sizeof sector))
    return FALSE;
  if (matches_any (sector, images, G_N_ELEMENTS (images)))
    return TRUE;
  return size >= ISO_MAGIC_AT + iso.size &&
         vt_wrapper_read (fd, offset + ISO_MAGIC_AT, sector, iso.size) && matches (sector, &iso);
}
