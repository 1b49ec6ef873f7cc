// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Numbers as they lie on a disk, at any address: little-endian, and big-endian ones. */
#pragma once

#include <glib.h>

static inline guint16
vt_le16 (const guint8 *at)
{
  return (guint16)(at[0] | at[1] << 8);
}

static inline guint32
vt_le32 (const guint8 *at)
{
  return vt_le16 (at) | (guint32)vt_le16 (at + 2) << 16;
}

static inline guint64
vt_le64 (const guint8 *at)
{
  return vt_le32 (at) | (guint64)vt_le32 (at + 4) << 32;
}

static inline guint16
vt_be16 (const guint8 *at)
{
  return GUINT16_SWAP_LE_BE (vt_le16 (at));
}

static inline guint32
vt_be32 (const guint8 *at)
{
  return GUINT32_SWAP_LE_BE (vt_le32 (at));
}

static inline guint64
vt_be64 (const guint8 *at)
{
  return GUINT64_SWAP_LE_BE (vt_le64 (at));
}
