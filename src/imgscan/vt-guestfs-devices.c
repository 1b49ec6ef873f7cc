// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The block devices of an image: encrypted ones, which may hold others, and those that libguestfs's
 * list of file systems leaves out without a word. None may be left unread and unmentioned.
 */
#include "vt-guestfs-devices.h"

#include <string.h>

#include "vt-guestfs-keys.h"
#include "vt-guestfs.h"

/* How encrypted devices are opened. */
typedef struct {
  guestfs_h *g;
  const char *const *keys;
  gboolean writable;
} Opening;

static gboolean
is_encrypted (guestfs_h *g, const char *device)
{
  g_autofree char *type = guestfs_vfs_type (g, device);

  return g_strcmp0 (type, "crypto_LUKS") == 0 || g_strcmp0 (type, "BitLocker") == 0;
}

/* All block devices there are, of all kinds. */
static GPtrArray *
list_devices (guestfs_h *g)
{
  static char **(*const lists[]) (guestfs_h *) = {guestfs_list_devices, guestfs_list_partitions,
                                                  guestfs_list_md_devices, guestfs_lvs,
                                                  guestfs_list_dm_devices};
  GPtrArray *devices = g_ptr_array_new_with_free_func (g_free);

  for (gsize i = 0; i < G_N_ELEMENTS (lists); i++) {
    g_auto (GStrv) names = lists[i](g);

    for (guint k = 0; names != NULL && names[k] != NULL; k++)
      g_ptr_array_add (devices, g_strdup (names[k]));
  }
  return devices;
}

/* TRUE: the device is open. An error is the selector's, not that of a key that does not fit. */
static gboolean
open_with_key (
    const Opening *self, const char *device, const char *name, const char *selector, GError **error)
{
  g_autofree char *wanted = NULL;
  g_autofree char *key = NULL;
  g_autofree char *uuid = guestfs_vfs_uuid (self->g, device);

  if (!vt_guestfs_key_parse (selector, &wanted, &key, error))
    return FALSE;
  if (!g_str_equal (wanted, "all") && !g_str_equal (wanted, device) &&
      g_strcmp0 (wanted, uuid) != 0)
    return FALSE;
  return guestfs_cryptsetup_open (self->g, device, key, name, GUESTFS_CRYPTSETUP_OPEN_READONLY,
                                  !self->writable, -1) == 0;
}

static gboolean
open_with_any_key (const Opening *self, const char *device, const char *name, GError **error)
{
  for (guint i = 0; self->keys[i] != NULL; i++) {
    g_autoptr (GError) local_error = NULL;

    if (open_with_key (self, device, name, self->keys[i], &local_error))
      return TRUE;
    if (local_error != NULL) {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  }
  return FALSE;
}

/* One pass over the devices that are not KNOWN yet, all of which then are. */
static gboolean
open_new_devices (const Opening *self, GHashTable *known, guint *opened, GError **error)
{
  g_autoptr (GPtrArray) devices = list_devices (self->g);

  for (guint i = 0; i < devices->len; i++) {
    const char *device = g_ptr_array_index (devices, i);
    g_autofree char *name = g_strdup_printf ("vtcrypt%u", *opened);
    g_autoptr (GError) local_error = NULL;
    gboolean is_open;

    if (g_hash_table_contains (known, device) || !is_encrypted (self->g, device))
      continue;
    is_open = open_with_any_key (self, device, name, &local_error);
    if (local_error != NULL) {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
    *opened += is_open ? 1 : 0;
    g_hash_table_insert (known, g_strdup (device), GINT_TO_POINTER (is_open));
  }
  return TRUE;
}

/* What is opened may hold volumes, and those be encrypted in turn: until nothing new opens. */
GHashTable *
vt_guestfs_open_encrypted (guestfs_h *g, const char *const *keys, gboolean writable, GError **error)
{
  const Opening opening = {g, keys, writable};
  g_autoptr (GHashTable) known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  guint opened = 0;
  guint before;

  do {
    before = opened;
    if (!open_new_devices (&opening, known, &opened, error))
      return NULL;
    if (opened > before && guestfs_lvm_scan (g, 1) == -1) {
      vt_guestfs_set_error (g, VT_IMAGE_ERROR_BAD_IMAGE, "volume groups", error);
      return NULL;
    }
  } while (opened > before);
  return g_steal_pointer (&known);
}

static gboolean
is_listed (char **list, const char *device)
{
  for (guint i = 0; list[i] != NULL; i += 2)
    if (g_str_equal (list[i], device))
      return TRUE;
  return FALSE;
}

/* A disk is read through its partitions, unless there is something on it as a whole, too. */
static gboolean
is_partitioned (guestfs_h *g, const char *device)
{
  g_auto (GStrv) partitions = guestfs_list_partitions (g);

  for (guint i = 0; partitions != NULL && partitions[i] != NULL; i++) {
    g_autofree char *disk = guestfs_part_to_dev (g, partitions[i]);
    if (g_strcmp0 (disk, device) == 0)
      return TRUE;
  }
  return FALSE;
}

static gboolean
is_extended (guestfs_h *g, const char *device)
{
  g_autofree char *disk = guestfs_part_to_dev (g, device);
  int number = disk != NULL ? guestfs_part_to_partnum (g, device) : -1;
  g_autofree char *type = number > 0 ? guestfs_part_get_mbr_part_type (g, disk, number) : NULL;

  return g_strcmp0 (type, "extended") == 0;
}

/* A physical volume or a member of an array is read through what it is part of. */
static gboolean
is_part_of_something (guestfs_h *g, const char *device, const char *type)
{
  g_auto (GStrv) parts = NULL;

  if (g_str_equal (type, "LVM2_member"))
    parts = guestfs_pvs (g);
  else if (g_str_equal (type, "linux_raid_member"))
    return (parts = guestfs_list_md_devices (g)) != NULL && parts[0] != NULL;
  return parts != NULL && g_strv_contains ((const gchar *const *)parts, device);
}

static gboolean
is_left_out (guestfs_h *g, char **list, GHashTable *encrypted, const char *device)
{
  g_autofree char *type = guestfs_vfs_type (g, device);
  gpointer is_open;

  if (is_listed (list, device))
    return FALSE;
  if (g_hash_table_lookup_extended (encrypted, device, NULL, &is_open))
    return !GPOINTER_TO_INT (is_open);
  if (type == NULL || type[0] == '\0')
    return !is_partitioned (g, device) && !is_extended (g, device);
  return !is_part_of_something (g, device, type);
}

GPtrArray *
vt_guestfs_find_left_out (guestfs_h *g, char **list, GHashTable *encrypted)
{
  GPtrArray *left_out = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) devices = list_devices (g);

  for (guint i = 0; i < devices->len; i++) {
    const char *device = g_ptr_array_index (devices, i);
    if (is_left_out (g, list, encrypted, device))
      g_ptr_array_add (left_out, g_strdup (device));
  }
  return left_out;
}
