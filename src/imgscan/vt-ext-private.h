// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What the parts of the ext reader share. Blocks are file system blocks, counted from the start of
 * the window.
 */
#pragma once

#include "vt-ext-io.h"
#include "vt-ext.h"
#include "vt-fs-private.h"

/* Inodes that are larger are refused; 256 bytes is what is made. */
#define VT_EXT_INODE_SIZE_MAX 4096

/* A run of blocks, in blocks. */
typedef struct {
  guint64 first;
  guint64 length;
} VtExtZone;

typedef struct {
  VtFs base;
  VtExtIo *io;
  ext2_filsys fs;
  GArray *zones; /* of VtExtZone, sorted: where metadata lies and no file's data can */
  GHashTable *bitmaps;
} VtExt;

/* An inode that is in use, as it was read. */
typedef struct {
  guint32 number;
  guint16 mode;
  guint16 links;
  guint64 size; /* in bytes */
  guint32 flags;
  gsize extra; /* bytes after the first 128 that hold fields */
  union {
    struct ext2_inode_large fields;
    guint8 bytes[VT_EXT_INODE_SIZE_MAX];
  } raw;
} VtExtInode;

/* Blocks of a file that hold its data. Holes and blocks that were never written are left out. */
typedef struct {
  guint64 logical;
  guint64 physical;
  guint64 length;
} VtExtRun;

/* FALSE, with an error, unless CODE is 0. WHAT was tried. */
gboolean vt_ext_check (VtExt *self, errcode_t code, const char *what, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* vt-ext-judge.c: whether the file system may be read here, and in what state it is. */
gboolean vt_ext_judge_superblock (const struct ext2_super_block *super,
                                  guint64 window,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_ext_judge_state (VtExt *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* vt-ext-zones.c: finds where metadata lies, and refuses what overlaps. */
gboolean vt_ext_zones_find (VtExt *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean
vt_ext_zones_add_runs (VtExt *self, GArray *runs, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean
vt_ext_zones_allow (const VtExt *self, guint64 first, guint64 length) G_GNUC_WARN_UNUSED_RESULT;

/* vt-ext-inode.c */
gboolean vt_ext_inode_read (VtExt *self, guint32 number, VtExtInode *inode, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Those that no name leads to, such as the journal. */
gboolean vt_ext_inode_read_special (VtExt *self, guint32 number, VtExtInode *inode, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Of a regular file. */
gboolean vt_ext_inode_stat (const VtExtInode *inode,
                            VtFsStat *stat,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* vt-ext-map.c, vt-ext-extents.c: appends to RUNS, of VtExtRun, in the order of the file; and to
 * NODES, of guint64, which may be NULL, the blocks that tell where these are. */
gboolean vt_ext_map (VtExt *self,
                     const VtExtInode *inode,
                     GArray *runs,
                     GArray *nodes,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_ext_map_note_node (GArray *nodes, guint64 block);
/* The first block, as far as the inode itself tells, unchecked: a hint of what to read ahead. 0: it
 * does not tell. */
guint64 vt_ext_map_guess (const VtExtInode *inode);
gboolean vt_ext_map_add (VtExt *self, GArray *runs, const VtExtRun *run, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_ext_map_extents (VtExt *self,
                             const VtExtInode *inode,
                             GArray *runs,
                             GArray *nodes,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_ext_read_block (VtExt *self, guint64 block, void *buffer, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* vt-ext-attributes.c. The attributes are the SIZE bytes at BASE, from the FIRST on; of ext2 and so
 * on the kernel has the values' places from BASE. */
typedef struct {
  const guint8 *base;
  gsize size;
  gsize first;
} VtExtAttributes;

/* FALSE: there is none of that name. */
gboolean vt_ext_attribute_find (const VtExtAttributes *all,
                                guint8 index,
                                const char *name,
                                const guint8 **value,
                                gsize *value_size) G_GNUC_WARN_UNUSED_RESULT;
/* Those behind the inode's fields. FALSE: there are none. */
gboolean vt_ext_attributes_in_inode (const VtExt *self,
                                     const VtExtInode *inode,
                                     VtExtAttributes *all) G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_ext_attributes_read (VtExt *self,
                                 const VtExtInode *inode,
                                 VtFileAttributes *attributes,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* vt-ext-inline.c: data that is kept within the inode, all that there is room for. */
guint8 *vt_ext_inline_read (const VtExt *self, const VtExtInode *inode, gsize *size, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* vt-ext-dir.c */
typedef struct {
  guint32 inode;
  guint8 type; /* EXT2_FT_*, UNKNOWN where it is not kept */
  guint name;  /* where in the names */
} VtExtEntry;

typedef struct {
  GArray *entries; /* of VtExtEntry, "." and ".." not among them, in the order of their inodes */
  GString *names;  /* each with its NUL */
  guint32 parent;
} VtExtDirectory;

VtExtDirectory *vt_ext_directory_read (VtExt *self,
                                       const VtExtInode *inode,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_ext_directory_free (VtExtDirectory *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtExtDirectory, vt_ext_directory_free)

/* Whether the type that a directory tells is that of the inode. */
gboolean vt_ext_entry_fits (const VtExtEntry *entry, const VtExtInode *inode);

/* vt-ext-list.c, vt-ext-path.c, vt-ext-locate.c: what VtFsClass has. */
gboolean vt_ext_list (VtFs *fs, VtFsNameFunc func, gpointer user_data, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_ext_stat_path (VtFs *fs, const char *path, VtFsType *type, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_ext_identify (VtFs *fs, const char *path, VtFsStat *stat, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_ext_get_attributes (VtFs *fs,
                                const char *path,
                                VtFileAttributes *attributes,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_ext_read_head (VtFs *fs, const char *path, gsize max, GBytes **data, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_ext_read_link (VtFs *fs, const char *path, char **target, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_ext_locate (VtFs *fs, const VtFsWanted *wanted, VtFsLocation *location, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* vt-ext-same.c */
gboolean vt_ext_is_same (VtFs *fs,
                         VtFs *reference,
                         const VtDiskMap *changed,
                         guint64 inode,
                         gboolean *same,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
char *vt_ext_get_uuid (VtFs *fs);
