// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What the parts of the NTFS reader share.
 *
 * libntfs-3g tells of most failures with -1 or NULL and errno, and forgets some: after each of its
 * calls vt_ntfs_check() asks whether the disk failed meanwhile.
 */
#pragma once

#include <errno.h>
/* The library's headers lack these, or make a struct timespec of their own. */
#include <stdarg.h>
#include <sys/stat.h>
#include <time.h>

#include <ntfs-3g/device.h>
#include <ntfs-3g/dir.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/volume.h>

#include "vt-disk-cache.h"
#include "vt-fs-private.h"
#include "vt-ntfs.h"

typedef struct _VtNtfsDirectory VtNtfsDirectory;

typedef struct {
  VtFs base;
  VtDiskCache *cache;
  guint64 size;         /* of the window, in bytes */
  guint64 position;     /* of the library's file pointer */
  guint reads;          /* since the last step, see vt_ntfs_begin_step() */
  GError *failure;      /* the first of the disk since the last check, or NULL */
  ntfs_volume *volume;  /* NULL before it is open */
  VtNtfsDirectory *top; /* NULL before a path was looked up */
} VtNtfs;

/* How ntfs-3g shows a file. */
typedef enum {
  VT_NTFS_REGULAR,
  VT_NTFS_UNREADABLE, /* a reparse point that it cannot follow */
  VT_NTFS_DIRECTORY,
  VT_NTFS_OTHER, /* links, devices, pipes, sockets */
} VtNtfsKind;

typedef ntfs_inode VtNtfsInode;
void vt_ntfs_inode_close (VtNtfsInode *inode);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtNtfsInode, vt_ntfs_inode_close)

typedef ntfs_attr VtNtfsAttr;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtNtfsAttr, ntfs_attr_close)

/* vt-ntfs-io.c: what the library reads through. */
struct ntfs_device *vt_ntfs_device_new (VtNtfs *self);
/* A bounded number of reads belongs to a step, or the library may go round in circles. */
void vt_ntfs_begin_step (VtNtfs *self);
/* FALSE, with an error, if the disk has failed, or unless OK, with errno. WHAT was tried. */
gboolean vt_ntfs_check (VtNtfs *self, gboolean ok, GError **error, const char *what, ...)
    G_GNUC_PRINTF (4, 5) G_GNUC_WARN_UNUSED_RESULT;

/* vt-ntfs-judge.c: looks at the boot sector before the library does, which believes more of it. */
gboolean vt_ntfs_judge_boot (VtNtfs *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* vt-ntfs-inode.c */
VtNtfsInode *
vt_ntfs_inode_open (VtNtfs *self, MFT_REF reference, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_ntfs_inode_kind (VtNtfs *self, VtNtfsInode *inode, VtNtfsKind *kind, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* The unnamed attribute of that TYPE, or NULL, with an error unless there is none. */
VtNtfsAttr *vt_ntfs_attr_open (VtNtfs *self, VtNtfsInode *inode, ATTR_TYPES type, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* The first N bytes of an attribute that has as many. */
gboolean vt_ntfs_attr_read (VtNtfs *self, VtNtfsAttr *attr, void *buffer, gsize n, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* vt-ntfs-reparse.c */
gboolean vt_ntfs_reparse_kind (VtNtfs *self, VtNtfsInode *inode, VtNtfsKind *kind, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* vt-ntfs-dir.c */
typedef struct {
  MFT_REF reference;
  guint name;        /* where in the names */
  gboolean has_twin; /* a DOS name, which is not listed, stands for the same */
} VtNtfsEntry;

struct _VtNtfsDirectory {
  GArray *entries; /* of VtNtfsEntry, in the order of the index, "." and ".." not among them */
  GString *names;  /* each with its NUL */
};

VtNtfsDirectory *
vt_ntfs_directory_read (VtNtfs *self, VtNtfsInode *inode, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_ntfs_directory_free (VtNtfsDirectory *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtNtfsDirectory, vt_ntfs_directory_free)

/* vt-ntfs-list.c, vt-ntfs-path.c, vt-ntfs-locate.c: what VtFsClass has. */
gboolean vt_ntfs_list (VtFs *fs, VtFsNameFunc func, gpointer user_data, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_ntfs_stat_path (VtFs *fs, const char *path, VtFsType *type, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_ntfs_read_head (VtFs *fs, const char *path, gsize max, GBytes **data, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_ntfs_read_link (VtFs *fs, const char *path, char **target, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_ntfs_locate (VtFs *fs, const VtFsWanted *wanted, VtFsLocation *location, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_ntfs_load (VtFs *fs, const VtFsWanted *wanted, guint8 **data, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
