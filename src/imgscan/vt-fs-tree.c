// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-fs-tree.h"

#include <string.h>

/* Directories within directories; a path's bytes; names in all; bytes of paths that wait. */
#define DEPTH_MAX     2000U
#define PATH_SIZE_MAX ((gsize)60 * 1024)
#define NAMES_MAX     ((guint64)64 * 1024 * 1024)
#define WAITING_MAX   ((gsize)256 * 1024 * 1024)

struct _VtFsTree {
  GPtrArray *waiting; /* of VtFsDirectory, the next one last */
  gsize waiting_size;
  GHashTable *met; /* of guint64, owned: the IDs of all directories so far */
  GString *path;
  guint64 names;
};

void
vt_fs_directory_free (VtFsDirectory *self)
{
  g_free (self->path);
  g_free (self);
}

static void
add (VtFsTree *self, const char *path, guint64 id, guint64 begin, const VtFsDirectory *parent)
{
  VtFsDirectory *directory = g_new0 (VtFsDirectory, 1);

  directory->path = g_strdup (path);
  directory->id = id;
  directory->begin = begin;
  directory->parent = parent != NULL ? parent->id : id;
  directory->depth = parent != NULL ? parent->depth + 1 : 0;
  g_ptr_array_add (self->waiting, directory);
}

VtFsTree *
vt_fs_tree_new (guint64 top)
{
  VtFsTree *self = g_new0 (VtFsTree, 1);

  self->waiting = g_ptr_array_new_with_free_func ((GDestroyNotify)vt_fs_directory_free);
  self->met = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  self->path = g_string_new (NULL);
  g_hash_table_add (self->met, g_memdup2 (&top, sizeof top));
  add (self, "", top, 0, NULL);
  return self;
}

void
vt_fs_tree_free (VtFsTree *self)
{
  g_ptr_array_unref (self->waiting);
  g_hash_table_unref (self->met);
  g_string_free (self->path, TRUE);
  g_free (self);
}

VtFsDirectory *
vt_fs_tree_pop (VtFsTree *self)
{
  VtFsDirectory *directory;

  if (self->waiting->len == 0)
    return NULL;
  directory = g_ptr_array_steal_index (self->waiting, self->waiting->len - 1);
  self->waiting_size -= strlen (directory->path);
  return directory;
}

gboolean
vt_fs_tree_push (VtFsTree *self,
                 const char *path,
                 guint64 id,
                 guint64 begin,
                 const VtFsDirectory *parent,
                 GError **error)
{
  if (!g_hash_table_add (self->met, g_memdup2 (&id, sizeof id)))
    return vt_fs_refuse (error, "directory %" G_GUINT64_FORMAT " has two names", id);
  if (parent->depth >= DEPTH_MAX)
    return vt_fs_refuse (error, "directories are nested deeper than %u", DEPTH_MAX);
  self->waiting_size += strlen (path);
  if (self->waiting_size > WAITING_MAX)
    return vt_fs_refuse (error, "too many directories with long names");
  add (self, path, id, begin, parent);
  return TRUE;
}

const char *
vt_fs_tree_join (VtFsTree *self, const VtFsDirectory *directory, const char *name, GError **error)
{
  g_string_printf (self->path, "%s/%s", directory->path, name);
  if (self->path->len > PATH_SIZE_MAX) {
    vt_fs_refuse (error, "a path is longer than %zu bytes", PATH_SIZE_MAX);
    return NULL;
  }
  if (++self->names > NAMES_MAX) {
    vt_fs_refuse (error, "there are more than %" G_GUINT64_FORMAT " names", NAMES_MAX);
    return NULL;
  }
  return self->path->str;
}
