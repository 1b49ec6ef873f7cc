// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scan-result.h"

static const char *const source_names[] = {
    [VT_SOURCE_NONE] = "none",         [VT_SOURCE_ENGINE] = "engine",
    [VT_SOURCE_STORE] = "store",       [VT_SOURCE_TEMPLATE] = "template",
    [VT_SOURCE_HARDLINK] = "hardlink", [VT_SOURCE_EMPTY] = "empty",
};

const char *
vt_source_to_string (VtSource source)
{
  g_return_val_if_fail ((gsize)source < G_N_ELEMENTS (source_names), "none");
  return source_names[source];
}

VtFilesystem *
vt_filesystem_new (void)
{
  return g_new0 (VtFilesystem, 1);
}

void
vt_filesystem_free (VtFilesystem *self)
{
  g_free (self->id);
  g_free (self->type);
  g_free (self->uuid);
  g_free (self->label);
  g_free (self->mountpoint);
  g_free (self->os);
  g_free (self->detail);
  g_free (self);
}

VtFileResult *
vt_file_result_new (void)
{
  return g_new0 (VtFileResult, 1);
}

void
vt_file_result_free (VtFileResult *self)
{
  g_free (self->path);
  g_strfreev (self->members);
  g_free (self);
}

VtOperatingSystem *
vt_operating_system_new (void)
{
  return g_new0 (VtOperatingSystem, 1);
}

void
vt_operating_system_free (VtOperatingSystem *self)
{
  g_free (self->root);
  g_free (self->type);
  g_free (self->distro);
  g_free (self->product);
  g_free (self->hostname);
  g_free (self->arch);
  g_free (self->package_format);
  g_free (self->package_manager);
  g_free (self);
}

void
vt_embedded_cache_free (VtEmbeddedCache *self)
{
  g_free (self->id);
  g_free (self->engine);
  g_strfreev (self->keyids);
  g_free (self->problem);
  g_free (self);
}

VtScanResult *
vt_scan_result_new (const char *path)
{
  VtScanResult *self = g_new0 (VtScanResult, 1);

  self->path = g_strdup (path);
  self->filesystems = g_ptr_array_new_with_free_func ((GDestroyNotify)vt_filesystem_free);
  self->systems = g_ptr_array_new_with_free_func ((GDestroyNotify)vt_operating_system_free);
  self->findings = g_ptr_array_new_with_free_func ((GDestroyNotify)vt_file_result_free);
  self->incomplete = g_ptr_array_new_with_free_func ((GDestroyNotify)vt_file_result_free);
  return self;
}

void
vt_scan_result_reset (VtScanResult *self)
{
  static const VtScanStats none;

  g_clear_pointer (&self->format, g_free);
  self->virtual_size = 0;
  g_ptr_array_set_size (self->filesystems, 0);
  g_ptr_array_set_size (self->systems, 0);
  g_ptr_array_set_size (self->findings, 0);
  g_ptr_array_set_size (self->incomplete, 0);
  self->stats = none;
}

void
vt_scan_result_free (VtScanResult *self)
{
  g_free (self->template.id);
  g_clear_pointer (&self->cache, vt_embedded_cache_free);
  g_free (self->path);
  g_free (self->format);
  g_free (self->snapshot);
  g_ptr_array_unref (self->filesystems);
  g_ptr_array_unref (self->systems);
  g_ptr_array_unref (self->findings);
  g_ptr_array_unref (self->incomplete);
  g_clear_error (&self->error);
  g_free (self);
}

char *
vt_scan_result_display_path (const VtScanResult *self, const VtFileResult *file)
{
  const VtFilesystem *filesystem;
  g_autofree char *path = NULL;

  g_return_val_if_fail (file->filesystem < self->filesystems->len, g_strdup (file->path));
  filesystem = g_ptr_array_index (self->filesystems, file->filesystem);
  path = filesystem->primary ? g_strdup (file->path)
                             : g_strconcat (filesystem->id, ":", file->path, NULL);
  return vt_members_join (path, (const char *const *)file->members);
}
