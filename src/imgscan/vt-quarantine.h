// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A directory of infected files that were taken out of images. Each is two files there:
 *
 *   ID.vtq    its content, each byte XORed with VT_QUARANTINE_XOR, so that nobody runs it by
 *             accident and no other scanner takes it for an infection of this host
 *   ID.json   what it was, and where
 *
 * ID is a UUID (RFC 4122). What is there has been synced, and ID.json comes last: without it there
 * is no entry. The directory is its owner's alone, since what is in it may be put back.
 */
#pragma once

#include <gio/gio.h>

#include "vt-digest.h"
#include "vt-file-attributes.h"

typedef enum {
  VT_QUARANTINE_ERROR_DIRECTORY, /* not a directory, or others could write to it */
  VT_QUARANTINE_ERROR_MISSING,   /* no such entry */
  VT_QUARANTINE_ERROR_DAMAGED,   /* an entry that is not what it must be */
  VT_QUARANTINE_ERROR_SYSTEM,    /* a system call failed */
} VtQuarantineError;

#define VT_QUARANTINE_ERROR (vt_quarantine_error_quark ())
GQuark vt_quarantine_error_quark (void);

#define VT_QUARANTINE_XOR 0xa5

/* Strings are owned; image, path and members are bytes. */
typedef struct {
  char *id;
  char *image; /* as the user named it */
  char *path;  /* in the guest */
  char *fs;    /* the file system's id */
  char *threat;
  GStrv members; /* where in the file it was found; NULL for the file itself */
  guint64 size;
  VtDigest digest;
  gboolean has_attributes; /* else nobody could tell them */
  VtFileAttributes attributes;
  gboolean has_mtime;
  gint64 mtime; /* seconds since 1970 */
  gint64 time;  /* when it was taken out, likewise */
} VtQuarantineEntry;

/* Zero-filled, with an id of its own and the time. */
VtQuarantineEntry *vt_quarantine_entry_new (void);
void vt_quarantine_entry_free (VtQuarantineEntry *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtQuarantineEntry, vt_quarantine_entry_free)

/* ID.json. What vt_quarantine_entry_parse() gives has no mtime and no time, which nothing needs
 * again. */
GBytes *vt_quarantine_entry_format (const VtQuarantineEntry *self,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
VtQuarantineEntry *vt_quarantine_entry_parse (GBytes *json,
                                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct _VtQuarantine VtQuarantine;

/* Opens the directory PATH; if CREATE, makes it if it is missing, with mode 0700. */
VtQuarantine *
vt_quarantine_open (const char *path, gboolean create, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_quarantine_free (VtQuarantine *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtQuarantine, vt_quarantine_free)

/* Puts CONTENT there, a file that has ENTRY's digest and size. On success it is on the disk; on
 * failure nothing is left, if that can be helped. */
gboolean vt_quarantine_add (VtQuarantine *self,
                            const VtQuarantineEntry *entry,
                            int content,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Removes an entry, as far as it is there. */
void vt_quarantine_remove (VtQuarantine *self, const char *id);

/* Reads ID.json. */
VtQuarantineEntry *
vt_quarantine_find (VtQuarantine *self, const char *id, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The content as it was, of ENTRY's digest and size, in memory (memfd_create(2)); the caller's. -1
 * on failure. */
int vt_quarantine_extract (VtQuarantine *self,
                           const VtQuarantineEntry *entry,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
