// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-unpack-windows.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vt-content.h"

#define CHUNK ((gsize)1024 * 1024)

typedef struct {
  int fd;
  guint64 size;
  guint8 *chunk; /* CHUNK bytes */
} Source;

/* Where data begin, at OFFSET or after it; the size of the file if there are none. */
static guint64
find_data (const Source *self, guint64 offset)
{
  off_t data = lseek (self->fd, (off_t)offset, SEEK_DATA);

  if (data >= 0)
    return MIN ((guint64)data, self->size);
  /* A file system that cannot tell: all may be data. */
  return errno == ENXIO ? self->size : offset;
}

static guint64
find_hole (const Source *self, guint64 offset)
{
  off_t hole = lseek (self->fd, (off_t)offset, SEEK_HOLE);

  return hole >= 0 ? MIN ((guint64)hole, self->size) : self->size;
}

/* Copies the bytes from OFFSET to END, of a window that begins at START. */
static gboolean
copy_data (const Source *self, VtContent *content, guint64 start, guint64 offset, guint64 end)
{
  while (offset < end) {
    gssize n = pread (self->fd, self->chunk, MIN (CHUNK, end - offset), (off_t)offset);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0 || !vt_content_write (content, offset - start, self->chunk, (gsize)n, NULL))
      return FALSE;
    offset += (guint64)n;
  }
  return TRUE;
}

/* The bytes from START to END in a sealed memfd, or -1. */
static int
cut_window (const Source *self, guint64 start, guint64 end)
{
  g_autoptr (VtContent) content = vt_content_new (end - start, end - start, NULL);
  guint64 offset = find_data (self, start);
  VtDigest unused;
  int memfd = -1;

  if (content == NULL)
    return -1;
  while (offset < end) {
    guint64 stop = MIN (end, find_hole (self, offset));

    if (!copy_data (self, content, start, offset, stop))
      return -1;
    offset = find_data (self, stop);
  }
  return vt_content_finish (content, &memfd, &unused, NULL) ? memfd : -1;
}

/* FALSE: FUNC has had enough, or REASON is set. */
static gboolean
hand_window (const Source *self,
             guint64 start,
             guint64 end,
             VtUnpackFunc func,
             gpointer user_data,
             VtReason *reason)
{
  g_autofree char *name =
      g_strdup_printf ("bytes %" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT, start, end - 1);
  VtUnpackMember member = {.name = name, .size = end - start};

  member.content = cut_window (self, start, end);
  if (member.content < 0) {
    *reason = VT_REASON_READ_ERROR;
    return FALSE;
  }
  return func (&member, user_data);
}

VtReason
vt_unpack_windows (int fd,
                   guint64 size,
                   const VtUnpackLimits *limits,
                   VtUnpackFunc func,
                   gpointer user_data,
                   char **detail)
{
  g_autofree guint8 *chunk = g_malloc (CHUNK);
  const Source source = {fd, size, chunk};
  guint64 overlap = MIN (VT_UNPACK_OVERLAP, limits->max_member_size / 2);
  VtReason reason = VT_REASON_NONE;
  guint64 start = 0;
  struct stat info;

  /* Behind the end there would be nothing but holes. */
  if (fstat (fd, &info) < 0 || (guint64)info.st_size != size)
    reason = VT_REASON_READ_ERROR;
  while (reason == VT_REASON_NONE) {
    guint64 data = find_data (&source, start);
    guint64 end;

    if (data == size)
      break;
    /* A pattern may begin with some of the zeros before. */
    if (data > start + overlap)
      start = data - overlap;
    end = MIN (size, start + limits->max_member_size);
    if (!hand_window (&source, start, end, func, user_data, &reason) || end == size)
      break;
    start = end - overlap;
  }
  if (reason != VT_REASON_NONE && detail != NULL)
    *detail = g_strdup ("a part of it could not be read");
  return reason;
}
