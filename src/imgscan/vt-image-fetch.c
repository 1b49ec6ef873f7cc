// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-image-fetch.h"

#include <string.h>

#include "vt-guestfs-fetch.h"
#include "vt-guestfs-mounts.h"

/* One path, while it is looked for. */
typedef struct {
  const VtImageFetch *fetch;
  guint which; /* of the paths */
  const char **refused_id;
  char **refusal;
} Search;

gboolean
vt_image_fetch_check (const VtImageOptions *options, GError **error)
{
  guint n = g_strv_length (options->fetch);

  for (guint i = 0; i < n; i++)
    if (n > VT_IMAGE_FETCH_MAX || !vt_image_path_is_plain (options->fetch[i])) {
      g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_OPTION,
                   "%u files to fetch, the limit is %d; or not a plain absolute path: '%s'", n,
                   VT_IMAGE_FETCH_MAX, options->fetch[i]);
      return FALSE;
    }
  return TRUE;
}

static gboolean
is_claimed (const VtFilesystem *filesystem)
{
  return filesystem->primary && filesystem->mountpoint != NULL;
}

/* The index of the file system that the first operating system has PATH in; -1: there is no such
 * system, or none has it. KNOWN: whether there is a system. */
static gint
find_filesystem (GPtrArray *filesystems, const char *path, gboolean *known)
{
  gint best = -1;
  gsize length = 0;

  *known = FALSE;
  for (guint i = 0; i < filesystems->len; i++) {
    const VtFilesystem *filesystem = g_ptr_array_index (filesystems, i);

    if (!is_claimed (filesystem))
      continue;
    *known = TRUE;
    if (!vt_guestfs_is_within (path, filesystem->mountpoint) ||
        strlen (filesystem->mountpoint) <= length)
      continue;
    best = (gint)i;
    length = strlen (filesystem->mountpoint);
  }
  return best;
}

static gboolean
may_be_in (GPtrArray *filesystems, guint index, const char *path)
{
  gboolean known;
  gint found = find_filesystem (filesystems, path, &known);

  return known ? found == (gint)index : TRUE;
}

gboolean
vt_image_fetch_needs_appliance (const VtImageOptions *options, GPtrArray *volumes)
{
  g_autoptr (GPtrArray) filesystems = g_ptr_array_new ();

  for (guint i = 0; i < volumes->len; i++)
    g_ptr_array_add (filesystems, ((VtVolume *)g_ptr_array_index (volumes, i))->filesystem);
  for (guint i = 0; i < volumes->len; i++)
    for (char **path = options->fetch; *path != NULL; path++)
      if (((VtVolume *)g_ptr_array_index (volumes, i))->kind == VT_VOLUME_REFUSED &&
          may_be_in (filesystems, i, *path))
        return TRUE;
  return FALSE;
}

/* PATH as the file system itself has it. */
static const char *
get_own_path (const VtFilesystem *filesystem, const char *path)
{
  const char *mountpoint = filesystem->mountpoint;

  if (!is_claimed (filesystem) || strcmp (mountpoint, "/") == 0)
    return path;
  return path + strlen (mountpoint);
}

static guint64
get_size_max (const VtImageOptions *options)
{
  return MIN (options->max_file_size, VT_IMAGE_FETCH_SIZE_MAX);
}

static gboolean
fetch_directly (const Search *search, const VtReadPlan *plan, gboolean *found, GError **error)
{
  const VtImageFetch *fetch = search->fetch;
  g_autoptr (GError) lost = NULL;

  if (!vt_image_sink_direct (fetch->sink, plan->filesystem->id, error))
    return FALSE;
  if (!vt_direct_fetch (fetch->direct, (guint)fetch->volumes[plan->index], plan, search->which,
                        found, search->refusal, &lost))
    *search->refusal = g_strdup (lost->message);
  if (*search->refusal == NULL)
    return vt_image_sink_direct (fetch->sink, "", error);
  *search->refused_id = plan->filesystem->id;
  return FALSE;
}

static gboolean
fetch_from (const Search *search, guint index, gboolean *found, GError **error)
{
  const VtImageFetch *fetch = search->fetch;
  const VtFilesystem *filesystem = g_ptr_array_index (fetch->filesystems, index);
  const VtReadPlan plan = {filesystem, index, fetch->options, fetch->sink};
  const char *path = get_own_path (filesystem, fetch->options->fetch[search->which]);

  *found = FALSE;
  /* A mount point is no file. */
  if (path[0] == '\0' || fetch->volumes[index] == VT_FETCH_EMPTY)
    return TRUE;
  if (fetch->volumes[index] >= 0)
    return fetch_directly (search, &plan, found, error);
  if (filesystem->reason == VT_REASON_NONE && !vt_guestfs_is_readable (filesystem))
    return TRUE;
  if (fetch->appliance != NULL && filesystem->reason == VT_REASON_NONE)
    return vt_guestfs_fetch (fetch->appliance->g, &plan, path, get_size_max (fetch->options), found,
                             error);
  /* It may be there: that is not for anybody to deny. */
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE, "%s may be in %s, which %s",
               fetch->options->fetch[search->which], filesystem->id,
               filesystem->detail ?: "cannot be read");
  return FALSE;
}

static gboolean
fetch_one (const Search *search, GError **error)
{
  GPtrArray *filesystems = search->fetch->filesystems;
  const char *path = search->fetch->options->fetch[search->which];
  gboolean found = FALSE;

  for (guint i = 0; i < filesystems->len && !found; i++)
    if (may_be_in (filesystems, i, path) && !fetch_from (search, i, &found, error))
      return FALSE;
  return TRUE;
}

gboolean
vt_image_fetch_all (const VtImageFetch *self,
                    const char **refused_id,
                    char **refusal,
                    GError **error)
{
  for (guint i = 0; self->options->fetch[i] != NULL; i++) {
    const Search search = {self, i, refused_id, refusal};

    if (!fetch_one (&search, error))
      return FALSE;
  }
  return TRUE;
}
