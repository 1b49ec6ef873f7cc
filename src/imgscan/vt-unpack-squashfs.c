// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * squashfs, through libsquashfuse.
 *
 * The library believes what it reads: places, sizes, lengths of names. So places are checked before
 * it is sent there, it gets room for the longest name that a field can tell, and blocks of data are
 * put together here. Its caches take position 0 for "nothing"; no place is before the superblock's
 * end.
 */
#include "vt-unpack-private.h"

#include <squashfuse/squashfuse.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vt-bytes.h"
#include "vt-fd.h"

#define SUPERBLOCK_SIZE 96U
#define BLOCK_SIZE_MIN  4096U
#define ELF_HEADER_SIZE 64U
/* Directories in directories. */
#define DEPTH_MAX 512U
/* What a field can tell, and a zero byte. */
#define NAME_ROOM (G_MAXUINT16 + 2U)

typedef struct {
  sqfs_dir dir;
  gsize path_size; /* of the path up to it */
} Level;

typedef struct {
  VtUnpacking *unpacking;
  sqfs fs;
  gboolean is_open;
  guint64 size;     /* from the superblock on */
  GArray *levels;   /* of Level: the directory that is read, and those it is in */
  GHashTable *seen; /* places of inodes, of directories and of files with several names */
  GString *path;
  char name[NAME_ROOM];
} Reader;

static void
reader_free (Reader *self)
{
  if (self->is_open) {
    sqfs_destroy (&self->fs);
    sqfs_table_destroy (&self->fs.xattr_table);
  }
  g_array_unref (self->levels);
  g_hash_table_unref (self->seen);
  g_string_free (self->path, TRUE);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Reader, reader_free)

static gboolean
damaged (Reader *self, const char *what)
{
  return vt_unpacking_fail (self->unpacking, VT_REASON_DAMAGED, "squashfs: damaged %s%s%s", what,
                            self->path->len > 0 ? " in " : "", self->path->str);
}

static gboolean
is_place (const Reader *self, guint64 place)
{
  return place >= SUPERBLOCK_SIZE && place < self->size;
}

/* What the library takes for granted when it opens a file system. */
static gboolean
check_superblock (Reader *self, const guint8 *super)
{
  guint32 block_size = vt_le32 (super + 12);
  guint16 block_bits = vt_le16 (super + 22);

  if (vt_le32 (super) != SQUASHFS_MAGIC || block_bits > SQUASHFS_FILE_MAX_LOG ||
      block_size < BLOCK_SIZE_MIN || block_size != 1U << block_bits)
    return damaged (self, "superblock");
  return (is_place (self, vt_le64 (super + 64)) && is_place (self, vt_le64 (super + 72))) ||
         damaged (self, "tables");
}

static gboolean
open_filesystem (Reader *self, int fd, guint64 offset)
{
  guint8 super[SUPERBLOCK_SIZE];
  sqfs_err error;

  if (vt_fd_read_at (fd, offset, super, sizeof super) != sizeof super)
    return damaged (self, "superblock");
  if (!check_superblock (self, super))
    return FALSE;
  error = sqfs_init (&self->fs, fd, offset);
  self->is_open = error == SQFS_OK;
  if (error == SQFS_BADCOMP)
    return vt_unpacking_fail (self->unpacking, VT_REASON_UNSUPPORTED,
                              "squashfs: compression %s cannot be unpacked here",
                              sqfs_compression_name (vt_le16 (super + 20)) ?: "of an unknown kind");
  if (self->is_open)
    return TRUE;
  sqfs_table_destroy (&self->fs.xattr_table);
  return damaged (self, "tables");
}

/* Whether there is metadata at OFFSET of the block at PLACE. */
static gboolean
has_metadata (Reader *self, guint64 place, gsize offset)
{
  sqfs_off_t next = (sqfs_off_t)place;
  sqfs_block *block = NULL;

  return is_place (self, place) && sqfs_md_cache (&self->fs, &next, &block) == SQFS_OK &&
         offset < block->size;
}

static gboolean
read_inode (Reader *self, sqfs_inode_id id, sqfs_inode *inode)
{
  guint64 place = self->fs.sb.inode_table_start + (id >> 16);

  return has_metadata (self, place, id & 0xffff) &&
         sqfs_inode_get (&self->fs, inode, id) == SQFS_OK;
}

/* Whether ID is met for the first time. */
static gboolean
is_new (Reader *self, sqfs_inode_id id)
{
  return g_hash_table_add (self->seen, g_memdup2 (&id, sizeof id));
}

/* FALSE: damaged. */
static gboolean
read_fragment_entry (Reader *self, guint32 index, struct squashfs_fragment_entry *entry)
{
  gsize at = (gsize)index * sizeof *entry;
  guint64 place;
  sqfs_off_t next;
  sqfs_block *block = NULL;
  const guint8 *bytes;

  if (index >= self->fs.sb.fragments)
    return FALSE;
  place = self->fs.frag_table.blocks[at / SQUASHFS_METADATA_SIZE];
  at %= SQUASHFS_METADATA_SIZE;
  next = (sqfs_off_t)place;
  if (!is_place (self, place) || sqfs_md_cache (&self->fs, &next, &block) != SQFS_OK ||
      block->size < at + sizeof *entry)
    return FALSE;
  bytes = (const guint8 *)block->data + at;
  entry->start_block = vt_le64 (bytes);
  entry->size = vt_le32 (bytes + 8);
  return TRUE;
}

/* Whether a block of data of HEADER may be at PLACE; none is larger packed than unpacked. */
static gboolean
may_be_block (const Reader *self, guint64 place, guint32 header)
{
  guint32 size = 0;
  bool compressed;

  sqfs_data_header (header, &compressed, &size);
  return is_place (self, place) && size > 0 && size <= self->fs.sb.block_size;
}

static gboolean
copy_fragment (Reader *self, const sqfs_inode *inode, VtMember *member, guint64 at, gboolean *whole)
{
  struct squashfs_fragment_entry entry;
  sqfs_block *block = NULL;
  gsize n = (gsize)(inode->xtra.reg.file_size - at);

  *whole = read_fragment_entry (self, inode->xtra.reg.frag_idx, &entry) &&
           may_be_block (self, entry.start_block, entry.size) &&
           sqfs_data_cache (&self->fs, &self->fs.frag_cache, (sqfs_off_t)entry.start_block,
                            entry.size, &block) == SQFS_OK &&
           inode->xtra.reg.frag_off <= block->size && n <= block->size - inode->xtra.reg.frag_off;
  return !*whole ||
         vt_member_write (member, at, (const guint8 *)block->data + inode->xtra.reg.frag_off, n);
}

static gboolean
copy_block (Reader *self,
            const sqfs_blocklist *list,
            VtMember *member,
            guint64 at,
            gsize n,
            gboolean *whole)
{
  sqfs_block *block = NULL;
  gboolean result;

  *whole =
      may_be_block (self, list->block, list->header) &&
      sqfs_data_block_read (&self->fs, (sqfs_off_t)list->block, list->header, &block) == SQFS_OK;
  if (!*whole)
    return TRUE;
  *whole = block->size == n;
  result = !*whole || vt_member_write (member, at, block->data, n);
  sqfs_block_dispose (block);
  return result;
}

/* WHOLE: all came; FALSE: a limit was reached. */
static gboolean
copy_data (Reader *self, sqfs_inode *inode, VtMember *member, gboolean *whole)
{
  guint64 size = inode->xtra.reg.file_size;
  guint64 at = 0;
  sqfs_blocklist list;

  *whole = TRUE;
  sqfs_blocklist_init (&self->fs, inode, &list);
  while (*whole && list.remain > 0) {
    gsize n = (gsize)MIN (size - at, self->fs.sb.block_size);

    *whole = sqfs_blocklist_next (&list) == SQFS_OK;
    /* A block of no bytes is a hole. */
    if (*whole && list.input_size > 0 && !copy_block (self, &list, member, at, n, whole))
      return FALSE;
    at += n;
  }
  if (!*whole || at == size)
    return TRUE;
  return copy_fragment (self, inode, member, at, whole);
}

static gboolean
take_file (Reader *self, sqfs_inode *inode)
{
  g_auto (VtMember) member = {0};
  gboolean whole = TRUE;

  vt_member_init (&member, self->unpacking, self->path->str);
  if (inode->xtra.reg.file_size > self->unpacking->limits->max_member_size)
    vt_member_refuse (&member, VT_REASON_SIZE_LIMIT);
  else if (!copy_data (self, inode, &member, &whole))
    return FALSE;
  if (!whole)
    vt_member_refuse (&member, VT_REASON_DAMAGED);
  return vt_member_finish (&member, inode->xtra.reg.file_size);
}

/* A directory that is reached twice would have no end. Damage costs the directory. */
static void
enter_directory (Reader *self, sqfs_inode_id id, sqfs_inode *inode)
{
  guint64 place = self->fs.sb.directory_table_start + inode->xtra.dir.start_block;
  Level level = {.path_size = self->path->len};

  if (self->levels->len >= DEPTH_MAX || !is_new (self, id) ||
      sqfs_dir_open (&self->fs, inode, &level.dir, 0) != SQFS_OK ||
      (level.dir.total > 0 && !has_metadata (self, place, inode->xtra.dir.offset)))
    damaged (self, "directory");
  else
    g_array_append_val (self->levels, level);
}

static gboolean
is_name (const Reader *self, gsize size)
{
  return size <= SQUASHFS_NAME_LEN && memchr (self->name, '\0', size) == NULL &&
         memchr (self->name, '/', size) == NULL;
}

static gboolean
take_entry (Reader *self, const sqfs_dir_entry *entry)
{
  sqfs_inode inode;

  if (!vt_unpacking_count (self->unpacking))
    return FALSE;
  if (!is_name (self, entry->name_size) || !read_inode (self, entry->inode, &inode)) {
    damaged (self, "entry");
    return TRUE;
  }
  if (self->path->len > 0)
    g_string_append_c (self->path, '/');
  self->name[entry->name_size] = '\0';
  g_string_append (self->path, self->name);
  if (S_ISDIR (inode.base.mode))
    enter_directory (self, entry->inode, &inode);
  else if (S_ISREG (inode.base.mode) && (inode.nlink <= 1 || is_new (self, entry->inode)))
    return take_file (self, &inode);
  return TRUE;
}

/* Reads the directories in depth first; what is damaged is passed over. */
static gboolean
read_directories (Reader *self)
{
  while (self->levels->len > 0) {
    Level *level = &g_array_index (self->levels, Level, self->levels->len - 1);
    sqfs_dir_entry entry;
    sqfs_err error = SQFS_OK;

    g_string_truncate (self->path, level->path_size);
    sqfs_dentry_init (&entry, self->name);
    if (sqfs_dir_next (&self->fs, &level->dir, &entry, &error)) {
      if (!take_entry (self, &entry))
        return FALSE;
      continue;
    }
    if (error != SQFS_OK)
      damaged (self, "directory");
    g_array_set_size (self->levels, self->levels->len - 1);
  }
  return TRUE;
}

/* Where the file system begins: an AppImage has it behind its program. */
static guint64
find_start (int fd, guint64 size)
{
  guint8 head[ELF_HEADER_SIZE];
  gssize n = vt_fd_read_at (fd, 0, head, sizeof head);
  VtContainerView view = {.head = head, .head_size = (gsize)MAX (n, 0), .size = size};

  return vt_container_appimage_offset (&view);
}

gboolean
vt_unpack_squashfs (VtUnpacking *self, int fd, guint64 size)
{
  g_autoptr (Reader) reader = g_new0 (Reader, 1);
  guint64 start = find_start (fd, size);
  sqfs_inode root;

  reader->unpacking = self;
  reader->size = size - start;
  reader->levels = g_array_new (FALSE, FALSE, sizeof (Level));
  reader->seen = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  reader->path = g_string_new (NULL);
  if (!open_filesystem (reader, fd, start))
    return FALSE;
  if (!read_inode (reader, sqfs_inode_root (&reader->fs), &root) || !S_ISDIR (root.base.mode))
    return damaged (reader, "root directory");
  enter_directory (reader, sqfs_inode_root (&reader->fs), &root);
  return read_directories (reader);
}
