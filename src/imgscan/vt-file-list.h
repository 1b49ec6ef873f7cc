// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The regular files of one file system as a reader lists them, before their contents are read:
 * which names belong to one file, and which were delivered.
 *
 * Memory must not grow with the file system, so a list holds a batch of files at a time, and the
 * file system is listed once for each batch. All passes must list the same in the same order; a
 * pass that does not is an error. Only the names of files with several names are kept throughout,
 * since they may lie far from each other.
 */
#pragma once

#include <gio/gio.h>

/* One file; a file with several names is listed once. */
typedef struct {
  char *path;       /* its first name, absolute within the file system; owned */
  GPtrArray *links; /* of gchar: its other names; NULL: none; owned */
  guint64 inode;
  guint32 generation; /* 0 where the reader does not know it */
  guint64 size;
  gint64 mtime_ns;
  gint64 ctime_ns;
  gboolean unreadable; /* known not to be readable: there is no content to ask for */
  gboolean wanted;     /* the filter accepts one of its names */
  gboolean delivered;  /* its record was sent */
} VtListedFile;

/* What all passes have found. */
typedef struct {
  guint64 names;    /* of the files that are wanted */
  guint64 bytes;    /* of these, each file's once */
  guint64 excluded; /* names that the filter left out and that belong to no file that is wanted */
} VtFileTotals;

typedef struct _VtFileList VtFileList;

/* A batch has up to BATCH_MAX files; fewer when their names are long. 0: the usual number. */
VtFileList *vt_file_list_new (guint batch_max);
void vt_file_list_free (VtFileList *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtFileList, vt_file_list_free)

/* Begins a pass, for the first batch or the next one. The files of the batch before are gone. */
void vt_file_list_begin (VtFileList *self);

/*
 * Adds a name. STAT's numbers are kept for the first name of the inode; LINKS is its link count.
 * PATH is copied. Fails (VT_IMAGE_ERROR_READER) when the names of files with several names take too
 * much memory.
 */
gboolean vt_file_list_add (VtFileList *self,
                           const char *path,
                           const VtListedFile *stat,
                           guint64 links,
                           gboolean wanted,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Ends a pass that went through to the end. Fails when it did not list what the first one did. */
gboolean vt_file_list_end (VtFileList *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether another batch is to follow. After a pass. */
gboolean vt_file_list_has_more (const VtFileList *self);

/* The batch's files, in the order of their inodes: of VtListedFile, owned by the list. */
GPtrArray *vt_file_list_get_files (VtFileList *self);

/* Of all batches. After the first pass. */
VtFileTotals vt_file_list_get_totals (const VtFileList *self);
