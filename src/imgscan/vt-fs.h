// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A file system that is read as the kernel would show it, without mounting it. Whoever opens one
 * (vt-ext.h) says which kind it is; from then on all are used alike.
 *
 * The file system is an attacker's. What is damaged, needs a repair or a journal's replay, or has a
 * feature that is not read for certain, is refused: a function then returns FALSE and sets REFUSAL
 * to a sentence for people (the caller's), and another reader has to be taken. ERROR is set instead
 * when reading cannot go on at all, as when the connection to the disk is lost.
 */
#pragma once

#include "vt-content.h"
#include "vt-digest.h"
#include "vt-disk-map.h"
#include "vt-disk.h"
#include "vt-file-attributes.h"
#include "vt-verdict.h"

typedef enum {
  VT_FS_ERROR_REFUSED,    /* damaged, or not known for certain: not to be read by this code */
  VT_FS_ERROR_UNREADABLE, /* the medium cannot read metadata that is needed */
  VT_FS_ERROR_MISSING,    /* there is no such path */
} VtFsError;

#define VT_FS_ERROR (vt_fs_error_quark ())
GQuark vt_fs_error_quark (void);

typedef struct _VtFs VtFs;

void vt_fs_free (VtFs *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtFs, vt_fs_free)

/* FUNC is called often, by all functions of the file system that may take their time. */
typedef void (*VtFsAliveFunc) (gpointer user_data);
void vt_fs_set_alive (VtFs *self, VtFsAliveFunc func, gpointer user_data);

/* Times that are farther from 1970 are given as the least or the largest number. */
#define VT_FS_SECONDS_MAX (G_MAXINT64 / G_GINT64_CONSTANT (1000000000) - 1)

typedef struct {
  guint64 inode; /* one for each file; where there are no inodes, whatever tells files apart */
  guint64 size;  /* in bytes */
  guint32 links;
  gint64 mtime_ns; /* since 1970 */
  gint64 ctime_ns;
  guint32 generation;
  gboolean unreadable; /* it is a file, but nobody can ask for its content */
} VtFsStat;

/* PATH starts with "/", from the top of the file system; its bytes may be any but NUL. FALSE, with
 * an error, ends the list. */
typedef gboolean (*VtFsNameFunc) (const char *path,
                                  const VtFsStat *stat,
                                  gpointer user_data,
                                  GError **error);

/*
 * Calls FUNC for each name of each regular file: what "find -xdev -type f" prints of a mount. A
 * file system may be refused after FUNC was called: then what it was told must not be used.
 */
gboolean vt_fs_list (VtFs *self,
                     VtFsNameFunc func,
                     gpointer user_data,
                     char **refusal,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct {
  guint64 inode;
  guint64 size; /* as it was listed */
  gpointer file;
} VtFsWanted;

/*
 * FILE is the one that was wanted. With REASON NONE, MEMFD has its content, sealed, and is to be
 * taken and closed; or it is -1 and the content is in a spool file. With SIZE_LIMIT, DIGEST is that
 * of the content, or NULL if the file is too large even for that, or got lost. With READ_ERROR
 * there is neither. May take its time. FALSE, with an error, ends the reading.
 */
typedef gboolean (*VtFsFileFunc) (gpointer file,
                                  int memfd,
                                  const VtDigest *digest,
                                  VtReason reason,
                                  gpointer user_data,
                                  GError **error);

/*
 * Calls FUNC once for each of the N files WANTED, in the order in which they lie on the disk. All
 * that tells where the contents are is checked before the first call; what has to be unpacked may
 * be refused later, and then what FUNC was told must not be used. What the medium cannot read costs
 * the files that it holds. PLACE says where contents go.
 */
gboolean vt_fs_read_files (VtFs *self,
                           const VtFsWanted *wanted,
                           gsize n,
                           const VtContentPlace *place,
                           VtFsFileFunc func,
                           gpointer user_data,
                           char **refusal,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Single files by their paths. Symbolic links are followed within the file system, an absolute one
 * from its top. These fail with VT_FS_ERROR or VT_DISK_ERROR.
 */
typedef enum {
  VT_FS_TYPE_MISSING,
  VT_FS_TYPE_REGULAR,
  VT_FS_TYPE_DIRECTORY,
  VT_FS_TYPE_OTHER,
} VtFsType;

/* What PATH leads to. That there is nothing is no error. */
gboolean vt_fs_stat_path (VtFs *self, const char *path, VtFsType *type, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The identity of the regular file that PATH leads to; all 0 for kinds of file systems in which it
 * is not looked up. One that is not there is an error. */
gboolean vt_fs_identify (VtFs *self, const char *path, VtFsStat *stat, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* What else the file that PATH leads to has. KNOWN: whether that can be told. */
gboolean vt_fs_get_attributes (VtFs *self,
                               const char *path,
                               VtFileAttributes *attributes,
                               gboolean *known,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The first bytes of the regular file PATH, at most MAX. One that is not there is an error
 * (VT_FS_ERROR_MISSING). */
gboolean vt_fs_read_head (VtFs *self, const char *path, gsize max, GBytes **data, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The text of the symbolic link at the end of PATH, which is not followed. TARGET is NULL where
 * there is none. */
gboolean vt_fs_read_link (VtFs *self, const char *path, char **target, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* As blkid(8) has it, or NULL. Free with g_free(). */
char *vt_fs_get_uuid (VtFs *self);

/*
 * Opens the file system that lies where SELF does, on another disk, as a reference for
 * vt_fs_is_same(). NULL with REFUSAL or ERROR set.
 */
VtFs *vt_fs_open_reference (VtFs *self, VtDisk *disk, char **refusal, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/*
 * Whether the regular file INODE has the same content as in REFERENCE, the state of the file system
 * on another disk, which is the same as this one but for the ranges CHANGED. SAME is only TRUE
 * where that is certain without looking at the content: the inodes are equal, times of access
 * aside, and neither the content nor what tells where it is lies in a changed range. A file system
 * that is refused is so for this one, never for REFERENCE.
 */
gboolean vt_fs_is_same (VtFs *self,
                        VtFs *reference,
                        const VtDiskMap *changed,
                        guint64 inode,
                        gboolean *same,
                        char **refusal,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
