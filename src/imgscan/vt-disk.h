// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The bytes of a disk, for code that parses them itself: over an NBD connection, or out of a file
 * in tests. Reads only. One thread.
 *
 * Functions fail with VT_DISK_ERROR. What lies beyond the end is an error, and never zeros.
 */
#pragma once

#include <gio/gio.h>

typedef enum {
  VT_DISK_ERROR_RANGE, /* beyond the end of the disk */
  VT_DISK_ERROR_READ,  /* the server, or the medium behind it, cannot read that */
  VT_DISK_ERROR_LOST,  /* the connection has ended or gone silent: nothing can be read any more */
} VtDiskError;

#define VT_DISK_ERROR (vt_disk_error_quark ())
GQuark vt_disk_error_quark (void);

typedef struct _VtDisk VtDisk;

/* FILE stays the caller's, and must stay open. */
VtDisk *vt_disk_new_file (int file, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* SOCKET is connected to an NBD server that has one export, the unnamed one; it is taken, also when
 * this fails. */
VtDisk *vt_disk_new_nbd (int socket, GError **error) G_GNUC_WARN_UNUSED_RESULT;

void vt_disk_free (VtDisk *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtDisk, vt_disk_free)

/* In bytes. */
guint64 vt_disk_get_size (const VtDisk *self);

/* Reads SIZE bytes at OFFSET, all or an error. */
gboolean vt_disk_read (VtDisk *self, guint64 offset, void *buffer, gsize size, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* ERROR is NULL when all bytes are there. May submit more, must not wait. */
typedef void (*VtDiskDone) (const GError *error, gpointer user_data);

/*
 * Starts to read. DONE is called once, within vt_disk_wait() or vt_disk_read(), and BUFFER must
 * stay until then; with vt_disk_free() it is not called any more. Fails only when nothing was
 * started, and DONE is not called then.
 */
gboolean vt_disk_submit (VtDisk *self,
                         guint64 offset,
                         void *buffer,
                         gsize size,
                         VtDiskDone done,
                         gpointer user_data,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Waits until at most MAX_IN_FLIGHT reads are under way. Fails when the connection is lost, after
 * DONE was called for every read. */
gboolean vt_disk_wait (VtDisk *self, guint max_in_flight, GError **error) G_GNUC_WARN_UNUSED_RESULT;
