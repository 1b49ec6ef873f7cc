// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A change to be made in an image (VT_IMAGE_EDIT), as the starter orders it. No program of the
 * guest is ever run for one.
 */
#pragma once

#include <gio/gio.h>

#include "vt-digest.h"
#include "vt-file-attributes.h"

typedef enum {
  VT_EDIT_MKDIR,       /* makes a directory; one that is there stays as it is */
  VT_EDIT_UPLOAD,      /* puts a file of the host's there, in the place of one that there is */
  VT_EDIT_SYMLINK,     /* makes a symbolic link; one with the same text stays */
  VT_EDIT_REMOVE,      /* removes a file or an empty directory; with a source, only a regular file
                          that has this content */
  VT_EDIT_REMOVE_TREE, /* removes a file, or a directory with all that is in it */
  VT_EDIT_CHMOD,
  VT_EDIT_CREATE, /* as UPLOAD, where nothing is */
  VT_EDIT_N_KINDS
} VtImageEditKind;

/* Most edits of one run. */
#define VT_IMAGE_EDITS_MAX 256

typedef struct {
  VtImageEditKind kind;
  char *path;          /* in the guest: absolute, without "//", "." and ".." */
  char *source;        /* UPLOAD: a file of the host's, such as /proc/PID/fd/N; SYMLINK: its text;
                          REMOVE: a SHA-256 in 64 hexadecimal digits of lower case, or ""; else "" */
  guint32 mode;        /* MKDIR, UPLOAD, CHMOD, CREATE: up to 07777 */
  guint32 uid;         /* MKDIR, UPLOAD, CREATE */
  guint32 gid;         /* likewise */
  gboolean missing_ok; /* REMOVE, REMOVE_TREE: that there is nothing is no error */
  GBytes *label;       /* CREATE: of SELinux, for a guest that uses labels; NULL: one that suits */
} VtImageEdit;

/* Each is to be freed with vt_image_edit_free(). What MKDIR and UPLOAD make is root's. */
VtImageEdit *vt_image_edit_new_mkdir (const char *path, guint32 mode);
VtImageEdit *vt_image_edit_new_upload (const char *source, const char *path, guint32 mode);
VtImageEdit *vt_image_edit_new_symlink (const char *text, const char *path);
VtImageEdit *vt_image_edit_new_remove (const char *path, gboolean missing_ok);
VtImageEdit *vt_image_edit_new_remove_tree (const char *path, gboolean missing_ok);
VtImageEdit *vt_image_edit_new_chmod (const char *path, guint32 mode);
/* DIGEST is of the content that the file must have. */
VtImageEdit *vt_image_edit_new_remove_exact (const char *path, const VtDigest *digest);
/* With the rights, the owner and the label of ATTRIBUTES. */
VtImageEdit *
vt_image_edit_new_create (const char *source, const char *path, const VtFileAttributes *attributes);
void vt_image_edit_free (VtImageEdit *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtImageEdit, vt_image_edit_free)

/* Whether PATH is one that an edit may have: absolute, without "//", "." and "..", and neither long
 * nor deep beyond measure. */
gboolean vt_image_path_is_plain (const char *path);

/* Lists of them: of VtImageEdit, which the list frees. */
GPtrArray *vt_image_edits_new (void);
GPtrArray *vt_image_edits_copy (GPtrArray *edits);

#define VT_IMAGE_EDITS_TYPE "a(uayayuuubay)"
/* Floating. */
GVariant *vt_image_edits_serialize (GPtrArray *edits);
GPtrArray *vt_image_edits_parse (GVariant *value);
