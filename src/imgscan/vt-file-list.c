// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-file-list.h"

#include <string.h>

#include "vt-image.h"

/* Files of a batch: about 40 MB with names of the usual length. */
#define BATCH_FILES_MAX 200000
/* Bytes of a batch's names; a path may be longer than PATH_MAX when trees are deep. */
#define BATCH_BYTES_MAX ((gsize)32 * 1024 * 1024)
/* Bytes that the names of files with several names may take, with what it costs to keep them. */
#define LINKED_BYTES_MAX ((gsize)128 * 1024 * 1024)
#define LINKED_OVERHEAD  (sizeof (VtListedFile) + 64)

#define FNV_PRIME G_GUINT64_CONSTANT (1099511628211)
#define FNV_BASIS G_GUINT64_CONSTANT (14695981039346656037)

/* A file with several names. */
typedef struct {
  VtListedFile file;
  guint pass; /* the last one that has met it */
} LinkedFile;

struct _VtFileList {
  guint batch_max;
  guint n_passes;     /* begun */
  GPtrArray *files;   /* of VtListedFile, of this batch; those of linked are not owned */
  GHashTable *linked; /* guint64, in the file, to LinkedFile */
  gsize linked_bytes;
  VtFileTotals totals;

  /* Of the pass: which batch it is in, and how full that is. */
  guint batch;
  guint n_files;
  gsize n_bytes;
  guint64 fingerprint;
  guint64 first_fingerprint;
};

static void
listed_file_clear (VtListedFile *file)
{
  g_clear_pointer (&file->path, g_free);
  g_clear_pointer (&file->links, g_ptr_array_unref);
}

static void
linked_file_free (gpointer data)
{
  LinkedFile *linked = data;

  listed_file_clear (&linked->file);
  g_free (linked);
}

VtFileList *
vt_file_list_new (guint batch_max)
{
  VtFileList *self = g_new0 (VtFileList, 1);

  self->batch_max = batch_max != 0 ? batch_max : BATCH_FILES_MAX;
  self->files = g_ptr_array_new ();
  self->linked = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, linked_file_free);
  return self;
}

static gboolean
is_linked (VtFileList *self, const VtListedFile *file)
{
  const LinkedFile *linked = g_hash_table_lookup (self->linked, &file->inode);

  return linked != NULL && &linked->file == file;
}

/* Of a file with several names the inode stays known, so that its names are not taken again. */
static void
drop_batch (VtFileList *self)
{
  for (guint i = 0; i < self->files->len; i++) {
    VtListedFile *file = g_ptr_array_index (self->files, i);

    listed_file_clear (file);
    if (!is_linked (self, file))
      g_free (file);
  }
  g_ptr_array_set_size (self->files, 0);
}

void
vt_file_list_free (VtFileList *self)
{
  drop_batch (self);
  g_ptr_array_unref (self->files);
  g_hash_table_unref (self->linked);
  g_free (self);
}

void
vt_file_list_begin (VtFileList *self)
{
  drop_batch (self);
  self->n_passes++;
  self->batch = 0;
  self->n_files = 0;
  self->n_bytes = 0;
  self->fingerprint = FNV_BASIS;
}

static gboolean
is_first_pass (const VtFileList *self)
{
  return self->n_passes == 1;
}

static gboolean
is_in_this_batch (const VtFileList *self)
{
  return self->batch + 1 == self->n_passes;
}

static void
count_excluded (VtFileList *self, guint64 names)
{
  if (is_first_pass (self))
    self->totals.excluded += names;
}

static void
count_wanted (VtFileList *self, guint64 names, guint64 bytes)
{
  if (!is_first_pass (self))
    return;
  self->totals.names += names;
  self->totals.bytes += bytes;
}

/* The filter may accept a later name only: then all before it count after all. */
static void
count_link (VtFileList *self, VtListedFile *file, guint64 names_before, gboolean wanted)
{
  if (file->wanted) {
    count_wanted (self, 1, 0);
  } else if (wanted) {
    self->totals.excluded -= names_before;
    count_wanted (self, names_before + 1, file->size);
  } else {
    count_excluded (self, 1);
  }
  file->wanted = file->wanted || wanted;
}

static gboolean
keep_linked_bytes (VtFileList *self, gsize bytes, GError **error)
{
  self->linked_bytes += bytes;
  if (self->linked_bytes <= LINKED_BYTES_MAX)
    return TRUE;
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER,
               "list of files: the names of hard links take more than %zu bytes", LINKED_BYTES_MAX);
  return FALSE;
}

static void
add_file (VtListedFile *file, const char *path, const VtListedFile *stat)
{
  *file = *stat;
  file->path = g_strdup (path);
  file->links = NULL;
  file->delivered = FALSE;
}

/* In the first pass: another name of a file that is known. */
static gboolean
add_link (VtFileList *self, VtListedFile *file, const char *path, gboolean wanted, GError **error)
{
  if (!keep_linked_bytes (self, strlen (path) + sizeof (gpointer), error))
    return FALSE;
  if (file->links == NULL)
    file->links = g_ptr_array_new_with_free_func (g_free);
  count_link (self, file, 1 + file->links->len, wanted);
  g_ptr_array_add (file->links, g_strdup (path));
  return TRUE;
}

/* Every new file goes through here in every pass, so that batches begin at the same files. */
static void
advance (VtFileList *self, const char *path)
{
  gsize bytes = strlen (path);

  if (self->n_files > 0 &&
      (self->n_files == self->batch_max || bytes > BATCH_BYTES_MAX - self->n_bytes)) {
    self->batch++;
    self->n_files = 0;
    self->n_bytes = 0;
  }
  self->n_files++;
  self->n_bytes = MIN (BATCH_BYTES_MAX, self->n_bytes + bytes);
}

static void
add_single (VtFileList *self, const char *path, const VtListedFile *stat, gboolean wanted)
{
  VtListedFile *file;

  advance (self, path);
  if (wanted)
    count_wanted (self, 1, stat->size);
  else
    count_excluded (self, 1);
  if (!is_in_this_batch (self))
    return;
  file = g_new (VtListedFile, 1);
  add_file (file, path, stat);
  file->wanted = wanted;
  g_ptr_array_add (self->files, file);
}

static LinkedFile *
new_linked (VtFileList *self, const char *path, const VtListedFile *stat, GError **error)
{
  LinkedFile *linked;

  if (!keep_linked_bytes (self, strlen (path) + LINKED_OVERHEAD, error))
    return NULL;
  linked = g_new0 (LinkedFile, 1);
  add_file (&linked->file, path, stat);
  linked->file.wanted = FALSE;
  g_hash_table_insert (self->linked, &linked->file.inode, linked);
  return linked;
}

/* All names are gathered in the first pass; later ones look at the first name only. */
static gboolean
add_linked (
    VtFileList *self, const char *path, const VtListedFile *stat, gboolean wanted, GError **error)
{
  LinkedFile *linked = g_hash_table_lookup (self->linked, &stat->inode);

  if (linked != NULL && linked->pass == self->n_passes)
    return !is_first_pass (self) || add_link (self, &linked->file, path, wanted, error);
  if (linked == NULL) {
    linked = new_linked (self, path, stat, error);
    if (linked == NULL)
      return FALSE;
    count_link (self, &linked->file, 0, wanted);
  }
  linked->pass = self->n_passes;
  advance (self, path);
  if (is_in_this_batch (self))
    g_ptr_array_add (self->files, &linked->file);
  return TRUE;
}

static void
add_to_fingerprint (VtFileList *self, const char *path, const VtListedFile *stat)
{
  const guint64 values[] = {g_str_hash (path), stat->inode, stat->size};

  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    self->fingerprint = (self->fingerprint ^ values[i]) * FNV_PRIME;
}

gboolean
vt_file_list_add (VtFileList *self,
                  const char *path,
                  const VtListedFile *stat,
                  guint64 links,
                  gboolean wanted,
                  GError **error)
{
  add_to_fingerprint (self, path, stat);
  if (links > 1)
    return add_linked (self, path, stat, wanted, error);
  add_single (self, path, stat, wanted);
  return TRUE;
}

static int
compare_inodes (gconstpointer a, gconstpointer b)
{
  const VtListedFile *first = *(VtListedFile *const *)a;
  const VtListedFile *second = *(VtListedFile *const *)b;

  return (first->inode > second->inode) - (first->inode < second->inode);
}

gboolean
vt_file_list_end (VtFileList *self, GError **error)
{
  g_ptr_array_sort (self->files, compare_inodes);
  if (is_first_pass (self))
    self->first_fingerprint = self->fingerprint;
  if (self->fingerprint == self->first_fingerprint)
    return TRUE;
  g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER,
                       "list of files: it is not the same when it is read again");
  return FALSE;
}

gboolean
vt_file_list_has_more (const VtFileList *self)
{
  return self->batch + 1 > self->n_passes;
}

GPtrArray *
vt_file_list_get_files (VtFileList *self)
{
  return self->files;
}

VtFileTotals
vt_file_list_get_totals (const VtFileList *self)
{
  return self->totals;
}
