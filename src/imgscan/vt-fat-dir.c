// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The entries of one directory. The kernel reads it to its end and not to the mark that others stop
 * at, and is content with much that nobody writes; so what is not as it should be is refused.
 */
#include <string.h>

#include "vt-bytes.h"
#include "vt-fat-private.h"

/* Bytes of one directory: 65,536 slots. */
#define DIRECTORY_SIZE_MAX ((guint64)2 * 1024 * 1024)

/* Of a slot. */
#define ATTRIBUTES_OFFSET 11
#define READ_ONLY         0x01
#define HIDDEN            0x02
#define SYSTEM            0x04
#define LABEL             0x08
#define DIRECTORY         0x10
#define ARCHIVE           0x20
#define LONG_NAME         0x0f

#define DELETED 0xe5

/* Of the first slot of a long name, which has its end. */
#define LAST_PART 0x40

/* "." and "..", which begin a directory that is not the top one. */
#define DOTS 2U

typedef struct {
  VtFat *fat;
  guint32 first;
  VtFatDirectory *directory;
  guint slots;    /* that were taken */
  gboolean ended; /* whether there was the mark behind the last entry */
  guint parts;    /* slots of the long name that is read just now; 0: none */
  guint missing;  /* of these, how many are still to come */
  guint8 checksum;
  gunichar2 units[VT_FAT_SLOTS_MAX * VT_FAT_SLOT_UNITS];
} Reader;

void
vt_fat_directory_free (VtFatDirectory *self)
{
  g_array_unref (self->entries);
  g_array_unref (self->runs);
  g_string_free (self->names, TRUE);
  g_free (self);
}

static gboolean
damaged (const Reader *self, const char *how, GError **error)
{
  return vt_fs_refuse (error, "directory at cluster %u, slot %u: %s", self->first, self->slots,
                       how);
}

void
vt_fat_entry_parse (const VtFat *self, const guint8 *slot, VtFatEntry *entry)
{
  entry->is_directory = (slot[ATTRIBUTES_OFFSET] & DIRECTORY) != 0;
  entry->first = vt_le16 (slot + 26);
  /* Others keep something else there. */
  if (self->geometry.bits == 32)
    entry->first |= (guint32)vt_le16 (slot + 20) << 16;
  entry->time = vt_le16 (slot + 22);
  entry->date = vt_le16 (slot + 24);
  entry->size = vt_le32 (slot + 28);
}

static guint
add_name (Reader *self, const char *name)
{
  GString *names = self->directory->names;
  guint at = (guint)names->len;

  g_string_append_len (names, name, (gssize)strlen (name) + 1);
  return at;
}

/* The names of SLOT, the long one's parts having come before. */
static gboolean
take_names (Reader *self, const guint8 *slot, VtFatEntry *entry, GError **error)
{
  g_autofree char *alias = vt_fat_name_of_slot (slot, self->parts > 0, error);
  g_autofree char *name = NULL;

  if (alias == NULL) {
    g_prefix_error (error, "directory at cluster %u, slot %u: ", self->first, self->slots);
    return FALSE;
  }
  entry->alias = entry->name = add_name (self, alias);
  if (self->parts == 0)
    return TRUE;
  if (self->missing > 0 || self->checksum != vt_fat_name_checksum (slot))
    return damaged (self, "a long name that belongs to no short one", error);
  name = vt_fat_name_of_units (self->units, self->parts, error);
  if (name == NULL) {
    g_prefix_error (error, "directory at cluster %u, slot %u: ", self->first, self->slots);
    return FALSE;
  }
  entry->name = add_name (self, name);
  self->parts = 0;
  return TRUE;
}

static gboolean
take_entry (Reader *self, const guint8 *slot, guint64 offset, GError **error)
{
  VtFatEntry entry = {.slot = offset};

  if ((slot[ATTRIBUTES_OFFSET] & ~(READ_ONLY | HIDDEN | SYSTEM | DIRECTORY | ARCHIVE)) != 0)
    return damaged (self, "unknown attributes", error);
  vt_fat_entry_parse (self->fat, slot, &entry);
  if (entry.is_directory && (entry.size != 0 || entry.first == 0))
    return damaged (self, "a directory that cannot be", error);
  if (!take_names (self, slot, &entry, error))
    return FALSE;
  g_array_append_val (self->directory->entries, entry);
  return TRUE;
}

/* The top directory is named by its number or by none. */
static guint32
get_known_first (const VtFat *self, guint32 first)
{
  return first == self->geometry.root_cluster ? 0 : first;
}

static gboolean
take_dot (Reader *self, const guint8 *slot, GError **error)
{
  const char *expected = self->slots == 0 ? ".          " : "..         ";
  VtFatEntry entry;

  vt_fat_entry_parse (self->fat, slot, &entry);
  if (memcmp (slot, expected, strlen (expected)) != 0 || !entry.is_directory ||
      (slot[ATTRIBUTES_OFFSET] & LABEL) != 0)
    return damaged (self, "\".\" and \"..\" are not there", error);
  if (self->slots == 0)
    return entry.first == self->first || damaged (self, "\".\" is not itself", error);
  self->directory->parent = get_known_first (self->fat, entry.first);
  return TRUE;
}

/* The parts of a long name come from its end to its start. */
static gboolean
take_part (Reader *self, const guint8 *slot, GError **error)
{
  static const guint8 places[VT_FAT_SLOT_UNITS] = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};
  guint number = slot[0];

  if (self->parts == 0) {
    if ((number & LAST_PART) == 0)
      return damaged (self, "a part of a long name", error);
    number &= ~(guint)LAST_PART;
    if (number == 0 || number > VT_FAT_SLOTS_MAX)
      return damaged (self, "a long name that cannot be", error);
    self->parts = self->missing = number;
    self->checksum = slot[13];
  }
  if (number != self->missing || slot[13] != self->checksum)
    return damaged (self, "a long name that is not whole", error);
  self->missing--;
  for (guint i = 0; i < VT_FAT_SLOT_UNITS; i++)
    self->units[self->missing * VT_FAT_SLOT_UNITS + i] = vt_le16 (slot + places[i]);
  return TRUE;
}

static gboolean
take_slot (Reader *self, const guint8 *slot, guint64 offset, GError **error)
{
  guint8 attributes = slot[ATTRIBUTES_OFFSET];
  gboolean is_label = attributes != LONG_NAME && (attributes & LABEL) != 0;

  if (self->first != 0 && self->slots < DOTS)
    return take_dot (self, slot, error);
  if (slot[0] == '\0' || slot[0] == DELETED || is_label) {
    if (self->parts > 0)
      return damaged (self, "a long name that belongs to no file", error);
    self->ended = self->ended || slot[0] == '\0';
    if (slot[0] == '\0' || slot[0] == DELETED)
      return TRUE;
  }
  if (self->ended)
    return damaged (self, "something behind its end", error);
  if (is_label)
    return (attributes & ~(LONG_NAME | ARCHIVE)) == 0 && attributes != (LONG_NAME | ARCHIVE)
               ? TRUE
               : damaged (self, "unknown attributes", error);
  return attributes == LONG_NAME ? take_part (self, slot, error)
                                 : take_entry (self, slot, offset, error);
}

static gboolean
read_run (Reader *self, const VtFatRun *run, GError **error)
{
  gsize step = self->fat->geometry.sector_size;
  g_autofree guint8 *buffer = g_malloc (step);

  for (guint64 at = 0; at < run->size; at += step) {
    if (!vt_fat_read (self->fat, run->offset + at, buffer, step, error))
      return FALSE;
    for (gsize i = 0; i < step; i += VT_FAT_SLOT_SIZE, self->slots++)
      if (!take_slot (self, buffer + i, run->offset + at + i, error))
        return FALSE;
  }
  return TRUE;
}

static gboolean
find_runs (Reader *self, GError **error)
{
  const VtFatGeometry *geometry = &self->fat->geometry;
  guint64 clusters = MAX (DIRECTORY_SIZE_MAX / geometry->cluster_size, 1);
  VtFatRun root = {geometry->root_start, geometry->root_size};

  if (self->first != 0)
    return vt_fat_chain (self->fat, self->first, &clusters, self->directory->runs, error);
  if (geometry->bits == 32)
    return vt_fat_chain (self->fat, geometry->root_cluster, &clusters, self->directory->runs,
                         error);
  g_array_append_val (self->directory->runs, root);
  return TRUE;
}

/* The kernel finds a file by its long name and by its short one, whatever their case: no other file
 * may be found by either. */
static gboolean
check_name (Reader *self, GHashTable *seen, guint index, guint name, GError **error)
{
  gpointer key = g_ascii_strdown (self->directory->names->str + name, -1);
  gpointer other;

  if (g_hash_table_lookup_extended (seen, key, NULL, &other)) {
    g_free (key);
    return GPOINTER_TO_UINT (other) == index || damaged (self, "two entries have one name", error);
  }
  g_hash_table_insert (seen, key, GUINT_TO_POINTER (index));
  return TRUE;
}

static gboolean
check_names (Reader *self, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GArray *entries = self->directory->entries;

  if (self->parts > 0)
    return damaged (self, "a long name that belongs to no file", error);
  for (guint i = 0; i < entries->len; i++) {
    const VtFatEntry *entry = &g_array_index (entries, VtFatEntry, i);

    if (!check_name (self, seen, i, entry->name, error) ||
        !check_name (self, seen, i, entry->alias, error))
      return FALSE;
  }
  return TRUE;
}

VtFatDirectory *
vt_fat_directory_read (VtFat *self, guint32 first, GError **error)
{
  g_autoptr (VtFatDirectory) directory = g_new0 (VtFatDirectory, 1);
  Reader reader = {.fat = self, .first = first, .directory = directory};

  vt_fs_say_alive (&self->base);
  directory->entries = g_array_new (FALSE, FALSE, sizeof (VtFatEntry));
  directory->runs = g_array_new (FALSE, FALSE, sizeof (VtFatRun));
  directory->names = g_string_new (NULL);
  if (!find_runs (&reader, error))
    return NULL;
  for (guint i = 0; i < directory->runs->len; i++)
    if (!read_run (&reader, &g_array_index (directory->runs, VtFatRun, i), error))
      return NULL;
  return check_names (&reader, error) ? g_steal_pointer (&directory) : NULL;
}

gboolean
vt_fat_entry_runs (VtFat *self, const VtFatEntry *entry, GArray *runs, GError **error)
{
  guint64 cluster_size = self->geometry.cluster_size;
  guint64 needed = (entry->size + cluster_size - 1) / cluster_size;
  guint64 found = needed;

  if (needed == 0)
    return entry->first == 0 || vt_fs_refuse (error, "an empty file has cluster %u", entry->first);
  if (!vt_fat_chain (self, entry->first, &found, runs, error))
    return FALSE;
  return found == needed || vt_fs_refuse (error,
                                          "the file at cluster %u has %" G_GUINT64_FORMAT
                                          " clusters and not %" G_GUINT64_FORMAT,
                                          entry->first, found, needed);
}
