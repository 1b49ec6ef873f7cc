// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What a kind of file system gives to vt-fs.c and vt-fs-read.c, and what it gets from them.
 *
 * Inside, a refusal is a GError of VT_FS_ERROR_REFUSED; vt_fs_settle() makes the sentence of it.
 */
#pragma once

#include "vt-fs.h"

#define VT_FS_NS_PER_S G_GINT64_CONSTANT (1000000000)

/* A piece of a file, in bytes. What no extent covers reads as zeros. */
typedef struct {
  guint64 position; /* in the file */
  guint64 offset;   /* on the disk */
  guint64 size;
} VtFsExtent;

/* Where a file's content is. */
typedef struct {
  GArray *extents; /* of VtFsExtent, in the order of the file; none reaches beyond the file's end */
  guint8 *data;    /* the whole content, owned, where it has no place of its own; else NULL */
  gboolean is_apart; /* neither tells: it is to be asked for with load() */
} VtFsLocation;

/* As the functions of vt-fs.h, but that refusals are errors. */
typedef struct {
  gboolean (*list) (VtFs *self, VtFsNameFunc func, gpointer user_data, GError **error);
  /* Tells where a file is that was listed; LOCATION is empty before. Fails with
   * VT_FS_ERROR_UNREADABLE when the medium has that. */
  gboolean (*locate) (VtFs *self, const VtFsWanted *wanted, VtFsLocation *location, GError **error);
  /* Gives the whole content of a file that is apart; NULL for kinds that have none. */
  gboolean (*load) (VtFs *self, const VtFsWanted *wanted, guint8 **data, GError **error);
  gboolean (*stat_path) (VtFs *self, const char *path, VtFsType *type, GError **error);
  /* NULL for kinds that do not look it up. */
  gboolean (*identify) (VtFs *self, const char *path, VtFsStat *stat, GError **error);
  /* NULL for kinds that have none. */
  gboolean (*get_attributes) (VtFs *self,
                              const char *path,
                              VtFileAttributes *attributes,
                              GError **error);
  gboolean (*read_head) (VtFs *self, const char *path, gsize max, GBytes **data, GError **error);
  gboolean (*read_link) (VtFs *self, const char *path, char **target, GError **error);
  /* Both are NULL for kinds of which it cannot be told. REFERENCE is of the same kind. */
  VtFs *(*open) (VtDisk *disk, guint64 start, guint64 size, char **refusal, GError **error);
  gboolean (*is_same) (VtFs *self,
                       VtFs *reference,
                       const VtDiskMap *changed,
                       guint64 inode,
                       gboolean *same,
                       GError **error);
  char *(*get_uuid) (VtFs *self); /* NULL for kinds that have none */
  void (*free) (VtFs *self);
} VtFsClass;

/* The first member of each kind's own structure. */
struct _VtFs {
  const VtFsClass *class;
  VtDisk *disk;
  guint64 start;       /* of the window on the disk, in bytes */
  guint64 size;        /* of the window */
  VtFsAliveFunc alive; /* or NULL */
  gpointer alive_data;
};

/* Tells that work goes on. */
static inline void
vt_fs_say_alive (const VtFs *self)
{
  if (self->alive != NULL)
    self->alive (self->alive_data);
}

/* Sets a refusal, and returns FALSE. */
gboolean vt_fs_refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Sets VT_FS_ERROR_MISSING, and returns FALSE. */
gboolean vt_fs_set_missing (const char *name, GError **error);

/* Turns FAILURE, of the disk, which is taken, into UNREADABLE, unless the disk is lost. FALSE. */
gboolean vt_fs_fail_to_read (GError *failure, const char *what, GError **error);

/* Refuses a window of SIZE bytes at START that is not on DISK. */
gboolean vt_fs_check_window (VtDisk *disk, guint64 start, guint64 size, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Puts FAILURE, which is taken, where the public functions have it: into REFUSAL or ERROR. */
void vt_fs_settle (GError *failure, char **refusal, GError **error);
