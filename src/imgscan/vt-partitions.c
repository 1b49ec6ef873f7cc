// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The devices of a disk, in the order in which libguestfs's list and what it leaves out follow one
 * another.
 */
#include "vt-partitions-private.h"

/* Bytes of a disk that are searched in all for a byte that is not zero. */
#define ZEROS_MAX ((guint64)1024 * 1024 * 1024)

/* libguestfs does not list these, so they come at the end. */
#define MICROSOFT_RESERVED "E3C9E316-0B5C-4DB8-817D-F92DF00215AE"

void
vt_partition_free (VtPartition *self)
{
  g_free (self->id);
  g_free (self->type);
  g_free (self->uuid);
  g_free (self->label);
  g_free (self->gpt_type);
  g_free (self->uuid_of_partition);
  g_free (self->why);
  g_free (self);
}

static VtPartition *
describe_disk (VtDisk *disk)
{
  VtPartition *partition = g_new0 (VtPartition, 1);

  partition->id = g_strdup ("/dev/sda");
  partition->size = vt_disk_get_size (disk);
  partition->uuid_of_partition = g_strdup ("");
  return partition;
}

static GPtrArray *
refuse_disk (VtDisk *disk, const char *why)
{
  GPtrArray *devices = g_ptr_array_new_with_free_func ((GDestroyNotify)vt_partition_free);
  VtPartition *whole = describe_disk (disk);

  whole->type = g_strdup ("unknown");
  whole->uuid = g_strdup ("");
  whole->label = g_strdup ("");
  whole->why = g_strdup (why);
  g_ptr_array_add (devices, whole);
  return devices;
}

static gboolean
is_listed_last (const VtPartition *partition)
{
  return g_strcmp0 (partition->gpt_type, MICROSOFT_RESERVED) == 0;
}

static gint
compare_order (gconstpointer a, gconstpointer b)
{
  const VtPartition *first = *(VtPartition *const *)a;
  const VtPartition *second = *(VtPartition *const *)b;
  gint last = is_listed_last (first) - is_listed_last (second);

  return last != 0 ? last : first->number - second->number;
}

GPtrArray *
vt_partitions_read (VtDisk *disk, GError **error)
{
  g_autoptr (GPtrArray) devices =
      g_ptr_array_new_with_free_func ((GDestroyNotify)vt_partition_free);
  g_autoptr (GError) local_error = NULL;
  g_autofree char *why = NULL;
  guint64 zeros_left = ZEROS_MAX;

  if (!vt_partition_table_read (disk, devices, &why, &local_error)) {
    if (local_error == NULL)
      return refuse_disk (disk, why);
    g_propagate_error (error, g_steal_pointer (&local_error));
    return NULL;
  }
  if (devices->len == 0)
    g_ptr_array_add (devices, describe_disk (disk));
  for (guint i = 0; i < devices->len; i++)
    if (!vt_partition_probe (disk, g_ptr_array_index (devices, i), &zeros_left, error))
      return NULL;
  g_ptr_array_sort (devices, compare_order);
  return g_steal_pointer (&devices);
}
