// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <string.h>

#include "vt-ext-private.h"

/* As the kernel has it: links on the way, and bytes of a link's target. */
#define HOPS_MAX   40U
#define TARGET_MAX ((gsize)4096)

/* Directories on the way, and bytes of a path when links are put into it. */
#define DEPTH_MAX     2000U
#define REST_SIZE_MAX ((gsize)64 * 1024)

/* Links of less are kept in the place of the block numbers. */
#define FAST_LINK_SIZE (sizeof (guint32) * EXT2_N_BLOCKS)

typedef struct {
  VtExt *ext;
  GArray *stack; /* of guint32: directories from the top to here, then what was found */
  GString *rest; /* what is still to be looked up */
  guint hops;
  gboolean keep_link; /* at the path's end */
} Resolver;

static gboolean
copy_runs (VtExt *self, const VtExtInode *inode, guint8 *buffer, gsize n, GError **error)
{
  g_autoptr (GArray) runs = g_array_new (FALSE, FALSE, sizeof (VtExtRun));
  guint64 block_size = self->fs->blocksize;

  if (!vt_ext_map (self, inode, runs, NULL, error))
    return FALSE;
  for (guint i = 0; i < runs->len; i++) {
    const VtExtRun *run = &g_array_index (runs, VtExtRun, i);
    guint64 offset = run->logical * block_size;

    if (offset >= n)
      break;
    if (!vt_ext_io_read (self->io, run->physical * block_size, buffer + offset,
                         MIN (run->length * block_size, n - offset), error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
copy_inline (VtExt *self, const VtExtInode *inode, guint8 *buffer, gsize n, GError **error)
{
  gsize size;
  g_autofree guint8 *data = vt_ext_inline_read (self, inode, &size, error);

  if (data == NULL)
    return FALSE;
  if (size < inode->size)
    return vt_fs_refuse (error, "inode %u is larger than its data", inode->number);
  memcpy (buffer, data, MIN (inode->size, n));
  return TRUE;
}

/* The first bytes of a file or link, at most MAX, and a NUL after them. */
static guint8 *
read_bytes (VtExt *self, const VtExtInode *inode, gsize max, gsize *n, GError **error)
{
  g_autofree guint8 *buffer = NULL;

  *n = MIN (inode->size, max);
  buffer = g_malloc0 (*n + 1);
  if ((inode->flags & EXT4_INLINE_DATA_FL) != 0) {
    if (!copy_inline (self, inode, buffer, *n, error))
      return NULL;
  } else if (LINUX_S_ISLNK (inode->mode) && inode->size < FAST_LINK_SIZE) {
    memcpy (buffer, inode->raw.fields.i_block, *n);
  } else if (!copy_runs (self, inode, buffer, *n, error)) {
    return NULL;
  }
  return g_steal_pointer (&buffer);
}

static char *
read_target (VtExt *self, const VtExtInode *link, GError **error)
{
  gsize n;

  if (link->size <= TARGET_MAX)
    return (char *)read_bytes (self, link, TARGET_MAX, &n, error);
  vt_fs_refuse (error, "a symbolic link of %" G_GUINT64_FORMAT " bytes", link->size);
  return NULL;
}

static gboolean
follow_link (Resolver *self, const VtExtInode *link, GError **error)
{
  g_autofree char *target = read_target (self->ext, link, error);

  if (target == NULL)
    return FALSE;
  if (++self->hops > HOPS_MAX || self->rest->len > REST_SIZE_MAX)
    return vt_fs_refuse (error, "there are more than %u symbolic links", HOPS_MAX);
  if (target[0] == '/')
    g_array_set_size (self->stack, 1);
  g_string_prepend (self->rest, "/");
  g_string_prepend (self->rest, target);
  return TRUE;
}

static gboolean
enter (Resolver *self, const char *name, GError **error)
{
  guint32 number = g_array_index (self->stack, guint32, self->stack->len - 1);
  g_autoptr (VtExtDirectory) directory = NULL;
  VtExtInode inode;

  if (!vt_ext_inode_read (self->ext, number, &inode, error))
    return FALSE;
  if (!LINUX_S_ISDIR (inode.mode))
    return vt_fs_set_missing (name, error);
  directory = vt_ext_directory_read (self->ext, &inode, error);
  for (guint i = 0; directory != NULL && i < directory->entries->len; i++) {
    const VtExtEntry *entry = &g_array_index (directory->entries, VtExtEntry, i);

    if (strcmp (directory->names->str + entry->name, name) != 0)
      continue;
    if (!vt_ext_inode_read (self->ext, entry->inode, &inode, error))
      return FALSE;
    if (LINUX_S_ISLNK (inode.mode) && !(self->keep_link && self->rest->len == 0))
      return follow_link (self, &inode, error);
    g_array_append_val (self->stack, inode.number);
    return self->stack->len <= DEPTH_MAX || vt_fs_refuse (error, "the path is too deep");
  }
  return directory != NULL && vt_fs_set_missing (name, error);
}

/* Takes one name off the front of what is left; NULL: nothing is. */
static char *
take_name (GString *rest)
{
  gsize start = strspn (rest->str, "/");
  gsize length = strcspn (rest->str + start, "/");
  char *name = length > 0 ? g_strndup (rest->str + start, length) : NULL;

  g_string_erase (rest, 0, (gssize)(start + length));
  return name;
}

static gboolean
walk (Resolver *self, GError **error)
{
  guint32 root = EXT2_ROOT_INO;

  g_array_append_val (self->stack, root);
  for (;;) {
    g_autofree char *name = take_name (self->rest);

    if (name == NULL)
      return TRUE;
    if (strcmp (name, "..") == 0)
      g_array_set_size (self->stack, MAX (self->stack->len, 2) - 1);
    else if (strcmp (name, ".") != 0 && !enter (self, name, error))
      return FALSE;
  }
}

static gboolean
resolve (VtExt *self, const char *path, gboolean keep_link, VtExtInode *inode, GError **error)
{
  g_autoptr (GArray) stack = g_array_new (FALSE, FALSE, sizeof (guint32));
  Resolver resolver = {self, stack, g_string_new (path), 0, keep_link};
  gboolean found = walk (&resolver, error);

  g_string_free (resolver.rest, TRUE);
  return found &&
         vt_ext_inode_read (self, g_array_index (stack, guint32, stack->len - 1), inode, error);
}

gboolean
vt_ext_stat_path (VtFs *fs, const char *path, VtFsType *type, GError **error)
{
  VtExtInode inode;

  if (!resolve ((VtExt *)fs, path, FALSE, &inode, error))
    return FALSE;
  *type = LINUX_S_ISREG (inode.mode)   ? VT_FS_TYPE_REGULAR
          : LINUX_S_ISDIR (inode.mode) ? VT_FS_TYPE_DIRECTORY
                                       : VT_FS_TYPE_OTHER;
  return TRUE;
}

gboolean
vt_ext_identify (VtFs *fs, const char *path, VtFsStat *stat, GError **error)
{
  VtExtInode inode;

  return resolve ((VtExt *)fs, path, FALSE, &inode, error) &&
         (LINUX_S_ISREG (inode.mode) || vt_fs_refuse (error, "it is no regular file")) &&
         vt_ext_inode_stat (&inode, stat, error);
}

gboolean
vt_ext_get_attributes (VtFs *fs, const char *path, VtFileAttributes *attributes, GError **error)
{
  VtExtInode inode;

  return resolve ((VtExt *)fs, path, FALSE, &inode, error) &&
         vt_ext_attributes_read ((VtExt *)fs, &inode, attributes, error);
}

gboolean
vt_ext_read_head (VtFs *fs, const char *path, gsize max, GBytes **data, GError **error)
{
  VtExt *self = (VtExt *)fs;
  VtExtInode inode;
  guint8 *bytes;
  gsize n;

  if (!resolve (self, path, FALSE, &inode, error))
    return FALSE;
  if (!LINUX_S_ISREG (inode.mode))
    return vt_fs_refuse (error, "it is no regular file");
  bytes = read_bytes (self, &inode, max, &n, error);
  if (bytes == NULL)
    return FALSE;
  *data = g_bytes_new_take (bytes, n);
  return TRUE;
}

gboolean
vt_ext_read_link (VtFs *fs, const char *path, char **target, GError **error)
{
  VtExt *self = (VtExt *)fs;
  VtExtInode inode;

  if (!resolve (self, path, TRUE, &inode, error))
    return FALSE;
  if (LINUX_S_ISLNK (inode.mode))
    *target = read_target (self, &inode, error);
  return !LINUX_S_ISLNK (inode.mode) || *target != NULL;
}
