// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What is behind a VtDisk: vt-disk.c keeps the account of the reads, a source gets their bytes.
 */
#pragma once

#include "vt-disk.h"

/* A read under way. A source may use DISK, OFFSET, BUFFER, SIZE and PARTS, and no more. */
typedef struct {
  VtDisk *disk;
  guint64 offset;
  guint8 *buffer;
  gsize size;
  guint parts; /* pieces of it that have not come yet */
  GError *error;
  VtDiskDone done;
  gpointer user_data;
  GList link;
} VtDiskRead;

typedef struct {
  /*
   * Starts READ, whose size is not 0. A source that is through with it calls
   * vt_disk_read_complete(), within this or a later call. Fails when nothing was started: the
   * connection is lost then.
   */
  gboolean (*start) (gpointer source, VtDiskRead *read, GError **error);
  /* Waits until a bit more has come. Fails when the connection is lost, and then no buffer is
   * written to any more. NULL for a source that completes each read as it is started. */
  gboolean (*wait) (gpointer source, GError **error);
  void (*free) (gpointer source);
} VtDiskClass;

/* Takes SOURCE. */
VtDisk *vt_disk_new (const VtDiskClass *class, gpointer source, guint64 size);

/* Notes an error; the first one counts. */
void vt_disk_read_fail (VtDiskRead *read, VtDiskError code, const char *why);

/* DONE is called when the disk's user waits next. */
void vt_disk_read_complete (VtDiskRead *read);

/* vt_disk_new_nbd() with another limit than the usual one for the server's silence. */
VtDisk *
vt_disk_new_nbd_with_limit (int socket, int silence_ms, GError **error) G_GNUC_WARN_UNUSED_RESULT;
