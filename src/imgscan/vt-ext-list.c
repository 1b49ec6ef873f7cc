// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-ext-private.h"
#include "vt-fs-tree.h"

/* Directories that are read ahead. */
#define AHEAD 32U

/* What the kernel writes for the links of a directory with too many subdirectories to count. */
#define LINKS_UNCOUNTED 1

typedef struct {
  VtExt *ext;
  VtFsNameFunc func;
  gpointer user_data;
  VtFsTree *tree;
  GHashTable *links; /* inode to names that are still to come: files with several */
  GQueue coming;     /* of VtFsDirectory: the next ones, which have been asked for */
} Lister;

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
  VtFsStat stat;

  return count_link (self, inode, error) && vt_ext_inode_stat (inode, &stat, error) &&
         self->func (path, &stat, self->user_data, error);
}

/* SUBDIRECTORIES counts those of the directory. */
static gboolean
take_entry (Lister *self,
            const VtFsDirectory *parent,
            const char *path,
            const VtExtEntry *entry,
            guint *subdirectories,
            GError **error)
{
  VtExtInode inode;

  if (!vt_ext_inode_read (self->ext, entry->inode, &inode, error))
    return FALSE;
  if (!vt_ext_entry_fits (entry, &inode))
    return vt_fs_refuse (error, "inode %u is not of the type that its name tells", inode.number);
  if (LINUX_S_ISREG (inode.mode))
    return take_file (self, path, &inode, error);
  if (!LINUX_S_ISDIR (inode.mode))
    return TRUE;
  ++*subdirectories;
  return vt_fs_tree_push (self->tree, path, inode.number, vt_ext_map_guess (&inode), parent, error);
}

static gboolean
take_entries (Lister *self,
              const VtFsDirectory *place,
              const VtExtDirectory *directory,
              guint *subdirectories,
              GError **error)
{
  for (guint i = 0; i < directory->entries->len; i++) {
    const VtExtEntry *entry = &g_array_index (directory->entries, VtExtEntry, i);
    const char *path =
        vt_fs_tree_join (self->tree, place, directory->names->str + entry->name, error);

    if (path == NULL || !take_entry (self, place, path, entry, subdirectories, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
read_directory (Lister *self, const VtFsDirectory *place, GError **error)
{
  g_autoptr (VtExtDirectory) directory = NULL;
  guint subdirectories = 0;
  VtExtInode inode;

  if (!vt_ext_inode_read (self->ext, (guint32)place->id, &inode, error))
    return FALSE;
  if (!LINUX_S_ISDIR (inode.mode))
    return vt_fs_refuse (error, "inode %u is no directory", inode.number);
  directory = vt_ext_directory_read (self->ext, &inode, error);
  if (directory == NULL)
    return FALSE;
  if (directory->parent != place->parent)
    return vt_fs_refuse (error, "directory %u has another parent", inode.number);
  if (!take_entries (self, place, directory, &subdirectories, error))
    return FALSE;
  if (inode.links != LINKS_UNCOUNTED && inode.links != subdirectories + 2)
    return vt_fs_refuse (error, "directory %u has %u directories in it and %u links", inode.number,
                         subdirectories, inode.links);
  return TRUE;
}

/*
 * Directories lie scattered, and the server needs a while for each: several are asked for before
 * the first of them is read. What was found last is not the next one to be read, since it would
 * have to be waited for.
 */
static void
prefetch (Lister *self)
{
  while (g_queue_get_length (&self->coming) < AHEAD) {
    VtFsDirectory *place = vt_fs_tree_pop (self->tree);

    if (place == NULL)
      break;
    if (place->begin != 0)
      vt_ext_io_prefetch (self->ext->io, place->begin * self->ext->fs->blocksize);
    g_queue_push_tail (&self->coming, place);
  }
}

static gboolean
list (Lister *self, GError **error)
{
  for (;;) {
    g_autoptr (VtFsDirectory) place = NULL;

    prefetch (self);
    place = g_queue_pop_head (&self->coming);
    if (place == NULL)
      return check_links (self, error);
    if (!read_directory (self, place, error))
      return FALSE;
  }
}

gboolean
vt_ext_list (VtFs *fs, VtFsNameFunc func, gpointer user_data, GError **error)
{
  g_autoptr (VtFsTree) tree = vt_fs_tree_new (EXT2_ROOT_INO);
  g_autoptr (GHashTable) links = g_hash_table_new (NULL, NULL);
  Lister lister = {(VtExt *)fs, func, user_data, tree, links, G_QUEUE_INIT};
  gboolean done = list (&lister, error);

  g_queue_clear_full (&lister.coming, (GDestroyNotify)vt_fs_directory_free);
  return done;
}
