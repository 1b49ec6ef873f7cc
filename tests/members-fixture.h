// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A scan job over the files of a directory, which a reader hands on in the order of their names.
 */
#pragma once

#include "scan-job-fixture.h"

static inline void
spool_file (VtImageSink *sink, VtFileResult *file, GBytes *bytes)
{
  vt_autofd writer = vt_image_sink_open_spool (sink, file->size, file->size);

  if (writer >= 0)
    must (write (writer, g_bytes_get_data (bytes, NULL), file->size) == (gssize)file->size);
  else
    file->verdict = vt_verdict_incomplete (VT_REASON_SIZE_LIMIT);
  vt_fd_clear (&writer);
  must (vt_image_sink_file (sink, file, NULL, -1, NULL));
}

static inline void
keep_file (VtImageSink *sink, VtFileResult *file, GBytes *bytes)
{
  g_autoptr (VtContent) content = vt_content_new (file->size, G_MAXUINT64, NULL);
  VtDigest unused;
  int memfd = -1;

  must (vt_content_write (content, 0, g_bytes_get_data (bytes, NULL), file->size, NULL) &&
        vt_content_finish (content, &memfd, &unused, NULL) &&
        vt_image_sink_file (sink, file, NULL, memfd, NULL));
  close (memfd);
}

static inline void
send_from (VtImageSink *sink, const VtImageOptions *options, const char *name)
{
  g_autoptr (VtFileResult) file = vt_file_result_new ();
  g_autofree char *path = g_build_filename (options->path, name, NULL);
  g_autoptr (GMappedFile) map = g_mapped_file_new (path, FALSE, NULL);
  g_autoptr (GBytes) bytes = g_mapped_file_get_bytes (map);

  file->path = g_strconcat ("/", name, NULL);
  file->size = g_bytes_get_size (bytes);
  if (file->size > options->max_file_size)
    spool_file (sink, file, bytes);
  else
    keep_file (sink, file, bytes);
}

static inline int
directory_reader (int socket, GVariant *value)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);
  g_auto (VtReaderArguments) arguments = {0};
  g_autoptr (GDir) dir = NULL;
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  vt_reader_arguments_parse (&arguments, value);
  dir = g_dir_open (arguments.options->path, 0, NULL);
  send_filesystem (sink, "/dev/sda1");
  while ((name = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, (GCompareFunc)g_strcmp0);
  for (guint i = 0; i < names->len; i++)
    send_from (sink, arguments.options, g_ptr_array_index (names, i));
  return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static inline void
set_up_members (Fixture *fixture, gconstpointer worker)
{
  set_up (fixture, directory_reader);
  g_free (fixture->options->path);
  fixture->options->path = g_build_filename (fixture->base.dir, "files", NULL);
  g_assert_cmpint (g_mkdir (fixture->options->path, 0700), ==, 0);
  if (worker != NULL) {
    g_clear_pointer (&fixture->unpack_pool, vt_unpack_pool_free);
    fixture->worker = (VtChildFunc)worker;
    fixture->unpack_pool = new_unpack_pool (fixture);
  }
}

/* Takes BYTES. */
static inline void
add_file (Fixture *fixture, const char *name, GByteArray *bytes)
{
  g_autofree char *path = g_build_filename (fixture->options->path, name, NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, (const char *)bytes->data, bytes->len, &error);
  g_assert_no_error (error);
  g_byte_array_unref (bytes);
}

/* TEXT behind letters that are worth coding, so that it does not stand in what is packed. */
static inline GByteArray *
bytes_of_hidden_text (const char *text)
{
  GByteArray *bytes = noise (2000, 7);

  for (guint i = 0; i < bytes->len; i++)
    bytes->data[i] = (guint8) "abcdefgh"[bytes->data[i] % 8];
  g_byte_array_append (bytes, (const guint8 *)text, (guint)strlen (text));
  return bytes;
}

static inline GByteArray *
make_tar_zst_of (const char *name, ...)
{
  GByteArray *bytes = g_byte_array_new ();
  struct archive *archive = archive_write_new ();
  va_list texts;

  archive_write_set_format_ustar (archive);
  archive_write_add_filter_zstd (archive);
  archive_write_set_bytes_in_last_block (archive, 1);
  g_assert_cmpint (archive_write_open (archive, bytes, NULL, archive_sink, NULL), ==, ARCHIVE_OK);
  va_start (texts, name);
  for (; name != NULL; name = va_arg (texts, const char *)) {
    g_autoptr (GByteArray) content = bytes_of_hidden_text (va_arg (texts, const char *));

    add_member (archive, name, content);
  }
  va_end (texts);
  g_assert_cmpint (archive_write_close (archive), ==, ARCHIVE_OK);
  archive_write_free (archive);
  return bytes;
}

/* A tar.zst of members: the name and the text of each. */
#define make_tar_zst(...) make_tar_zst_of (__VA_ARGS__, (const char *)NULL)

/* The same around one member. Takes BYTES. */
static inline GByteArray *
wrap (const char *name, GByteArray *bytes)
{
  GByteArray *wrapped = g_byte_array_new ();
  struct archive *archive = archive_write_new ();

  archive_write_set_format_ustar (archive);
  archive_write_add_filter_zstd (archive);
  archive_write_set_bytes_in_last_block (archive, 1);
  g_assert_cmpint (archive_write_open (archive, wrapped, NULL, archive_sink, NULL), ==, ARCHIVE_OK);
  add_member (archive, name, bytes);
  g_assert_cmpint (archive_write_close (archive), ==, ARCHIVE_OK);
  archive_write_free (archive);
  g_byte_array_unref (bytes);
  return wrapped;
}

/* It must be there. */
static inline const VtFileResult *
find_file (GPtrArray *list, const char *path)
{
  for (guint i = 0; i < list->len; i++)
    if (g_str_equal (((const VtFileResult *)g_ptr_array_index (list, i))->path, path))
      return g_ptr_array_index (list, i);
  g_error ("%s is not in the list", path);
}

static inline void
assert_members (const VtFileResult *file, const char *expected)
{
  g_autofree char *joined = vt_members_join ("", (const char *const *)file->members);

  g_assert_cmpstr (joined, ==, expected);
}

/* MEMBERS as in "!outer!inner". */
static inline void
assert_infected (const VtScanResult *result, const char *path, const char *members)
{
  const VtFileResult *file = find_file (result->findings, path);

  g_assert_cmpstr (file->verdict.threat, ==, MARKER_NAME);
  assert_members (file, members);
}

static inline void
assert_incomplete (const VtScanResult *result,
                   const char *path,
                   VtReason reason,
                   const char *members)
{
  const VtFileResult *file = find_file (result->incomplete, path);

  g_assert_cmpstr (vt_reason_to_string (file->verdict.reason), ==, vt_reason_to_string (reason));
  assert_members (file, members);
}

#define ADD_MEMBERS(name, worker, test)                                                            \
  g_test_add ("/scan-members/" name, Fixture, (gconstpointer)worker, set_up_members, test,         \
              tear_down)
