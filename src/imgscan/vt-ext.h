// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Reads an ext2, ext3 or ext4 file system as the kernel would show it, without mounting it.
 *
 * The file system is an attacker's. What is damaged, needs a repair or a journal's replay, or has a
 * feature that is not read for certain, is refused: a function then returns NULL or FALSE and sets
 * REFUSAL to a sentence for people (the caller's), and another reader has to be taken. ERROR is set
 * instead when reading cannot go on at all, as when the connection to the disk is lost.
 */
#pragma once

#include "vt-disk.h"

typedef enum {
  VT_EXT_ERROR_REFUSED,    /* damaged, or not known for certain: not to be read by this code */
  VT_EXT_ERROR_UNREADABLE, /* the medium cannot read metadata that is needed */
  VT_EXT_ERROR_MISSING,    /* there is no such path */
} VtExtError;

#define VT_EXT_ERROR (vt_ext_error_quark ())
GQuark vt_ext_error_quark (void);

typedef struct _VtExt VtExt;

/* The file system in the SIZE bytes at START, in bytes. DISK stays the caller's, and must stay. */
VtExt *vt_ext_open (VtDisk *disk, guint64 start, guint64 size, char **refusal, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void vt_ext_free (VtExt *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtExt, vt_ext_free)

/* FUNC is called often, by all functions of the file system that may take their time. */
typedef void (*VtExtAliveFunc) (gpointer user_data);
void vt_ext_set_alive (VtExt *self, VtExtAliveFunc func, gpointer user_data);
