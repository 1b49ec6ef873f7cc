// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Tells by its first bytes (for some kinds, its last) whether a content is a container, and who can
 * open it.
 *
 * Pure comparison of bytes at fixed places: nothing is parsed, so that it may be done outside of
 * the sandbox.
 */
#pragma once

#include <glib.h>

typedef enum {
  VT_CONTAINER_NONE = 0,    /* no container that is known here */
  VT_CONTAINER_ENGINE,      /* the engine opens it; libarchive can as well, if need be */
  VT_CONTAINER_ARCHIVE,     /* the engine passes it by, libarchive opens it */
  VT_CONTAINER_CPIO,        /* cpio archives one after the other, as an initramfs has them */
  VT_CONTAINER_SQUASHFS,    /* squashfs */
  VT_CONTAINER_DISK,        /* a disk image, or a bare file system */
  VT_CONTAINER_UNSUPPORTED, /* a container that neither the engine nor this program can open */
  VT_CONTAINER_ATTACHED,    /* a zip archive at the end of something else; what has one is not
                               recognised as this, but vt_container_has_attached() says so */
  VT_CONTAINER_N_KINDS
} VtContainerKind;

/* Recognises the SIZE bytes of FD, a regular file or memfd; what cannot be read is NONE. NAME (may
 * be NULL) gets the type's usual name: "rpm", "qcow2"; static, NULL for NONE. */
VtContainerKind vt_container_recognise (int fd, guint64 size, const char **name);

/* Whether the SIZE bytes of FD, which are no container as a whole, end like a zip archive. */
gboolean vt_container_has_attached (int fd, guint64 size);
