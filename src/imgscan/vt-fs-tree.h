// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The walk through the directories of a file system, whatever its kind: which ones are still to be
 * read, under which paths, and the bounds of all that. Directories that lead to each other in a
 * circle are refused.
 */
#pragma once

#include "vt-fs-private.h"

/* A directory that is to be read. */
typedef struct {
  char *path;     /* "" for the top */
  guint64 id;     /* what its kind of file system knows it by; no two have the same */
  guint64 parent; /* the ID of the directory that it is in; the top's is its own */
  guint64 begin;  /* where it may begin, for reading ahead; 0: not known */
  guint depth;
} VtFsDirectory;

void vt_fs_directory_free (VtFsDirectory *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtFsDirectory, vt_fs_directory_free)

typedef struct _VtFsTree VtFsTree;

/* The top directory is the first to be read. */
VtFsTree *vt_fs_tree_new (guint64 top);
void vt_fs_tree_free (VtFsTree *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtFsTree, vt_fs_tree_free)

/* The directory that is next, the caller's; NULL: there is none left. */
VtFsDirectory *vt_fs_tree_pop (VtFsTree *self);

/* Adds the directory ID, which has PATH and is in PARENT. */
gboolean vt_fs_tree_push (VtFsTree *self,
                          const char *path,
                          guint64 id,
                          guint64 begin,
                          const VtFsDirectory *parent,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The path of NAME, which is in DIRECTORY, until the next call. Counts all names. NULL: an error.
 */
const char *vt_fs_tree_join (VtFsTree *self,
                             const VtFsDirectory *directory,
                             const char *name,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
