// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What is in the image: encrypted devices, operating systems, file systems and where they belong.
 */
#include "vt-guestfs.h"

#include <string.h>

#include "vt-guestfs-devices.h"

/* GPT partition types that hold no file system by design (UEFI specification, systemd's list). */
static const char *const bare_partition_types[] = {
    "21686148-6449-6E6F-744E-656564454649", /* BIOS boot */
    "E3C9E316-0B5C-4DB8-817D-F92DF00215AE", /* Microsoft reserved */
    "9E1A2D38-C612-4316-AA26-8B49521E5A8B", /* PowerPC PReP boot */
};

/* Largest device, in bytes, that is read to the end to see whether it is blank. */
#define BLANK_SIZE_MAX ((gint64)256 * 1024 * 1024)

/* Id of a btrfs's top volume, which is the default one unless another was set. */
#define BTRFS_TOP_ID 5

/* Never NULL, as the records want it. */
static char *
take_string (char *text)
{
  return text ?: g_strdup ("");
}

static void
claim (GHashTable *claims, guestfs_h *g, const char *root, const char *product, gboolean primary)
{
  g_auto (GStrv) mountpoints = guestfs_inspect_get_mountpoints (g, (char *)root);

  for (guint i = 0; mountpoints != NULL && mountpoints[i] != NULL; i += 2) {
    VtFilesystem *filesystem;

    if (g_hash_table_contains (claims, mountpoints[i + 1]))
      continue;
    filesystem = vt_filesystem_new ();
    filesystem->mountpoint = g_strdup (mountpoints[i]);
    filesystem->os = g_strdup (product);
    filesystem->primary = primary;
    g_hash_table_insert (claims, g_strdup (mountpoints[i + 1]), filesystem);
  }
}

/* Of Debian, libguestfs gives the number only ("12.5"). */
static char *
complete_product (char *product, const char *distro)
{
  g_autofree char *number = product;

  return g_ascii_isdigit (number[0]) ? g_strdup_printf ("%s %s", distro, number)
                                     : g_steal_pointer (&number);
}

static VtOperatingSystem *
describe_system (guestfs_h *g, char *root)
{
  VtOperatingSystem *system = vt_operating_system_new ();

  system->root = g_strdup (root);
  system->type = take_string (guestfs_inspect_get_type (g, root));
  system->distro = take_string (guestfs_inspect_get_distro (g, root));
  system->product =
      complete_product (take_string (guestfs_inspect_get_product_name (g, root)), system->distro);
  system->hostname = take_string (guestfs_inspect_get_hostname (g, root));
  system->arch = take_string (guestfs_inspect_get_arch (g, root));
  system->package_format = take_string (guestfs_inspect_get_package_format (g, root));
  system->package_manager = take_string (guestfs_inspect_get_package_management (g, root));
  system->major = guestfs_inspect_get_major_version (g, root);
  system->minor = guestfs_inspect_get_minor_version (g, root);
  return system;
}

/* Which file system belongs where: device to a VtFilesystem that has only its claim. */
static GHashTable *
inspect_systems (guestfs_h *g, VtImageSink *sink, GError **error)
{
  g_autoptr (GHashTable) claims =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)vt_filesystem_free);
  g_auto (GStrv) roots = guestfs_inspect_os (g);

  if (roots == NULL)
    vt_image_sink_log (sink, G_LOG_LEVEL_WARNING, "no operating system can be told: %s",
                       guestfs_last_error (g));
  for (guint i = 0; roots != NULL && roots[i] != NULL; i++) {
    g_autoptr (VtOperatingSystem) system = describe_system (g, roots[i]);

    if (!vt_image_sink_system (sink, system, error))
      return NULL;
    claim (claims, g, roots[i], system->product, i == 0);
  }
  return g_steal_pointer (&claims);
}

/* Whether the device holds nothing, by its type or because it is blank. */
static gboolean
is_bare (guestfs_h *g, const char *device)
{
  g_autofree char *disk = guestfs_part_to_dev (g, device);
  g_autofree char *type = NULL;
  int number = guestfs_part_to_partnum (g, device);

  if (disk != NULL && number > 0)
    type = guestfs_part_get_gpt_type (g, disk, number);
  for (gsize i = 0; type != NULL && i < G_N_ELEMENTS (bare_partition_types); i++)
    if (g_ascii_strcasecmp (type, bare_partition_types[i]) == 0)
      return TRUE;
  return guestfs_blockdev_getsize64 (g, device) <= BLANK_SIZE_MAX &&
         guestfs_is_zero_device (g, device) == 1;
}

static void
judge (guestfs_h *g, VtFilesystem *filesystem)
{
  if (g_str_equal (filesystem->type, "unknown") && !is_bare (g, filesystem->id)) {
    filesystem->reason = VT_REASON_READ_ERROR;
    filesystem->detail = g_strdup ("holds data, but no file system that is known");
  }
}

/* CLAIMED: where it belongs; NULL if nobody claims it. */
static VtFilesystem *
describe_filesystem (guestfs_h *g, const char *id, const char *type, const VtFilesystem *claimed)
{
  VtFilesystem *filesystem = vt_filesystem_new ();
  g_autofree char *owned = guestfs_mountable_device (g, id);
  const char *device = owned ?: id;

  filesystem->id = g_strdup (id);
  filesystem->type = g_strdup (type);
  filesystem->uuid = take_string (guestfs_vfs_uuid (g, device));
  filesystem->label = take_string (guestfs_vfs_label (g, device));
  filesystem->size = (guint64)MAX (0, guestfs_blockdev_getsize64 (g, device));
  if (claimed != NULL) {
    filesystem->mountpoint = g_strdup (claimed->mountpoint);
    filesystem->os = g_strdup (claimed->os);
    filesystem->primary = claimed->primary;
  }
  judge (g, filesystem);
  return filesystem;
}

/* Id of the volume with that number, or NULL if there is no such volume. */
static char *
find_volume (const struct guestfs_btrfssubvolume_list *volumes, const char *device, gint64 number)
{
  for (guint i = 0; i < volumes->len; i++)
    if (volumes->val[i].btrfssubvolume_id == (guint64)number)
      return g_strdup_printf ("btrfsvol:%s/%s", device, volumes->val[i].btrfssubvolume_path);
  return NULL;
}

/*
 * libguestfs takes a btrfs's default volume for the whole device, and lists the others. Here the
 * device is its top volume, so the default one, if it is another, is to be listed too. VOLUME gets
 * its id, or NULL if there is none.
 */
static gboolean
find_default_volume (guestfs_h *g, const char *device, char **volume)
{
  gint64 number = guestfs_btrfs_subvolume_get_default (g, device);
  struct guestfs_btrfssubvolume_list *volumes;

  *volume = NULL;
  if (number == -1)
    return FALSE;
  if (number == 0 || number == BTRFS_TOP_ID)
    return TRUE;
  volumes = guestfs_btrfs_subvolume_list (g, device);
  if (volumes == NULL)
    return FALSE;
  *volume = find_volume (volumes, device, number);
  guestfs_free_btrfssubvolume_list (volumes);
  return *volume != NULL;
}

gboolean
vt_guestfs_is_readable (const VtFilesystem *filesystem)
{
  return filesystem->reason == VT_REASON_NONE && !g_str_equal (filesystem->type, "swap") &&
         !g_str_equal (filesystem->type, "unknown");
}

static gboolean
check_any_readable (GPtrArray *filesystems, GError **error)
{
  for (guint i = 0; i < filesystems->len; i++) {
    const VtFilesystem *filesystem = g_ptr_array_index (filesystems, i);
    if (vt_guestfs_is_readable (filesystem) || filesystem->reason == VT_REASON_ENCRYPTED)
      return TRUE;
  }
  g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_NO_FILESYSTEM,
                       "no file system that is known: not a disk image, or a damaged one");
  return FALSE;
}

static gboolean
add_filesystem (GPtrArray *filesystems, VtFilesystem *filesystem, VtImageSink *sink, GError **error)
{
  g_ptr_array_add (filesystems, filesystem);
  return vt_image_sink_filesystem (sink, filesystem, error);
}

/* A device that libguestfs's list does not have: encrypted, or of a kind that it passes over. */
static VtFilesystem *
describe_left_out (guestfs_h *g, const char *device, GHashTable *encrypted)
{
  g_autofree char *type = take_string (guestfs_vfs_type (g, device));
  VtFilesystem *filesystem =
      describe_filesystem (g, device, type[0] != '\0' ? type : "unknown", NULL);

  if (g_hash_table_contains (encrypted, device)) {
    filesystem->reason = VT_REASON_ENCRYPTED;
    filesystem->detail = g_strdup ("encrypted, and no --key opens it");
  } else if (g_str_has_suffix (type, "_member")) {
    filesystem->reason = VT_REASON_READ_ERROR;
    filesystem->detail = g_strdup_printf ("part of a volume or array (%s) that is not read", type);
  }
  return filesystem;
}

static gboolean
add_listed (guestfs_h *g,
            const char *id,
            const char *type,
            GHashTable *claims,
            GPtrArray *filesystems,
            VtImageSink *sink,
            GError **error)
{
  const VtFilesystem *claimed = g_hash_table_lookup (claims, id);
  gboolean is_top = g_str_equal (type, "btrfs") && !g_str_has_prefix (id, "btrfsvol:");
  g_autofree char *volume = NULL;
  gboolean known = !is_top || find_default_volume (g, id, &volume);
  VtFilesystem *filesystem;

  /* What inspection says of the device then goes for the volume. */
  if (volume != NULL &&
      !add_filesystem (filesystems, describe_filesystem (g, volume, type, claimed), sink, error))
    return FALSE;
  filesystem = describe_filesystem (g, id, type, volume == NULL ? claimed : NULL);
  if (!known) {
    filesystem->reason = VT_REASON_READ_ERROR;
    filesystem->detail = g_strdup_printf ("its default volume cannot be told: %s",
                                          guestfs_last_error (g) ?: "it is not in the list");
  }
  return add_filesystem (filesystems, filesystem, sink, error);
}

GPtrArray *
vt_guestfs_inspect (
    guestfs_h *g, const char *const *keys, gboolean writable, VtImageSink *sink, GError **error)
{
  g_autoptr (GPtrArray) filesystems =
      g_ptr_array_new_with_free_func ((GDestroyNotify)vt_filesystem_free);
  g_autoptr (GHashTable) encrypted = vt_guestfs_open_encrypted (g, keys, writable, error);
  g_autoptr (GPtrArray) left_out = NULL;
  g_autoptr (GHashTable) claims = NULL;
  g_auto (GStrv) list = NULL;

  if (encrypted == NULL || (claims = inspect_systems (g, sink, error)) == NULL)
    return NULL;
  list = guestfs_list_filesystems (g);
  if (list == NULL) {
    vt_guestfs_set_error (g, VT_IMAGE_ERROR_BAD_IMAGE, "file systems", error);
    return NULL;
  }
  for (guint i = 0; list[i] != NULL; i += 2)
    if (!add_listed (g, list[i], list[i + 1], claims, filesystems, sink, error))
      return NULL;
  left_out = vt_guestfs_find_left_out (g, list, encrypted);
  for (guint i = 0; i < left_out->len; i++) {
    const char *device = g_ptr_array_index (left_out, i);
    if (!add_filesystem (filesystems, describe_left_out (g, device, encrypted), sink, error))
      return NULL;
  }
  return check_any_readable (filesystems, error) ? g_steal_pointer (&filesystems) : NULL;
}

static const char *
mount_options (const VtFilesystem *filesystem)
{
  /* A volume is mounted by its path; the top of a btrfs is not what is set as its default. */
  if (g_str_equal (filesystem->type, "btrfs") && !g_str_has_prefix (filesystem->id, "btrfsvol:"))
    return "ro,subvolid=5";
  /* Two XFS with one UUID are common among snapshots. */
  if (g_str_equal (filesystem->type, "xfs"))
    return "ro,nouuid";
  return "ro";
}

gboolean
vt_guestfs_mount (guestfs_h *g, const VtFilesystem *filesystem, GError **error)
{
  if (guestfs_mount_options (g, mount_options (filesystem), filesystem->id, "/") == -1)
    return vt_guestfs_set_error (g, VT_IMAGE_ERROR_BAD_IMAGE, "mount", error);
  return TRUE;
}
