// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-block-format.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "vt-bytes.h"
#include "vt-fd.h"
#include "vt-vmdk.h"

/* What is read of an image's start: all that is looked at lies there. */
#define HEAD_SIZE ((gsize)64 * 1024)
/* Longest name of a data file that QEMU takes, in bytes. */
#define NAME_MAX_BYTES ((guint32)1023)

#define QCOW2_VERSION        4
#define QCOW2_FEATURES       72 /* incompatible ones */
#define QCOW2_HEADER_LENGTH  100
#define QCOW2_DATA_FILE      ((guint64)1 << 2)
#define QCOW2_DATA_FILE_NAME 0x44415441

#define VDI_MAGIC_AT      0x40
#define VDI_MAGIC         0xbeda107f
#define VDI_DATA_AT       0x158
#define VDI_BLOCK_SIZE_AT 0x178
#define VDI_ALLOCATED_AT  0x184

#define VHD_FOOTER "conectix"
/* Old versions of Virtual PC wrote one byte less. */
#define VHD_FOOTER_SIZE 512

static const char *const formats[] = {"raw", "qcow2", "vmdk", "vhdx", "vdi", "vpc", "qcow", "qed"};

static const struct {
  const char *magic;
  gsize size;
  const char *format;
} magics[] = {{"QFI\xfb\0\0\0\1", 8, "qcow"},
              {"QFI\xfb", 4, "qcow2"},
              {"KDMV", 4, "vmdk"},
              {"COWD", 4, "vmdk"},
              {"vhdxfile", 8, "vhdx"},
              {VHD_FOOTER, 8, "vpc"},
              {"QED\0", 4, "qed"}};

const char *
vt_block_format_find (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++)
    if (g_str_equal (formats[i], name))
      return formats[i];
  return NULL;
}

static gboolean
fail (GError **error, const char *what)
{
  g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE, what);
  return FALSE;
}

/* Bytes read at OFFSET in FILE, fewer than SIZE at its end, or -1. */
static gssize
read_at (const VtBlockFile *file, guint64 offset, void *buffer, gsize size, GError **error)
{
  gsize wanted = (gsize)MIN (size, file->size - MIN (file->size, offset));
  gssize n = vt_fd_read_at (file->fd, file->offset + offset, buffer, wanted);

  if (n < 0)
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE, "cannot be read: %s",
                 g_strerror (errno));
  return n;
}

static gboolean
is_descriptor (const guint8 *head, gsize size)
{
  static const char mark[] = "# Disk DescriptorFile";
  gsize at = 0;

  /* QEMU passes over comments and empty lines before it, and so does this. */
  while (at < size && strchr (" \t\r\n", head[at]) != NULL && head[at] != '\0')
    at++;
  return size - at >= sizeof mark - 1 &&
         g_ascii_strncasecmp ((const char *)head + at, mark, sizeof mark - 1) == 0;
}

const char *
vt_block_format_probe (const VtBlockFile *file, GError **error)
{
  guint8 head[4096] = {0};
  gssize n = read_at (file, 0, head, sizeof head, error);

  if (n < 0)
    return NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (magics); i++)
    if (memcmp (head, magics[i].magic, magics[i].size) == 0)
      return magics[i].format;
  if (vt_le32 (head + VDI_MAGIC_AT) == VDI_MAGIC)
    return "vdi";
  return is_descriptor (head, (gsize)n) ? "vmdk" : "raw";
}

static gboolean
vdi_is_whole (const VtBlockFile *file, GError **error)
{
  guint8 head[512] = {0};
  guint64 used;

  if (read_at (file, 0, head, sizeof head, error) < 0)
    return FALSE;
  used = vt_le32 (head + VDI_DATA_AT) +
         (guint64)vt_le32 (head + VDI_BLOCK_SIZE_AT) * vt_le32 (head + VDI_ALLOCATED_AT);
  return used <= file->size || fail (error, "it is cut short: its last blocks are missing");
}

static gboolean
vhd_is_whole (const VtBlockFile *file, GError **error)
{
  char tail[VHD_FOOTER_SIZE] = "";

  if (file->size >= VHD_FOOTER_SIZE &&
      read_at (file, file->size - VHD_FOOTER_SIZE, tail, sizeof tail, error) < 0)
    return FALSE;
  return memcmp (tail, VHD_FOOTER, sizeof VHD_FOOTER - 1) == 0 ||
         memcmp (tail + 1, VHD_FOOTER, sizeof VHD_FOOTER - 1) == 0 ||
         fail (error, "it is cut short: its footer is missing");
}

gboolean
vt_block_format_is_whole (const VtBlockFile *file, const char *format, GError **error)
{
  if (g_str_equal (format, "vdi"))
    return vdi_is_whole (file, error);
  return !g_str_equal (format, "vpc") || vhd_is_whole (file, error);
}

/* Finds the extension in the SIZE bytes of HEAD; the name has N bytes. NULL: there is none. */
static const char *
find_data_file_name (const guint8 *head, gsize size, guint32 *n)
{
  gsize at = vt_be32 (head + QCOW2_HEADER_LENGTH);

  while (at <= size && size - at >= 8) {
    guint32 type = vt_be32 (head + at);
    guint32 length = vt_be32 (head + at + 4);

    if (type == 0 || length > size - at - 8)
      return NULL;
    if (type == QCOW2_DATA_FILE_NAME) {
      *n = length;
      return (const char *)head + at + 8;
    }
    at += 8 + (((gsize)length + 7) & ~(gsize)7);
  }
  return NULL;
}

gboolean
vt_block_format_get_data_file (const VtBlockFile *file, char **name, GError **error)
{
  g_autofree guint8 *head = g_malloc0 (HEAD_SIZE);
  gssize size = read_at (file, 0, head, HEAD_SIZE, error);
  const char *found;
  guint32 n = 0;

  *name = NULL;
  if (size < 0)
    return FALSE;
  if (vt_be32 (head + QCOW2_VERSION) < 3 ||
      (vt_be64 (head + QCOW2_FEATURES) & QCOW2_DATA_FILE) == 0)
    return TRUE;
  found = find_data_file_name (head, (gsize)size, &n);
  if (found == NULL || n == 0 || n > NAME_MAX_BYTES)
    return fail (error, "its data are in another file, and it does not say in which");
  *name = g_strndup (found, n);
  return TRUE;
}

gboolean
vt_block_format_check_sparse_vmdk (const VtBlockFile *file, GError **error)
{
  guint8 head[16] = {0};

  if (read_at (file, 0, head, sizeof head, error) < 0)
    return FALSE;
  /* The capacity, at 12 (8 bytes), is 0 where a descriptor within tells what there is. */
  if (memcmp (head, "KDMV", 4) == 0) {
    guint8 capacity[8] = {0};

    if (read_at (file, 12, capacity, sizeof capacity, error) < 0)
      return FALSE;
    if (vt_le64 (capacity) == 0)
      return fail (error, "it is a VMDK that has no data itself, of a kind that is not read");
  }
  return TRUE;
}

char *
vt_block_format_read_descriptor (const VtBlockFile *file, gsize *size, GError **error)
{
  g_autofree char *text = g_malloc (VT_VMDK_DESCRIPTOR_MAX + 1);
  gssize n = read_at (file, 0, text, VT_VMDK_DESCRIPTOR_MAX + 1, error);

  if (n < 0)
    return NULL;
  if (n >= 4 && (memcmp (text, "KDMV", 4) == 0 || memcmp (text, "COWD", 4) == 0))
    return NULL;
  *size = (gsize)n;
  return g_steal_pointer (&text);
}
