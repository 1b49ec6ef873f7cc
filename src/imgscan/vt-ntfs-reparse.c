// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Reparse points: links, and files whose data is somewhere else or otherwise. ntfs-3g shows those
 * that it cannot follow as links with a text that says so; these are files that cannot be read.
 */
#include "vt-ntfs-private.h"

#include <ntfs-3g/reparse.h>
#include <stdlib.h>
#include <string.h>

/* As Windows has it. */
#define REPARSE_SIZE_MAX (16U * 1024)

/* Of a link, behind the header: where its name is in what follows. Little-endian. */
typedef struct {
  guint16 name_offset;
  guint16 name_length;
  guint16 print_offset;
  guint16 print_length;
} LinkHead;

/* Shorter names than "\" and something are none; the library looks at two characters of each. */
#define NAME_SIZE_MIN 4
/* Of "\??\C:\" it looks at one character more than there is. */
#define DRIVE_NAME_SIZE 14

/*
 * What the library checks of a link, and that it does not reach beyond its own: it looks at
 * characters of the name before it asks how long that is.
 */
static gboolean
is_link_whole (const REPARSE_POINT *point, gsize size)
{
  gboolean is_symlink = point->reparse_tag == IO_REPARSE_TAG_SYMLINK;
  gsize head_size = sizeof (LinkHead) + (is_symlink ? sizeof (guint32) : 0);
  LinkHead head;
  gsize offset, length;

  if (size < sizeof *point + head_size)
    return FALSE;
  memcpy (&head, point->reparse_data, sizeof head);
  offset = GUINT16_FROM_LE (head.name_offset);
  length = GUINT16_FROM_LE (head.name_length);
  return length >= NAME_SIZE_MIN && length % 2 == 0 && offset % 2 == 0 &&
         offset + length + (length == DRIVE_NAME_SIZE ? 2 : 0) <= size - sizeof *point - head_size;
}

/* Whether a link leads somewhere, though perhaps to what is not there, is told by the library. */
static gboolean
follow_link (VtNtfs *self,
             VtNtfsInode *inode,
             const REPARSE_POINT *point,
             gsize size,
             VtNtfsKind *kind,
             GError **error)
{
  char *target;

  if (!is_link_whole (point, size))
    return vt_fs_refuse (error, "inode %" G_GUINT64_FORMAT " is a link of an unusual form",
                         (guint64)inode->mft_no);
  errno = 0;
  target = ntfs_make_symlink (inode, self->volume->abs_mnt_point);
  *kind = target != NULL ? VT_NTFS_OTHER : VT_NTFS_UNREADABLE;
  free (target);
  return vt_ntfs_check (self, target != NULL || errno == EOPNOTSUPP, error,
                        "link %" G_GUINT64_FORMAT, (guint64)inode->mft_no);
}

static gboolean
judge_point (VtNtfs *self,
             VtNtfsInode *inode,
             const REPARSE_POINT *point,
             gsize size,
             VtNtfsKind *kind,
             GError **error)
{
  switch ((guint32)point->reparse_tag) {
  case (guint32)IO_REPARSE_TAG_MOUNT_POINT:
  case (guint32)IO_REPARSE_TAG_SYMLINK:
    return follow_link (self, inode, point, size, kind, error);
  case (guint32)IO_REPARSE_TAG_LX_SYMLINK:
  case (guint32)IO_REPARSE_TAG_AF_UNIX:
  case (guint32)IO_REPARSE_TAG_LX_FIFO:
  case (guint32)IO_REPARSE_TAG_LX_CHR:
  case (guint32)IO_REPARSE_TAG_LX_BLK:
    return vt_fs_refuse (
        error, "inode %" G_GUINT64_FORMAT " is a special file of Windows's subsystem for Linux",
        (guint64)inode->mft_no);
  default:
    *kind = VT_NTFS_UNREADABLE;
    return TRUE;
  }
}

gboolean
vt_ntfs_reparse_kind (VtNtfs *self, VtNtfsInode *inode, VtNtfsKind *kind, GError **error)
{
  GError *failure = NULL;
  g_autoptr (VtNtfsAttr) attr = vt_ntfs_attr_open (self, inode, AT_REPARSE_POINT, &failure);
  g_autofree guint64 *bytes = NULL;
  gsize size;

  if (failure != NULL) {
    g_propagate_error (error, failure);
    return FALSE;
  }
  size = attr != NULL ? (gsize)attr->data_size : 0;
  if (size < sizeof (REPARSE_POINT) || size > REPARSE_SIZE_MAX)
    return vt_fs_refuse (error, "inode %" G_GUINT64_FORMAT " is a reparse point of %zu bytes",
                         (guint64)inode->mft_no, size);
  bytes = g_malloc0 (REPARSE_SIZE_MAX);
  return vt_ntfs_attr_read (self, attr, bytes, size, error) &&
         judge_point (self, inode, (const REPARSE_POINT *)bytes, size, kind, error);
}
