// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-guestfs-fetch.h"

#include <string.h>

#include "vt-fd.h"
#include "vt-guestfs-labels.h"

/* Bytes that are asked for at a time; a message of libguestfs's has at most 4 MiB. */
#define PIECE ((guint64)1024 * 1024)

static gboolean
read_pieces (guestfs_h *g,
             const VtReadPlan *plan,
             const char *path,
             guint64 size,
             VtContent *content,
             GError **error)
{
  for (guint64 offset = 0; offset < size;) {
    gsize n = 0;
    g_autofree char *data =
        guestfs_pread (g, path, (int)MIN (PIECE, size - offset), (gint64)offset, &n);

    vt_image_sink_alive (plan->sink);
    if (data == NULL)
      return vt_guestfs_set_error (g, VT_IMAGE_ERROR_BAD_IMAGE, path, error);
    if (n == 0 || n > size - offset) {
      g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE,
                   "%s ends at %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " bytes", path, offset,
                   size);
      return FALSE;
    }
    if (!vt_content_write (content, offset, data, n, error))
      return FALSE;
    offset += n;
  }
  return TRUE;
}

static gboolean
send_attributes (
    guestfs_h *g, const VtReadPlan *plan, const char *path, const VtGuestFile *file, GError **error)
{
  VtFileAttributes attributes = {
      .mode = file->mode, .uid = file->uid, .gid = file->gid, .links = file->links};
  g_autoptr (GBytes) label = NULL;
  const void *bytes;

  if (!vt_guestfs_get_label (g, path, &label, error))
    return FALSE;
  if (label != NULL && g_bytes_get_size (label) <= VT_FILE_LABEL_MAX) {
    bytes = g_bytes_get_data (label, &attributes.label_size);
    memcpy (attributes.label, bytes, attributes.label_size);
  }
  return vt_image_sink_attributes (plan->sink, &attributes, error);
}

static gboolean
send (guestfs_h *g,
      const VtReadPlan *plan,
      const char *path,
      guint64 size_max,
      const VtGuestFile *file,
      GError **error)
{
  VtListedFile listed = {.path = (char *)path,
                         .inode = file->inode,
                         .size = file->size,
                         .mtime_ns = file->mtime_ns,
                         .ctime_ns = file->ctime_ns};
  g_autoptr (VtFileResult) result = vt_file_result_new ();
  g_autoptr (VtContent) content = NULL;
  vt_autofd memfd = -1;
  VtDigest digest;

  if (file->size > size_max)
    return vt_read_plan_send_unread (plan, &listed, VT_REASON_SIZE_LIMIT, error);
  content = vt_content_new (file->size, size_max, error);
  return content != NULL && read_pieces (g, plan, path, file->size, content, error) &&
         vt_content_finish (content, &memfd, &digest, error) &&
         vt_read_plan_send (plan, &listed, result, memfd, error) &&
         send_attributes (g, plan, path, file, error);
}

gboolean
vt_guestfs_fetch (guestfs_h *g,
                  const VtReadPlan *plan,
                  const char *path,
                  guint64 size_max,
                  gboolean *found,
                  GError **error)
{
  g_auto (VtGuestFile) file = {0};
  gboolean done;

  *found = FALSE;
  if (!vt_guestfs_mount (g, plan->filesystem, error))
    return FALSE;
  done = vt_guestfs_look_at (g, path, &file, error);
  *found = done && file.kind == VT_GUEST_FILE;
  if (*found)
    done = send (g, plan, path, size_max, &file, error);
  guestfs_umount_all (g);
  return done;
}
