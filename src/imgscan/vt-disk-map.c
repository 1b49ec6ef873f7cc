// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-disk-map.h"

/* 64 MiB. A disk of 16 TiB that is written to at random in clusters of 64 KiB has no more. */
#define RANGES_MAX (4U * 1024 * 1024)

typedef struct {
  guint64 start;
  guint64 end;
} Range;

struct _VtDiskMap {
  GArray *ranges; /* of Range, in order; none touches the next */
};

VtDiskMap *
vt_disk_map_new (void)
{
  VtDiskMap *self = g_new0 (VtDiskMap, 1);

  self->ranges = g_array_new (FALSE, FALSE, sizeof (Range));
  return self;
}

void
vt_disk_map_free (VtDiskMap *self)
{
  g_array_unref (self->ranges);
  g_free (self);
}

static Range *
get (const VtDiskMap *self, guint index)
{
  return &g_array_index (self->ranges, Range, index);
}

gboolean
vt_disk_map_add (VtDiskMap *self, guint64 offset, guint64 size)
{
  Range range = {offset, offset};
  Range *last = self->ranges->len > 0 ? get (self, self->ranges->len - 1) : NULL;

  if (!g_uint64_checked_add (&range.end, offset, size) || (last != NULL && offset < last->start))
    return FALSE;
  if (size == 0)
    return TRUE;
  if (last != NULL && offset <= last->end) {
    last->end = MAX (last->end, range.end);
    return TRUE;
  }
  if (self->ranges->len == RANGES_MAX)
    return FALSE;
  g_array_append_val (self->ranges, range);
  return TRUE;
}

gboolean
vt_disk_map_has_any (const VtDiskMap *self, guint64 offset, guint64 size)
{
  guint low = 0;
  guint high = self->ranges->len;
  guint64 end;

  if (!g_uint64_checked_add (&end, offset, size))
    return TRUE;
  /* The first range that ends behind OFFSET. */
  while (low < high) {
    guint middle = low + (high - low) / 2;

    if (get (self, middle)->end <= offset)
      low = middle + 1;
    else
      high = middle;
  }
  return low < self->ranges->len && get (self, low)->start < end;
}

guint64
vt_disk_map_count (const VtDiskMap *self)
{
  guint64 count = 0;

  for (guint i = 0; i < self->ranges->len; i++)
    count += get (self, i)->end - get (self, i)->start;
  return count;
}
