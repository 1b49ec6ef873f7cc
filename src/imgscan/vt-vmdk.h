// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Descriptors of VMDK images: a text that names the files in which the disk lies.
 *
 * QEMU opens these by their names, and there is no way to give it descriptors instead but a text of
 * our own. So the text is taken apart here, and written anew from what was understood: QEMU sees
 * nothing else of it.
 */
#pragma once

#include <gio/gio.h>

/* Largest descriptor that QEMU reads, in bytes. */
#define VT_VMDK_DESCRIPTOR_MAX ((gsize)1024 * 1024 - 1)

typedef struct {
  guint64 sectors; /* of 512 bytes */
  char *type;      /* "FLAT", "SPARSE" and so on */
  char *name;      /* as the text has it */
  guint64 offset;  /* where the data of a flat one begin in its file, in sectors */
} VtVmdkExtent;

typedef struct {
  guint32 cid;
  guint32 parent_cid;
  const char *create_type; /* static */
  char *parent;            /* name of the disk that this one lies upon, or NULL */
  GPtrArray *extents;      /* of VtVmdkExtent, at least one */
} VtVmdk;

/* Errors are of VT_IMAGE_ERROR. */
VtVmdk *vt_vmdk_parse (const char *text, gsize size, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_vmdk_free (VtVmdk *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtVmdk, vt_vmdk_free)

/* Whether the extent's data lie in its file as they are. */
gboolean vt_vmdk_extent_is_flat (const VtVmdkExtent *extent);

/* A descriptor with NAMES, as many as there are extents, in the place of theirs. Free with
 * g_free().
 */
char *vt_vmdk_render (const VtVmdk *self, const char *const *names);
