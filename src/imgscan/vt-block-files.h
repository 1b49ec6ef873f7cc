// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The files of which a disk consists: the image, and what it names. Each is opened once, here,
 * after it was seen to be one that may be opened. QEMU gets the descriptor and no name: what it
 * opens is what was checked, whatever becomes of the name.
 */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

typedef struct _VtBlockFiles VtBlockFiles;

/*
 * ALLOWED are the files that an image may name, and the directories below which it may name regular
 * files. NULL if one of them is not there. Errors are of VT_IMAGE_ERROR.
 */
VtBlockFiles *vt_block_files_new (const char *const *allowed,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_block_files_free (VtBlockFiles *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtBlockFiles, vt_block_files_free)

/* Opens the image: what the operator named. Returns a descriptor, which stays SELF's, or -1. */
int vt_block_files_open_image (VtBlockFiles *self,
                               const char *path,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The same for the file that BASE, one of SELF's, names by NAME; WHAT it is to it: "backing file".
 * Refused unless it is allowed.
 */
int vt_block_files_open_named (VtBlockFiles *self,
                               int base,
                               const char *name,
                               const char *what,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Takes MEMFD, which stands for the file of BASE from now on. Returns its new descriptor, or -1. */
int vt_block_files_add_memfd (VtBlockFiles *self, int base, int memfd, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The name by which FD was opened. */
const char *vt_block_files_get_path (VtBlockFiles *self, int fd);

/* QEMU's description of FD: the driver, and a file name that leads to the descriptor. */
JsonObject *vt_block_files_describe (VtBlockFiles *self, int fd);
/* The file name alone. Free with g_free(). */
char *vt_block_files_link (int fd);

/* For a child, before it becomes a program: lets that have all the descriptors. */
void vt_block_files_hand_on (VtBlockFiles *self);

/* TEXT of such a program, with names in the place of descriptors. Free with g_free(). */
char *vt_block_files_explain (VtBlockFiles *self, const char *text);
