// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What the walker knows of the template that an image is a clone of: which files are as they were
 * in it, so that their contents need not be read.
 */
#pragma once

#include "vt-disk.h"
#include "vt-file-list.h"
#include "vt-fs.h"
#include "vt-scan-result.h"
#include "vt-template-table.h"

/* How the walker comes by it. Owns nothing. */
typedef struct {
  const VtTemplateTable *table;
  const char *const *filesystems; /* id, type and UUID of each, as in VtImageTemplate */
  int disk_socket;                /* to the server of the template's disk */
  int map_socket;                 /* to that of the clone's; both are taken */
  guint layers;                   /* images of the clone that lie upon the template */
} VtDirectTemplateStart;

typedef struct _VtDirectTemplate VtDirectTemplate;

/* Fails with VT_DISK_ERROR. */
VtDirectTemplate *vt_direct_template_new (const VtDirectTemplateStart *start,
                                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_direct_template_free (VtDirectTemplate *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtDirectTemplate, vt_direct_template_free)

/*
 * Finds the template's own state of FS, which FILESYSTEM describes, for what follows. There may be
 * none; WHY is then a sentence, the caller's. Fails (VT_DISK_ERROR) when the disk is lost.
 */
gboolean vt_direct_template_select (VtDirectTemplate *self,
                                    VtFs *fs,
                                    const VtFilesystem *filesystem,
                                    char **why,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether FILE, of FS that was selected, is as it was in the template: then DIGEST, which stays the
 * template's, is that of its content, and else NULL. As vt_fs_is_same() otherwise. */
gboolean vt_direct_template_find (VtDirectTemplate *self,
                                  VtFs *fs,
                                  const VtListedFile *file,
                                  const VtDigest **digest,
                                  char **refusal,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
