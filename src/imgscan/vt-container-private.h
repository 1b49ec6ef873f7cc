// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What recognising containers and opening them share. */
#pragma once

#include "vt-container.h"

/* Of the start of a content, what has to be looked at: the superblock of btrfs is farthest in. */
#define VT_CONTAINER_HEAD ((gsize)65536 + 4096)
#define VT_CONTAINER_TAIL ((gsize)512)

/* How the bytes are to be read, where libarchive does it. */
typedef enum {
  VT_FORMAT_NONE = 0,
  VT_FORMAT_7ZIP,
  VT_FORMAT_AR,
  VT_FORMAT_CAB,
  VT_FORMAT_ISO9660,
  VT_FORMAT_LHA,
  VT_FORMAT_RAR,
  VT_FORMAT_RAR5,
  VT_FORMAT_TAR,
  VT_FORMAT_WARC,
  VT_FORMAT_XAR,
  VT_FORMAT_ZIP,
  VT_FORMAT_CPIO,
  VT_FORMAT_RPM,
  /* Of one stream each; what is in it shows when it is unpacked. */
  VT_FORMAT_BZIP2,
  VT_FORMAT_COMPRESS,
  VT_FORMAT_GZIP,
  VT_FORMAT_LZ4,
  VT_FORMAT_LZIP,
  VT_FORMAT_LZMA,
  VT_FORMAT_XZ,
  VT_FORMAT_ZLIB,
  VT_FORMAT_ZSTD,
  VT_FORMAT_SKIPPABLE, /* a frame without data, and then ZSTD or LZ4 */
} VtFormat;

/* The bytes of a content that are looked at. */
typedef struct {
  const guint8 *head;
  gsize head_size;
  const guint8 *tail; /* the last TAIL_SIZE bytes, or NULL */
  gsize tail_size;
  guint64 size; /* of all; as much as is known of it */
} VtContainerView;

typedef struct {
  VtContainerKind kind;
  const char *name; /* static; NULL for NONE */
  VtFormat format;
} VtContainerType;

/* The type of what VIEW is of. */
VtContainerType vt_container_look (const VtContainerView *view);
/* The type of the SIZE bytes of FD that begin at OFFSET. */
VtContainerType vt_container_look_at (int fd, guint64 offset, guint64 size);
/* The type of the SIZE bytes at DATA. */
VtContainerType vt_container_look_in (const guint8 *data, gsize size);

/* Whether a tar archive's first header has the right checksum: the sum over it, with blanks in the
 * place of the sum, as octal digits. */
gboolean vt_container_has_tar_sum (const VtContainerView *view);

/* The N bytes at OFFSET of the head; NULL if it does not reach so far. */
const guint8 *vt_container_at (const VtContainerView *view, gsize offset, gsize n);

/* The name of the disk format, partition table or file system, or NULL. */
const char *vt_container_find_disk (const VtContainerView *view);

/* Where the squashfs begins that an AppImage of the second type has behind its program; 0 if it is
 * none. */
guint64 vt_container_appimage_offset (const VtContainerView *view);
