// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Which devices a disk has and what is on each, as libguestfs would name them and say: an
 * appliance's Linux finds the partitions there, and blkid(8) the file systems.
 *
 * libblkid does the parsing here as well. What it, the kernel and the tools of the appliance might
 * see differently is refused, so that libguestfs is asked.
 */
#pragma once

#include <gio/gio.h>

#include "vt-disk.h"

/* Most partitions of a disk, and the largest number of one. */
#define VT_PARTITIONS_MAX 128

typedef enum {
  VT_PARTITION_REFUSED,       /* something else, or in doubt: see why */
  VT_PARTITION_EXT,           /* ext2, ext3 or ext4, and nothing else */
  VT_PARTITION_FAT,           /* FAT12, FAT16 or FAT32, and nothing else */
  VT_PARTITION_NTFS,          /* NTFS, and nothing else */
  VT_PARTITION_SWAP,          /* swap space */
  VT_PARTITION_EMPTY_BY_TYPE, /* of a type that holds no file system; none is on it */
  VT_PARTITION_BLANK,         /* all zeros */
} VtPartitionJudgement;

/* A partition, or a disk without any. */
typedef struct {
  char *id;                /* "/dev/sda1", "/dev/sda" */
  gint number;             /* of the partition; 0: the disk */
  guint64 start;           /* bytes */
  guint64 size;            /* bytes */
  char *type;              /* "ext4"; "unknown" where there is nothing that is known */
  char *uuid;              /* of the file system; empty if it has none */
  char *label;             /* likewise */
  char *gpt_type;          /* in capitals; NULL without a GPT */
  gint mbr_type;           /* 0 without an MBR */
  char *uuid_of_partition; /* PARTUUID; empty if it has none */
  VtPartitionJudgement judgement;
  char *why; /* a sentence; only of what is refused */
} VtPartition;

void vt_partition_free (VtPartition *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtPartition, vt_partition_free)

/*
 * Returns the devices in the order in which the records of file systems are sent: of VtPartition.
 * Where the partition table itself is refused, there is but one, the disk, refused.
 *
 * Makes memfds that are as large as the disk, though nearly all holes. Fails only when nothing can
 * be read any more (VT_DISK_ERROR_LOST), or when there is no memory (G_IO_ERROR).
 */
GPtrArray *vt_partitions_read (VtDisk *disk, GError **error) G_GNUC_WARN_UNUSED_RESULT;
