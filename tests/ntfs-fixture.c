// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "ntfs-fixture.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <ntfs-3g/device.h>
#include <ntfs-3g/dir.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/reparse.h>
#include <ntfs-3g/security.h>
#include <ntfs-3g/volume.h>

#include "vt-ntfs.h"

/* A volume that is open for writing. */
struct _NtfsMaker {
  ntfs_volume *volume;
};

/* A name in a directory. */
typedef struct {
  ntfs_inode *directory;
  ntfschar *name;
  u8 length;
} Place;

const FsKind ntfs_kind = {.open = vt_ntfs_open, .type = "ntfs-3g", .has_inodes = TRUE};

gboolean
ntfs_maker_format (const char *image, guint kib, const char *options)
{
  g_autofree char *script =
      g_strdup_printf ("PATH=$PATH:/usr/sbin:/sbin; rm -f \"$0\"; truncate -s %uK \"$0\"; "
                       "mkntfs -q -F -Q %s \"$0\" >/dev/null 2>&1",
                       kib, options);
  const char *const argv[] = {"sh", "-c", script, image, NULL};
  int status;

  g_free (fs_fixture_run (NULL, argv, &status));
  return status == 0;
}

NtfsMaker *
ntfs_maker_open (const char *image)
{
  NtfsMaker *self = g_new0 (NtfsMaker, 1);

  self->volume = ntfs_mount (image, 0);
  if (self->volume == NULL)
    g_error ("%s: %s", image, g_strerror (errno));
  NVolSetCompression (self->volume);
  return self;
}

void
ntfs_maker_close (NtfsMaker *self)
{
  g_assert_cmpint (ntfs_umount (self->volume, FALSE), ==, 0);
  g_free (self);
}

static ntfs_inode *
open_path (NtfsMaker *self, const char *path)
{
  ntfs_inode *inode = ntfs_pathname_to_inode (self->volume, NULL, path);

  if (inode == NULL)
    g_error ("%s: %s", path, g_strerror (errno));
  return inode;
}

static Place
open_place (NtfsMaker *self, const char *path)
{
  g_autofree char *directory = g_path_get_dirname (path);
  Place place = {.directory = open_path (self, directory)};
  int length = ntfs_mbstoucs (strrchr (path, '/') + 1, &place.name);

  g_assert_cmpint (length, >, 0);
  place.length = (u8)length;
  return place;
}

static void
close_place (Place *place)
{
  g_assert_cmpint (ntfs_inode_close (place->directory), ==, 0);
  free (place->name);
}

/* With the directory open, which the library must not open a second time: it would lose one. */
static void
close_in (ntfs_inode *inode, Place *place)
{
  g_assert_cmpint (ntfs_inode_close_in_dir (inode, place->directory), ==, 0);
  close_place (place);
}

static void
set_flags (ntfs_inode *inode, FILE_ATTR_FLAGS flags)
{
  guint32 value = le32_to_cpu (flags);

  g_assert_cmpint (ntfs_set_ntfs_attrib (inode, (const char *)&value, sizeof value, 0), ==, 0);
}

void
ntfs_maker_add_directory (NtfsMaker *self, const char *path, gboolean is_compressed)
{
  Place place = open_place (self, path);
  ntfs_inode *inode = ntfs_create (place.directory, 0, place.name, place.length, S_IFDIR);

  g_assert_nonnull (inode);
  if (is_compressed)
    set_flags (inode, FILE_ATTR_COMPRESSED);
  close_in (inode, &place);
}

void
ntfs_maker_add_pipe (NtfsMaker *self, const char *path, gboolean is_wsl)
{
  Place place = open_place (self, path);
  ntfs_inode *inode;

  self->volume->special_files = is_wsl ? NTFS_FILES_WSL : NTFS_FILES_INTERIX;
  inode = ntfs_create (place.directory, 0, place.name, place.length, S_IFIFO);
  g_assert_nonnull (inode);
  close_in (inode, &place);
}

void
ntfs_maker_add_interix_link (NtfsMaker *self, const char *path)
{
  Place place = open_place (self, path);
  ntfs_inode *inode =
      ntfs_create_symlink (place.directory, 0, place.name, place.length, place.name, place.length);

  g_assert_nonnull (inode);
  close_in (inode, &place);
}

static ntfs_inode *
open_or_create (NtfsMaker *self, const char *path)
{
  ntfs_inode *inode = ntfs_pathname_to_inode (self->volume, NULL, path);
  Place place;

  if (inode != NULL)
    return inode;
  place = open_place (self, path);
  inode = ntfs_create (place.directory, 0, place.name, place.length, S_IFREG);
  g_assert_nonnull (inode);
  close_place (&place);
  return inode;
}

void
ntfs_maker_write (NtfsMaker *self, const char *path, guint64 offset, const void *data, gsize size)
{
  ntfs_inode *inode = open_or_create (self, path);
  ntfs_attr *attr = ntfs_attr_open (inode, AT_DATA, AT_UNNAMED, 0);

  g_assert_nonnull (attr);
  for (gsize done = 0; done < size;) {
    s64 n = ntfs_attr_pwrite (attr, (s64)(offset + done), (s64)(size - done),
                              (const guint8 *)data + done);

    g_assert_cmpint (n, >, 0);
    done += (gsize)n;
  }
  if (NAttrCompressed (attr))
    g_assert_cmpint (ntfs_attr_pclose (attr), ==, 0);
  ntfs_attr_close (attr);
  g_assert_cmpint (ntfs_inode_close (inode), ==, 0);
}

void
ntfs_maker_write_noise (NtfsMaker *self, const char *path, gsize size, guint different)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (g_str_hash (path));
  g_autofree guint8 *data = g_malloc (size + 1);

  for (gsize i = 0; i < size; i++)
    data[i] = (guint8)g_rand_int_range (rand, 0, (gint32)different);
  ntfs_maker_write (self, path, 0, data, size);
}

void
ntfs_maker_link (NtfsMaker *self, const char *path, const char *other)
{
  ntfs_inode *inode = open_path (self, path);
  Place place = open_place (self, other);

  g_assert_cmpint (ntfs_link (inode, place.directory, place.name, place.length), ==, 0);
  close_in (inode, &place);
}

/* The library closes both itself. */
void
ntfs_maker_set_dos_name (NtfsMaker *self, const char *path, const char *name)
{
  ntfs_inode *inode = open_path (self, path);
  Place place = open_place (self, path);

  g_assert_cmpint (ntfs_set_ntfs_dos_name (inode, place.directory, name, strlen (name), 0), ==, 0);
  free (place.name);
}

void
ntfs_maker_set_reparse_point (
    NtfsMaker *self, const char *path, guint32 tag, const void *data, gsize size)
{
  ntfs_inode *inode = open_path (self, path);
  guint16 length = (guint16)size;
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  g_byte_array_append (bytes, (const guint8 *)&tag, sizeof tag);
  g_byte_array_append (bytes, (const guint8 *)&length, sizeof length);
  g_byte_array_append (bytes, (const guint8 *)"\0\0", 2);
  g_byte_array_append (bytes, data, (guint)size);
  if (ntfs_set_ntfs_reparse_data (inode, (const char *)bytes->data, bytes->len, 0) != 0)
    g_error ("%s: %s", path, g_strerror (errno));
  g_assert_cmpint (ntfs_inode_close (inode), ==, 0);
}

void
ntfs_maker_set_time (NtfsMaker *self, const char *path, gint64 time)
{
  ntfs_inode *inode = open_path (self, path);

  inode->last_data_change_time = cpu_to_sle64 (time);
  inode->last_mft_change_time = cpu_to_sle64 (time);
  NInoSetDirty (inode);
  NInoFileNameSetDirty (inode);
  g_assert_cmpint (ntfs_inode_close (inode), ==, 0);
}

static ntfs_attr_search_ctx *
find_data (ntfs_inode *inode)
{
  ntfs_attr_search_ctx *found = ntfs_attr_get_search_ctx (inode, NULL);

  g_assert_cmpint (ntfs_attr_lookup (AT_DATA, AT_UNNAMED, 0, CASE_SENSITIVE, 0, NULL, 0, found), ==,
                   0);
  g_assert_true (found->attr->non_resident);
  return found;
}

void
ntfs_maker_set_initialized (NtfsMaker *self, const char *path, guint64 size)
{
  ntfs_inode *inode = open_path (self, path);
  ntfs_attr_search_ctx *found = find_data (inode);

  found->attr->initialized_size = cpu_to_sle64 ((s64)size);
  ntfs_attr_put_search_ctx (found);
  NInoSetDirty (inode);
  g_assert_cmpint (ntfs_inode_close (inode), ==, 0);
}

void
ntfs_maker_set_encrypted (NtfsMaker *self, const char *path)
{
  ntfs_inode *inode = open_path (self, path);
  ntfs_attr_search_ctx *found = find_data (inode);

  found->attr->flags |= ATTR_IS_ENCRYPTED;
  ntfs_attr_put_search_ctx (found);
  inode->flags |= FILE_ATTR_ENCRYPTED;
  NInoSetDirty (inode);
  NInoFileNameSetDirty (inode);
  g_assert_cmpint (ntfs_inode_close (inode), ==, 0);
}

void
ntfs_maker_misdirect (NtfsMaker *self, const char *path)
{
  ntfs_inode *inode = open_path (self, path);
  ntfs_attr *root = ntfs_attr_open (inode, AT_INDEX_ROOT, NTFS_INDEX_I30, 4);
  s64 size = root->data_size;
  sle64 block;

  /* Where the last entry leads to is in its last eight bytes. */
  g_assert_cmpint (ntfs_attr_pread (root, size - (s64)sizeof block, sizeof block, &block), ==,
                   sizeof block);
  block = cpu_to_sle64 (sle64_to_cpu (block) == 0 ? 1 : 0);
  g_assert_cmpint (ntfs_attr_pwrite (root, size - (s64)sizeof block, sizeof block, &block), ==,
                   sizeof block);
  ntfs_attr_close (root);
  g_assert_cmpint (ntfs_inode_close (inode), ==, 0);
}

static void
fill_sizes (NtfsMaker *self)
{
  static const gsize sizes[] = {0,    1,    300,   600,   700,    1000,    4095,
                                4096, 4097, 12288, 65536, 300000, 1 << 20, (1 << 20) + 17};

  ntfs_maker_add_directory (self, "/sizes", FALSE);
  ntfs_maker_add_directory (self, "/compressed", TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autofree char *path = g_strdup_printf ("/sizes/%zu", sizes[i]);
    g_autofree char *other = g_strdup_printf ("/compressed/%zu", sizes[i]);

    ntfs_maker_write_noise (self, path, sizes[i], 256);
    ntfs_maker_write_noise (self, other, MIN (sizes[i], 300000), i % 2 == 0 ? 2 : 256);
  }
  ntfs_maker_write (self, "/sparse", 5 << 20, "middle", 6);
  ntfs_maker_write (self, "/sparse", 9 << 20, "end", 3);
  ntfs_maker_write_noise (self, "/uninitialized", 100000, 256);
  ntfs_maker_set_initialized (self, "/uninitialized", 5001);
}

static void
fill_names (NtfsMaker *self)
{
  static const char *const names[] = {"new\nline",
                                      "..a",
                                      "\xc3\xa4\xc3\xb6",
                                      "\xe6\x96\x87\xe5\xad\x97",
                                      "\xf0\x9f\x98\x80",
                                      "a:b*c?",
                                      "aux",
                                      "Case",
                                      "CASE",
                                      "trailing. "};
  g_autofree char *longest = g_strnfill (255, 'n');
  g_autofree char *long_path = g_build_filename ("/names", longest, NULL);
  g_autoptr (GString) deep = g_string_new ("/deep");

  ntfs_maker_add_directory (self, "/names", FALSE);
  ntfs_maker_write (self, long_path, 0, "long", 4);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *path = g_build_filename ("/names", names[i], NULL);

    ntfs_maker_write (self, path, 0, names[i], strlen (names[i]));
  }
  ntfs_maker_add_directory (self, "/deep", FALSE);
  for (guint i = 0; i < 30; i++) {
    g_autofree char *path = NULL;

    g_string_append_printf (deep, "/d%u", i);
    ntfs_maker_add_directory (self, deep->str, FALSE);
    path = g_strconcat (deep->str, "/f", NULL);
    ntfs_maker_write (self, path, 0, path, strlen (path));
  }
}

/* Enough for an index of several levels, and enough names of one file for a list of attributes. */
static void
fill_directories (NtfsMaker *self)
{
  ntfs_maker_add_directory (self, "/many", FALSE);
  ntfs_maker_add_directory (self, "/empty", FALSE);
  for (guint i = 0; i < 400; i++) {
    g_autofree char *path = g_strdup_printf ("/many/one-of-many-files-in-a-directory-%u", i);

    ntfs_maker_write (self, path, 0, path, strlen (path) % 41);
  }
  ntfs_maker_write (self, "/linked", 0, "linked", 6);
  for (guint i = 0; i < 40; i++) {
    g_autofree char *path = g_strdup_printf ("/deep/another-name-of-the-same-file-%u", i);

    ntfs_maker_link (self, "/linked", path);
  }
}

/* Written in turns, so that they lie in pieces, and their runs need more than one record. */
static void
fill_pieces (NtfsMaker *self)
{
  guint8 bytes[4096];

  for (guint i = 0; i < 150; i++) {
    memset (bytes, (int)i, sizeof bytes);
    ntfs_maker_write (self, "/pieces", i * sizeof bytes, bytes, sizeof bytes);
    ntfs_maker_write (self, "/other-pieces", i * sizeof bytes, bytes, sizeof bytes);
  }
}

void
ntfs_maker_fill (NtfsMaker *self)
{
  fill_sizes (self);
  fill_names (self);
  fill_directories (self);
  fill_pieces (self);
  ntfs_maker_add_pipe (self, "/pipe", FALSE);
  ntfs_maker_add_interix_link (self, "/interix");
  ntfs_maker_set_time (self, "/sizes/1", G_GINT64_CONSTANT (116444735985000000));
  ntfs_maker_set_time (self, "/sizes/300", G_GINT64_CONSTANT (157469184001234567));
}
