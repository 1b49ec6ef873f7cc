// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A signature database of our own, contents in memory files, and archives that a test can make as
 * wrong as it needs them.
 */
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vt-crc32.h"
#include "vt-engine-id.h"
#include "vt-engine-options.h"
#include "vt-paths.h"

/* What the test signature matches anywhere in a file. */
#define MARKER      "VTEMPLATER-TEST-MARKER-5f1d2c"
#define MARKER_NAME "Vt.Test.Marker.UNOFFICIAL"
/* A heuristic detection: the engine lets any other kind of detection go before it. */
#define HEURISTIC      "VTEMPLATER-TEST-HEURISTIC-77ab"
#define HEURISTIC_NAME "Heuristics.Vt.Test.UNOFFICIAL"

#define ALL_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

typedef struct {
  char *dir;
  char *database_dir;
  VtEngineOptions *options;
} EngineFixture;

static inline void
write_file (const char *dir, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (dir, name, NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

static inline void
append_signature (GString *text, const char *name, const char *pattern)
{
  g_string_append_printf (text, "%s:0:*:", name);
  for (const char *c = pattern; *c != '\0'; c++)
    g_string_append_printf (text, "%02x", (guint)*c);
  g_string_append_c (text, '\n');
}

static inline void
engine_fixture_set_up (EngineFixture *fixture, gconstpointer data)
{
  g_autoptr (GString) signatures = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  fixture->dir = g_dir_make_tmp ("vt-engine-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->database_dir = g_build_filename (fixture->dir, "database", NULL);
  g_assert_cmpint (g_mkdir (fixture->database_dir, 0700), ==, 0);
  append_signature (signatures, "Vt.Test.Marker", MARKER);
  append_signature (signatures, "Heuristics.Vt.Test", HEURISTIC);
  write_file (fixture->database_dir, "test.ndb", signatures->str);
  fixture->options = vt_engine_options_new ();
  g_free (fixture->options->database_dir);
  fixture->options->database_dir = g_strdup (fixture->database_dir);
}

static inline void
engine_fixture_tear_down (EngineFixture *fixture, gconstpointer data)
{
  vt_paths_remove_tree (fixture->dir);
  g_free (fixture->dir);
  g_free (fixture->database_dir);
  vt_engine_options_free (fixture->options);
}

static inline char *
engine_fixture_id (EngineFixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtEngineId) id = vt_engine_id_new (fixture->options, NULL, &error);

  g_assert_no_error (error);
  return g_strdup (id->id);
}

/* A memory file with these bytes, not sealed yet. */
static inline int
memfd_of_data (const void *data, gsize size)
{
  int fd = memfd_create ("content", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  g_assert_cmpint (fd, >=, 0);
  for (gsize done = 0; done < size;) {
    gssize n = write (fd, (const char *)data + done, size - done);

    g_assert_cmpint (n, >, 0);
    done += (gsize)n;
  }
  return fd;
}

/* Bytes that do not compress; the same for the same seed. */
static inline GByteArray *
noise (gsize size, guint32 seed)
{
  GByteArray *bytes = g_byte_array_sized_new ((guint)size);
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);

  for (gsize i = 0; i < size; i++) {
    guint8 byte = (guint8)g_rand_int (rand);

    g_byte_array_append (bytes, &byte, 1);
  }
  return bytes;
}

static inline GByteArray *
zeros (gsize size)
{
  GByteArray *bytes = g_byte_array_new ();

  g_byte_array_set_size (bytes, (guint)size);
  if (size > 0)
    memset (bytes->data, 0, size);
  return bytes;
}

static inline GByteArray *
bytes_of_text (const char *text)
{
  GByteArray *bytes = g_byte_array_new ();

  g_byte_array_append (bytes, (const guint8 *)text, (guint)strlen (text));
  return bytes;
}

static inline la_ssize_t
archive_sink (struct archive *archive, void *bytes, const void *data, size_t size)
{
  g_byte_array_append (bytes, data, (guint)size);
  return (la_ssize_t)size;
}

static inline void
add_member (struct archive *archive, const char *name, GByteArray *content)
{
  struct archive_entry *entry = archive_entry_new ();

  archive_entry_set_pathname (entry, name);
  archive_entry_set_size (entry, content->len);
  archive_entry_set_filetype (entry, AE_IFREG);
  archive_entry_set_perm (entry, 0644);
  g_assert_cmpint (archive_write_header (archive, entry), ==, ARCHIVE_OK);
  g_assert_cmpint (archive_write_data (archive, content->data, content->len), ==,
                   (la_ssize_t)content->len);
  archive_entry_free (entry);
}

/* N members with the same content, in a format of archive_write_set_format_by_name(3), compressed
 * with FILTER, or NULL. */
static inline GByteArray *
make_archive (const char *format, const char *filter, GByteArray *content, guint n)
{
  GByteArray *bytes = g_byte_array_new ();
  struct archive *archive = archive_write_new ();

  g_assert_cmpint (archive_write_set_format_by_name (archive, format), ==, ARCHIVE_OK);
  if (filter != NULL)
    g_assert_cmpint (archive_write_add_filter_by_name (archive, filter), ==, ARCHIVE_OK);
  archive_write_set_bytes_in_last_block (archive, 1);
  g_assert_cmpint (archive_write_open (archive, bytes, NULL, archive_sink, NULL), ==, ARCHIVE_OK);
  for (guint i = 0; i < n; i++) {
    g_autofree char *name = g_strdup_printf ("member-%u", i);

    add_member (archive, name, content);
  }
  g_assert_cmpint (archive_write_close (archive), ==, ARCHIVE_OK);
  archive_write_free (archive);
  return bytes;
}

static inline void
append_le (GByteArray *bytes, guint64 value, guint n)
{
  for (guint i = 0; i < n; i++) {
    guint8 byte = (guint8)(value >> (8 * i));

    g_byte_array_append (bytes, &byte, 1);
  }
}

/* One member of a zip archive, stored; ENCRYPTED: it only says so, its bytes are as they are. */
typedef struct {
  const char *name;
  const char *content;
  gboolean encrypted;
} ZipMember;

static inline void
append_zip_header (GByteArray *zip, const ZipMember *member, gboolean central, guint32 offset)
{
  guint32 size = (guint32)strlen (member->content);

  append_le (zip, central ? 0x02014b50 : 0x04034b50, 4);
  if (central)
    append_le (zip, 20, 2);
  append_le (zip, 20, 2);
  append_le (zip, member->encrypted ? 1 : 0, 2);
  append_le (zip, 0, 2); /* stored */
  append_le (zip, 0, 4); /* time */
  append_le (zip, vt_crc32 ((const guint8 *)member->content, size), 4);
  append_le (zip, size, 4);
  append_le (zip, size, 4);
  append_le (zip, strlen (member->name), 2);
  append_le (zip, 0, 2);
  if (central) {
    append_le (zip, 0, 6);
    append_le (zip, 0, 4);
    append_le (zip, offset, 4);
  }
  g_byte_array_append (zip, (const guint8 *)member->name, (guint)strlen (member->name));
}

/* Appends to ZIP, whose bytes so far stand before the archive. */
static inline void
append_zip (GByteArray *zip, const ZipMember *members, guint n)
{
  guint32 start = zip->len;
  guint32 directory;
  guint32 offsets[8];

  g_assert_cmpuint (n, <=, G_N_ELEMENTS (offsets));
  for (guint i = 0; i < n; i++) {
    offsets[i] = zip->len - start;
    append_zip_header (zip, &members[i], FALSE, 0);
    g_byte_array_append (zip, (const guint8 *)members[i].content,
                         (guint)strlen (members[i].content));
  }
  directory = zip->len;
  for (guint i = 0; i < n; i++)
    append_zip_header (zip, &members[i], TRUE, offsets[i]);
  append_le (zip, 0x06054b50, 4);
  append_le (zip, 0, 4);
  append_le (zip, n, 2);
  append_le (zip, n, 2);
  append_le (zip, zip->len - 12 - directory, 4);
  append_le (zip, directory - start, 4);
  append_le (zip, 0, 2);
}
