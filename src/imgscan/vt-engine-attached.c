// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-engine-attached.h"

#include <string.h>

#include "vt-bytes.h"
#include "vt-crc32.h"
#include "vt-engine-arj.h"

/* End of a zip archive's directory (APPNOTE.TXT 4.3.16): its size, without the comment, and the
 * longest comment. */
#define ZIP_END_SIZE    22
#define ZIP_COMMENT_MAX 65535
/* Locator of the directory's end in archives above 4 GiB, just before (APPNOTE.TXT 4.3.15). */
#define ZIP64_LOCATOR_SIZE 20

/* Of a 7z archive (7zFormat.txt): the signature, the version, the checksum of the 20 bytes that
 * follow it and tell where the header is. */
#define SEVEN_ZIP_CHECKSUM 8
#define SEVEN_ZIP_START    12
#define SEVEN_ZIP_SIZE     32

/* Of a cabinet ([MS-CAB] 2.1). */
#define CAB_RESERVED1 4
#define CAB_LENGTH    8
#define CAB_FILES     16
#define CAB_VERSION   24
#define CAB_SIZE      36

/* The block after the signature of RAR 1.5 to 4, and its type: the archive's header. */
#define RAR4_BLOCK       7
#define RAR4_BLOCK_SIZE  13
#define RAR4_MAIN_HEADER 0x73
/* The block after that of RAR 5: a checksum, then how many bytes follow its own size. */
#define RAR5_BLOCK    8
#define RAR5_CHECKSUM 4
#define RAR5_SIZE_MAX 127

/* Whether the end record at OFFSET is preceded by the directory it tells of. */
static gboolean
is_zip_end (const guint8 *data, gsize offset)
{
  guint32 directory_size = vt_le32 (data + offset + 12);

  if (offset >= ZIP64_LOCATOR_SIZE &&
      memcmp (data + offset - ZIP64_LOCATOR_SIZE, "PK\x06\x07", 4) == 0)
    return TRUE;
  return directory_size >= 4 && directory_size <= offset &&
         memcmp (data + offset - directory_size, "PK\x01\x02", 4) == 0;
}

gboolean
vt_engine_attached_has_zip (const guint8 *data, gsize size)
{
  gsize first = size > ZIP_END_SIZE + ZIP_COMMENT_MAX ? size - ZIP_END_SIZE - ZIP_COMMENT_MAX : 0;

  for (gsize end = size; end >= first + ZIP_END_SIZE; end--)
    if (memcmp (data + end - ZIP_END_SIZE, "PK\x05\x06", 4) == 0 &&
        is_zip_end (data, end - ZIP_END_SIZE))
      return TRUE;
  return FALSE;
}

static gboolean
is_seven_zip (const guint8 *at, gsize left)
{
  return left >= SEVEN_ZIP_SIZE &&
         vt_le32 (at + SEVEN_ZIP_CHECKSUM) ==
             vt_crc32 (at + SEVEN_ZIP_START, SEVEN_ZIP_SIZE - SEVEN_ZIP_START);
}

static gboolean
is_cab (const guint8 *at, gsize left)
{
  return left >= CAB_SIZE && vt_le32 (at + CAB_RESERVED1) == 0 &&
         vt_le16 (at + CAB_VERSION) == 0x0103 && vt_le32 (at + CAB_LENGTH) > CAB_SIZE &&
         vt_le32 (at + CAB_FILES) >= CAB_SIZE &&
         vt_le32 (at + CAB_FILES) < vt_le32 (at + CAB_LENGTH);
}

static gboolean
is_rar4 (const guint8 *at, gsize left)
{
  const guint8 *block = at + RAR4_BLOCK;

  return left >= RAR4_BLOCK + RAR4_BLOCK_SIZE && block[2] == RAR4_MAIN_HEADER &&
         vt_le16 (block) == (vt_crc32 (block + 2, RAR4_BLOCK_SIZE - 2) & 0xffff);
}

static gboolean
is_rar5 (const guint8 *at, gsize left)
{
  const guint8 *block = at + RAR5_BLOCK;
  gsize size;

  if (left < RAR5_BLOCK + RAR5_CHECKSUM + 1)
    return FALSE;
  size = (gsize)block[RAR5_CHECKSUM] + 1;
  return size <= RAR5_SIZE_MAX && left >= RAR5_BLOCK + RAR5_CHECKSUM + size &&
         vt_le32 (block) == vt_crc32 (block + RAR5_CHECKSUM, size);
}

static const struct {
  const char *magic;
  gsize magic_size;
  const char *type;
  gboolean (*is_one) (const guint8 *at, gsize left);
} kinds[] = {
    {"7z\xbc\xaf\x27\x1c", 6, "CL_TYPE_7Z", is_seven_zip},
    {"MSCF\0\0\0\0", 8, "CL_TYPE_MSCAB", is_cab},
    {"\x60\xea", 2, "CL_TYPE_ARJ", vt_engine_arj_begins},
    {"Rar!\x1a\x07\x00", 7, "CL_TYPE_RAR", is_rar4},
    {"Rar!\x1a\x07\x01\x00", 8, "CL_TYPE_RAR", is_rar5},
};

static gsize
find_kind (const guint8 *data, gsize size, gsize from, gsize kind)
{
  while (from < size) {
    const guint8 *at = memmem (data + from, size - from, kinds[kind].magic, kinds[kind].magic_size);

    if (at == NULL)
      return size;
    from = (gsize)(at - data);
    if (kinds[kind].is_one (at, size - from))
      return from;
    from++;
  }
  return size;
}

gsize
vt_engine_attached_find (const guint8 *data, gsize size, gsize from, const char **type)
{
  gsize first = size;

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++) {
    gsize at = find_kind (data, size, from, i);

    if (at < first) {
      first = at;
      *type = kinds[i].type;
    }
  }
  return first;
}
