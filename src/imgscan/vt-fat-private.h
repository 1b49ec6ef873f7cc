// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What the parts of the FAT reader share. Offsets are in bytes from the start of the window. A
 * directory is known by its first cluster, and the top one by 0, as in the entries "..".
 */
#pragma once

#include "vt-disk-cache.h"
#include "vt-fat-boot.h"
#include "vt-fat.h"
#include "vt-fs-private.h"

typedef struct _VtFatTable VtFatTable;

typedef struct {
  VtFs base;
  VtDiskCache *cache;
  VtFatGeometry geometry;
  VtFatTable *table;
} VtFat;

/* Bytes that lie together. */
typedef struct {
  guint64 offset;
  guint64 size;
} VtFatRun;

/* Reads from the window. */
gboolean vt_fat_read (VtFat *self, guint64 offset, void *buffer, gsize size, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* vt-fat-table.c */
VtFatTable *vt_fat_table_new (const VtFatGeometry *geometry);
void vt_fat_table_free (VtFatTable *self);

/* Appends to RUNS, of VtFatRun, the clusters of the chain that starts at FIRST, which are N at
 * most. A chain of more is refused. */
gboolean vt_fat_chain (VtFat *self, guint32 first, guint64 *n, GArray *runs, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* vt-fat-name.c */

/* Units of UTF-16 in a slot of a long name, and slots of a name. */
#define VT_FAT_SLOT_UNITS 13U
#define VT_FAT_SLOTS_MAX  20U

/* What a SLOT with a short name says, without its long one: as the kernel shows it, in UTF-8. NULL:
 * refused. IS_ALIAS: there is a long name, and it counts only when it is asked for. */
char *vt_fat_name_of_slot (const guint8 *slot,
                           gboolean is_alias,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* UNITS are all those of N slots. NULL: refused. */
char *vt_fat_name_of_units (const gunichar2 *units,
                            guint slots,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* What the slots of a long name have of the short name that they belong to. */
guint8 vt_fat_name_checksum (const guint8 *slot);

/* vt-fat-dir.c */
typedef struct {
  guint name;   /* where in the names */
  guint alias;  /* likewise: its short name, by which it is found as well */
  guint64 slot; /* offset of the entry on the file system */
  gboolean is_directory;
  guint32 first; /* cluster */
  guint32 size;  /* in bytes */
  guint16 date;  /* of the last change of its content, as it stands there */
  guint16 time;
} VtFatEntry;

typedef struct {
  GArray *entries; /* of VtFatEntry, as they lie; "." and ".." are not among them */
  GString *names;  /* each with its NUL */
  GArray *runs;    /* of VtFatRun: where it is */
  guint32 parent;  /* by its entry ".." */
} VtFatDirectory;

VtFatDirectory *
vt_fat_directory_read (VtFat *self, guint32 first, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_fat_directory_free (VtFatDirectory *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtFatDirectory, vt_fat_directory_free)

/* Takes the fields of a SLOT with a short name, and no names. */
void vt_fat_entry_parse (const VtFat *self, const guint8 *slot, VtFatEntry *entry);

/* Appends to RUNS where the file ENTRY is. Its chain must be as long as its size tells. */
gboolean vt_fat_entry_runs (VtFat *self, const VtFatEntry *entry, GArray *runs, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* vt-fat-list.c, vt-fat-path.c: what VtFsClass has. */
gboolean vt_fat_list (VtFs *fs, VtFsNameFunc func, gpointer user_data, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_fat_locate (VtFs *fs, const VtFsWanted *wanted, VtFsLocation *location, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_fat_stat_path (VtFs *fs, const char *path, VtFsType *type, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_fat_read_head (VtFs *fs, const char *path, gsize max, GBytes **data, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_fat_read_link (VtFs *fs, const char *path, char **target, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
