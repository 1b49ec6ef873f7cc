// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-direct-probe.h"

#include "vt-direct-inspect.h"
#include "vt-ext.h"
#include "vt-fat.h"
#include "vt-ntfs.h"
#include "vt-partitions.h"

struct _VtDirectProbe {
  GPtrArray *volumes; /* of VtVolume */
  GPtrArray *systems; /* of VtOperatingSystem */
  GPtrArray *fss;     /* of VtFs, NULL where a volume has none */
  char *refusal;
};

/* A file system as the inspection sees it. */
typedef struct {
  VtFs *fs;
  GError **error; /* the first failure of any: what was said since is not to be believed */
} Inspected;

static void
fs_free_or_null (gpointer fs)
{
  if (fs != NULL)
    vt_fs_free (fs);
}

void
vt_direct_probe_free (VtDirectProbe *self)
{
  g_ptr_array_unref (self->volumes);
  g_ptr_array_unref (self->systems);
  g_ptr_array_unref (self->fss);
  g_free (self->refusal);
  g_free (self);
}

static VtFilesystem *
describe (const VtPartition *partition)
{
  VtFilesystem *filesystem = vt_filesystem_new ();

  filesystem->id = g_strdup (partition->id);
  filesystem->type = g_strdup (partition->type);
  filesystem->uuid = g_strdup (partition->uuid);
  filesystem->label = g_strdup (partition->label);
  filesystem->size = partition->size;
  return filesystem;
}

/* What reads the kinds that can be read. */
typedef VtFs *(*Opener) (VtDisk *, guint64, guint64, char **, GError **);

static const Opener openers[] = {
    [VT_PARTITION_EXT] = vt_ext_open,
    [VT_PARTITION_FAT] = vt_fat_open,
    [VT_PARTITION_NTFS] = vt_ntfs_open,
};

static void
say_alive (gpointer sink)
{
  vt_image_sink_alive (sink);
}

/* Opens the file system, or finds why it has to be read by others. */
static gboolean
open_fs (VtDisk *disk,
         VtImageSink *sink,
         const VtPartition *partition,
         VtVolume *volume,
         VtFs **fs,
         GError **error)
{
  g_autoptr (GError) failure = NULL;

  *fs = openers[partition->judgement](disk, partition->start, partition->size, &volume->refusal,
                                      &failure);
  if (*fs != NULL) {
    vt_fs_set_alive (*fs, say_alive, sink);
    volume->kind = VT_VOLUME_READABLE;
    return TRUE;
  }
  volume->kind = VT_VOLUME_REFUSED;
  if (volume->refusal != NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

static gboolean
add_volume (VtDirectProbe *self,
            VtDisk *disk,
            VtImageSink *sink,
            const VtPartition *partition,
            GError **error)
{
  VtVolume *volume = g_new0 (VtVolume, 1);
  VtFs *fs = NULL;
  gboolean opened = TRUE;

  volume->filesystem = describe (partition);
  switch (partition->judgement) {
  case VT_PARTITION_EXT:
  case VT_PARTITION_FAT:
  case VT_PARTITION_NTFS:
    opened = open_fs (disk, sink, partition, volume, &fs, error);
    break;
  case VT_PARTITION_SWAP:
  case VT_PARTITION_EMPTY_BY_TYPE:
  case VT_PARTITION_BLANK:
    volume->kind = VT_VOLUME_EMPTY;
    break;
  case VT_PARTITION_REFUSED:
  default:
    volume->kind = VT_VOLUME_REFUSED;
    volume->refusal = g_strdup (partition->why);
    break;
  }
  g_ptr_array_add (self->volumes, volume);
  g_ptr_array_add (self->fss, fs);
  return opened;
}

static void
note_failure (const Inspected *self, GError *failure)
{
  if (*self->error == NULL)
    *self->error = failure;
  else
    g_error_free (failure);
}

static gboolean
read_head (gpointer fs, const char *path, gsize max, GBytes **data, GError **error)
{
  return vt_fs_read_head (((const Inspected *)fs)->fs, path, max, data, error);
}

static gboolean
has_type (const Inspected *self, const char *path, VtFsType expected)
{
  GError *failure = NULL;
  VtFsType type;

  if (vt_fs_stat_path (self->fs, path, &type, &failure))
    return type == expected;
  note_failure (self, failure);
  return FALSE;
}

static gboolean
is_file (gpointer fs, const char *path)
{
  return has_type (fs, path, VT_FS_TYPE_REGULAR);
}

static gboolean
is_dir (gpointer fs, const char *path)
{
  return has_type (fs, path, VT_FS_TYPE_DIRECTORY);
}

static char *
read_link (gpointer fs, const char *path)
{
  const Inspected *self = fs;
  GError *failure = NULL;
  char *target = NULL;

  if (!vt_fs_read_link (self->fs, path, &target, &failure))
    note_failure (self, failure);
  return target;
}

static void
apply_claims (VtDirectProbe *self, VtInspection *inspection)
{
  for (guint i = 0; i < self->volumes->len; i++) {
    VtFilesystem *filesystem = ((VtVolume *)g_ptr_array_index (self->volumes, i))->filesystem;
    VtInspectClaim *claim = &inspection->claims[i];

    filesystem->mountpoint = g_steal_pointer (&claim->mountpoint);
    filesystem->os = g_steal_pointer (&claim->os);
    filesystem->primary = claim->primary;
  }
}

/* Which systems there are, unless only the appliance can tell. FALSE: the disk is lost. */
static gboolean
inspect (VtDirectProbe *self, GPtrArray *partitions, GError **error)
{
  static const VtInspectReader reader = {read_head, is_file, is_dir, read_link};
  g_autofree Inspected *inspected = g_new0 (Inspected, partitions->len);
  g_autofree VtInspectInput *inputs = g_new0 (VtInspectInput, partitions->len);
  g_autoptr (VtInspection) inspection = NULL;
  g_autoptr (GError) failure = NULL;

  for (guint i = 0; i < partitions->len; i++) {
    inspected[i].fs = g_ptr_array_index (self->fss, i);
    inspected[i].error = &failure;
    inputs[i].fs = inspected[i].fs != NULL ? &inspected[i] : NULL;
    inputs[i].partition = g_ptr_array_index (partitions, i);
  }
  inspection = vt_direct_inspect (&reader, inputs, partitions->len, &self->refusal);
  if (failure != NULL && failure->domain == VT_DISK_ERROR) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  if (failure != NULL) {
    g_free (self->refusal);
    self->refusal = g_strdup (failure->message);
  } else if (inspection != NULL) {
    g_ptr_array_unref (self->systems);
    self->systems = g_ptr_array_ref (inspection->systems);
    apply_claims (self, inspection);
  }
  return TRUE;
}

VtDirectProbe *
vt_direct_probe_disk (VtDisk *disk, VtImageSink *sink, GError **error)
{
  g_autoptr (VtDirectProbe) self = g_new0 (VtDirectProbe, 1);
  g_autoptr (GPtrArray) partitions = NULL;

  self->volumes = g_ptr_array_new_with_free_func ((GDestroyNotify)vt_volume_free);
  self->systems = g_ptr_array_new_with_free_func ((GDestroyNotify)vt_operating_system_free);
  self->fss = g_ptr_array_new_with_free_func (fs_free_or_null);
  partitions = vt_partitions_read (disk, error);
  if (partitions == NULL)
    return NULL;
  for (guint i = 0; i < partitions->len; i++) {
    vt_image_sink_alive (sink);
    if (!add_volume (self, disk, sink, g_ptr_array_index (partitions, i), error))
      return NULL;
  }
  return inspect (self, partitions, error) ? g_steal_pointer (&self) : NULL;
}

GPtrArray *
vt_direct_probe_get_volumes (VtDirectProbe *self)
{
  return self->volumes;
}

GPtrArray *
vt_direct_probe_get_systems (VtDirectProbe *self)
{
  return self->systems;
}

const char *
vt_direct_probe_get_refusal (VtDirectProbe *self)
{
  return self->refusal;
}

VtFs *
vt_direct_probe_get_fs (VtDirectProbe *self, guint volume)
{
  return volume < self->fss->len ? g_ptr_array_index (self->fss, volume) : NULL;
}
