// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-disk-cache.h"

#include <string.h>

/* What is kept together, and how many of these: 32 MiB. */
#define CHUNK_SIZE ((gsize)4 * 1024)
#define CHUNKS_MAX 8192

/* Chunks that are read at once: a few, or more where the one before has been read, too. Inode
 * tables are read from front to end. */
#define AHEAD_MIN 8
#define AHEAD_MAX 64

/* Chunks that come while their user does something else; far fewer than are kept. */
#define PREFETCHED_MAX 32

typedef struct {
  guint64 number; /* its offset in the window, in chunks; the key */
  GList link;     /* in the order of their use, the latest first */
  guint8 *data;
  VtDiskCache *cache;
  gboolean single; /* asked for alone: what follows it may be something else */
  gboolean coming; /* not there yet: only on_prefetched() may touch the data */
  gboolean failed; /* did not come */
} Chunk;

struct _VtDiskCache {
  VtDisk *disk;
  guint64 start;
  guint64 size;
  GHashTable *chunks; /* guint64, in the chunk, to Chunk, owned */
  GQueue used;        /* of Chunk */
  guint8 *buffer;     /* for AHEAD_MAX chunks */
  guint coming;       /* chunks that are */
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
  self->buffer = g_malloc (AHEAD_MAX * CHUNK_SIZE);
  return self;
}

void
vt_disk_cache_free (VtDiskCache *self)
{
  g_autoptr (GError) error = NULL;

  if (self->coming > 0 && !vt_disk_wait (self->disk, 0, &error))
    g_debug ("%s", error->message);
  g_hash_table_unref (self->chunks);
  g_free (self->buffer);
  g_free (self);
}

guint64
vt_disk_cache_count_requests (const VtDiskCache *self)
{
  return self->requests;
}

static void
forget_chunk (VtDiskCache *self, Chunk *chunk)
{
  g_queue_unlink (&self->used, &chunk->link);
  g_hash_table_steal (self->chunks, &chunk->number);
}

/* One that is still to come belongs to the disk. There are always others: far more are kept than
 * may be on their way. */
static Chunk *
find_oldest (VtDiskCache *self)
{
  GList *link = g_queue_peek_tail_link (&self->used);

  while (((Chunk *)link->data)->coming)
    link = link->prev;
  return link->data;
}

/* The least lately used one is used again when there are enough. */
static Chunk *
add_chunk (VtDiskCache *self, guint64 number)
{
  Chunk *chunk;

  if (g_hash_table_size (self->chunks) >= CHUNKS_MAX) {
    chunk = find_oldest (self);
    forget_chunk (self, chunk);
  } else {
    chunk = g_new0 (Chunk, 1);
    chunk->data = g_malloc (CHUNK_SIZE);
    chunk->link.data = chunk;
    chunk->cache = self;
  }
  chunk->failed = chunk->single = FALSE;
  chunk->number = number;
  g_hash_table_insert (self->chunks, &chunk->number, chunk);
  g_queue_push_head_link (&self->used, &chunk->link);
  return chunk;
}

static gboolean
is_kept (VtDiskCache *self, guint64 number)
{
  return g_hash_table_contains (self->chunks, &number);
}

static gboolean
follows_what_was_read (VtDiskCache *self, guint64 number)
{
  const guint64 before = number - 1;
  const Chunk *chunk = number > 0 ? g_hash_table_lookup (self->chunks, &before) : NULL;

  return chunk != NULL && !chunk->single;
}

/* Chunks from NUMBER on that are to be read together. */
static guint
count_ahead (VtDiskCache *self, guint64 number)
{
  guint64 chunks = (self->size + CHUNK_SIZE - 1) / CHUNK_SIZE;
  guint most = follows_what_was_read (self, number) ? AHEAD_MAX : AHEAD_MIN;
  guint n = 1;

  while (n < most && number + n < chunks && !is_kept (self, number + n))
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

    chunk = add_chunk (self, number + i);
    memcpy (chunk->data, self->buffer + at, MIN (CHUNK_SIZE, size - at));
  }
  return chunk != NULL ? chunk->data : NULL;
}

static void
on_prefetched (const GError *error, gpointer user_data)
{
  Chunk *chunk = user_data;

  chunk->coming = FALSE;
  chunk->failed = error != NULL;
  chunk->cache->coming--;
}

void
vt_disk_cache_prefetch (VtDiskCache *self, guint64 offset)
{
  guint64 number = offset / CHUNK_SIZE;
  g_autoptr (GError) error = NULL;
  Chunk *chunk;

  if (offset >= self->size || self->coming >= PREFETCHED_MAX || is_kept (self, number))
    return;
  self->requests++;
  chunk = add_chunk (self, number);
  chunk->coming = chunk->single = TRUE;
  self->coming++;
  /* Why it cannot be had is told when it is really needed. */
  if (!vt_disk_submit (self->disk, self->start + number * CHUNK_SIZE, chunk->data,
                       MIN (CHUNK_SIZE, self->size - number * CHUNK_SIZE), on_prefetched, chunk,
                       &error))
    on_prefetched (error, chunk);
}

/* One that is there, or NULL. */
static Chunk *
find_chunk (VtDiskCache *self, guint64 number, GError **error)
{
  Chunk *chunk = g_hash_table_lookup (self->chunks, &number);

  while (chunk != NULL && chunk->coming)
    if (!vt_disk_wait (self->disk, self->coming - 1, error))
      return NULL;
  if (chunk == NULL || !chunk->failed)
    return chunk;
  forget_chunk (self, chunk);
  chunk_free (chunk);
  return NULL;
}

/* NULL: it cannot be read as a whole. */
static const guint8 *
get_chunk (VtDiskCache *self, guint64 number, GError **error)
{
  GError *lost = NULL;
  Chunk *chunk = find_chunk (self, number, &lost);
  guint n;

  if (chunk != NULL) {
    g_queue_unlink (&self->used, &chunk->link);
    g_queue_push_head_link (&self->used, &chunk->link);
    return chunk->data;
  }
  if (lost != NULL) {
    g_propagate_error (error, lost);
    return NULL;
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
