// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The table of containers that are not disks. Which of them the engine opens, and how far, was
 * tested with libclamav 1.4.6; where it opens a part of them only, libarchive is to open all.
 */
#include "vt-container-private.h"

#include <string.h>
#include <unistd.h>

#include "vt-bytes.h"
#include "vt-fd.h"

/* Longest name in an old cpio archive that is believed. */
#define CPIO_NAME_MAX 4096U
/* Largest original size, in bytes, that a file of the old lzma is believed to have. */
#define LZMA_SIZE_MAX ((guint64)1 << 38)

/* The record that ends a zip archive, without its comment, and the longest comment. */
#define ZIP_END_SIZE    22U
#define ZIP_COMMENT_MAX 65535U

/* A zlib stream of nothing: its header, an empty block, a checksum. */
#define ZLIB_SIZE_MIN 8U

typedef gboolean (*Check) (const VtContainerView *view);

typedef struct {
  const char *name;
  VtContainerKind kind;
  VtFormat format;
  gsize offset;
  const char *bytes;
  gsize n_bytes;
  Check check; /* whether the bytes around are right as well; or NULL */
} Magic;

const guint8 *
vt_container_at (const VtContainerView *view, gsize offset, gsize n)
{
  return offset <= view->head_size && n <= view->head_size - offset ? view->head + offset : NULL;
}

/* Whether the N bytes at OFFSET are all digits of BASE. */
static gboolean
are_digits (const VtContainerView *view, gsize offset, gsize n, guint base)
{
  const guint8 *digits = vt_container_at (view, offset, n);

  if (digits == NULL)
    return FALSE;
  for (gsize i = 0; i < n; i++) {
    int value = g_ascii_xdigit_value ((char)digits[i]);

    if (value < 0 || value >= (int)base)
      return FALSE;
  }
  return TRUE;
}

static gboolean
is_cpio_hex (const VtContainerView *view)
{
  return are_digits (view, 6, 13 * 8, 16);
}

static gboolean
is_cpio_octal (const VtContainerView *view)
{
  return are_digits (view, 6, 70, 8);
}

/* The name ends with a zero byte, and has none before. */
static gboolean
has_cpio_name (const VtContainerView *view, guint name_size)
{
  const guint8 *name = vt_container_at (view, 26, name_size);

  return name != NULL && name_size >= 2 && name_size <= CPIO_NAME_MAX &&
         memchr (name, '\0', name_size) == name + name_size - 1;
}

static gboolean
is_cpio_little_endian (const VtContainerView *view)
{
  const guint8 *field = vt_container_at (view, 20, 2);

  return field != NULL && has_cpio_name (view, vt_le16 (field));
}

static gboolean
is_cpio_big_endian (const VtContainerView *view)
{
  const guint8 *field = vt_container_at (view, 20, 2);

  return field != NULL && has_cpio_name (view, vt_be16 (field));
}

/* As xz(1) tells them: a size of the dictionary that is one or two bits, and a likely size. */
static gboolean
is_lzma (const VtContainerView *view)
{
  const guint8 *header = vt_container_at (view, 0, 14);
  guint32 dictionary;
  guint64 size;

  if (header == NULL)
    return FALSE;
  dictionary = vt_le32 (header + 1);
  size = vt_le64 (header + 5);
  while (dictionary != 0 && (dictionary & 1) == 0)
    dictionary >>= 1;
  /* The first byte of the coded data is always zero. */
  return (dictionary == 1 || dictionary == 3) && (size == G_MAXUINT64 || size < LZMA_SIZE_MAX) &&
         header[13] == 0;
}

/* RFC 1950, with the window that all programs use. It is a weak mark: who opens it must bear with
 * what is no zlib. */
static gboolean
is_zlib (const VtContainerView *view)
{
  const guint8 *header = vt_container_at (view, 0, ZLIB_SIZE_MIN);

  return header != NULL && header[0] == 0x78 && ((guint)header[0] << 8 | header[1]) % 31 == 0 &&
         (header[1] & 0x20) == 0 && (header[2] & 6) != 6;
}

/* The third byte has the bits of the longest code, two bits that are not used, and a flag. */
static gboolean
is_compress (const VtContainerView *view)
{
  const guint8 *flags = vt_container_at (view, 2, 1);

  return flags != NULL && (*flags & 0x60) == 0 && (*flags & 0x1f) >= 9 && (*flags & 0x1f) <= 16;
}

/* pzstd begins with such a frame. */
static gboolean
is_skippable (const VtContainerView *view)
{
  return view->head[0] >= 0x50 && view->head[0] <= 0x5f;
}

static gboolean
is_bzip2 (const VtContainerView *view)
{
  const guint8 *block = vt_container_at (view, 3, 7);

  return block != NULL && block[0] >= '1' && block[0] <= '9' &&
         (memcmp (block + 1, "1AY&SY", 6) == 0 ||
          memcmp (block + 1, "\x17\x72\x45\x38\x50\x90", 6) == 0);
}

/* A method that the engine has no code for, such as LZMA; it passes such members by. */
static gboolean
is_zip_of_other_method (const VtContainerView *view)
{
  static const guint8 engine_methods[] = {0, 1, 6, 8, 9, 12};
  const guint8 *method = vt_container_at (view, 8, 2);

  return method != NULL &&
         (method[1] != 0 || memchr (engine_methods, method[0], sizeof engine_methods) == NULL);
}

static gboolean
is_lha (const VtContainerView *view)
{
  const guint8 *method = vt_container_at (view, 5, 2);

  return method != NULL && method[1] == '-' &&
         (g_ascii_isdigit ((char)method[0]) || method[0] == 'd');
}

gboolean
vt_container_has_tar_sum (const VtContainerView *view)
{
  const guint8 *header = vt_container_at (view, 0, 512);
  guint64 told = 0;
  guint64 sum = 8 * ' ';
  guint digits = 0;

  if (header == NULL || header[0] == '\0')
    return FALSE;
  for (gsize i = 148; i < 156; i++) {
    if (header[i] >= '0' && header[i] <= '7' && ++digits > 0)
      told = told * 8 + (header[i] - '0');
    else if (digits > 0)
      break;
  }
  for (gsize i = 0; i < 512; i++)
    if (i < 148 || i >= 156)
      sum += header[i];
  return digits > 0 && sum == told;
}

static gboolean
is_squashfs_4 (const VtContainerView *view)
{
  const guint8 *version = vt_container_at (view, 28, 4);

  return version != NULL && vt_le16 (version) == 4 && vt_le16 (version + 2) == 0;
}

/* Behind the table of sections, which is an ELF file's last part. */
static guint64
find_elf_end (const VtContainerView *view)
{
  const guint8 *elf = vt_container_at (view, 0, 64);

  if (elf == NULL ||
      memcmp (elf,
              "\x7f"
              "ELF",
              4) != 0 ||
      elf[5] != 1)
    return 0;
  if (elf[4] == 2)
    return vt_le64 (elf + 40) + (guint64)vt_le16 (elf + 58) * vt_le16 (elf + 60);
  return vt_le32 (elf + 32) + (guint64)vt_le16 (elf + 46) * vt_le16 (elf + 48);
}

guint64
vt_container_appimage_offset (const VtContainerView *view)
{
  const guint8 *mark = vt_container_at (view, 8, 3);
  guint64 end = find_elf_end (view);

  return mark != NULL && memcmp (mark, "AI\2", 3) == 0 && end < view->size ? end : 0;
}

static gboolean
is_appimage (const VtContainerView *view)
{
  return vt_container_appimage_offset (view) != 0;
}

static gboolean
is_elf (const VtContainerView *view)
{
  return find_elf_end (view) != 0;
}

/* A node of a directory, of a file, or the mark of an erased block. */
static gboolean
is_jffs2 (const VtContainerView *view)
{
  const guint8 *header = vt_container_at (view, 0, 12);
  guint type;

  if (header == NULL)
    return FALSE;
  type = header[0] == 0x85 ? vt_le16 (header + 2) : vt_be16 (header + 2);
  return type == 0x2003 || type == 0xe001 || type == 0xe002;
}

#define M(name, kind, format, offset, bytes, check)                                                \
  {                                                                                                \
    name, VT_CONTAINER_##kind, VT_FORMAT_##format, offset, bytes, sizeof (bytes) - 1, check        \
  }

/* The first that fits counts. */
static const Magic magics[] = {
    M ("zip", ARCHIVE, ZIP, 0, "PK\3\4", is_zip_of_other_method),
    M ("zip", ENGINE, ZIP, 0, "PK\3\4", NULL),
    M ("zip", ENGINE, ZIP, 0, "PK\5\6", NULL),
    M ("zip", ENGINE, ZIP, 0, "PK\7\10PK\3\4", NULL),
    /* The engine knows this mark, and then finds nothing. */
    M ("zip", ARCHIVE, ZIP, 0, "PK00PK\3\4", NULL),
    /* A Java module. */
    M ("jmod", ARCHIVE, ZIP, 0, "JM\1\0PK\3\4", NULL),
    /* The engine passes over members by bzip2, deflate, delta and BCJ2. */
    M ("7z", ARCHIVE, 7ZIP, 0, "7z\xbc\xaf\x27\x1c", NULL),
    /* The engine needs a library that is not free software, and often not there. */
    M ("rar", ARCHIVE, RAR, 0, "Rar!\x1a\x07\x00", NULL),
    M ("rar", ARCHIVE, RAR5, 0, "Rar!\x1a\x07\x01\x00", NULL),
    M ("cab", ENGINE, CAB, 0, "MSCF\0\0\0\0", NULL),
    M ("xar", ENGINE, XAR, 0, "xar!", NULL),
    M ("gzip", ENGINE, GZIP, 0, "\x1f\x8b\x08", NULL),
    M ("xz",
       ENGINE,
       XZ,
       0,
       "\xfd"
       "7zXZ\0",
       NULL),
    /* The engine unpacks the first of several streams only. */
    M ("bzip2", ARCHIVE, BZIP2, 0, "BZh", is_bzip2),
    /* The engine takes it for something else when a member is a program that is not compressed. */
    M ("lha", ARCHIVE, LHA, 2, "-lh", is_lha),
    M ("lha", ARCHIVE, LHA, 2, "-lz", is_lha),
    M ("deb", ARCHIVE, AR, 0, "!<arch>\ndebian", NULL),
    M ("ar", ARCHIVE, AR, 0, "!<arch>\n", NULL),
    M ("rpm", ARCHIVE, RPM, 0, "\xed\xab\xee\xdb", NULL),
    M ("zstd", ARCHIVE, ZSTD, 0, "\x28\xb5\x2f\xfd", NULL),
    M ("lz4", ARCHIVE, LZ4, 0, "\x04\x22\x4d\x18", NULL),
    M ("lz4", ARCHIVE, LZ4, 0, "\x02\x21\x4c\x18", NULL),
    M ("zstd", ARCHIVE, SKIPPABLE, 1, "\x2a\x4d\x18", is_skippable),
    M ("lzip", ARCHIVE, LZIP, 0, "LZIP\1", NULL),
    M ("lzip", ARCHIVE, LZIP, 0, "LZIP\0", NULL),
    M ("compress", ARCHIVE, COMPRESS, 0, "\x1f\x9d", is_compress),
    M ("warc", ARCHIVE, WARC, 0, "WARC/0.", NULL),
    M ("warc", ARCHIVE, WARC, 0, "WARC/1.", NULL),
    M ("cpio", CPIO, CPIO, 0, "070701", is_cpio_hex),
    M ("cpio", CPIO, CPIO, 0, "070702", is_cpio_hex),
    M ("cpio", CPIO, CPIO, 0, "070707", is_cpio_octal),
    M ("cpio", CPIO, CPIO, 0, "\xc7\x71", is_cpio_little_endian),
    M ("cpio", CPIO, CPIO, 0, "\x71\xc7", is_cpio_big_endian),
    M ("squashfs", SQUASHFS, NONE, 0, "hsqs", is_squashfs_4),
    M ("squashfs", UNSUPPORTED, NONE, 0, "hsqs", NULL),
    M ("squashfs", UNSUPPORTED, NONE, 0, "sqsh", NULL),
    M ("appimage", SQUASHFS, NONE, 8, "AI\2", is_appimage),
    M ("appimage", UNSUPPORTED, NONE, 8, "AI\2", is_elf),
    /* What a disk image of the Mac without its end may begin with. */
    M ("lzfse", UNSUPPORTED, NONE, 0, "bvx2", NULL),
    M ("lzop", UNSUPPORTED, NONE, 0, "\x89LZO\0\r\n\x1a\n", NULL),
    M ("lrzip", UNSUPPORTED, NONE, 0, "LRZI\0", NULL),
    M ("grzip", UNSUPPORTED, NONE, 0, "GRZipII\0", NULL),
    M ("snappy", UNSUPPORTED, NONE, 0, "\xff\6\0\0sNaPpY", NULL),
    M ("kwaj", UNSUPPORTED, NONE, 0, "KWAJ\x88\xf0\x27\xd1", NULL),
    M ("installshield", UNSUPPORTED, NONE, 0, "ISc(", NULL),
    M ("wim", UNSUPPORTED, NONE, 0, "MSWIM\0\0\0", NULL),
    M ("zpaq", UNSUPPORTED, NONE, 0, "zPQ\1\1", NULL),
    M ("zpaq", UNSUPPORTED, NONE, 0, "zPQ\2\1", NULL),
    M ("zpaq", UNSUPPORTED, NONE, 0, "7kSt\xa0\x31\x83\xd3\x8c\xb2\x28\xb0\xd3", NULL),
    M ("zoo", UNSUPPORTED, NONE, 20, "\xdc\xa7\xc4\xfd", NULL),
    M ("ace", UNSUPPORTED, NONE, 7, "**ACE**", NULL),
    M ("freearc", UNSUPPORTED, NONE, 0, "ArC\1", NULL),
    M ("stuffit", UNSUPPORTED, NONE, 0, "StuffIt", NULL),
    M ("stuffit", UNSUPPORTED, NONE, 10, "rLau", NULL),
    M ("cramfs", UNSUPPORTED, NONE, 0, "\x45\x3d\xcd\x28", NULL),
    M ("cramfs", UNSUPPORTED, NONE, 0, "\x28\xcd\x3d\x45", NULL),
    M ("romfs", UNSUPPORTED, NONE, 0, "-rom1fs-", NULL),
    M ("jffs2", UNSUPPORTED, NONE, 0, "\x85\x19", is_jffs2),
    M ("jffs2", UNSUPPORTED, NONE, 0, "\x19\x85", is_jffs2),
    M ("ubi", UNSUPPORTED, NONE, 0, "UBI#\1", NULL),
    M ("ubifs", UNSUPPORTED, NONE, 0, "\x31\x18\x10\6", NULL),
    M ("erofs", UNSUPPORTED, NONE, 1024, "\xe2\xe1\xf5\xe0", NULL),
    M ("apfs", UNSUPPORTED, NONE, 32, "NXSB", NULL),
    M ("refs", UNSUPPORTED, NONE, 3, "ReFS\0\0\0\0", NULL),
    M ("partclone", UNSUPPORTED, NONE, 0, "partclone-image", NULL),
    /* Its data are in files beside it, whose names it has. */
    M ("vmdk-descriptor", UNSUPPORTED, NONE, 0, "# Disk DescriptorFile", NULL),
    M ("tar", ENGINE, TAR, 257, "ustar", NULL),
    /* After what is at the start: an ISO image may be the disk of a USB stick as well. */
    M ("iso9660", ENGINE, ISO9660, 32768, "\1CD001", NULL),
};

static gboolean
fits (const VtContainerView *view, const Magic *magic)
{
  const guint8 *at = vt_container_at (view, magic->offset, magic->n_bytes);

  return at != NULL && memcmp (at, magic->bytes, magic->n_bytes) == 0 &&
         (magic->check == NULL || magic->check (view));
}

VtContainerType
vt_container_look (const VtContainerView *view)
{
  const char *disk;

  for (gsize i = 0; i < G_N_ELEMENTS (magics); i++)
    if (fits (view, &magics[i]))
      return (VtContainerType){magics[i].kind, magics[i].name, magics[i].format};
  disk = vt_container_find_disk (view);
  if (disk != NULL)
    return (VtContainerType){VT_CONTAINER_DISK, disk, VT_FORMAT_NONE};
  /* The weakest marks come last. */
  if (vt_container_has_tar_sum (view))
    return (VtContainerType){VT_CONTAINER_ENGINE, "tar", VT_FORMAT_TAR};
  if (view->head_size > 0 && view->head[0] == 0x5d && is_lzma (view))
    return (VtContainerType){VT_CONTAINER_ARCHIVE, "lzma", VT_FORMAT_LZMA};
  if (is_zlib (view))
    return (VtContainerType){VT_CONTAINER_ARCHIVE, "zlib", VT_FORMAT_ZLIB};
  return (VtContainerType){VT_CONTAINER_NONE, NULL, VT_FORMAT_NONE};
}

VtContainerType
vt_container_look_at (int fd, guint64 offset, guint64 size)
{
  gsize n = (gsize)MIN (size, VT_CONTAINER_HEAD);
  g_autofree guint8 *head = g_malloc (n);
  guint8 tail[VT_CONTAINER_TAIL];
  VtContainerView view = {.head = head, .size = size};

  view.head_size = (gsize)MAX (vt_fd_read_at (fd, offset, head, n), 0);
  if (size >= sizeof tail &&
      vt_fd_read_at (fd, offset + size - sizeof tail, tail, sizeof tail) == sizeof tail) {
    view.tail = tail;
    view.tail_size = sizeof tail;
  }
  return vt_container_look (&view);
}

VtContainerType
vt_container_look_in (const guint8 *data, gsize size)
{
  const VtContainerView view = {
      .head = data,
      .head_size = MIN (size, VT_CONTAINER_HEAD),
      .tail = size >= VT_CONTAINER_TAIL ? data + size - VT_CONTAINER_TAIL : NULL,
      .tail_size = size >= VT_CONTAINER_TAIL ? VT_CONTAINER_TAIL : 0,
      .size = size,
  };

  return vt_container_look (&view);
}

VtContainerKind
vt_container_recognise (int fd, guint64 size, const char **name)
{
  VtContainerType type = vt_container_look_at (fd, 0, size);

  if (name != NULL)
    *name = type.name;
  return type.kind;
}

/* The record's last number is the length of the comment, which is all that comes behind it. */
gboolean
vt_container_has_attached (int fd, guint64 size)
{
  gsize n = (gsize)MIN (size, ZIP_END_SIZE + ZIP_COMMENT_MAX);
  g_autofree guint8 *tail = g_malloc (n);

  if (vt_fd_read_at (fd, size - n, tail, n) != (gssize)n)
    return FALSE;
  for (gsize comment = 0; ZIP_END_SIZE + comment <= n; comment++) {
    const guint8 *end = tail + n - comment - ZIP_END_SIZE;

    if (memcmp (end, "PK\5\6", 4) == 0 && vt_le16 (end + ZIP_END_SIZE - 2) == comment)
      return TRUE;
  }
  return FALSE;
}
