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

/* DATA is NULL where there is no such file. */
static gboolean
read_file (
    VtFs *fs, const char *path, guint64 size_max, VtFsStat *stat, GBytes **data, GError **error)
{
  VtFsType type;
  gboolean is_behind_link;

  *data = NULL;
  if (!has_link (fs, path, &is_behind_link, error))
    return FALSE;
  if (is_behind_link)
    return TRUE;
  if (!vt_fs_stat_path (fs, path, &type, error))
    return FALSE;
  /* One byte more, to see whether there is more. */
  return type != VT_FS_TYPE_REGULAR ||
         (vt_fs_identify (fs, path, stat, error) &&
          vt_fs_read_head (fs, path, (gsize)size_max + 1, data, error));
}

static gboolean
send (const VtReadPlan *plan,
      const char *path,
      guint64 size_max,
      const VtFsStat *stat,
      GBytes *data,
      GError **error)
{
  gsize size;
  const guint8 *bytes = g_bytes_get_data (data, &size);
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
         vt_read_plan_send (plan, &listed, result, memfd, error);
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
  g_autoptr (GBytes) data = NULL;
  g_autoptr (GError) failure = NULL;
  VtFsStat stat = {0};

  *refusal = NULL;
  *found = FALSE;
  if (!read_file (fs, path, size_max, &stat, &data, &failure)) {
    if (failure->domain == VT_FS_ERROR)
      *refusal = g_strdup (failure->message);
    else
      g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  *found = data != NULL;
  return data == NULL || send (plan, path, size_max, &stat, data, error);
}
