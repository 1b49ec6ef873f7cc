// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-direct-fetch.h"

#include <string.h>

#include "vt-fd.h"

/* Whether a name of PATH is a symbolic link. */
static gboolean
has_link (VtFs *fs, const char *path, gboolean *has, GError **error)
{
  const char *end = path;

  *has = FALSE;
  while (end != NULL && !*has) {
    g_autofree char *target = NULL;
    g_autofree char *way = NULL;

    end = strchr (end + 1, '/');
    way = end != NULL ? g_strndup (path, (gsize)(end - path)) : g_strdup (path);
    if (!vt_fs_read_link (fs, way, &target, error))
      return FALSE;
    *has = target != NULL;
  }
  return TRUE;
}

/* What there is of a file. */
typedef struct {
  VtFsStat stat;
  GBytes *data; /* NULL: there is no such file */
  VtFileAttributes attributes;
  gboolean has_attributes;
} Found;

static void
found_clear (Found *self)
{
  g_clear_pointer (&self->data, g_bytes_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Found, found_clear)

static gboolean
read_file (VtFs *fs, const char *path, guint64 size_max, Found *file, GError **error)
{
  VtFsType type;
  gboolean is_behind_link;

  if (!has_link (fs, path, &is_behind_link, error))
    return FALSE;
  if (is_behind_link)
    return TRUE;
  if (!vt_fs_stat_path (fs, path, &type, error))
    return FALSE;
  /* One byte more, to see whether there is more. */
  return type != VT_FS_TYPE_REGULAR ||
         (vt_fs_identify (fs, path, &file->stat, error) &&
          vt_fs_get_attributes (fs, path, &file->attributes, &file->has_attributes, error) &&
          vt_fs_read_head (fs, path, (gsize)size_max + 1, &file->data, error));
}

static gboolean
send (const VtReadPlan *plan, const char *path, guint64 size_max, const Found *file, GError **error)
{
  gsize size;
  const guint8 *bytes = g_bytes_get_data (file->data, &size);
  const VtFsStat *stat = &file->stat;
  VtListedFile listed = {
      .path = (char *)path,
      .inode = stat->inode,
      .generation = stat->generation,
      .size = size,
      .mtime_ns = stat->mtime_ns,
      .ctime_ns = stat->ctime_ns,
  };
  g_autoptr (VtFileResult) result = vt_file_result_new ();
  g_autoptr (VtContent) content = NULL;
  vt_autofd memfd = -1;
  VtDigest digest;

  if (size > size_max)
    return vt_read_plan_send_unread (plan, &listed, VT_REASON_SIZE_LIMIT, error);
  content = vt_content_new (size, size_max, error);
  return content != NULL && (size == 0 || vt_content_write (content, 0, bytes, size, error)) &&
         vt_content_finish (content, &memfd, &digest, error) &&
         vt_read_plan_send (plan, &listed, result, memfd, error) &&
         (!file->has_attributes || vt_image_sink_attributes (plan->sink, &file->attributes, error));
}

gboolean
vt_direct_fetch_file (VtFs *fs,
                      const VtReadPlan *plan,
                      const char *path,
                      guint64 size_max,
                      gboolean *found,
                      char **refusal,
                      GError **error)
{
  g_auto (Found) file = {0};
  g_autoptr (GError) failure = NULL;

  *refusal = NULL;
  *found = FALSE;
  if (!read_file (fs, path, size_max, &file, &failure)) {
    if (failure->domain == VT_FS_ERROR)
      *refusal = g_strdup (failure->message);
    else
      g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  *found = file.data != NULL;
  return !*found || send (plan, path, size_max, &file, error);
}
