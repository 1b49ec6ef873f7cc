// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-template-table.h"

#include <errno.h>

#include "vt-fd.h"
#include "vt-memfd.h"

struct _VtTemplateTable {
  GMappedFile *map; /* or NULL */
  const VtCleanFile *files;
  gsize n_files;
};

static int
fail_with_errno (const char *what, GError **error)
{
  int saved_errno = errno;

  g_set_error (error, G_IO_ERROR, (gint)g_io_error_from_errno (saved_errno), "template: %s: %s",
               what, g_strerror (saved_errno));
  return -1;
}

int
vt_template_table_write (GArray *files, GError **error)
{
  vt_autofd fd = vt_memfd_new ("vt-template");

  if (fd < 0 || !vt_fd_write_at (fd, 0, files->data, files->len * sizeof (VtCleanFile)) ||
      !vt_memfd_seal (fd))
    return fail_with_errno ("memfd", error);
  return vt_fd_steal (&fd);
}

VtTemplateTable *
vt_template_table_read (const char *path, GError **error)
{
  g_autoptr (VtTemplateTable) self = g_new0 (VtTemplateTable, 1);

  self->map = g_mapped_file_new (path, FALSE, error);
  if (self->map == NULL) {
    g_prefix_error_literal (error, "template: ");
    return NULL;
  }
  /* A mapping begins at a page, so the numbers in it are aligned. */
  self->files = (const VtCleanFile *)(gconstpointer)g_mapped_file_get_contents (self->map);
  self->n_files = g_mapped_file_get_length (self->map) / sizeof (VtCleanFile);
  return g_steal_pointer (&self);
}

VtTemplateTable *
vt_template_table_new (GArray *files)
{
  VtTemplateTable *self = g_new0 (VtTemplateTable, 1);

  self->files = (const VtCleanFile *)(gconstpointer)files->data;
  self->n_files = files->len;
  return self;
}

void
vt_template_table_free (VtTemplateTable *self)
{
  g_clear_pointer (&self->map, g_mapped_file_unref);
  g_free (self);
}

static int
compare (const VtCleanFile *file, guint fs, guint64 inode)
{
  if (file->fs != fs)
    return file->fs < fs ? -1 : 1;
  return (file->inode > inode) - (file->inode < inode);
}

const VtCleanFile *
vt_template_table_find (const VtTemplateTable *self, guint fs, guint64 inode)
{
  gsize low = 0;
  gsize high = self->n_files;

  while (low < high) {
    gsize middle = low + (high - low) / 2;
    int order = compare (&self->files[middle], fs, inode);

    if (order == 0)
      return &self->files[middle];
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}
