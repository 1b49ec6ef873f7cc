// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-clean-rows.h"

#include "vt-file-stamp.h"

#define NS_PER_US G_GINT64_CONSTANT (1000)

typedef struct {
  VtCleanCacheBuilder *builder;
  gint64 settled_ns; /* what changed later is not known by its identity */
} Rows;

static gboolean
on_file (const VtCleanFile *file, gpointer user_data, GError **error)
{
  const Rows *self = user_data;

  /* One of the future among them: its clock or this one is wrong. */
  if (file->ctime_ns >= self->settled_ns)
    return TRUE;
  return vt_clean_cache_builder_add_file (self->builder, file, error);
}

static gboolean
on_content (const VtDigest *digest, gpointer user_data, GError **error)
{
  const Rows *self = user_data;

  return vt_clean_cache_builder_add_content (self->builder, digest, error);
}

/* G_MININT64: nobody knows when reading began, and nothing had settled. */
static gint64
get_settled (const VtScanResult *result)
{
  return result->start_time > 0 ? result->start_time * NS_PER_US - VT_FILE_TICK_NS : G_MININT64;
}

static gboolean
check_whole (const VtScanResult *result, GError **error)
{
  if (!result->partial && result->error == NULL)
    return TRUE;
  g_set_error (error, VT_CLEAN_CACHE_ERROR, VT_CLEAN_CACHE_ERROR_FAILED,
               "clean cache: the scan of the template did not come to its end: %s",
               result->error != NULL ? result->error->message : "it was stopped");
  return FALSE;
}

/* What an image calls the UUID of a file system may be anything; then it has none. */
static GPtrArray *
get_uuids (const VtScanResult *result)
{
  GPtrArray *uuids = g_ptr_array_new ();

  for (guint i = 0; i < result->filesystems->len; i++) {
    const VtFilesystem *filesystem = g_ptr_array_index (result->filesystems, i);
    gboolean usable = filesystem->uuid != NULL && vt_clean_cache_is_fs_uuid (filesystem->uuid);

    g_ptr_array_add (uuids, usable ? filesystem->uuid : (gpointer) "");
  }
  return uuids;
}

gboolean
vt_clean_rows_build (VtManifest *manifest,
                     const VtScanResult *result,
                     const char *template_uuid,
                     VtCleanDatabase *database,
                     GError **error)
{
  g_autoptr (GPtrArray) uuids = get_uuids (result);
  g_autoptr (VtCleanCacheBuilder) builder = NULL;
  Rows rows = {.settled_ns = get_settled (result)};

  if (!check_whole (result, error))
    return FALSE;
  builder = vt_clean_cache_builder_new (template_uuid, uuids, error);
  rows.builder = builder;
  return builder != NULL && vt_manifest_foreach_clean_file (manifest, on_file, &rows, error) &&
         vt_manifest_foreach_clean_content (manifest, on_content, &rows, error) &&
         vt_clean_cache_builder_finish (builder, database, error);
}
