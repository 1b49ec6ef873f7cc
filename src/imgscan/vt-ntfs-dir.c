// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-ntfs-private.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of the names of a directory, and so a bound of its entries, too; DOS names beside them. */
#define NAMES_SIZE_MAX ((gsize)256 * 1024 * 1024)
#define TWINS_MAX      (4U * 1024 * 1024)

/* The smallest block of an index, by which the bits of its bitmap are counted. */
#define BLOCK_SIZE_MIN 512

typedef struct {
  VtNtfs *ntfs;
  VtNtfsDirectory *directory;
  GHashTable *twins; /* numbers of the files that have a DOS name here */
  GError *error;
} Reading;

void
vt_ntfs_directory_free (VtNtfsDirectory *self)
{
  g_array_unref (self->entries);
  g_string_free (self->names, TRUE);
  g_free (self);
}

static gboolean
add_name (Reading *self, const ntfschar *name, int length, MFT_REF reference)
{
  VtNtfsDirectory *directory = self->directory;
  const VtNtfsEntry entry = {.reference = reference, .name = (guint)directory->names->len};
  char *text = NULL;
  int size = ntfs_ucstombs (name, length, &text, 0);

  if (size < 0)
    return vt_ntfs_check (self->ntfs, FALSE, &self->error, "a name in a directory");
  /* The library ends at a NUL in the middle. */
  for (int i = 0; i < length; i++)
    if (name[i] == 0)
      size = 0;
  if (size == 0 || memchr (text, '/', (gsize)size) != NULL || g_str_equal (text, ".") ||
      g_str_equal (text, "..")) {
    free (text);
    return vt_fs_refuse (&self->error, "a name that none can be");
  }
  g_string_append_len (directory->names, text, size + 1);
  free (text);
  g_array_append_val (directory->entries, entry);
  return directory->names->len <= NAMES_SIZE_MAX ||
         vt_fs_refuse (&self->error, "a directory is too large");
}

static int
on_entry (void *user_data,
          const ntfschar *name,
          const int length,
          const int type,
          const s64 position,
          const MFT_REF reference,
          const unsigned kind)
{
  Reading *self = user_data;
  guint64 *number;

  /* "." and "..", which the library makes up: it is told by the position they have. */
  if (position < 2)
    return 0;
  vt_fs_say_alive (&self->ntfs->base);
  if (type != FILE_NAME_DOS)
    return add_name (self, name, length, reference) ? 0 : -1;
  if (g_hash_table_size (self->twins) >= TWINS_MAX)
    return vt_fs_refuse (&self->error, "a directory has too many DOS names") ? 0 : -1;
  number = g_new (guint64, 1);
  *number = MREF (reference);
  g_hash_table_add (self->twins, number);
  return 0;
}

static gboolean
is_sane (Reading *self, VtNtfsInode *inode, ATTR_TYPES type, s64 max, s64 *size)
{
  g_autoptr (VtNtfsAttr) attr = NULL;

  *size = 0;
  errno = 0;
  attr = ntfs_attr_open (inode, type, NTFS_INDEX_I30, 4);
  if (attr == NULL)
    return vt_ntfs_check (self->ntfs, errno == ENOENT, &self->error, "index of directory %lld",
                          (long long)inode->mft_no);
  *size = attr->data_size;
  return (attr->data_size >= 0 && attr->data_size <= max) ||
         vt_fs_refuse (&self->error, "the index of directory %lld is of %lld bytes",
                       (long long)inode->mft_no, (long long)attr->data_size);
}

/* The library goes through the whole bitmap, however large that claims to be. */
static gboolean
check_index (Reading *self, VtNtfsInode *inode)
{
  s64 size;

  return is_sane (self, inode, AT_INDEX_ALLOCATION, (s64)self->ntfs->size, &size) &&
         is_sane (self, inode, AT_BITMAP, size / BLOCK_SIZE_MIN / 8 + 64, &size);
}

/*
 * The library lists all blocks of an index that are marked as used, but follows the tree when it is
 * given a name, as Windows does. Where these two do not agree, the file that is run would not be
 * the one that is scanned.
 */
static gboolean
check_name (VtNtfs *self, VtNtfsInode *inode, const char *name, MFT_REF reference, GError **error)
{
  ntfschar *unicode = NULL;
  int length = ntfs_mbstoucs (name, &unicode);
  MFT_REF found = (MFT_REF)-1;

  vt_ntfs_begin_step (self);
  errno = 0;
  if (length > 0)
    found = ntfs_inode_lookup_by_name (inode, unicode, length);
  free (unicode);
  return vt_ntfs_check (self, found != (MFT_REF)-1, error, "a name in directory %" G_GUINT64_FORMAT,
                        (guint64)inode->mft_no) &&
         (found == reference ||
          vt_fs_refuse (error, "the index of directory %" G_GUINT64_FORMAT " contradicts itself",
                        (guint64)inode->mft_no));
}

/* No name is to be there twice, each is to lead where it is listed; and which have a DOS name. */
static gboolean
finish (Reading *self, VtNtfsInode *inode, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  GArray *entries = self->directory->entries;

  for (guint i = 0; i < entries->len; i++) {
    VtNtfsEntry *entry = &g_array_index (entries, VtNtfsEntry, i);
    const char *name = self->directory->names->str + entry->name;
    guint64 number = MREF (entry->reference);

    vt_fs_say_alive (&self->ntfs->base);
    if (!g_hash_table_add (seen, (gpointer)name))
      return vt_fs_refuse (error, "a directory has a name twice");
    if (!check_name (self->ntfs, inode, name, entry->reference, error))
      return FALSE;
    entry->has_twin = g_hash_table_contains (self->twins, &number);
  }
  return TRUE;
}

VtNtfsDirectory *
vt_ntfs_directory_read (VtNtfs *self, VtNtfsInode *inode, GError **error)
{
  g_autoptr (VtNtfsDirectory) directory = g_new0 (VtNtfsDirectory, 1);
  g_autoptr (GHashTable) twins = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  Reading reading = {self, directory, twins, NULL};
  s64 position = 0;
  int result = -1;

  directory->entries = g_array_new (FALSE, FALSE, sizeof (VtNtfsEntry));
  directory->names = g_string_new (NULL);
  vt_ntfs_begin_step (self);
  if (check_index (&reading, inode))
    result = ntfs_readdir (inode, &position, &reading, on_entry);
  if (reading.error != NULL) {
    g_propagate_error (error, reading.error);
    return NULL;
  }
  if (!vt_ntfs_check (self, result == 0, error, "directory %" G_GUINT64_FORMAT,
                      (guint64)inode->mft_no) ||
      !finish (&reading, inode, error))
    return NULL;
  return g_steal_pointer (&directory);
}
