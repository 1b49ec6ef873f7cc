// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "fs-fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vt-fd.h"

static void
fs_file_free (gpointer data)
{
  FsFile *file = data;

  g_clear_pointer (&file->bytes, g_bytes_unref);
  g_free (file);
}

void
fs_result_free (FsResult *self)
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
  FsResult *self = user_data;
  FsFile *file = g_new0 (FsFile, 1);

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
  FsResult *self = user_data;
  FsFile *file = data;
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
read_files (FsResult *self, VtFs *fs, guint64 max_size)
{
  const VtContentPlace place = {.max_size = max_size};
  g_autoptr (GHashTable) inodes = g_hash_table_new (g_int64_hash, g_int64_equal);
  g_autoptr (GArray) wanted = g_array_new (FALSE, FALSE, sizeof (VtFsWanted));
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->files);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    FsFile *file = value;
    VtFsWanted item = {file->stat.inode, file->stat.size, file};

    if (!file->stat.unreadable && g_hash_table_insert (inodes, &file->stat.inode, file))
      g_array_append_val (wanted, item);
  }
  for (guint i = 0; i < wanted->len; i++)
    g_hash_table_insert (inodes,
                         &((FsFile *)g_array_index (wanted, VtFsWanted, i).file)->stat.inode,
                         g_array_index (wanted, VtFsWanted, i).file);
  if (!vt_fs_read_files (fs, (const VtFsWanted *)(void *)wanted->data, wanted->len, &place, on_file,
                         self, &self->refusal, &self->error))
    return;
  g_hash_table_iter_init (&iter, self->files);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    FsFile *file = value;
    const FsFile *first = g_hash_table_lookup (inodes, &file->stat.inode);

    g_assert_true (file->stat.unreadable || first->delivered);
    if (file == first || file->stat.unreadable)
      continue;
    file->delivered = TRUE;
    file->reason = first->reason;
    file->has_digest = first->has_digest;
    file->digest = first->digest;
    file->bytes = first->bytes != NULL ? g_bytes_ref (first->bytes) : NULL;
  }
}

FsResult *
fs_result_of_disk (const FsKind *kind, VtDisk *disk, guint64 start, guint64 size, guint64 max_size)
{
  FsResult *self = g_new0 (FsResult, 1);
  g_autoptr (VtFs) fs = kind->open (disk, start, size, &self->refusal, &self->error);

  self->files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, fs_file_free);
  self->order = g_ptr_array_new ();
  if (fs != NULL && vt_fs_list (fs, on_name, self, &self->refusal, &self->error))
    read_files (self, fs, max_size);
  /* Exactly one of the ways in which it can end. */
  g_assert_true (self->refusal == NULL || self->error == NULL);
  return self;
}

FsResult *
fs_fixture_read (FsFixture *fixture, guint64 max_size)
{
  vt_autofd file = g_open (fixture->image, O_RDONLY | O_CLOEXEC, 0);
  g_autoptr (GError) error = NULL;
  g_autoptr (VtDisk) disk = vt_disk_new_file (file, &error);

  g_assert_no_error (error);
  return fs_result_of_disk (fixture->kind, disk, 0, vt_disk_get_size (disk), max_size);
}

void
fs_fixture_assert_refused (FsFixture *fixture, const char *part)
{
  g_autoptr (FsResult) result = fs_fixture_read (fixture, G_MAXUINT64);

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
make_line (const FsKind *kind, const char *path, const VtFsStat *stat, const char *hex)
{
  g_autofree char *escaped = g_strescape (path, NULL);

  if (kind == NULL)
    return g_strdup_printf ("%s %" G_GUINT64_FORMAT " %s", escaped, stat->size, hex);
  return g_strdup_printf ("%s %" G_GUINT64_FORMAT " %u %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT
                          " %" G_GINT64_FORMAT " %s",
                          escaped, kind->has_inodes ? stat->inode : 0, stat->links, stat->size,
                          stat->mtime_ns, stat->ctime_ns, hex);
}

/* Without KIND, what a tree has as well. What nobody can read is left out. */
static char *
result_to_text (const FsKind *kind, FsResult *self)
{
  GPtrArray *lines = g_ptr_array_new_with_free_func (g_free);
  GHashTableIter iter;
  gpointer path, value;

  g_hash_table_iter_init (&iter, self->files);
  while (g_hash_table_iter_next (&iter, &path, &value)) {
    const FsFile *file = value;
    char hex[VT_DIGEST_HEX_SIZE] = "-";

    if (file->stat.unreadable)
      continue;
    g_assert_true (file->delivered);
    if (file->has_digest)
      vt_digest_to_hex (&file->digest, hex);
    g_ptr_array_add (lines, make_line (kind, path, &file->stat, hex));
  }
  return sort_lines (lines);
}

char *
fs_result_to_text (const FsKind *kind, FsResult *self)
{
  return result_to_text (kind, self);
}

char *
fs_result_to_short_text (FsResult *self)
{
  return result_to_text (NULL, self);
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
directory_to_text (FsFixture *fixture, const char *directory, const FsKind *kind)
{
  g_autofree char *path = g_build_filename (fixture->dir, "list", NULL);
  const char *const argv[] = {
      "sh", "-c", "find . -xdev -type f -printf '%i %n %s %T@ %C@ %p\\0' >\"$0\"", path, NULL};
  GPtrArray *lines = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  g_autofree char *list = NULL;
  gsize size;
  int status;

  g_free (fs_fixture_run (directory, argv, &status));
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
    g_ptr_array_add (lines, make_line (kind, name, &stat, vt_digest_to_hex (&digest, hex)));
    record = next;
  }
  return sort_lines (lines);
}

char *
fs_fixture_tree_to_short_text (FsFixture *fixture)
{
  return directory_to_text (fixture, fixture->tree, NULL);
}

char *
fs_fixture_kernel_to_text (FsFixture *fixture)
{
  g_autofree char *point = g_build_filename (fixture->dir, "mount", NULL);
  const char *const mount[] = {
      "mount", "-t", fixture->kind->type ?: "auto", "-o", "ro,loop", fixture->image, point, NULL};
  const char *const umount[] = {"umount", point, NULL};
  char *text;
  int status;

  if (geteuid () != 0) {
    g_test_message ("not compared with the kernel: that needs root");
    return NULL;
  }
  g_mkdir (point, 0700);
  g_free (fs_fixture_run (NULL, mount, &status));
  if (status != 0) {
    g_test_message ("not compared with the kernel: it cannot mount this");
    return NULL;
  }
  text = directory_to_text (fixture, point, fixture->kind);
  g_free (fs_fixture_run (NULL, umount, &status));
  g_assert_cmpint (status, ==, 0);
  return text;
}

void
fs_assert_same (const char *ours, const char *theirs)
{
  g_auto (GStrv) our_lines = g_strsplit (ours, "\n", -1);
  g_auto (GStrv) their_lines = g_strsplit (theirs, "\n", -1);

  for (guint i = 0; our_lines[i] != NULL && their_lines[i] != NULL; i++)
    g_assert_cmpstr (our_lines[i], ==, their_lines[i]);
  g_assert_cmpuint (g_strv_length (our_lines), ==, g_strv_length (their_lines));
}

static FsResult *
read_whole (FsFixture *fixture)
{
  FsResult *result = fs_fixture_read (fixture, G_MAXUINT64);

  g_assert_no_error (result->error);
  g_assert_cmpstr (result->refusal, ==, NULL);
  return result;
}

void
fs_fixture_assert_as_the_kernel (FsFixture *fixture)
{
  g_autoptr (FsResult) result = read_whole (fixture);
  g_autofree char *ours = fs_result_to_text (fixture->kind, result);
  g_autofree char *kernel = fs_fixture_kernel_to_text (fixture);

  if (kernel != NULL)
    fs_assert_same (ours, kernel);
}

void
fs_fixture_assert_as_the_tree (FsFixture *fixture)
{
  g_autoptr (FsResult) result = read_whole (fixture);
  g_autofree char *ours = fs_result_to_short_text (result);
  g_autofree char *theirs = fs_fixture_tree_to_short_text (fixture);

  fs_assert_same (ours, theirs);
}

VtDisk *
fs_fixture_open_image (FsFixture *fixture, int *file)
{
  g_autoptr (GError) error = NULL;
  VtDisk *disk;

  *file = g_open (fixture->image, O_RDWR | O_CLOEXEC, 0);
  disk = vt_disk_new_file (*file, &error);
  g_assert_no_error (error);
  return disk;
}

void
fs_assert_type (VtFs *fs, const char *path, VtFsType expected)
{
  g_autoptr (GError) error = NULL;
  VtFsType type;

  g_assert_true (vt_fs_stat_path (fs, path, &type, &error));
  g_assert_no_error (error);
  g_assert_cmpint (type, ==, expected);
}
