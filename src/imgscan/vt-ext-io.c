// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-ext-io.h"

#include <errno.h>

#include "vt-disk-cache.h"

struct _VtExtIo {
  VtDiskCache *cache;
  GError *failure;
};

/* libext2fs opens by name only. Set for the duration of the call that opens. */
static VtExtIo *opening;

static struct struct_io_manager manager;

VtExtIo *
vt_ext_io_new (VtDisk *disk, guint64 start, guint64 size)
{
  VtExtIo *self = g_new0 (VtExtIo, 1);

  self->cache = vt_disk_cache_new (disk, start, size);
  return self;
}

void
vt_ext_io_free (VtExtIo *self)
{
  vt_disk_cache_free (self->cache);
  g_clear_error (&self->failure);
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
  return vt_disk_cache_count_requests (self->cache);
}

gboolean
vt_ext_io_read (VtExtIo *self, guint64 offset, void *buffer, gsize size, GError **error)
{
  return vt_disk_cache_read (self->cache, offset, buffer, size, error);
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
