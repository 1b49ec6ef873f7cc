// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Disk images, partition tables and bare file systems.
 *
 * Boot loaders and kernels begin like a disk does, and are on every system: of what has a short or
 * common mark the numbers must fit each other, and the content must go on to where they point.
 */
#include "vt-container-private.h"

#include <string.h>

#include "vt-bytes.h"

#define SECTOR           512U
#define EXT_SUPERBLOCK   1024U
#define EXT_BLOCK_BITS   6U /* 64 KiB: 1024 << 6 */
#define CLUSTER_SIZE_MAX (2U * 1024 * 1024)
#define GPT_HEADER_MIN   92U
#define VMDK_VERSION_MAX 3U
#define XFS_BLOCK_BITS   16U

typedef gboolean (*Check) (const VtContainerView *view);

typedef struct {
  const char *name;
  gsize offset;
  const char *bytes;
  gsize n_bytes;
  Check check; /* whether the numbers fit each other as well; or NULL */
} DiskMagic;

static gboolean
is_power_of_2 (guint32 value)
{
  return value != 0 && (value & (value - 1)) == 0;
}

static gboolean
is_qcow2 (const VtContainerView *view)
{
  const guint8 *header = vt_container_at (view, 0, 8);

  return header != NULL && (vt_be32 (header + 4) == 2 || vt_be32 (header + 4) == 3);
}

static gboolean
is_vmdk (const VtContainerView *view)
{
  const guint8 *header = vt_container_at (view, 0, 8);

  return header != NULL && vt_le32 (header + 4) >= 1 && vt_le32 (header + 4) <= VMDK_VERSION_MAX;
}

static gboolean
is_luks (const VtContainerView *view)
{
  const guint8 *header = vt_container_at (view, 0, 8);

  return header != NULL && (vt_be16 (header + 6) == 1 || vt_be16 (header + 6) == 2);
}

static gboolean
is_gpt_at (const VtContainerView *view, gsize offset)
{
  const guint8 *header = vt_container_at (view, offset, GPT_HEADER_MIN);

  return header != NULL && memcmp (header, "EFI PART\0\0\1\0", 12) == 0 &&
         vt_le32 (header + 12) >= GPT_HEADER_MIN && vt_le32 (header + 12) <= offset;
}

static gboolean
is_lvm (const VtContainerView *view)
{
  for (gsize sector = 0; sector < 4; sector++) {
    const guint8 *label = vt_container_at (view, sector * SECTOR, 32);

    if (label != NULL && memcmp (label, "LABELONE", 8) == 0 && vt_le64 (label + 8) == sector &&
        memcmp (label + 24, "LVM2 001", 8) == 0)
      return TRUE;
  }
  return FALSE;
}

/* There are as many inodes as the groups have together. */
static gboolean
is_ext (const VtContainerView *view)
{
  const guint8 *super = vt_container_at (view, EXT_SUPERBLOCK, 1024);
  guint64 blocks;
  guint64 groups;
  guint32 first;
  guint32 per_group;

  if (super == NULL || vt_le32 (super + 24) > EXT_BLOCK_BITS)
    return FALSE;
  blocks = vt_le32 (super + 4);
  if ((vt_le32 (super + 96) & 0x80) != 0) /* 64bit */
    blocks |= (guint64)vt_le32 (super + 336) << 32;
  first = vt_le32 (super + 20);
  per_group = vt_le32 (super + 32);
  if (per_group == 0 || first > 1 || blocks <= first)
    return FALSE;
  groups = (blocks - first + per_group - 1) / per_group;
  return vt_le32 (super) != 0 && groups * vt_le32 (super + 40) == vt_le32 (super);
}

static gboolean
is_xfs (const VtContainerView *view)
{
  const guint8 *super = vt_container_at (view, 0, 128);

  return super != NULL && super[120] <= XFS_BLOCK_BITS && vt_be32 (super + 4) == 1U << super[120];
}

static gboolean
is_mdraid (const VtContainerView *view)
{
  for (gsize offset = 0; offset <= 4096; offset += 4096) {
    const guint8 *super = vt_container_at (view, offset, 8);

    if (super != NULL && vt_le32 (super) == 0xa92b4efc && vt_le32 (super + 4) == 1)
      return TRUE;
  }
  return FALSE;
}

static gboolean
has_boot_signature (const VtContainerView *view)
{
  const guint8 *signature = vt_container_at (view, 510, 2);

  return signature != NULL && vt_le16 (signature) == 0xaa55;
}

/* The table of files lies within the content: not so for a copy of the boot sector alone. */
static gboolean
is_ntfs (const VtContainerView *view)
{
  const guint8 *boot = vt_container_at (view, 0, SECTOR);
  guint32 sector_size;
  guint32 cluster_sectors;

  if (boot == NULL || !has_boot_signature (view))
    return FALSE;
  sector_size = vt_le16 (boot + 11);
  /* Over 128, it is the exponent of the size, negative. */
  cluster_sectors = boot[13] <= 128 ? boot[13] : 1U << (MIN (256 - boot[13], 31));
  return is_power_of_2 (sector_size) && sector_size >= 256 && is_power_of_2 (cluster_sectors) &&
         cluster_sectors <= CLUSTER_SIZE_MAX / sector_size && vt_le64 (boot + 40) != 0 &&
         vt_le64 (boot + 48) < view->size / sector_size / cluster_sectors;
}

static gboolean
is_exfat (const VtContainerView *view)
{
  const guint8 *boot = vt_container_at (view, 0, SECTOR);

  return boot != NULL && has_boot_signature (view) && boot[108] >= 9 && boot[108] <= 12 &&
         vt_le32 (boot + 88) < view->size >> boot[108];
}

/* The tables and the first directory lie within the content. */
static gboolean
is_fat (const VtContainerView *view)
{
  const guint8 *boot = vt_container_at (view, 0, SECTOR);
  guint32 sector_size;
  guint64 sectors;
  guint64 tables;

  if (boot == NULL || !has_boot_signature (view) || (boot[0] != 0xeb && boot[0] != 0xe9))
    return FALSE;
  sector_size = vt_le16 (boot + 11);
  if (!is_power_of_2 (sector_size) || sector_size < SECTOR || sector_size > 4096 ||
      !is_power_of_2 (boot[13]) || vt_le16 (boot + 14) == 0 || boot[16] == 0 || boot[16] > 2 ||
      (boot[21] < 0xf8 && boot[21] != 0xf0))
    return FALSE;
  tables = vt_le16 (boot + 22) != 0 ? vt_le16 (boot + 22) : vt_le32 (boot + 36);
  sectors = vt_le16 (boot + 19) != 0 ? vt_le16 (boot + 19) : vt_le32 (boot + 32);
  tables = vt_le16 (boot + 14) + tables * boot[16];
  return tables > vt_le16 (boot + 14) && tables < sectors && tables < view->size / sector_size;
}

/* A Linux kernel has the signature as well, and in its header what may pass for a partition. */
static gboolean
is_kernel (const VtContainerView *view)
{
  const guint8 *header = vt_container_at (view, 514, 4);

  return header != NULL && memcmp (header, "HdrS", 4) == 0;
}

/* Each partition begins within the content, behind the table, and has a type. */
static gboolean
is_mbr (const VtContainerView *view)
{
  const guint8 *table = vt_container_at (view, 446, 64);
  guint used = 0;

  if (table == NULL || !has_boot_signature (view) || is_kernel (view))
    return FALSE;
  for (const guint8 *entry = table; entry < table + 64; entry += 16) {
    guint64 start = vt_le32 (entry + 8);
    gboolean empty = entry[4] == 0;

    if ((entry[0] & 0x7f) != 0 || empty != (vt_le32 (entry + 12) == 0))
      return FALSE;
    if (!empty && (start == 0 || start >= view->size / SECTOR))
      return FALSE;
    used += !empty;
  }
  return used > 0;
}

#define M(name, offset, bytes, check)                                                              \
  {                                                                                                \
    name, offset, bytes, sizeof (bytes) - 1, check                                                 \
  }

static const DiskMagic magics[] = {
    M ("qcow2", 0, "QFI\xfb", is_qcow2),
    M ("qcow", 0, "QFI\xfb\0\0\0\1", NULL),
    M ("qed", 0, "QED\0", NULL),
    M ("vmdk", 0, "KDMV", is_vmdk),
    M ("vmdk", 0, "COWD", is_vmdk),
    M ("vhdx", 0, "vhdxfile", NULL),
    M ("vdi", 64, "\x7f\x10\xda\xbe", NULL),
    M ("vhd", 0, "conectix", NULL),
    M ("parallels", 0, "WithoutFreeSpace", NULL),
    M ("parallels", 0, "WithouFreSpacExt", NULL),
    M ("cloop", 0, "#!/bin/sh\n#V2.0 Format", NULL),
    M ("luks", 0, "LUKS\xba\xbe", is_luks),
    M ("ext", EXT_SUPERBLOCK + 56, "\x53\xef", is_ext),
    M ("xfs", 0, "XFSB", is_xfs),
    M ("btrfs", 65600, "_BHRfS_M", NULL),
    M ("f2fs", 1024, "\x10\x20\xf5\xf2", NULL),
    M ("jfs", 32768, "JFS1", NULL),
    M ("reiserfs", 65536 + 52, "ReIsEr", NULL),
    M ("hfsplus", 1024, "H+\0\4", NULL),
    M ("hfsplus", 1024, "HX\0\5", NULL),
    M ("ntfs", 3, "NTFS    ", is_ntfs),
    M ("exfat", 3, "EXFAT   ", is_exfat),
};

static gboolean
has_mark (const VtContainerView *view, const DiskMagic *magic)
{
  const guint8 *at = vt_container_at (view, magic->offset, magic->n_bytes);

  return at != NULL && memcmp (at, magic->bytes, magic->n_bytes) == 0 &&
         (magic->check == NULL || magic->check (view));
}

/* What has its mark at the end. */
static const char *
find_in_tail (const VtContainerView *view)
{
  if (view->tail_size < VT_CONTAINER_TAIL)
    return NULL;
  if (memcmp (view->tail, "koly\0\0\0\4", 8) == 0)
    return "dmg";
  /* Old versions wrote a byte less. */
  if (memcmp (view->tail, "conectix", 8) == 0 || memcmp (view->tail + 1, "conectix", 8) == 0)
    return "vhd";
  return NULL;
}

const char *
vt_container_find_disk (const VtContainerView *view)
{
  const char *found = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (magics) && found == NULL; i++)
    if (has_mark (view, &magics[i]))
      found = magics[i].name;
  if (found == NULL)
    found = find_in_tail (view);
  if (found == NULL && is_lvm (view))
    found = "lvm";
  if (found == NULL && is_mdraid (view))
    found = "mdraid";
  if (found == NULL && (is_gpt_at (view, 512) || is_gpt_at (view, 4096)))
    found = "gpt";
  if (found == NULL && is_fat (view))
    found = "fat";
  if (found == NULL && is_mbr (view))
    found = "mbr";
  return found;
}
