// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What QEMU is told of one image, with what lies below it: a node of its block layer. */
#pragma once

#include <json-glib/json-glib.h>

#include "vt-block-files.h"

/*
 * The description of the image in FILE, without what it lies upon. All files that it names are
 * opened. IS_ONE_FILE says whether it has all its data in FILE. Returns a new reference. Errors are
 * of VT_IMAGE_ERROR.
 */
JsonObject *vt_block_node_new (VtBlockFiles *files,
                               const VtBlockFile *file,
                               const char *format,
                               gboolean *is_one_file,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What QEMU takes for a file name: "json:{...}". Free with g_free(). */
char *vt_block_node_print (JsonObject *node);
