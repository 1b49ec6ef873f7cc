// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-direct-template.h"

#include "vt-disk-changes.h"
#include "vt-image.h"

struct _VtDirectTemplate {
  const VtTemplateTable *table;
  const char *const *filesystems;
  VtDisk *disk;
  VtDiskMap *changed;
  VtFs *reference; /* of the file system that is selected, or NULL */
  guint fs;        /* its number in the template */
};

VtDirectTemplate *
vt_direct_template_new (const VtDirectTemplateStart *start, GError **error)
{
  g_autoptr (VtDirectTemplate) self = g_new0 (VtDirectTemplate, 1);

  self->table = start->table;
  self->filesystems = start->filesystems;
  self->disk = vt_disk_new_nbd (start->disk_socket, error);
  if (self->disk == NULL)
    return NULL;
  self->changed = vt_disk_changes_read (start->map_socket, start->layers, error);
  return self->changed != NULL ? g_steal_pointer (&self) : NULL;
}

void
vt_direct_template_free (VtDirectTemplate *self)
{
  g_clear_pointer (&self->reference, vt_fs_free);
  g_clear_pointer (&self->changed, vt_disk_map_free);
  g_clear_pointer (&self->disk, vt_disk_free);
  g_free (self);
}

/* Whether the table is of this file system, and not of another that stands there now. */
static gboolean
is_the_template (VtFs *reference, const char *uuid)
{
  g_autofree char *found = vt_fs_get_uuid (reference);

  return found != NULL && g_str_equal (found, uuid);
}

gboolean
vt_direct_template_select (
    VtDirectTemplate *self, VtFs *fs, const VtFilesystem *filesystem, char **why, GError **error)
{
  g_autofree char *refusal = NULL;
  GError *failure = NULL;
  gint number = vt_image_template_find (self->filesystems, filesystem);

  *why = NULL;
  g_clear_pointer (&self->reference, vt_fs_free);
  if (number < 0) {
    *why = g_strdup ("the template has no such file system");
    return TRUE;
  }
  self->fs = (guint)number;
  self->reference = vt_fs_open_reference (fs, self->disk, &refusal, &failure);
  if (failure != NULL) {
    g_propagate_prefixed_error (error, failure, "template: ");
    return FALSE;
  }
  if (self->reference == NULL) {
    *why = g_steal_pointer (&refusal);
  } else if (!is_the_template (self->reference,
                               vt_image_template_get_uuid (self->filesystems, self->fs))) {
    g_clear_pointer (&self->reference, vt_fs_free);
    *why = g_strdup ("the image below does not have the template's file system there");
  }
  return TRUE;
}

static gboolean
has_same_identity (const VtCleanFile *known, const VtListedFile *file)
{
  /* What was read through the appliance has no generation. */
  return (known->generation == 0 || known->generation == file->generation) &&
         known->size == file->size && known->mtime_ns == file->mtime_ns &&
         known->ctime_ns == file->ctime_ns;
}

gboolean
vt_direct_template_find (VtDirectTemplate *self,
                         VtFs *fs,
                         const VtListedFile *file,
                         const VtDigest **digest,
                         char **refusal,
                         GError **error)
{
  const VtCleanFile *known;
  gboolean same;

  *digest = NULL;
  if (self->reference == NULL)
    return TRUE;
  known = vt_template_table_find (self->table, self->fs, file->inode);
  if (known == NULL || !has_same_identity (known, file))
    return TRUE;
  if (!vt_fs_is_same (fs, self->reference, self->changed, file->inode, &same, refusal, error))
    return FALSE;
  if (same)
    *digest = &known->digest;
  return TRUE;
}
