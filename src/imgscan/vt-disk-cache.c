// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-disk-cache.h"

#include <string.h>

/* What is kept together, and how many of these: 32 MiB. */
#define CHUNK_SIZE ((gsize)32 * 1024)
#define CHUNKS_MAX 1024

/* As many are read at once where the one before is there already: inode tables are read from front
 * to end, directories lie scattered. */
#define CHUNKS_AHEAD 8

typedef struct {
  guint64 number; /* its offset in the window, in chunks; the key */
  GList link;     /* in the order of their use, the latest first */
  guint8 *data;
} Chunk;

struct _VtDiskCache {
  VtDisk *disk;
  guint64 start;
  guint64 size;
  GHashTable *chunks; /* guint64, in the chunk, to Chunk, owned */
  GQueue used;        /* of Chunk */
  guint8 *buffer;     /* for CHUNKS_AHEAD */
  guint64 requests;
};

static void
chunk_free (gpointer data)
{
  Chunk *chunk = data;

  g_free (chunk->data);
  g_free (chunk);
}

VtDiskCache *
vt_disk_cache_new (VtDisk *disk, guint64 start, guint64 size)
{
  VtDiskCache *self = g_new0 (VtDiskCache, 1);

  self->disk = disk;
  self->start = start;
  self->size = size;
  self->chunks = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, chunk_free);
  g_queue_init (&self->used);
  self->buffer = g_malloc (CHUNKS_AHEAD * CHUNK_SIZE);
  return self;
}

void
vt_disk_cache_free (VtDiskCache *self)
{
  g_hash_table_unref (self->chunks);
  g_free (self->buffer);
  g_free (self);
}

guint64
vt_disk_cache_count_requests (const VtDiskCache *self)
{
  return self->requests;
}

/* The least lately used one is used again when there are enough. */
static Chunk *
make_chunk (VtDiskCache *self)
{
  Chunk *chunk;

  if (g_hash_table_size (self->chunks) >= CHUNKS_MAX) {
    chunk = g_queue_peek_tail (&self->used);
    g_queue_unlink (&self->used, &chunk->link);
    g_hash_table_steal (self->chunks, &chunk->number);
    return chunk;
  }
  chunk = g_new0 (Chunk, 1);
  chunk->data = g_malloc (CHUNK_SIZE);
  chunk->link.data = chunk;
  return chunk;
}

static gboolean
is_kept (VtDiskCache *self, guint64 number)
{
  return g_hash_table_contains (self->chunks, &number);
}

/* Chunks from NUMBER on that are to be read together. */
static guint
count_ahead (VtDiskCache *self, guint64 number)
{
  guint64 chunks = (self->size + CHUNK_SIZE - 1) / CHUNK_SIZE;
  guint n = 1;

  if (number == 0 || !is_kept (self, number - 1))
    return n;
  while (n < CHUNKS_AHEAD && number + n < chunks && !is_kept (self, number + n))
    n++;
  return n;
}

/* Reads N chunks into the cache, the first of them being the latest used. */
static const guint8 *
read_chunks (VtDiskCache *self, guint64 number, guint n, GError **error)
{
  guint64 offset = number * CHUNK_SIZE;
  gsize size = MIN (n * CHUNK_SIZE, self->size - offset);
  Chunk *chunk = NULL;

  self->requests++;
  if (!vt_disk_read (self->disk, self->start + offset, self->buffer, size, error))
    return NULL;
  for (guint i = n; i-- > 0;) {
    gsize at = i * CHUNK_SIZE;

    chunk = make_chunk (self);
    memcpy (chunk->data, self->buffer + at, MIN (CHUNK_SIZE, size - at));
    chunk->number = number + i;
    g_hash_table_insert (self->chunks, &chunk->number, chunk);
    g_queue_push_head_link (&self->used, &chunk->link);
  }
  return chunk != NULL ? chunk->data : NULL;
}

/* NULL: it cannot be read as a whole. */
static const guint8 *
get_chunk (VtDiskCache *self, guint64 number, GError **error)
{
  Chunk *chunk = g_hash_table_lookup (self->chunks, &number);
  guint n;

  if (chunk != NULL) {
    g_queue_unlink (&self->used, &chunk->link);
    g_queue_push_head_link (&self->used, &chunk->link);
    return chunk->data;
  }
  n = count_ahead (self, number);
  if (n > 1) {
    g_autoptr (GError) failure = NULL;
    const guint8 *data = read_chunks (self, number, n, &failure);

    if (data != NULL)
      return data;
    if (!g_error_matches (failure, VT_DISK_ERROR, VT_DISK_ERROR_READ)) {
      g_propagate_error (error, g_steal_pointer (&failure));
      return NULL;
    }
  }
  return read_chunks (self, number, 1, error);
}

/* One piece within one chunk. A bad sector must cost no more than what lies on it. */
static gboolean
read_piece (VtDiskCache *self, guint64 offset, guint8 *buffer, gsize size, GError **error)
{
  g_autoptr (GError) failure = NULL;
  const guint8 *chunk = get_chunk (self, offset / CHUNK_SIZE, &failure);

  if (chunk != NULL) {
    memcpy (buffer, chunk + offset % CHUNK_SIZE, size);
    return TRUE;
  }
  if (!g_error_matches (failure, VT_DISK_ERROR, VT_DISK_ERROR_READ)) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  self->requests++;
  return vt_disk_read (self->disk, self->start + offset, buffer, size, error);
}

gboolean
vt_disk_cache_read (VtDiskCache *self, guint64 offset, void *buffer, gsize size, GError **error)
{
  guint8 *bytes = buffer;

  if (offset > self->size || size > self->size - offset) {
    g_set_error (error, VT_DISK_ERROR, VT_DISK_ERROR_RANGE,
                 "%zu bytes at %" G_GUINT64_FORMAT " of a partition of %" G_GUINT64_FORMAT, size,
                 offset, self->size);
    return FALSE;
  }
  while (size > 0) {
    gsize n = MIN (size, CHUNK_SIZE - offset % CHUNK_SIZE);

    if (!read_piece (self, offset, bytes, n, error))
      return FALSE;
    bytes += n;
    offset += n;
    size -= n;
  }
  return TRUE;
}
