// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The files of a template, as the reader of a clone is told of them: their identities, and the
 * digests of their contents. Made by the process that checked the template's signature, for
 * processes of this program that it starts.
 */
#pragma once

#include "vt-clean-cache.h"

typedef struct _VtTemplateTable VtTemplateTable;

/* A sealed memfd with FILES, of VtCleanFile in the order of file system and inode, each once. -1
 * on failure (G_IO_ERROR). */
int vt_template_table_write (GArray *files, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What the file at PATH holds. */
VtTemplateTable *vt_template_table_read (const char *path,
                                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same of FILES, which stay the caller's and must not change. */
VtTemplateTable *vt_template_table_new (GArray *files);
void vt_template_table_free (VtTemplateTable *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtTemplateTable, vt_template_table_free)

/* The file, which is the table's, or NULL. */
const VtCleanFile *vt_template_table_find (const VtTemplateTable *self, guint fs, guint64 inode);
