// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Paths in what the appliance has mounted, looked at name by name, so that no symbolic link of the
 * guest's leads anywhere. */
#pragma once

#include <gio/gio.h>
#include <guestfs.h>

typedef enum {
  VT_GUEST_MISSING,
  VT_GUEST_FILE,
  VT_GUEST_DIRECTORY,
  VT_GUEST_LINK, /* symbolic */
  VT_GUEST_OTHER,
} VtGuestKind;

/* What is at a path, as lstat(2) has it. */
typedef struct {
  VtGuestKind kind;
  guint64 inode;
  guint64 size;
  guint32 mode; /* rights only */
  guint32 uid;
  guint32 gid;
  guint32 links;
  gint64 mtime_ns;
  gint64 ctime_ns;
  gboolean is_behind_link; /* with MISSING: a name on the way is a symbolic link, */
  char *obstacle;          /* this one; or it is no directory, or not there */
} VtGuestFile;

void vt_guest_file_clear (VtGuestFile *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VtGuestFile, vt_guest_file_clear)

/*
 * Looks at PATH, which vt_image_path_is_plain() takes, or "/". What is behind a symbolic link, or
 * behind something else that is no directory, is missing. Errors are of VT_IMAGE_ERROR.
 */
gboolean vt_guestfs_look_at (guestfs_h *g, const char *path, VtGuestFile *file, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
