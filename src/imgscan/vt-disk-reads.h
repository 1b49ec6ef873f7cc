// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Reads many pieces of a disk ahead of their use: pieces that lie close together come with one
 * request, and several requests are under way. What comes is handed out in the order it was asked
 * for. Memory is bounded, whoever takes the pieces may take his time.
 */
#pragma once

#include "vt-disk.h"

typedef struct {
  gpointer owner;
  guint64 position; /* for the owner to know what it is */
  guint64 offset;   /* on the disk, in bytes */
  guint64 size;     /* 0: a mark, for which nothing is read */
} VtDiskPiece;

/* DATA is NULL for a mark, and where the medium cannot be read. */
typedef gboolean (*VtDiskPieceFunc) (const VtDiskPiece *piece,
                                     const guint8 *data,
                                     gpointer user_data,
                                     GError **error);

typedef struct _VtDiskReads VtDiskReads;

VtDiskReads *vt_disk_reads_new (VtDisk *disk, VtDiskPieceFunc func, gpointer user_data);
/* Waits for what is under way. */
void vt_disk_reads_free (VtDiskReads *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtDiskReads, vt_disk_reads_free)

/* Asks for a piece, which may come in several; hands out earlier ones when too much is under way.
 * After an error nothing but freeing is allowed. */
gboolean vt_disk_reads_add (VtDiskReads *self,
                            const VtDiskPiece *piece,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Hands out all that is left. */
gboolean vt_disk_reads_finish (VtDiskReads *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
