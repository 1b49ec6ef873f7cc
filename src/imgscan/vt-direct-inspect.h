// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Which file systems are the roots of operating systems, which systems these are, and where each
 * file system is mounted: as libguestfs's inspection says (guestfs(3), INSPECTION).
 *
 * Usual Linux systems only. What libguestfs might see otherwise is refused, so that it is asked.
 */
#pragma once

#include <gio/gio.h>

#include "vt-partitions.h"
#include "vt-scan-result.h"

/*
 * How files are read. PATH is absolute, within the file system. Symbolic links are followed, also
 * absolute ones, which start at the file system's root, and one at the path's end.
 *
 * The functions that return no error say FALSE or NULL to what is not there. A reader that cannot
 * tell must see to it itself that the inspection is not believed.
 */
typedef struct {
  /* Gives the first bytes of a regular file, at most MAX. */
  gboolean (*read_small) (gpointer fs, const char *path, gsize max, GBytes **data, GError **error);
  gboolean (*is_file) (gpointer fs, const char *path); /* a regular file */
  gboolean (*is_dir) (gpointer fs, const char *path);
  /* The text of the symbolic link at the path's end, which is not followed; NULL: it is none. */
  char *(*read_link) (gpointer fs, const char *path);
} VtInspectReader;

/* A device. FS is what VtInspectReader takes, or NULL where no file system is read. */
typedef struct {
  gpointer fs;
  const VtPartition *partition;
} VtInspectInput;

/* As in VtFilesystem; the strings are NULL where no system claims the file system. */
typedef struct {
  char *mountpoint;
  char *os;
  gboolean primary;
} VtInspectClaim;

typedef struct {
  GPtrArray *systems;     /* of VtOperatingSystem */
  VtInspectClaim *claims; /* one for each input */
  guint n_claims;
} VtInspection;

void vt_inspection_free (VtInspection *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtInspection, vt_inspection_free)

/* INPUTS: all devices that vt_partitions_read() gave, in its order. NULL: refused, and WHY is set
 * to a sentence. */
VtInspection *vt_direct_inspect (const VtInspectReader *reader,
                                 const VtInspectInput *inputs,
                                 guint n_inputs,
                                 char **why) G_GNUC_WARN_UNUSED_RESULT;
