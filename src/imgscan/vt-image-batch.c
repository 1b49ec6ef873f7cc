// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-image-batch.h"

#include <string.h>

/* Bytes that go into one message, which has at most VT_IPC_MESSAGE_MAX. */
#define SIZE_MAX_BYTES ((gsize)32 * 1024)
/* Of a file, beside its path. */
#define FIXED_SIZE ((gsize)4 + 8 + 4 + 8 + 8 + 8 + VT_DIGEST_SIZE + 1)

typedef enum {
  FILESYSTEM,
  PATH,
  INODE,
  GENERATION,
  SIZE,
  MTIME,
  CTIME,
  DIGEST,
  REASON,
  N_COLUMNS
} Column;

/* As in VT_IMAGE_BATCH_TYPE. */
static const struct {
  const char *type;
  gsize element; /* bytes */
  gsize size;    /* of a file, in elements; 0: that depends */
} columns[N_COLUMNS] = {
    [FILESYSTEM] = {"u", 4, 1}, [PATH] = {"y", 1, 0},   [INODE] = {"t", 8, 1},
    [GENERATION] = {"u", 4, 1}, [SIZE] = {"t", 8, 1},   [MTIME] = {"x", 8, 1},
    [CTIME] = {"x", 8, 1},      [DIGEST] = {"y", 1, 0}, [REASON] = {"y", 1, 1},
};

struct _VtImageBatch {
  GByteArray *columns[N_COLUMNS];
  guint n;
  gboolean has_digests;
};

VtImageBatch *
vt_image_batch_new (void)
{
  VtImageBatch *self = g_new0 (VtImageBatch, 1);

  for (guint i = 0; i < N_COLUMNS; i++)
    self->columns[i] = g_byte_array_new ();
  return self;
}

void
vt_image_batch_free (VtImageBatch *self)
{
  for (guint i = 0; i < N_COLUMNS; i++)
    g_byte_array_unref (self->columns[i]);
  g_free (self);
}

gboolean
vt_image_batch_has_room (const VtImageBatch *self, const VtFileResult *file)
{
  gsize used = self->columns[PATH]->len + self->n * FIXED_SIZE;

  return self->n == 0 || (self->has_digests == file->has_digest &&
                          used + strlen (file->path) + 1 + FIXED_SIZE <= SIZE_MAX_BYTES);
}

static void
append (VtImageBatch *self, Column column, const void *bytes, gsize size)
{
  g_byte_array_append (self->columns[column], bytes, (guint)size);
}

void
vt_image_batch_add (VtImageBatch *self, const VtFileResult *file)
{
  const guint32 filesystem = file->filesystem;
  const guint8 reason = (guint8)file->verdict.reason;

  append (self, FILESYSTEM, &filesystem, sizeof filesystem);
  append (self, PATH, file->path, strlen (file->path) + 1);
  append (self, INODE, &file->inode, sizeof file->inode);
  append (self, GENERATION, &file->generation, sizeof file->generation);
  append (self, SIZE, &file->size, sizeof file->size);
  append (self, MTIME, &file->mtime_ns, sizeof file->mtime_ns);
  append (self, CTIME, &file->ctime_ns, sizeof file->ctime_ns);
  if (file->has_digest)
    append (self, DIGEST, file->digest.bytes, VT_DIGEST_SIZE);
  append (self, REASON, &reason, sizeof reason);
  self->has_digests = file->has_digest;
  self->n++;
}

GVariant *
vt_image_batch_take (VtImageBatch *self)
{
  GVariant *values[N_COLUMNS];

  if (self->n == 0)
    return NULL;
  for (guint i = 0; i < N_COLUMNS; i++) {
    GByteArray *column = self->columns[i];

    values[i] = g_variant_new_fixed_array (G_VARIANT_TYPE (columns[i].type), column->data,
                                           column->len / columns[i].element, columns[i].element);
    g_byte_array_set_size (column, 0);
  }
  self->n = 0;
  return g_variant_new_tuple (values, N_COLUMNS);
}

/* A message that is read. */
typedef struct {
  GVariant *values[N_COLUMNS];
  const guint8 *data[N_COLUMNS];
  gsize length[N_COLUMNS]; /* elements */
  gsize n;                 /* files */
} Columns;

static void
columns_clear (Columns *self)
{
  for (guint i = 0; i < N_COLUMNS; i++)
    g_clear_pointer (&self->values[i], g_variant_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Columns, columns_clear)

/* FALSE: they do not go together. */
static gboolean
open_columns (Columns *self, GVariant *value)
{
  for (guint i = 0; i < N_COLUMNS; i++) {
    self->values[i] = g_variant_get_child_value (value, i);
    self->data[i] =
        g_variant_get_fixed_array (self->values[i], &self->length[i], columns[i].element);
  }
  self->n = self->length[FILESYSTEM];
  for (guint i = 0; i < N_COLUMNS; i++)
    if (columns[i].size != 0 && self->length[i] != self->n * columns[i].size)
      return FALSE;
  return self->length[DIGEST] == 0 || self->length[DIGEST] == self->n * VT_DIGEST_SIZE;
}

/* The path at OFFSET, which then leads to the next one; NULL: there is none. */
static char *
take_path (const Columns *self, gsize *offset)
{
  const char *path = (const char *)self->data[PATH] + *offset;
  gsize left = self->length[PATH] - *offset;
  const char *end = left > 0 ? memchr (path, '\0', left) : NULL;

  if (end == NULL || path[0] != '/')
    return NULL;
  *offset += (gsize)(end - path) + 1;
  return g_strndup (path, (gsize)(end - path));
}

static void
read_column (const Columns *self, Column column, gsize index, void *value)
{
  gsize size = columns[column].element;

  memcpy (value, self->data[column] + index * size, size);
}

/* FALSE: it is none. */
static gboolean
read_file (const Columns *self, gsize index, gsize *path_offset, VtFileResult *file)
{
  guint32 filesystem;
  guint8 reason;

  file->path = take_path (self, path_offset);
  read_column (self, FILESYSTEM, index, &filesystem);
  read_column (self, INODE, index, &file->inode);
  read_column (self, GENERATION, index, &file->generation);
  read_column (self, SIZE, index, &file->size);
  read_column (self, MTIME, index, &file->mtime_ns);
  read_column (self, CTIME, index, &file->ctime_ns);
  read_column (self, REASON, index, &reason);
  file->filesystem = filesystem;
  file->has_digest = self->length[DIGEST] > 0;
  if (file->has_digest)
    memcpy (file->digest.bytes, self->data[DIGEST] + index * VT_DIGEST_SIZE, VT_DIGEST_SIZE);
  if (reason != VT_REASON_NONE && reason < VT_REASON_N)
    file->verdict = vt_verdict_incomplete (reason);
  return file->path != NULL && reason < VT_REASON_N;
}

static void
free_file (gpointer file)
{
  if (file != NULL)
    vt_file_result_free (file);
}

GPtrArray *
vt_image_batch_parse (GVariant *value)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (free_file);
  g_auto (Columns) read = {0};
  gsize path_offset = 0;

  if (!open_columns (&read, value))
    return NULL;
  for (gsize i = 0; i < read.n; i++) {
    VtFileResult *file = vt_file_result_new ();

    g_ptr_array_add (files, file);
    if (!read_file (&read, i, &path_offset, file))
      return NULL;
  }
  return path_offset == read.length[PATH] ? g_steal_pointer (&files) : NULL;
}
