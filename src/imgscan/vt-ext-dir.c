// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The entries of one directory, read from its first block to its last: the blocks of an index look
 * like empty ones, so hashed directories need no code of their own.
 */
#include "vt-ext-private.h"

#include <string.h>

/* Entries and bytes of names of one directory. */
#define ENTRIES_MAX (4U * 1024 * 1024)
#define NAMES_MAX   ((gsize)256 * 1024 * 1024)

/* Inode, length, length of the name, type. */
#define HEAD_SIZE     8
#define REC_LEN_MIN   12
#define INLINE_PARENT 4 /* an inline directory starts with its parent's number */
#define INLINE_FIRST  (sizeof (guint32) * EXT2_N_BLOCKS)

typedef struct {
  VtExt *ext;
  const VtExtInode *inode;
  VtExtDirectory *directory;
  guint dots; /* "." and ".." that were met */
} Reader;

void
vt_ext_directory_free (VtExtDirectory *self)
{
  g_array_unref (self->entries);
  g_string_free (self->names, TRUE);
  g_free (self);
}

static gboolean
damaged (const Reader *self, const char *how, GError **error)
{
  return vt_fs_refuse (error, "directory %u: %s", self->inode->number, how);
}

static gboolean
take_entry (Reader *self, const VtExtEntry *entry, const char *name, gsize length, GError **error)
{
  VtExtDirectory *directory = self->directory;
  VtExtEntry added = *entry;

  if (length == 1 && name[0] == '.') {
    self->dots++;
    return entry->inode == self->inode->number || damaged (self, "\".\" is not itself", error);
  }
  if (length == 2 && name[0] == '.' && name[1] == '.') {
    self->dots++;
    directory->parent = entry->inode;
    return TRUE;
  }
  if (length == 0 || memchr (name, '/', length) != NULL || memchr (name, '\0', length) != NULL)
    return damaged (self, "a name that cannot be", error);
  if (directory->entries->len >= ENTRIES_MAX || directory->names->len >= NAMES_MAX)
    return damaged (self, "too many entries", error);
  added.name = (guint)directory->names->len;
  g_string_append_len (directory->names, name, (gssize)length);
  g_string_append_c (directory->names, '\0');
  g_array_append_val (directory->entries, added);
  return TRUE;
}

/* Blocks of 64 KiB: a length that does not fit has its high bits in the lowest two. */
static guint
get_rec_len (const Reader *self, guint length)
{
  if (self->ext->fs->blocksize < 65536)
    return length;
  if (length == 65535 || length == 0)
    return self->ext->fs->blocksize;
  return (length & 65532) | ((length & 3) << 16);
}

/* The SIZE bytes at DATA, which entries fill. */
static gboolean
parse (Reader *self, const guint8 *data, gsize size, GError **error)
{
  gboolean has_type = ext2fs_has_feature_filetype (self->ext->fs->super);

  for (gsize at = 0; at < size;) {
    VtExtEntry entry = {0};
    guint16 rec_len = 0;
    guint length, name_length;

    if (size - at < REC_LEN_MIN)
      return damaged (self, "its entries do not fill it", error);
    memcpy (&entry.inode, data + at, sizeof entry.inode);
    memcpy (&rec_len, data + at + 4, sizeof rec_len);
    entry.inode = GUINT32_FROM_LE (entry.inode);
    length = get_rec_len (self, GUINT16_FROM_LE (rec_len));
    name_length = data[at + 6];
    entry.type = has_type ? data[at + 7] : EXT2_FT_UNKNOWN;
    if (length < REC_LEN_MIN || length % 4 != 0 || length > size - at ||
        (entry.inode != 0 && (name_length + HEAD_SIZE > length || entry.type >= EXT2_FT_MAX ||
                              (!has_type && data[at + 7] != 0))))
      return damaged (self, "an entry is damaged", error);
    if (entry.inode != 0 &&
        !take_entry (self, &entry, (const char *)data + at + HEAD_SIZE, name_length, error))
      return FALSE;
    at += length;
  }
  return TRUE;
}

static gboolean
read_inline (Reader *self, GError **error)
{
  g_autofree guint8 *data = NULL;
  guint32 parent;
  gsize size;

  data = vt_ext_inline_read (self->ext, self->inode, &size, error);
  if (data == NULL)
    return FALSE;
  if (size != self->inode->size)
    return damaged (self, "its size is not that of its data", error);
  memcpy (&parent, data, sizeof parent);
  self->directory->parent = GUINT32_FROM_LE (parent);
  self->dots = 2;
  return parse (self, data + INLINE_PARENT, INLINE_FIRST - INLINE_PARENT, error) &&
         parse (self, data + INLINE_FIRST, size - INLINE_FIRST, error);
}

static gboolean
read_block (Reader *self, guint64 block, guint8 *buffer, GError **error)
{
  if (!vt_ext_read_block (self->ext, block, buffer, error))
    return FALSE;
  if (!ext2fs_dir_block_csum_verify (self->ext->fs, self->inode->number,
                                     (struct ext2_dir_entry *)(void *)buffer))
    return vt_ext_check (self->ext, 0, "directory", error) &&
           damaged (self, "a checksum is wrong", error);
  return parse (self, buffer, self->ext->fs->blocksize, error);
}

/* A directory has no holes, and blocks behind its end do not belong to it. */
static gboolean
read_blocks (Reader *self, GError **error)
{
  g_autoptr (GArray) runs = g_array_new (FALSE, FALSE, sizeof (VtExtRun));
  g_autofree guint8 *buffer = g_malloc (self->ext->fs->blocksize);
  guint64 blocks = self->inode->size / self->ext->fs->blocksize;
  guint64 next = 0;

  if (self->inode->size == 0 || self->inode->size % self->ext->fs->blocksize != 0)
    return damaged (self, "its size is none of whole blocks", error);
  if (!vt_ext_map (self->ext, self->inode, runs, NULL, error))
    return FALSE;
  for (guint i = 0; i < runs->len && next < blocks; i++) {
    const VtExtRun *run = &g_array_index (runs, VtExtRun, i);

    if (run->logical != next)
      break;
    for (guint64 j = 0; j < run->length && next < blocks; j++, next++)
      if (!read_block (self, run->physical + j, buffer, error))
        return FALSE;
  }
  return next == blocks || damaged (self, "it has a hole", error);
}

static gint
compare_inodes (gconstpointer a, gconstpointer b)
{
  const VtExtEntry *first = a;
  const VtExtEntry *second = b;

  return (first->inode > second->inode) - (first->inode < second->inode);
}

static gboolean
check_names (Reader *self, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  const VtExtDirectory *directory = self->directory;

  if (self->dots != 2)
    return damaged (self, "\".\" and \"..\" are not there once each", error);
  for (guint i = 0; i < directory->entries->len; i++)
    if (!g_hash_table_add (seen, directory->names->str +
                                     g_array_index (directory->entries, VtExtEntry, i).name))
      return damaged (self, "two entries have one name", error);
  return TRUE;
}

VtExtDirectory *
vt_ext_directory_read (VtExt *self, const VtExtInode *inode, GError **error)
{
  g_autoptr (VtExtDirectory) directory = g_new0 (VtExtDirectory, 1);
  Reader reader = {self, inode, directory, 0};

  directory->entries = g_array_new (FALSE, FALSE, sizeof (VtExtEntry));
  directory->names = g_string_new (NULL);
  if (!((inode->flags & EXT4_INLINE_DATA_FL) != 0 ? read_inline (&reader, error)
                                                  : read_blocks (&reader, error)) ||
      !check_names (&reader, error))
    return NULL;
  g_array_sort (directory->entries, compare_inodes);
  return g_steal_pointer (&directory);
}

gboolean
vt_ext_entry_fits (const VtExtEntry *entry, const VtExtInode *inode)
{
  switch (entry->type) {
  case EXT2_FT_UNKNOWN:
    return TRUE;
  case EXT2_FT_REG_FILE:
    return LINUX_S_ISREG (inode->mode);
  case EXT2_FT_DIR:
    return LINUX_S_ISDIR (inode->mode);
  case EXT2_FT_SYMLINK:
    return LINUX_S_ISLNK (inode->mode);
  case EXT2_FT_CHRDEV:
    return LINUX_S_ISCHR (inode->mode);
  case EXT2_FT_BLKDEV:
    return LINUX_S_ISBLK (inode->mode);
  case EXT2_FT_FIFO:
    return LINUX_S_ISFIFO (inode->mode);
  case EXT2_FT_SOCK:
    return LINUX_S_ISSOCK (inode->mode);
  default:
    return FALSE;
  }
}
