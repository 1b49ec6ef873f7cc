// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The files of which a disk consists: the image, and what it names. Each is opened once, here,
 * after it was seen to be one that may be opened. QEMU gets the descriptor and no name: what it
 * opens is what was checked, whatever becomes of the name.
 */
#pragma once

#include <json-glib/json-glib.h>

#include "vt-image.h"

typedef struct _VtBlockFiles VtBlockFiles;

/* One of them, or the part of one that is the image. */
typedef struct {
  int fd;
  guint64 offset; /* where it begins, in bytes */
  guint64 size;   /* bytes */
} VtBlockFile;

/*
 * The files of the image that OPTIONS (path, file, offset, size, backing) are of. NULL if one that
 * is allowed is not there. Errors are of VT_IMAGE_ERROR.
 */
VtBlockFiles *vt_block_files_new (const VtImageOptions *options,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_block_files_free (VtBlockFiles *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtBlockFiles, vt_block_files_free)

/* Opens the image: what the operator named. Stays SELF's, as all that are returned here. */
const VtBlockFile *vt_block_files_open_image (VtBlockFiles *self,
                                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Opens the overlay (VtImageOptions.overlay). One that another process still writes to, because it
 * was only just killed, is waited for.
 */
const VtBlockFile *vt_block_files_open_overlay (VtBlockFiles *self,
                                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The same for the file that BASE, one of SELF's, names by NAME; WHAT it is to it: "backing file".
 * Refused unless it is allowed.
 */
const VtBlockFile *vt_block_files_open_named (VtBlockFiles *self,
                                              const VtBlockFile *base,
                                              const char *name,
                                              const char *what,
                                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether FILE is a regular file, and the whole of it. */
gboolean vt_block_files_is_whole_file (const VtBlockFile *file);

/* Takes MEMFD, or another file without a name, which stands for BASE from now on. */
const VtBlockFile *vt_block_files_add_memfd (VtBlockFiles *self,
                                             const VtBlockFile *base,
                                             int memfd,
                                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The name by which FILE was opened; of the image, what people know it by. */
const char *vt_block_files_get_path (VtBlockFiles *self, const VtBlockFile *file);

/* Whether FILE, all of it, is what PATH leads to. */
gboolean vt_block_files_is_at (VtBlockFiles *self, const VtBlockFile *file, const char *path);

/* QEMU's description of FILE: the driver, and a file name that leads to the descriptor. */
JsonObject *vt_block_files_describe (VtBlockFiles *self, const VtBlockFile *file);
/* The file name alone. Free with g_free(). */
char *vt_block_files_link (const VtBlockFile *file);

/* For a child, before it becomes a program: lets that have all the descriptors. */
void vt_block_files_hand_on (VtBlockFiles *self);

/* The files, in the order in which they were opened, by rising descriptor; NULL beyond the last. */
const VtBlockFile *vt_block_files_get (VtBlockFiles *self, guint index);
