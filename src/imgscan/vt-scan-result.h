// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What a scan of one image found, for the reports.
 *
 * What the functions ending in _new() return is all 0, FALSE and NULL, for the caller to fill; the
 * structures own their strings. In reports, a NULL string is as good as the empty or unknown one.
 */
#pragma once

#include <gio/gio.h>

#include "vt-digest.h"
#include "vt-engine-id.h"
#include "vt-members.h"
#include "vt-verdict.h"

/* Where a file's verdict came from. */
typedef enum {
  VT_SOURCE_NONE = 0, /* no verdict: incomplete before the engine was asked */
  VT_SOURCE_ENGINE,
  VT_SOURCE_STORE,
  VT_SOURCE_TEMPLATE,
  VT_SOURCE_HARDLINK, /* another name of a file that stands in the manifest already */
  VT_SOURCE_EMPTY,
} VtSource;

/* "engine" and so on; "none" for NONE; static. */
const char *vt_source_to_string (VtSource source);

/* One file system of the image. */
typedef struct {
  char *id;         /* as libguestfs names it: "/dev/sda1", "btrfsvol:/dev/sda2/home" */
  char *type;       /* "ext4", "ntfs"; "unknown" */
  char *uuid;       /* empty if it has none */
  char *label;      /* UTF-8; empty if it has none */
  guint64 size;     /* bytes of the device */
  char *mountpoint; /* where inspection says it is mounted, or NULL when no OS claims it */
  char *os;         /* product name of the operating system that claims it, or NULL */
  gboolean primary; /* of the image's first operating system: its paths stand without the id */
  VtReason reason;  /* NONE, or why it could not be read whole */
  char *detail;     /* a sentence for people, or NULL */
} VtFilesystem;

VtFilesystem *vt_filesystem_new (void);
void vt_filesystem_free (VtFilesystem *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtFilesystem, vt_filesystem_free)

/* One regular file. Strings are bytes as the guest has them, valid UTF-8 or not. */
typedef struct {
  guint filesystem;   /* index into VtScanResult.filesystems */
  char *path;         /* absolute, within the guest where an OS claims it, else within the fs */
  guint64 inode;      /* 0: its file system has none */
  guint32 generation; /* of the inode, as FS_IOC_GETVERSION gives it; 0: not known */
  guint64 size;
  gint64 mtime_ns;
  gint64 ctime_ns;
  gboolean has_digest;
  VtDigest digest;
  VtVerdict verdict;
  GStrv members; /* where in the file that is; NULL for the file itself */
  VtSource source;
  gint64 verdict_age; /* of an older verdict of the store: how old its signatures are, in seconds;
                       * 0: it is none */
} VtFileResult;

VtFileResult *vt_file_result_new (void);
void vt_file_result_free (VtFileResult *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtFileResult, vt_file_result_free)

/* One operating system that inspection found. */
typedef struct {
  char *root;    /* id of its root file system */
  char *type;    /* "linux", "windows" */
  char *distro;  /* "debian" */
  char *product; /* "Debian GNU/Linux 12 (bookworm)" */
  char *hostname;
  char *arch;
  char *package_format;  /* "deb" */
  char *package_manager; /* "apt" */
  gint major;
  gint minor;
} VtOperatingSystem;

VtOperatingSystem *vt_operating_system_new (void);
void vt_operating_system_free (VtOperatingSystem *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtOperatingSystem, vt_operating_system_free)

typedef struct {
  guint64 files; /* regular files, each hard link counted */
  guint64 bytes; /* their sizes, each hard link's once */
  guint64 clean; /* files by verdict */
  guint64 infected;
  guint64 incomplete;
  guint64 unlisted; /* infected or incomplete, but left out of the result's lists */
  guint64 excluded; /* left out by --include and --exclude; not among the files */
  guint64 scanned;  /* files whose content went to the engine */
  guint64 scanned_bytes;
  guint64 members; /* of containers that this program opened, at any depth */
  guint64 member_bytes;
  guint64 scanned_members; /* those that went to the engine */
  guint64 scanned_member_bytes;
  guint64 from_store;
  guint64 from_store_older; /* those of them whose verdicts are of older signatures */
  gint64 from_store_age;    /* how old the oldest of these signatures are, in seconds */
  guint64 from_template;
  guint64 unread; /* files that were as in the template, so that their contents were not read */
  guint64 unread_bytes;
  gdouble open_seconds; /* until the image's file systems were known */
  gdouble load_seconds; /* loading the engine; 0 when it was not needed */
  gdouble read_seconds; /* reading, scanning going on beside it */
  gdouble total_seconds;
} VtScanStats;

/* How the files of a clone are to those of its template. */
typedef struct {
  char *id;                  /* the template's; NULL: there is none */
  gint64 created;            /* seconds since 1970 */
  gboolean counts;           /* its verdicts were taken */
  gint64 age;                /* of its signatures, in seconds; 0: they are those in force */
  guint64 unchanged;         /* files that have the same content under the same inode, */
  guint64 changed;           /* another content, */
  guint64 added;             /* an inode that the template's cache does not have */
  guint64 removed;           /* files of the cache that are not there any more */
  gboolean removed_is_known; /* FALSE if not all files were looked at */
} VtTemplateUse;

/* A template's clean cache that is in the image, as its statement says. */
typedef struct {
  char *id;       /* the template's; NULL: it cannot be read, and nothing but PROBLEM is set */
  gint64 created; /* this and the next are in seconds since 1970; G_MAXINT64: never, or unknown */
  gint64 expires;
  gint64 signatures_time;
  guint64 clean; /* files */
  char *engine;  /* its version */
  GStrv keyids;  /* what it is said to be signed with; may be NULL */
  gboolean checked;
  char *problem; /* why it is not to be relied on, or NULL */
} VtEmbeddedCache;

void vt_embedded_cache_free (VtEmbeddedCache *self);

/* Most files in each of a result's lists, so that memory does not grow with the image; the manifest
 * has them all. */
#define VT_SCAN_RESULT_LISTED_MAX 100000

/* One image's scan. */
typedef struct {
  char *path;               /* as the user gave it */
  char *format;             /* "qcow2" */
  guint64 virtual_size;     /* bytes */
  char *snapshot;           /* internal snapshot that was read, or NULL */
  const VtEngineId *engine; /* not owned */
  GPtrArray *filesystems;   /* of VtFilesystem */
  GPtrArray *systems;       /* of VtOperatingSystem */
  GPtrArray *findings;      /* of VtFileResult, infected, in the order of file system and path */
  GPtrArray *incomplete;    /* of VtFileResult, likewise */
  VtScanStats stats;
  VtTemplateUse template; /* what came of the template, if there is one */
  VtEmbeddedCache *cache; /* of an inspection; NULL: there is none */
  gint64 start_time;      /* when reading began: microseconds since 1970; 0: it did not */
  gboolean partial;       /* stopped before the end */
  GError *error;          /* why the scan failed, or NULL */
} VtScanResult;

VtScanResult *vt_scan_result_new (const char *path);
/* Forgets all that was found in the image. */
void vt_scan_result_reset (VtScanResult *self);
void vt_scan_result_free (VtScanResult *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtScanResult, vt_scan_result_free)

/*
 * How a text report names the file: its path, and below it the members that its verdict is for,
 * each after an exclamation mark; with the file system's id and a colon before it when
 * it is not of the image's first operating system. Bytes, not escaped. Free with g_free().
 */
char *vt_scan_result_display_path (const VtScanResult *self, const VtFileResult *file);
