// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-file-list.h"

struct _VtFileList {
  GPtrArray *files;     /* of VtListedFile, owned */
  GHashTable *by_path;  /* gchar, owned by the file, to VtListedFile */
  GHashTable *by_inode; /* guint64, in the file, to VtListedFile: only files with several names */
};

static void
listed_file_free (gpointer data)
{
  VtListedFile *file = data;

  g_ptr_array_unref (file->paths);
  g_free (file);
}

VtFileList *
vt_file_list_new (void)
{
  VtFileList *self = g_new0 (VtFileList, 1);

  self->files = g_ptr_array_new_with_free_func (listed_file_free);
  self->by_path = g_hash_table_new (g_str_hash, g_str_equal);
  self->by_inode = g_hash_table_new (g_int64_hash, g_int64_equal);
  return self;
}

void
vt_file_list_free (VtFileList *self)
{
  g_hash_table_unref (self->by_path);
  g_hash_table_unref (self->by_inode);
  g_ptr_array_unref (self->files);
  g_free (self);
}

static VtListedFile *
add_file (VtFileList *self, const VtListedFile *stat, guint64 links)
{
  VtListedFile *file = g_new (VtListedFile, 1);

  *file = *stat;
  file->paths = g_ptr_array_new_with_free_func (g_free);
  file->wanted = FALSE;
  file->delivered = FALSE;
  g_ptr_array_add (self->files, file);
  if (links > 1)
    g_hash_table_insert (self->by_inode, &file->inode, file);
  return file;
}

void
vt_file_list_add (
    VtFileList *self, const char *path, const VtListedFile *stat, guint64 links, gboolean wanted)
{
  VtListedFile *file = links > 1 ? g_hash_table_lookup (self->by_inode, &stat->inode) : NULL;
  char *own_path = g_strdup (path);

  if (file == NULL)
    file = add_file (self, stat, links);
  file->wanted = file->wanted || wanted;
  g_ptr_array_add (file->paths, own_path);
  g_hash_table_insert (self->by_path, own_path, file);
}

VtListedFile *
vt_file_list_lookup (VtFileList *self, const char *path)
{
  return g_hash_table_lookup (self->by_path, path);
}

GPtrArray *
vt_file_list_get_files (VtFileList *self)
{
  return self->files;
}

guint64
vt_file_list_count_excluded (VtFileList *self)
{
  guint64 excluded = 0;

  for (guint i = 0; i < self->files->len; i++) {
    const VtListedFile *file = g_ptr_array_index (self->files, i);
    if (!file->wanted)
      excluded += file->paths->len;
  }
  return excluded;
}

void
vt_file_list_count_wanted (VtFileList *self, guint64 *names, guint64 *bytes)
{
  *names = 0;
  *bytes = 0;
  for (guint i = 0; i < self->files->len; i++) {
    const VtListedFile *file = g_ptr_array_index (self->files, i);
    if (!file->wanted)
      continue;
    *names += file->paths->len;
    *bytes += file->size;
  }
}
