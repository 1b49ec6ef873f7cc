// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The parts of vt-partitions. Where a WHY is passed, it is set to a sentence when something is
 * refused; functions return FALSE then too, with no error.
 */
#pragma once

#include <blkid.h>

#include "vt-bytes.h"
#include "vt-partitions.h"

#define VT_SECTOR ((guint64)512)

typedef struct blkid_struct_probe VtProbe;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtProbe, blkid_free_probe)

gboolean vt_is_zero (const guint8 *bytes, gsize n);

/* Turns an error of reading into a refusal, unless all is lost. FALSE either way. */
gboolean vt_partition_cannot_read (GError *why_not, char **why, GError **error);

/* A part of a disk, of which what libblkid looks at is there; all else reads as zeros. */
typedef struct {
  VtDisk *disk;
  guint64 start; /* bytes */
  guint64 size;  /* bytes */
  int memfd;
} VtWindow;

void vt_window_clear (VtWindow *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VtWindow, vt_window_clear)

/* Opens SELF, whose DISK, START and SIZE are set, with its head and its tail. */
gboolean vt_window_open (VtWindow *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Adds what lies at OFFSET, of which as much is taken as there is. */
gboolean vt_window_add (VtWindow *self, guint64 offset, guint64 size, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Reads what was added, and nothing else. */
gboolean vt_window_read (VtWindow *self, guint64 offset, void *buffer, gsize size, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Reads the table, if there is one: PARTITIONS gets each, without what is on it. */
gboolean vt_partition_table_read (VtDisk *disk, GPtrArray *partitions, char **why, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/*
 * Compares the two copies of a GPT and counts its partitions, or follows an MBR's chain of
 * logical ones into WINDOW and counts all.
 */
gboolean vt_partition_check_gpt (VtWindow *window, guint *n, char **why, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_partition_check_mbr (VtWindow *window, guint *n, char **why, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Adds to WINDOW what libblkid reads of a FAT file system. WHOLE: there is one by its boot sector,
 * and that is all. */
gboolean
vt_partition_add_fat (VtWindow *window, gboolean *whole, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Adds to WINDOW what libblkid reads of an NTFS. WHOLE: there is one by its boot sector, and that
 * is all. */
gboolean
vt_partition_add_ntfs (VtWindow *window, gboolean *whole, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Finds out what is on PARTITION and judges it; ZEROS_LEFT bytes may be searched for a byte that is
 * not zero. */
gboolean vt_partition_probe (VtDisk *disk,
                             VtPartition *partition,
                             guint64 *zeros_left,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
