// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The table that tells which cluster follows another. It may have a gigabyte: it is read in pieces,
 * and a piece is held against the same one of the other copy when it is first needed.
 */
#include <string.h>

#include "vt-bytes.h"
#include "vt-fat-private.h"

/* The whole table of FAT12 fits into one, so no entry lies in two. */
#define PIECE_SIZE ((gsize)32 * 1024)
/* Pieces of a chain: a file that is torn into more is none of a system at work. */
#define RUNS_MAX 1000000U

/* Values from these on are marks, not clusters: bad, then the end of a chain. */
#define BAD_12 0xff7U
#define BAD_16 0xfff7U
#define BAD_32 0xffffff7U

struct _VtFatTable {
  guint64 used;     /* bytes of a copy that hold entries of clusters */
  guint64 at;       /* which piece is there */
  gboolean is_read; /* whether there is one */
  guint8 *piece;
  guint8 *other;    /* the same one of another copy */
  guint8 *compared; /* a bit for each piece */
};

VtFatTable *
vt_fat_table_new (const VtFatGeometry *geometry)
{
  VtFatTable *self = g_new0 (VtFatTable, 1);

  self->used = ((guint64)geometry->cluster_end * geometry->bits + 7) / 8;
  self->piece = g_malloc (PIECE_SIZE);
  self->other = g_malloc (PIECE_SIZE);
  self->compared = g_malloc0 (self->used / PIECE_SIZE / 8 + 1);
  return self;
}

void
vt_fat_table_free (VtFatTable *self)
{
  g_free (self->piece);
  g_free (self->other);
  g_free (self->compared);
  g_free (self);
}

/* The first two entries belong to no cluster; what is kept there of the state of the file system
 * need not be the same everywhere. */
static gsize
count_uncompared (const VtFat *self, guint64 number)
{
  return number == 0 ? VT_FAT_CLUSTER_MIN * self->geometry.bits / 8 : 0;
}

static gboolean
compare (VtFat *self, guint64 number, gsize n, GError **error)
{
  const VtFatGeometry *geometry = &self->geometry;
  VtFatTable *table = self->table;
  gsize skipped = count_uncompared (self, number);

  for (guint copy = 1; copy < geometry->copies; copy++) {
    guint64 start = geometry->table_start + copy * geometry->table_size;

    if (!vt_fat_read (self, start + number * PIECE_SIZE, table->other, n, error))
      return FALSE;
    if (memcmp (table->piece + skipped, table->other + skipped, n - skipped) != 0)
      return vt_fs_refuse (error, "the two tables of clusters are not the same");
  }
  table->compared[number / 8] |= (guint8)(1U << number % 8);
  return TRUE;
}

static gboolean
fetch (VtFat *self, guint64 number, GError **error)
{
  VtFatTable *table = self->table;
  gsize n = (gsize)MIN (PIECE_SIZE, table->used - number * PIECE_SIZE);

  if (table->is_read && table->at == number)
    return TRUE;
  vt_fs_say_alive (&self->base);
  table->is_read = FALSE;
  if (!vt_fat_read (self, self->geometry.table_start + number * PIECE_SIZE, table->piece, n, error))
    return FALSE;
  if ((table->compared[number / 8] >> number % 8 & 1) == 0 && !compare (self, number, n, error))
    return FALSE;
  table->at = number;
  table->is_read = TRUE;
  return TRUE;
}

/* What the table has for CLUSTER, which is one. */
static gboolean
get_entry (VtFat *self, guint32 cluster, guint32 *value, GError **error)
{
  guint64 offset = (guint64)cluster * self->geometry.bits / 8;
  const guint8 *at = self->table->piece + offset % PIECE_SIZE;

  if (!fetch (self, offset / PIECE_SIZE, error))
    return FALSE;
  if (self->geometry.bits == 32)
    *value = vt_le32 (at) & 0xfffffff;
  else if (self->geometry.bits == 16)
    *value = vt_le16 (at);
  else
    *value = cluster % 2 == 0 ? vt_le16 (at) & 0xfff : vt_le16 (at) >> 4;
  return TRUE;
}

/* NEXT is 0 at the end. */
static gboolean
get_next (VtFat *self, guint32 cluster, guint32 *next, GError **error)
{
  guint bits = self->geometry.bits;
  guint32 bad = bits == 32 ? BAD_32 : bits == 16 ? BAD_16 : BAD_12;

  if (!get_entry (self, cluster, next, error))
    return FALSE;
  if (*next > bad) {
    *next = 0;
    return TRUE;
  }
  return (*next >= VT_FAT_CLUSTER_MIN && *next < self->geometry.cluster_end) ||
         vt_fs_refuse (error, "cluster %u is followed by %u, which is none", cluster, *next);
}

static gboolean
add_cluster (VtFat *self, guint32 cluster, guint before, GArray *runs, GError **error)
{
  VtFatRun added = {vt_fat_cluster_offset (&self->geometry, cluster), self->geometry.cluster_size};
  VtFatRun *last = runs->len > before ? &g_array_index (runs, VtFatRun, runs->len - 1) : NULL;

  if (last != NULL && last->offset + last->size == added.offset) {
    last->size += added.size;
    return TRUE;
  }
  g_array_append_val (runs, added);
  return runs->len - before <= RUNS_MAX ||
         vt_fs_refuse (error, "a file of more than %u pieces", RUNS_MAX);
}

gboolean
vt_fat_chain (VtFat *self, guint32 first, guint64 *n, GArray *runs, GError **error)
{
  guint before = runs->len;
  guint32 cluster = first;
  guint64 found = 0;

  if (first < VT_FAT_CLUSTER_MIN || first >= self->geometry.cluster_end)
    return vt_fs_refuse (error, "cluster %u is none", first);
  while (cluster != 0) {
    if (++found > *n)
      return vt_fs_refuse (error, "the clusters from %u on are more than %" G_GUINT64_FORMAT, first,
                           *n);
    if (!add_cluster (self, cluster, before, runs, error) ||
        !get_next (self, cluster, &cluster, error))
      return FALSE;
  }
  *n = found;
  return TRUE;
}
