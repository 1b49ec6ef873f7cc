// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* A disk's bytes, read as partition tables and for what is on each partition. */
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "vt-fd.h"
#include "vt-partitions.h"

static void
check (const VtPartition *partition, guint64 size)
{
  g_assert_nonnull (partition->id);
  g_assert_nonnull (partition->type);
  g_assert_nonnull (partition->uuid);
  g_assert_nonnull (partition->label);
  g_assert_cmpuint (partition->start, <=, size);
  g_assert_cmpuint (partition->size, <=, size - partition->start);
  g_assert_true ((partition->judgement == VT_PARTITION_REFUSED) == (partition->why != NULL));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  vt_autofd file = memfd_create ("disk", MFD_CLOEXEC);
  g_autoptr (VtDisk) disk = NULL;
  g_autoptr (GPtrArray) partitions = NULL;
  g_autoptr (GError) error = NULL;

  if (write (file, data, size) != (ssize_t)size)
    return 0;
  disk = vt_disk_new_file (file, NULL);
  partitions = vt_partitions_read (disk, &error);
  g_assert_true ((partitions == NULL) == (error != NULL));
  for (guint i = 0; partitions != NULL && i < partitions->len; i++)
    check (g_ptr_array_index (partitions, i), size);
  return 0;
}
