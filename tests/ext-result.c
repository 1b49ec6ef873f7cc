// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "ext-fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vt-fd.h"

static void
ext_file_free (gpointer data)
{
  ExtFile *file = data;

  g_clear_pointer (&file->bytes, g_bytes_unref);
  g_free (file);
}

void
ext_result_free (ExtResult *self)
{
  g_hash_table_unref (self->files);
  g_ptr_array_unref (self->order);
  g_free (self->refusal);
  g_clear_error (&self->error);
  g_free (self);
}

static gboolean
on_name (const char *path, const VtFsStat *stat, gpointer user_data, GError **error)
{
  ExtResult *self = user_data;
  ExtFile *file = g_new0 (ExtFile, 1);

  g_assert_cmpint (path[0], ==, '/');
  file->stat = *stat;
  g_assert_true (g_hash_table_insert (self->files, g_strdup (path), file));
  return TRUE;
}

static gboolean
on_file (gpointer data,
         int memfd,
         const VtDigest *digest,
         VtReason reason,
         gpointer user_data,
         GError **error)
{
  ExtResult *self = user_data;
  ExtFile *file = data;
  vt_autofd content = memfd;

  g_assert_false (file->delivered);
  file->delivered = TRUE;
  file->reason = reason;
  file->has_digest = digest != NULL || memfd >= 0;
  g_ptr_array_add (self->order, file);
  if (digest != NULL)
    file->digest = *digest;
  if (memfd >= 0) {
    guint8 *bytes = g_malloc (file->stat.size + 1);

    g_assert_cmpint (reason, ==, VT_REASON_NONE);
    g_assert_cmpint (fcntl (content, F_GET_SEALS), ==,
                     F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
    g_assert_cmpint (pread (content, bytes, file->stat.size + 1, 0), ==, file->stat.size);
    file->digest = vt_digest_of_data (bytes, file->stat.size);
    file->bytes = g_bytes_new_take (bytes, file->stat.size);
  }
  return TRUE;
}

/* A file with several names is read once; the others get what came of it. */
static void
read_files (ExtResult *self, VtFs *ext, guint64 max_size)
{
  g_autoptr (GHashTable) inodes = g_hash_table_new (g_int64_hash, g_int64_equal);
  g_autoptr (GArray) wanted = g_array_new (FALSE, FALSE, sizeof (VtFsWanted));
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->files);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    ExtFile *file = value;
    VtFsWanted item = {file->stat.inode, file->stat.size, file};

    if (g_hash_table_insert (inodes, &file->stat.inode, file))
      g_array_append_val (wanted, item);
  }
  for (guint i = 0; i < wanted->len; i++)
    g_hash_table_insert (inodes,
                         &((ExtFile *)g_array_index (wanted, VtFsWanted, i).file)->stat.inode,
                         g_array_index (wanted, VtFsWanted, i).file);
  if (!vt_fs_read_files (ext, (const VtFsWanted *)(void *)wanted->data, wanted->len, max_size,
                         on_file, self, &self->refusal, &self->error))
    return;
  g_hash_table_iter_init (&iter, self->files);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    ExtFile *file = value;
    const ExtFile *first = g_hash_table_lookup (inodes, &file->stat.inode);

    g_assert_true (first->delivered);
    if (file == first)
      continue;
    file->delivered = TRUE;
    file->reason = first->reason;
    file->has_digest = first->has_digest;
    file->digest = first->digest;
    file->bytes = first->bytes != NULL ? g_bytes_ref (first->bytes) : NULL;
  }
}

ExtResult *
ext_result_of_disk (VtDisk *disk, guint64 start, guint64 size, guint64 max_size)
{
  ExtResult *self = g_new0 (ExtResult, 1);
  g_autoptr (VtFs) ext = vt_ext_open (disk, start, size, &self->refusal, &self->error);

  self->files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, ext_file_free);
  self->order = g_ptr_array_new ();
  if (ext != NULL && vt_fs_list (ext, on_name, self, &self->refusal, &self->error))
    read_files (self, ext, max_size);
  /* Exactly one of the ways in which it can end. */
  g_assert_true (self->refusal == NULL || self->error == NULL);
  return self;
}

ExtResult *
ext_fixture_read (ExtFixture *fixture, guint64 max_size)
{
  vt_autofd file = g_open (fixture->image, O_RDONLY | O_CLOEXEC, 0);
  g_autoptr (GError) error = NULL;
  g_autoptr (VtDisk) disk = vt_disk_new_file (file, &error);

  g_assert_no_error (error);
  return ext_result_of_disk (disk, 0, vt_disk_get_size (disk), max_size);
}

void
ext_fixture_assert_refused (ExtFixture *fixture, const char *part)
{
  g_autoptr (ExtResult) result = ext_fixture_read (fixture, G_MAXUINT64);

  g_assert_no_error (result->error);
  g_assert_nonnull (result->refusal);
  g_test_message ("%s", result->refusal);
  if (strstr (result->refusal, part) == NULL)
    g_error ("the refusal is not \"%s\" but \"%s\"", part, result->refusal);
}

static gint
compare_lines (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *)a, *(char *const *)b);
}

/* LINES, which are taken, as one text. */
static char *
sort_lines (GPtrArray *lines)
{
  char *text;

  g_ptr_array_sort (lines, compare_lines);
  g_ptr_array_add (lines, NULL);
  text = g_strjoinv ("\n", (char **)lines->pdata);
  g_ptr_array_unref (lines);
  return text;
}

static char *
make_line (const char *path, const VtFsStat *stat, const char *hex, gboolean is_short)
{
  g_autofree char *escaped = g_strescape (path, NULL);

  if (is_short)
    return g_strdup_printf ("%s %" G_GUINT64_FORMAT " %s", escaped, stat->size, hex);
  return g_strdup_printf ("%s %" G_GUINT64_FORMAT " %u %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT
                          " %" G_GINT64_FORMAT " %s",
                          escaped, stat->inode, stat->links, stat->size, stat->mtime_ns,
                          stat->ctime_ns, hex);
}

static char *
result_to_text (ExtResult *self, gboolean is_short)
{
  GPtrArray *lines = g_ptr_array_new_with_free_func (g_free);
  GHashTableIter iter;
  gpointer path, value;

  g_hash_table_iter_init (&iter, self->files);
  while (g_hash_table_iter_next (&iter, &path, &value)) {
    const ExtFile *file = value;
    char hex[VT_DIGEST_HEX_SIZE] = "-";

    g_assert_true (file->delivered);
    if (file->has_digest)
      vt_digest_to_hex (&file->digest, hex);
    g_ptr_array_add (lines, make_line (path, &file->stat, hex, is_short));
  }
  return sort_lines (lines);
}

char *
ext_result_to_text (ExtResult *self)
{
  return result_to_text (self, FALSE);
}

char *
ext_result_to_short_text (ExtResult *self)
{
  return result_to_text (self, TRUE);
}

/* "1.2345678900 ", as find has it. */
static gint64
parse_time (char **text)
{
  gint64 seconds = g_ascii_strtoll (*text, text, 10);
  gint64 tenths = g_ascii_strtoll (*text + 1, text, 10);

  return seconds * 1000000000 + tenths / 10;
}

/* Takes a record of find, of which the path is left, with its slash. */
static const char *
parse_record (char *record, VtFsStat *stat)
{
  char *at = record;

  stat->inode = g_ascii_strtoull (at, &at, 10);
  stat->links = (guint32)g_ascii_strtoull (at, &at, 10);
  stat->size = g_ascii_strtoull (at, &at, 10);
  stat->mtime_ns = parse_time (&at);
  stat->ctime_ns = parse_time (&at);
  g_assert_true (g_str_has_prefix (at, " ./"));
  return at + 2;
}

static char *
directory_to_text (ExtFixture *fixture, const char *directory, gboolean is_short)
{
  g_autofree char *path = g_build_filename (fixture->dir, "list", NULL);
  const char *const argv[] = {
      "sh", "-c", "find . -xdev -type f -printf '%i %n %s %T@ %C@ %p\\0' >\"$0\"", path, NULL};
  GPtrArray *lines = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  g_autofree char *list = NULL;
  gsize size;
  int status;

  g_free (ext_fixture_run (directory, argv, &status));
  g_assert_cmpint (status, ==, 0);
  g_file_get_contents (path, &list, &size, &error);
  g_assert_no_error (error);
  for (char *record = list; record < list + size;) {
    char *next = record + strlen (record) + 1;
    VtFsStat stat = {0};
    const char *name = parse_record (record, &stat);
    g_autofree char *full = g_build_filename (directory, name, NULL);
    vt_autofd file = g_open (full, O_RDONLY | O_CLOEXEC, 0);
    char hex[VT_DIGEST_HEX_SIZE];
    VtDigest digest;

    g_assert_true (vt_digest_of_fd (file, stat.size, &digest, &error));
    g_ptr_array_add (lines, make_line (name, &stat, vt_digest_to_hex (&digest, hex), is_short));
    record = next;
  }
  return sort_lines (lines);
}

char *
ext_fixture_tree_to_short_text (ExtFixture *fixture)
{
  return directory_to_text (fixture, fixture->tree, TRUE);
}

char *
ext_fixture_kernel_to_text (ExtFixture *fixture)
{
  g_autofree char *point = g_build_filename (fixture->dir, "mount", NULL);
  const char *const mount[] = {"mount", "-o", "ro,loop", fixture->image, point, NULL};
  const char *const umount[] = {"umount", point, NULL};
  char *text;
  int status;

  if (geteuid () != 0) {
    g_test_message ("not compared with the kernel: that needs root");
    return NULL;
  }
  g_mkdir (point, 0700);
  g_free (ext_fixture_run (NULL, mount, &status));
  if (status != 0) {
    g_test_message ("not compared with the kernel: it cannot mount this");
    return NULL;
  }
  text = directory_to_text (fixture, point, FALSE);
  g_free (ext_fixture_run (NULL, umount, &status));
  g_assert_cmpint (status, ==, 0);
  return text;
}
