// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* The input as an OVA, as its descriptor, or as what is compressed. */
#include <sys/mman.h>

#include "fuzz.h"
#include "vt-fd.h"
#include "vt-wrapper-private.h"

#define UNPACKED_MAX ((guint64)1024 * 1024)
#define BLOCK_SIZE   512
#define CHECKSUM_AT  148
#define CHECKSUM_LEN 8

static void
ignore_progress (guint64 packed, guint64 unpacked, gpointer user_data)
{
}

static int
make_file (const void *data, size_t size)
{
  int fd = memfd_create ("fuzz", MFD_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (write (fd, data, size), ==, (gssize)size);
  return fd;
}

/* Whoever makes a hostile archive gets its checksums right. */
static void
mend_headers (int fd, size_t size)
{
  for (size_t at = 0; at + BLOCK_SIZE <= size; at += BLOCK_SIZE) {
    guint8 block[BLOCK_SIZE];
    char digits[CHECKSUM_LEN];
    guint sum = 0;

    g_assert_true (vt_wrapper_read (fd, at, block, BLOCK_SIZE));
    if (memcmp (block + 257, "ustar", 5) != 0)
      continue;
    memset (block + CHECKSUM_AT, ' ', CHECKSUM_LEN);
    for (guint i = 0; i < BLOCK_SIZE; i++)
      sum += block[i];
    g_snprintf (digits, sizeof digits, "%06o", sum);
    g_assert_cmpint (pwrite (fd, digits, CHECKSUM_LEN - 1, (off_t)at + CHECKSUM_AT), ==,
                     CHECKSUM_LEN - 1);
  }
}

static void
fuzz_list (int fd, guint64 size)
{
  g_auto (VtWrapperContents) contents = {0};

  if (!vt_wrapper_list_ova (fd, size, &contents, NULL))
    return;
  g_assert_cmpuint (contents.images->len, >, 0);
  g_assert_cmpuint (contents.images->len, <=, VT_WRAPPER_IMAGES_MAX);
  for (guint i = 0; i < contents.images->len; i++) {
    const VtWrapperPart *part = g_ptr_array_index (contents.images, i);

    g_assert_cmpuint (part->offset, <=, size);
    g_assert_cmpuint (part->size, <=, size - part->offset);
    g_assert_cmpint (part->name[0], !=, '\0');
  }
}

static void
fuzz_unpack (int fd, guint64 size, VtWrapperKind kind)
{
  vt_autofd out = memfd_create ("fuzz", MFD_CLOEXEC);
  const VtWrapperUnpacking job = {.in = fd,
                                  .size = size,
                                  .kind = kind,
                                  .out = out,
                                  .max_size = UNPACKED_MAX,
                                  .dir = "nowhere",
                                  .progress = ignore_progress};

  if (vt_wrapper_unpack (&job, NULL))
    g_assert_cmpint (lseek (out, 0, SEEK_END), <=, (gint64)UNPACKED_MAX);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  vt_autofd fd = make_file (data, size);
  VtWrapperKind kind = vt_wrapper_recognise (fd, 0, size);
  g_auto (GStrv) disks = vt_wrapper_parse_ovf ((const char *)data, size, NULL);

  mend_headers (fd, size);
  vt_wrapper_is_image (fd, 0, size);
  if (kind != VT_WRAPPER_NONE && kind != VT_WRAPPER_TAR)
    fuzz_unpack (fd, size, kind);
  else
    fuzz_list (fd, size);
  return 0;
}
