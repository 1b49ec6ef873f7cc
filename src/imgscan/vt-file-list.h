// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The regular files of one file system as a reader has listed them, before their contents are read:
 * which names belong to one file, and which were delivered.
 */
#pragma once

#include <gio/gio.h>

/* One file; a file with several names is listed once. */
typedef struct {
  GPtrArray *paths; /* of gchar, owned: absolute within the file system */
  guint64 inode;
  guint64 size;
  gint64 mtime_ns;
  gint64 ctime_ns;
  gboolean unreadable; /* known not to be readable: there is no content to ask for */
  gboolean wanted;     /* the filter accepts one of its names */
  gboolean delivered;  /* its record was sent */
} VtListedFile;

typedef struct _VtFileList VtFileList;

VtFileList *vt_file_list_new (void);
void vt_file_list_free (VtFileList *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtFileList, vt_file_list_free)

/*
 * Adds a name. STAT's numbers are kept for the first name of the inode; LINKS is its link count.
 * PATH is copied.
 */
void vt_file_list_add (
    VtFileList *self, const char *path, const VtListedFile *stat, guint64 links, gboolean wanted);

/* The file that has this name, or NULL. Owned by the list. */
VtListedFile *vt_file_list_lookup (VtFileList *self, const char *path);

/* All files, in the order they were added: of VtListedFile, owned by the list. */
GPtrArray *vt_file_list_get_files (VtFileList *self);

/* Names that the filter left out and that belong to no file that is wanted. */
guint64 vt_file_list_count_excluded (VtFileList *self);
/* Names and bytes of the files that are wanted. */
void vt_file_list_count_wanted (VtFileList *self, guint64 *names, guint64 *bytes);
