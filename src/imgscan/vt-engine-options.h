// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * How contents are scanned: which signatures, which limits of the engine and of what opens
 * containers for it.
 *
 * All of this goes into the engine id, so that verdicts found under other limits are not believed.
 */
#pragma once

#include <gio/gio.h>

typedef struct {
  char *database_dir;
  guint64 max_file_size;   /* bytes of one file or archive member; above: size-limit */
  guint64 max_scan_size;   /* bytes scanned in one file with all its members; above: scan-limit */
  guint32 max_scan_time_s; /* seconds for one file; above: time-limit */
  guint32 max_recursion;   /* depth of nested containers; above: recursion-limit */
  guint32 max_files;       /* members in one file; above: files-limit */
  /* Of the containers that this program opens itself: */
  guint64 max_unpacked_size; /* bytes of one file's members, at any depth; above: scan-limit */
  guint64 max_ratio;         /* unpacked to packed bytes of a container; above: scan-limit */
  guint32 max_nested;        /* disk images within disk images; above: recursion-limit */
  guint32 max_unpack_time_s; /* seconds that unpacking a container may take; above: time-limit */
} VtEngineOptions;

/* Largest value that the engine takes for one scan: 2 GiB - 1. */
#define VT_ENGINE_FILE_SIZE_CEILING ((guint64)G_MAXINT32)
/* The other limits' largest values; the engine takes 0 for "no limit", so none may be 0. */
#define VT_ENGINE_SCAN_SIZE_CEILING ((guint64)1 << 40)
#define VT_ENGINE_SCAN_TIME_CEILING (24u * 60 * 60)
#define VT_ENGINE_RECURSION_CEILING 100u
#define VT_ENGINE_FILES_CEILING     ((guint32)G_MAXINT32)
/* This one may be 0: none are read. */
#define VT_ENGINE_NESTED_CEILING 8u
#define VT_ENGINE_RATIO_CEILING  ((guint64)G_MAXUINT32)

/* Limits as vtemplater-scan(1) has them, and the system's database directory. */
VtEngineOptions *vt_engine_options_new (void);
VtEngineOptions *vt_engine_options_copy (const VtEngineOptions *self);
void vt_engine_options_free (VtEngineOptions *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtEngineOptions, vt_engine_options_free)

/* Whether every limit is between 1 and its ceiling; else G_IO_ERROR_INVALID_ARGUMENT. */
gboolean vt_engine_options_validate (const VtEngineOptions *self,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
