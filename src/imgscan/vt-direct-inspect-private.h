// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* The parts of vt-direct-inspect. What returns FALSE has refused, and set WHY to a sentence. */
#pragma once

#include "vt-direct-inspect.h"

typedef struct {
  const VtInspectReader *reader;
  const VtInspectInput *inputs;
  guint n_inputs;
} VtInspectContext;

/* FALSE, with WHY set. */
gboolean vt_inspect_refuse (char **why, const char *text);

/* Whether there is a file, and no symbolic link, at PATH. */
gboolean vt_inspect_is_own_file (const VtInspectContext *self, gpointer fs, const char *path);

/*
 * Reads a configuration file as lines. LINES is NULL when there is no such file. Refuses one that
 * is large or has bytes that are not printable ASCII or UTF-8, tabs aside.
 */
gboolean vt_inspect_read_lines (const VtInspectContext *self,
                                gpointer fs,
                                const char *path,
                                GStrv *lines,
                                char **why) G_GNUC_WARN_UNUSED_RESULT;

/* An entry of a fstab that counts. */
typedef struct {
  char *device; /* libguestfs's name of it, or what stands there where it has none */
  char *mountpoint;
} VtFstabEntry;

void vt_fstab_entry_free (VtFstabEntry *self);

/* Reads the fstab of the root that INPUT is: of VtFstabEntry. NULL: refused. */
GPtrArray *vt_inspect_fstab (const VtInspectContext *self,
                             const VtInspectInput *input,
                             char **why) G_GNUC_WARN_UNUSED_RESULT;

/* Fills SYSTEM, all but its root. */
gboolean vt_inspect_linux (const VtInspectContext *self,
                           gpointer fs,
                           VtOperatingSystem *system,
                           char **why) G_GNUC_WARN_UNUSED_RESULT;

/* The architecture of the programs of FS; "unknown" if there is none that tells. */
gboolean vt_inspect_arch (const VtInspectContext *self, gpointer fs, char **arch, char **why)
    G_GNUC_WARN_UNUSED_RESULT;
