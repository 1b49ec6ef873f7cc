// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-ext-io.h"

#include <errno.h>
#include <string.h>

/* What is kept together, and how many of these: 32 MiB. */
#define CHUNK_SIZE ((gsize)32 * 1024)
#define CHUNKS_MAX 1024

/* As many are read at once where the one before is there already: inode tables are read from front
 * to end, directories lie scattered. */
#define CHUNKS_AHEAD 8

/* Chunks that come while their user does something else; far fewer than are kept. */
#define PREFETCHED_MAX 32

typedef struct {
  guint64 number; /* its offset in the window, in chunks; the key */
  GList link;     /* in the order of their use, the latest first */
  guint8 *data;
  VtExtIo *io;
  gboolean coming; /* not there yet: only on_prefetched() may touch the data */
  gboolean failed; /* did not come */
} Chunk;

struct _VtExtIo {
  VtDisk *disk;
  guint64 start;
  guint64 size;
  GHashTable *chunks; /* guint64, in the chunk, to Chunk, owned */
  GQueue used;        /* of Chunk */
  guint8 *buffer;     /* for CHUNKS_AHEAD */
  guint coming;       /* chunks that are */
  guint64 requests;
  GError *failure;
};

/* libext2fs opens by name only. Set for the duration of the call that opens. */
static VtExtIo *opening;

static struct struct_io_manager manager;

static void
chunk_free (gpointer data)
{
  Chunk *chunk = data;

  g_free (chunk->data);
  g_free (chunk);
}

VtExtIo *
vt_ext_io_new (VtDisk *disk, guint64 start, guint64 size)
{
  VtExtIo *self = g_new0 (VtExtIo, 1);

  self->disk = disk;
  self->start = start;
  self->size = size;
  self->chunks = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, chunk_free);
  g_queue_init (&self->used);
  self->buffer = g_malloc (CHUNKS_AHEAD * CHUNK_SIZE);
  return self;
}

void
vt_ext_io_free (VtExtIo *self)
{
  g_autoptr (GError) error = NULL;

  if (self->coming > 0 && !vt_disk_wait (self->disk, 0, &error))
    g_debug ("%s", error->message);
  g_hash_table_unref (self->chunks);
  g_clear_error (&self->failure);
  g_free (self->buffer);
  g_free (self);
}

GError *
vt_ext_io_take_failure (VtExtIo *self)
{
  return g_steal_pointer (&self->failure);
}

guint64
vt_ext_io_count_requests (const VtExtIo *self)
{
  return self->requests;
}

static void
forget_chunk (VtExtIo *self, Chunk *chunk)
{
  g_queue_unlink (&self->used, &chunk->link);
  g_hash_table_steal (self->chunks, &chunk->number);
}

/* The least lately used one is used again when there are enough. None of these is still to come:
 * many more are kept than are asked for at a time. */
static Chunk *
add_chunk (VtExtIo *self, guint64 number)
{
  Chunk *chunk;

  if (g_hash_table_size (self->chunks) >= CHUNKS_MAX) {
    chunk = g_queue_peek_tail (&self->used);
    g_assert (!chunk->coming);
    forget_chunk (self, chunk);
  } else {
    chunk = g_new0 (Chunk, 1);
    chunk->data = g_malloc (CHUNK_SIZE);
    chunk->link.data = chunk;
    chunk->io = self;
  }
  chunk->failed = FALSE;
  chunk->number = number;
  g_hash_table_insert (self->chunks, &chunk->number, chunk);
  g_queue_push_head_link (&self->used, &chunk->link);
  return chunk;
}

static gboolean
is_kept (VtExtIo *self, guint64 number)
{
  return g_hash_table_contains (self->chunks, &number);
}

/* Chunks from NUMBER on that are to be read together. */
static guint
count_ahead (VtExtIo *self, guint64 number)
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
read_chunks (VtExtIo *self, guint64 number, guint n, GError **error)
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
  chunk->io->coming--;
}

void
vt_ext_io_prefetch (VtExtIo *self, guint64 offset)
{
  guint64 number = offset / CHUNK_SIZE;
  g_autoptr (GError) error = NULL;
  Chunk *chunk;

  if (offset >= self->size || self->coming >= PREFETCHED_MAX || is_kept (self, number))
    return;
  self->requests++;
  chunk = add_chunk (self, number);
  chunk->coming = TRUE;
  self->coming++;
  /* Why it cannot be had is told when it is really needed. */
  if (!vt_disk_submit (self->disk, self->start + number * CHUNK_SIZE, chunk->data,
                       MIN (CHUNK_SIZE, self->size - number * CHUNK_SIZE), on_prefetched, chunk,
                       &error))
    on_prefetched (error, chunk);
}

/* One that is there, or NULL. */
static Chunk *
find_chunk (VtExtIo *self, guint64 number, GError **error)
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
get_chunk (VtExtIo *self, guint64 number, GError **error)
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
read_piece (VtExtIo *self, guint64 offset, guint8 *buffer, gsize size, GError **error)
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
vt_ext_io_read (VtExtIo *self, guint64 offset, void *buffer, gsize size, GError **error)
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

static errcode_t
on_open (const char *name, int flags, io_channel *channel)
{
  io_channel self;

  if (opening == NULL || (flags & IO_FLAG_RW) != 0)
    return EROFS;
  self = g_new0 (struct struct_io_channel, 1);
  self->magic = EXT2_ET_MAGIC_IO_CHANNEL;
  self->manager = &manager;
  self->name = g_strdup (name);
  self->block_size = 1024;
  self->refcount = 1;
  self->private_data = opening;
  *channel = self;
  return 0;
}

static errcode_t
on_close (io_channel channel)
{
  if (--channel->refcount > 0)
    return 0;
  g_free (channel->name);
  g_free (channel);
  return 0;
}

static errcode_t
on_set_blksize (io_channel channel, int size)
{
  channel->block_size = size;
  return 0;
}

static errcode_t
on_read_blk64 (io_channel channel, unsigned long long block, int count, void *data)
{
  VtExtIo *self = channel->private_data;
  gsize block_size = (gsize)channel->block_size;
  gsize size = count < 0 ? (gsize) - (gssize)count : (gsize)count * block_size;
  g_autoptr (GError) error = NULL;
  guint64 offset;

  if (!g_uint64_checked_mul (&offset, block, block_size))
    return EXT2_ET_BAD_BLOCK_NUM;
  if (vt_ext_io_read (self, offset, data, size, &error))
    return 0;
  if (g_error_matches (error, VT_DISK_ERROR, VT_DISK_ERROR_RANGE))
    return EXT2_ET_BAD_BLOCK_NUM;
  if (self->failure == NULL)
    self->failure = g_steal_pointer (&error);
  return EXT2_ET_SHORT_READ;
}

static errcode_t
on_read_blk (io_channel channel, unsigned long block, int count, void *data)
{
  return on_read_blk64 (channel, block, count, data);
}

static errcode_t
on_write_blk (io_channel channel, unsigned long block, int count, const void *data)
{
  return EROFS;
}

static errcode_t
on_write_blk64 (io_channel channel, unsigned long long block, int count, const void *data)
{
  return EROFS;
}

static errcode_t
on_flush (io_channel channel)
{
  return 0;
}

static struct struct_io_manager manager = {
    .magic = EXT2_ET_MAGIC_IO_MANAGER,
    .name = "window of a disk",
    .open = on_open,
    .close = on_close,
    .set_blksize = on_set_blksize,
    .read_blk = on_read_blk,
    .write_blk = on_write_blk,
    .flush = on_flush,
    .read_blk64 = on_read_blk64,
    .write_blk64 = on_write_blk64,
};

errcode_t
vt_ext_io_open (VtExtIo *self, int flags, ext2_filsys *fs)
{
  errcode_t code;

  opening = self;
  code = ext2fs_open2 ("window", NULL, flags & ~EXT2_FLAG_RW, 0, 0, &manager, fs);
  opening = NULL;
  return code;
}
