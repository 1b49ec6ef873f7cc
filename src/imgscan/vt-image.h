// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Reads a disk image: its file systems, its operating systems, every regular file's identity and
 * content. Never writes to it: what is changed goes to an overlay (vt-overlay.h).
 *
 * Whatever parses hostile bytes runs in a reader process of its own (vt-image-reader.h), which
 * sends bounded records. What is seen here is the starter's side: it starts the reader, watches it,
 * and hands its records on as events in the main context that was the thread-default one at the
 * start.
 */
#pragma once

#include <gio/gio.h>

#include "vt-fd.h"
#include "vt-file-attributes.h"
#include "vt-image-edit.h"
#include "vt-scan-result.h"
#include "vt-spawner.h"
#include "vt-spool-queue.h"

typedef enum {
  VT_IMAGE_ERROR_NOT_FOUND,        /* no such file, or no right to read it */
  VT_IMAGE_ERROR_BAD_OPTION,       /* no such snapshot, a key that cannot be read */
  VT_IMAGE_ERROR_BAD_IMAGE,        /* not a disk image, damaged, or in use by somebody who writes */
  VT_IMAGE_ERROR_NEEDS_OTHER_FILE, /* it names another file where it may name none at all */
  VT_IMAGE_ERROR_NO_FILESYSTEM,    /* a disk image in which nothing can be read */
  VT_IMAGE_ERROR_APPLIANCE,        /* libguestfs or QEMU could not be started */
  VT_IMAGE_ERROR_EDIT,             /* what is to be changed in it cannot be, or must not */
  VT_IMAGE_ERROR_READER,           /* the reader process died, or sent what it must not */
} VtImageError;

#define VT_IMAGE_ERROR (vt_image_error_quark ())
GQuark vt_image_error_quark (void);

/* How far a reader goes. */
typedef enum {
  VT_IMAGE_INSPECT, /* file systems and operating systems */
  VT_IMAGE_READ,    /* and all files with their contents */
  VT_IMAGE_LIST,    /* and all files, without their contents */
  VT_IMAGE_FETCH,   /* only the files that are named, with their contents */
  VT_IMAGE_EDIT,    /* makes changes, in an overlay; if it fails, that is of no use any more */
} VtImageMode;

/* Which way file systems are read. */
typedef enum {
  VT_BACKEND_AUTO,    /* directly what can be, the rest through the appliance */
  VT_BACKEND_DIRECT,  /* directly, and what cannot be is incomplete */
  VT_BACKEND_GUESTFS, /* through libguestfs's appliance */
} VtBackend;

/* A template that the image is a clone of. */
typedef struct {
  char *image; /* its file, if the operator named it: what the image lies upon is the template only
                  if it is this file; NULL: no image is */
  char *files; /* the path of what vt_template_table_write() made */
  VtSharedFd *held;  /* what that path needs as long as it is to hold; NULL: nothing */
  GStrv filesystems; /* three strings for each of its file systems, in the table's order: id, type,
                        UUID */
} VtImageTemplate;

VtImageTemplate *vt_image_template_new (void);
void vt_image_template_free (VtImageTemplate *self);

/* The number among FILESYSTEMS, of VtImageTemplate, of the one at the place where FILESYSTEM is;
 * -1: none. Its UUID does not count, since a clone may have been given another one. */
gint vt_image_template_find (const char *const *filesystems, const VtFilesystem *filesystem);
/* Its UUID in the template. */
const char *vt_image_template_get_uuid (const char *const *filesystems, guint number);

typedef struct {
  VtChildFunc reader; /* what the reader process runs: vt_image_reader_main() */
  VtBackend backend;
  char *path;       /* the image, as people know it */
  char *file;       /* what has its bytes, in the place of PATH (vt-wrapper.h): then the image may
                       name no other file, whatever BACKING says; NULL: PATH */
  guint64 offset;   /* where in FILE the image begins, in bytes; 0 without FILE */
  guint64 size;     /* its bytes; 0: all that follow */
  char *format;     /* QEMU's name of its format; NULL: found out */
  char *snapshot;   /* internal snapshot to read, or NULL */
  char *overlay;    /* has the changes of the image, or is to get them: a path that need not stay,
                       such as vt_overlay_get_path() gives; or NULL */
  GPtrArray *edits; /* of VtImageEdit; EDIT: what is to be changed, in this order */
  GStrv fetch;      /* FETCH: absolute paths, as the first operating system has them */
  GStrv backing;    /* files, and directories of files, that the image may name */
  GStrv keys;       /* LUKS keys: DEVICE:key:STRING or DEVICE:file:FILE, DEVICE may be "all" */
  GStrv include;    /* globs; when there are any, only paths that match one are read */
  GStrv exclude;    /* globs; paths that match one are not read */
  VtImageTemplate *template; /* what is as it was in it is not read; NULL: there is none */
  guint64 max_file_size;     /* bytes; larger files are spooled to disk, */
  guint64 max_spool_size;    /* up to so many bytes at a time; of others only the digest is made */
  VtImageMode mode;
  guint launch_timeout_s; /* how long the appliance may take to start with KVM */
  guint stall_timeout_s;  /* how long it may give no sign of life afterwards */
} VtImageOptions;

/* Bytes of all paths in an image's options together, those of edits too: they go to the reader in
 * one message. */
#define VT_IMAGE_PATHS_SIZE_MAX ((gsize)40 * 1024)
/* Most paths in VtImageOptions.fetch. */
#define VT_IMAGE_FETCH_MAX 256
/* Bytes of the largest file that is fetched, if max_file_size does not set a lower limit: it is in
 * memory twice for a moment. */
#define VT_IMAGE_FETCH_SIZE_MAX ((guint64)512 * 1024 * 1024)

/* Documented default of launch_timeout_s; a start with KVM takes 2 to 5 s, more on a busy host. */
#define VT_IMAGE_LAUNCH_TIMEOUT_S 30
/* That of stall_timeout_s: the slowest single steps, keys that are made slow to try among them,
 * take a minute without KVM. */
#define VT_IMAGE_STALL_TIMEOUT_S 300

/* That of max_spool_size: the same as what is hashed at all. */
#define VT_IMAGE_MAX_SPOOL_SIZE ((guint64)64 * 1024 * 1024 * 1024)

VtImageOptions *vt_image_options_new (const char *path);
VtImageOptions *vt_image_options_copy (const VtImageOptions *self);
void vt_image_options_free (VtImageOptions *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtImageOptions, vt_image_options_free)

/* One regular file, with all its names. */
typedef struct {
  VtFileResult *result; /* under its first name; its digest is set only when there is no content,
                           its verdict only when it could not be read or is too large */
  GPtrArray *links;     /* of gchar: its other names; NULL: none */
  int memfd;            /* content, which nobody can change; -1: see result */
  guint64 spooled;      /* its bytes, if it is a file on disk and no memfd, or 0 */
  VtFileAttributes *attributes; /* FETCH: or NULL, where they are not known */
  gboolean unchanged; /* it is as it was in the template: its digest is set, and not its content */
  guint64 cost;       /* of VT_IMAGE_BUDGET */
} VtImageFile;

void vt_image_file_free (VtImageFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtImageFile, vt_image_file_free)

/*
 * Each is called with the pointer that vt_image_start() was given. Any but the last may be NULL.
 * None may free the VtImage.
 */
typedef struct {
  /* Something a person may want to know; LEVEL is of GLogLevelFlags. */
  void (*message) (GLogLevelFlags level, const char *text, gpointer user_data);
  /* "open", "launch", "inspect", "read", "edit". */
  void (*phase) (const char *phase, gpointer user_data);
  /* Another reader begins from the start: nothing that was said before holds. */
  void (*restarted) (gpointer user_data);
  /* Once for each file system, in their order; EXCLUDED are the files that the filter leaves out.
   */
  void (*expect) (guint64 files, guint64 bytes, guint64 excluded, gpointer user_data);
  void (*file) (VtImageFile *file, gpointer user_data); /* takes FILE */
  /* The last event. ERROR is NULL if the image was read to its end. */
  void (*finished) (const GError *error, gpointer user_data);
} VtImageEvents;

typedef struct _VtImage VtImage;

/*
 * Starts to read. With VT_IMAGE_FETCH, each of the files that is a regular file comes as an event,
 * without any link on the way; what is not there does not come, and what cannot be read or is too
 * large is an error. Its inode and its times are told only where it was fetched directly from an
 * ext file system. Where there is no operating system, each file system's top is looked at, in
 * their order.
 *
 * With VT_IMAGE_EDIT, the overlay has the changes once the end came without an error, and they were
 * read back.
 *
 * RESULT gets what is known of the image, its systems and its file systems as that
 * becomes known; a file system whose reason is not NONE at the end may not be what came of it. It
 * and SPAWNER, EVENTS and USER_DATA must outlive the image.
 */
VtImage *vt_image_start (VtSpawner *spawner,
                         const VtImageOptions *options,
                         VtScanResult *result,
                         const VtImageEvents *events,
                         gpointer user_data);

/* Ends the reader and all it has started, finished or not. No event comes any more. */
void vt_image_free (VtImage *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtImage, vt_image_free)

/* Images that wait for each other, so that each finds the room on disk that it would find alone. */
VtSpoolQueue *vt_image_spool_queue_new (void);
/* To be called before the context is iterated. SPOOLS must outlive the image. Not for an image that
 * is part of a content of another one, which would be waited for. */
void vt_image_share_spools (VtImage *self, VtSpoolQueue *spools);

/*
 * Tells that FILE's content is done with. The reader stops when files of VT_IMAGE_BUDGET bytes are
 * underway, or when a file is to be spooled and there is no room, so this is what bounds memory and
 * the use of the disk.
 */
void vt_image_release (VtImage *self, const VtImageFile *file);

/* Bytes of content that may be underway at once; a single larger file goes alone. */
#define VT_IMAGE_BUDGET ((guint64)96 * 1024 * 1024)
