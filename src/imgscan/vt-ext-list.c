// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <string.h>

#include "vt-ext-private.h"

/* Directories within directories; a path's bytes; names in all; bytes of paths that wait. */
#define DEPTH_MAX     2000U
#define PATH_SIZE_MAX ((gsize)60 * 1024)
#define NAMES_MAX     ((guint64)64 * 1024 * 1024)
#define WAITING_MAX   ((gsize)256 * 1024 * 1024)

/* Directories that are read ahead. */
#define AHEAD 32U

/* What the kernel writes for the links of a directory with too many subdirectories to count. */
#define LINKS_UNCOUNTED 1

/* A directory that is to be read. */
typedef struct {
  char *path;
  guint32 inode;
  guint32 parent;
  guint depth;
  guint64 block;  /* where it may begin; 0: it cannot be told at a glance */
  gboolean asked; /* the block is on its way */
} Waiting;

typedef struct {
  VtExt *ext;
  VtFsNameFunc func;
  gpointer user_data;
  GQueue waiting; /* of Waiting, owned */
  gsize waiting_size;
  GHashTable *directories; /* inodes that were met */
  GHashTable *links;       /* inode to names that are still to come: files with several */
  guint64 names;
} Lister;

static void
waiting_free (gpointer data)
{
  Waiting *waiting = data;

  g_free (waiting->path);
  g_free (waiting);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Waiting, waiting_free)

static gboolean
push (Lister *self,
      const char *path,
      guint32 inode,
      guint64 block,
      const Waiting *parent,
      GError **error)
{
  Waiting *waiting;

  if (!g_hash_table_add (self->directories, GUINT_TO_POINTER (inode)))
    return vt_fs_refuse (error, "directory %u has two names", inode);
  if (parent != NULL && parent->depth >= DEPTH_MAX)
    return vt_fs_refuse (error, "directories are nested deeper than %u", DEPTH_MAX);
  self->waiting_size += strlen (path);
  if (self->waiting_size > WAITING_MAX)
    return vt_fs_refuse (error, "too many directories with long names");
  waiting = g_new0 (Waiting, 1);
  waiting->path = g_strdup (path);
  waiting->inode = inode;
  waiting->block = block;
  waiting->parent = parent != NULL ? parent->inode : inode;
  waiting->depth = parent != NULL ? parent->depth + 1 : 0;
  g_queue_push_tail (&self->waiting, waiting);
  return TRUE;
}

/* A file's names must be as many as it says. */
static gboolean
count_link (Lister *self, const VtExtInode *inode, GError **error)
{
  gpointer key = GUINT_TO_POINTER (inode->number);
  guint left = GPOINTER_TO_UINT (g_hash_table_lookup (self->links, key));

  if (inode->links == 1)
    return TRUE;
  if (left == 0 && g_hash_table_contains (self->links, key))
    return vt_fs_refuse (error, "inode %u has more names than %u", inode->number, inode->links);
  left = g_hash_table_contains (self->links, key) ? left - 1 : inode->links - 1U;
  g_hash_table_insert (self->links, key, GUINT_TO_POINTER (left));
  return TRUE;
}

static gboolean
check_links (Lister *self, GError **error)
{
  GHashTableIter iter;
  gpointer key, left;

  g_hash_table_iter_init (&iter, self->links);
  while (g_hash_table_iter_next (&iter, &key, &left))
    if (GPOINTER_TO_UINT (left) != 0)
      return vt_fs_refuse (error, "inode %u lacks %u of its names", GPOINTER_TO_UINT (key),
                           GPOINTER_TO_UINT (left));
  return TRUE;
}

static gboolean
take_file (Lister *self, const char *path, const VtExtInode *inode, GError **error)
{
  VtFsStat stat = {
      .inode = inode->number,
      .size = inode->size,
      .links = inode->links,
      .generation = inode->raw.fields.i_generation,
  };

  return count_link (self, inode, error) &&
         vt_ext_inode_times (inode, &stat.mtime_ns, &stat.ctime_ns, error) &&
         self->func (path, &stat, self->user_data, error);
}

/* SUBDIRECTORIES counts those of the directory. */
static gboolean
take_entry (Lister *self,
            const Waiting *parent,
            const char *path,
            const VtExtEntry *entry,
            guint *subdirectories,
            GError **error)
{
  VtExtInode inode;

  if (++self->names > NAMES_MAX)
    return vt_fs_refuse (error, "there are more than %" G_GUINT64_FORMAT " names", NAMES_MAX);
  if (!vt_ext_inode_read (self->ext, entry->inode, &inode, error))
    return FALSE;
  if (!vt_ext_entry_fits (entry, &inode))
    return vt_fs_refuse (error, "inode %u is not of the type that its name tells", inode.number);
  if (LINUX_S_ISREG (inode.mode))
    return take_file (self, path, &inode, error);
  if (!LINUX_S_ISDIR (inode.mode))
    return TRUE;
  ++*subdirectories;
  return push (self, path, inode.number, vt_ext_map_guess (&inode), parent, error);
}

static gboolean
take_entries (Lister *self,
              const Waiting *waiting,
              const VtExtDirectory *directory,
              guint *subdirectories,
              GError **error)
{
  g_autoptr (GString) path = g_string_new (waiting->path);
  gsize length;

  g_string_append_c (path, '/');
  length = path->len;
  for (guint i = 0; i < directory->entries->len; i++) {
    const VtExtEntry *entry = &g_array_index (directory->entries, VtExtEntry, i);

    g_string_truncate (path, length);
    g_string_append (path, directory->names->str + entry->name);
    if (path->len > PATH_SIZE_MAX)
      return vt_fs_refuse (error, "a path is longer than %zu bytes", PATH_SIZE_MAX);
    if (!take_entry (self, waiting, path->str, entry, subdirectories, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
read_directory (Lister *self, const Waiting *waiting, GError **error)
{
  g_autoptr (VtExtDirectory) directory = NULL;
  guint subdirectories = 0;
  VtExtInode inode;

  if (!vt_ext_inode_read (self->ext, waiting->inode, &inode, error))
    return FALSE;
  if (!LINUX_S_ISDIR (inode.mode))
    return vt_fs_refuse (error, "inode %u is no directory", inode.number);
  directory = vt_ext_directory_read (self->ext, &inode, error);
  if (directory == NULL)
    return FALSE;
  if (directory->parent != waiting->parent)
    return vt_fs_refuse (error, "directory %u has another parent", inode.number);
  if (!take_entries (self, waiting, directory, &subdirectories, error))
    return FALSE;
  if (inode.links != LINKS_UNCOUNTED && inode.links != subdirectories + 2)
    return vt_fs_refuse (error, "directory %u has %u directories in it and %u links", inode.number,
                         subdirectories, inode.links);
  return TRUE;
}

/* Directories lie scattered: those that are next come together instead of one by one. */
static void
prefetch (Lister *self)
{
  GList *link = g_queue_peek_tail_link (&self->waiting);

  for (guint i = 0; i < AHEAD && link != NULL; i++, link = link->prev) {
    Waiting *waiting = link->data;

    if (!waiting->asked && waiting->block != 0)
      vt_ext_io_prefetch (self->ext->io, waiting->block * self->ext->fs->blocksize);
    waiting->asked = TRUE;
  }
}

static gboolean
list (Lister *self, GError **error)
{
  if (!push (self, "", EXT2_ROOT_INO, 0, NULL, error))
    return FALSE;
  while (!g_queue_is_empty (&self->waiting)) {
    g_autoptr (Waiting) waiting = NULL;

    prefetch (self);
    waiting = g_queue_pop_tail (&self->waiting);
    self->waiting_size -= strlen (waiting->path);
    if (!read_directory (self, waiting, error))
      return FALSE;
  }
  return check_links (self, error);
}

gboolean
vt_ext_list (VtFs *fs, VtFsNameFunc func, gpointer user_data, GError **error)
{
  g_autoptr (GHashTable) directories = g_hash_table_new (NULL, NULL);
  g_autoptr (GHashTable) links = g_hash_table_new (NULL, NULL);
  Lister lister = {.ext = (VtExt *)fs, .func = func, .user_data = user_data};
  gboolean listed;

  lister.directories = directories;
  lister.links = links;
  g_queue_init (&lister.waiting);
  listed = list (&lister, error);
  g_queue_clear_full (&lister.waiting, waiting_free);
  return listed;
}
