// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Where a template comes from: files beside each other, or an image, which readers stand for that
 * the test makes up.
 */
#include "../src/templater/vt-template-source.h"

#include <glib/gstdio.h>
#include <sys/stat.h>

#include "fake-reader.h"
#include "key-fixture.h"
#include "template-fixture.h"
#include "vt-dsse.h"
#include "vt-template-table.h"

/* What the readers send: made before the spawner, which they are forked from. */
static VtPrivateKey *key;
static VtCleanDatabase database = VT_CLEAN_DATABASE_INIT;
static GBytes *envelope;
static char *database_bytes;

static VtSpawner *spawner;

typedef struct {
  char *dir;
  VtTemplateParts parts;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture->dir = g_dir_make_tmp ("vt-source-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->parts = (VtTemplateParts)VT_TEMPLATE_PARTS_INIT;
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  vt_template_parts_clear (&fixture->parts);
  vt_paths_remove_tree (fixture->dir);
  g_free (fixture->dir);
}

static void
write_bytes (Fixture *fixture, const char *name, const void *bytes, gsize size)
{
  g_autofree char *path = g_build_filename (fixture->dir, name, NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, bytes, (gssize)size, &error);
  g_assert_no_error (error);
}

static void
assert_envelope (Fixture *fixture, const char *name, gboolean expected)
{
  g_autofree char *path = g_build_filename (fixture->dir, name, NULL);

  g_test_message ("%s", name);
  g_assert_cmpint (vt_template_is_envelope (path), ==, expected);
}

static void
test_what_is_an_envelope (Fixture *fixture, gconstpointer data)
{
  g_autofree char *pipe = g_build_filename (fixture->dir, "pipe", NULL);
  g_autofree char *spaces = g_strnfill (64, ' ');
  g_autofree char *late = g_strconcat (spaces, "{", NULL);

  write_bytes (fixture, "golden.dsse.json", g_bytes_get_data (envelope, NULL),
               g_bytes_get_size (envelope));
  write_bytes (fixture, "named-like-an-image.qcow2", " \t\r\n{", 5);
  write_bytes (fixture, "named-like-an-envelope.dsse.json", "QFI\xfb", 4);
  write_bytes (fixture, "empty", "", 0);
  write_bytes (fixture, "spaces", spaces, 64);
  write_bytes (fixture, "late", late, 65);
  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  assert_envelope (fixture, "golden.dsse.json", TRUE);
  assert_envelope (fixture, "named-like-an-image.qcow2", TRUE);
  assert_envelope (fixture, "named-like-an-envelope.dsse.json", FALSE);
  assert_envelope (fixture, "empty", FALSE);
  assert_envelope (fixture, "spaces", FALSE);
  assert_envelope (fixture, "late", FALSE);
  assert_envelope (fixture, "missing", FALSE);
  assert_envelope (fixture, ".", FALSE);
  /* Nobody writes to it, and nobody is waited for. */
  assert_envelope (fixture, "pipe", FALSE);
}

static void
test_where_the_database_is (void)
{
  static const char *const pairs[][2] = {
      {"golden.dsse.json", "golden.clean.db"},
      {"golden.dsse", "golden.clean.db"},
      {"golden.json", "golden.clean.db"},
      {"golden", "golden.clean.db"},
      {"golden.qcow2.dsse.json", "golden.qcow2.clean.db"},
      {"/a.json/golden", "/a.json/golden.clean.db"},
      {"golden.json.json", "golden.json.clean.db"},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (pairs); i++) {
    g_autofree char *path = vt_template_database_path (pairs[i][0]);

    g_assert_cmpstr (path, ==, pairs[i][1]);
  }
}

/* The template of the parts, under the key that they were signed with. */
static VtTemplate *
open_parts (Fixture *fixture, GError **error)
{
  const VtStatementPolicy policy = {.now = CREATED, .max_age_s = -1};

  return vt_template_parts_open (&fixture->parts, vt_private_key_get_public (key), &policy, NULL,
                                 error);
}

static void
write_parts (Fixture *fixture)
{
  write_bytes (fixture, "golden.dsse.json", g_bytes_get_data (envelope, NULL),
               g_bytes_get_size (envelope));
  write_bytes (fixture, "golden.clean.db", database_bytes, database.size);
}

static gboolean
read_parts (Fixture *fixture, GError **error)
{
  g_autofree char *path = g_build_filename (fixture->dir, "golden.dsse.json", NULL);

  return vt_template_parts_read (&fixture->parts, path, error);
}

static void
test_files_beside_each_other (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtTemplate) template = NULL;

  write_parts (fixture);
  g_assert_true (read_parts (fixture, &error));
  g_assert_no_error (error);
  template = open_parts (fixture, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (vt_template_count_files (template), ==, 1);
}

static void
test_no_database_beside (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (fixture->dir, "golden.clean.db", NULL);

  write_parts (fixture);
  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_false (read_parts (fixture, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_true (g_str_has_prefix (error->message, "the clean cache beside the envelope: /"));
  g_assert_nonnull (strstr (error->message, path));
}

static void
test_no_envelope (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (read_parts (fixture, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

static void
test_envelope_too_large (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->dir, "golden.dsse.json", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) right = NULL;

  write_parts (fixture);
  g_assert_cmpint (truncate (path, (off_t)VT_DSSE_ENVELOPE_MAX + 1), ==, 0);
  g_assert_false (read_parts (fixture, &error));
  g_assert_error (error, VT_DSSE_ERROR, VT_DSSE_ERROR_MALFORMED);
  g_assert_nonnull (strstr (error->message, "1048577 bytes is larger than 1048576"));
  g_assert_cmpint (truncate (path, (off_t)VT_DSSE_ENVELOPE_MAX), ==, 0);
  g_assert_true (read_parts (fixture, &right));
}

static void
test_wrong_key (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtPrivateKey) other = make_key ();
  const VtStatementPolicy policy = {.now = CREATED, .max_age_s = -1};

  write_parts (fixture);
  g_assert_true (read_parts (fixture, &error));
  g_assert_null (vt_template_parts_open (&fixture->parts, vt_private_key_get_public (other),
                                         &policy, NULL, &error));
  g_assert_error (error, VT_DSSE_ERROR, VT_DSSE_ERROR_OTHER_KEY);
}

/* In an image */

static void
send_bytes (VtImageSink *sink, const char *path, guint64 inode, const void *bytes, gsize size)
{
  g_autoptr (VtFileResult) file = vt_file_result_new ();
  g_autoptr (VtContent) content = vt_content_new (size, G_MAXUINT64, NULL);
  vt_autofd memfd = -1;
  VtDigest unused;

  must (vt_content_write (content, 0, bytes, size, NULL) &&
        vt_content_finish (content, &memfd, &unused, NULL));
  file->path = g_strdup (path);
  file->inode = inode;
  file->generation = 7;
  file->size = size;
  must (vt_image_sink_file (sink, file, NULL, memfd, NULL));
}

static void
send_envelope (VtImageSink *sink, guint64 inode)
{
  send_bytes (sink, VT_TEMPLATE_ENVELOPE, inode, g_bytes_get_data (envelope, NULL),
              g_bytes_get_size (envelope));
}

static void
send_database (VtImageSink *sink, guint64 inode)
{
  send_bytes (sink, VT_TEMPLATE_DATABASE, inode, database_bytes, database.size);
}

static int
end_reader (VtImageSink *sink)
{
  return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Only what is ordered comes, as from any reader. */
static int
template_reader (int socket, GVariant *value)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);
  g_auto (VtReaderArguments) arguments = {0};
  static const char *const expected[] = {VT_TEMPLATE_ENVELOPE, VT_TEMPLATE_DATABASE, NULL};

  vt_reader_arguments_parse (&arguments, value);
  must (arguments.options->mode == VT_IMAGE_FETCH);
  must (g_strv_equal ((const char *const *)arguments.options->fetch, expected));
  send_filesystem (sink, "/dev/sda1");
  send_envelope (sink, 40);
  send_database (sink, 41);
  return end_reader (sink);
}

static int
inodeless_reader (int socket, GVariant *value)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  send_filesystem (sink, "/dev/sda1");
  send_envelope (sink, 0);
  send_database (sink, 0);
  return end_reader (sink);
}

static int
elsewhere_reader (int socket, GVariant *value)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  send_filesystem (sink, "/dev/vg/root");
  send_envelope (sink, 40);
  send_database (sink, 41);
  return end_reader (sink);
}

static int
empty_reader (int socket, GVariant *value)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  send_filesystem (sink, "/dev/sda1");
  return end_reader (sink);
}

static int
half_reader (int socket, GVariant *value)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  send_filesystem (sink, "/dev/sda1");
  send_envelope (sink, 40);
  return end_reader (sink);
}

static int
large_reader (int socket, GVariant *value)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);
  g_autofree char *bytes = g_malloc0 (VT_DSSE_ENVELOPE_MAX + 1);

  send_filesystem (sink, "/dev/sda1");
  send_bytes (sink, VT_TEMPLATE_ENVELOPE, 40, bytes, VT_DSSE_ENVELOPE_MAX + 1);
  send_database (sink, 41);
  return end_reader (sink);
}

static int
failing_reader (int socket, GVariant *value)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);
  const GError failure = {.domain = VT_IMAGE_ERROR,
                          .code = VT_IMAGE_ERROR_BAD_IMAGE,
                          .message = (char *)"it is damaged"};

  send_filesystem (sink, "/dev/sda1");
  send_envelope (sink, 40);
  return vt_image_sink_failed (sink, &failure, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* What the first attempt sent is wrong, and does not count. */
static int
restarted_reader (int socket, GVariant *value)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);
  g_auto (VtReaderArguments) arguments = {0};
  g_autofree char *bytes = g_malloc0 (VT_DSSE_ENVELOPE_MAX + 1);

  vt_reader_arguments_parse (&arguments, value);
  if (g_strv_length (arguments.refused) > 0)
    return inodeless_reader (socket, value);
  send_filesystem (sink, "/dev/sda1");
  must (vt_image_sink_direct (sink, "/dev/sda1", NULL));
  send_bytes (sink, VT_TEMPLATE_ENVELOPE, 50, bytes, VT_DSSE_ENVELOPE_MAX + 1);
  send_bytes (sink, VT_TEMPLATE_DATABASE, 51, "other", 5);
  must (vt_image_sink_refused (sink, "/dev/sda1", "something is wrong", NULL));
  return EXIT_SUCCESS;
}

static gboolean
fetch_parts (Fixture *fixture, gconstpointer reader, GError **error)
{
  g_autoptr (VtImageOptions) options = vt_image_options_new ("golden.qcow2");

  options->reader = (VtChildFunc)reader;
  return vt_template_parts_fetch (&fixture->parts, spawner, options, NULL, error);
}

/* The template's files that the reader of a clone is told of, as fs/inode, where the cache has one:
 * 0/12. */
static void
assert_told (Fixture *fixture, VtTemplate *template, const char *expected)
{
  g_autofree char *path = g_build_filename (fixture->dir, "store", "verdicts.db", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (VtStore) store = vt_store_open (path, &error);
  g_autoptr (VtImageOptions) options = vt_image_options_new ("clone.qcow2");
  g_autoptr (GString) files = g_string_new (NULL);
  g_autofree char *bytes = NULL;
  gsize size;

  g_assert_no_error (error);
  prepare (template, SEED_ENGINE, store);
  vt_template_apply (template, options);
  g_assert_true (g_file_get_contents (options->template->files, &bytes, &size, &error));
  for (gsize i = 0; i < size / sizeof (VtCleanFile); i++)
    on_file ((const VtCleanFile *)(gconstpointer)bytes + i, files, NULL);
  g_assert_cmpstr (files->str, ==, expected);
}

static void
assert_fetched (Fixture *fixture, gconstpointer reader, const char *told)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtTemplate) template = NULL;
  const VtDigest digest =
      vt_digest_of_data (g_bytes_get_data (envelope, NULL), g_bytes_get_size (envelope));

  g_assert_true (fetch_parts (fixture, reader, &error));
  g_assert_no_error (error);
  template = open_parts (fixture, &error);
  g_assert_no_error (error);
  g_assert_true (vt_template_is_own (template, &digest));
  g_assert_true (vt_template_is_own (template, &database.digest));
  assert_told (fixture, template, told);
}

static void
test_image (Fixture *fixture, gconstpointer reader)
{
  assert_fetched (fixture, reader, "0/12 0/40 0/41 ");
}

/* Their contents are known all the same. */
static void
test_image_without_identities (Fixture *fixture, gconstpointer reader)
{
  assert_fetched (fixture, reader, "0/12 ");
}

static void
assert_not_opened (Fixture *fixture, gconstpointer reader, const char *missing)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *end = g_strconcat ("holds no clean cache: ", missing, " is missing", NULL);

  g_assert_true (fetch_parts (fixture, reader, &error));
  g_assert_no_error (error);
  g_assert_null (open_parts (fixture, &error));
  g_assert_error (error, VT_TEMPLATE_ERROR, VT_TEMPLATE_ERROR_NONE);
  g_test_message ("%s", error->message);
  g_assert_true (g_str_has_suffix (error->message, end));
}

static void
test_image_without_a_template (Fixture *fixture, gconstpointer reader)
{
  assert_not_opened (fixture, reader, VT_TEMPLATE_ENVELOPE);
}

static void
test_image_with_an_envelope_alone (Fixture *fixture, gconstpointer reader)
{
  assert_not_opened (fixture, reader, VT_TEMPLATE_DATABASE);
}

static void
test_image_with_a_large_envelope (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (fetch_parts (fixture, reader, &error));
  g_assert_error (error, VT_DSSE_ERROR, VT_DSSE_ERROR_MALFORMED);
}

static void
test_image_that_fails (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (fetch_parts (fixture, reader, &error));
  g_assert_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE);
}

static void
make_parts (void)
{
  VtCleanCacheBuilder *builder = new_builder ();
  g_autoptr (VtStatement) statement = NULL;
  g_autoptr (GBytes) payload = NULL;
  g_autoptr (GError) error = NULL;

  add_file (builder, new_file (0, 12));
  key = make_key ();
  database = finish (builder);
  database_bytes = g_malloc (database.size);
  g_assert_cmpint (vt_fd_read_at (database.fd, 0, database_bytes, database.size), ==,
                   (gssize)database.size);
  statement = new_statement (&database.digest);
  payload = vt_statement_to_json (statement, &error);
  g_assert_no_error (error);
  envelope = vt_dsse_sign (VT_STATEMENT_MEDIA_TYPE, payload, key, &error);
  g_assert_no_error (error);
}

static void
free_parts (void)
{
  vt_private_key_free (key);
  vt_clean_database_clear (&database);
  g_bytes_unref (envelope);
  g_free (database_bytes);
}

#define ADD(name, reader, test)                                                                    \
  g_test_add ("/template-source/" name, Fixture, (gconstpointer)reader, set_up, test, tear_down)

static void
add_tests (void)
{
  ADD ("what-is-an-envelope", NULL, test_what_is_an_envelope);
  g_test_add_func ("/template-source/where-the-database-is", test_where_the_database_is);
  ADD ("files-beside-each-other", NULL, test_files_beside_each_other);
  ADD ("no-database-beside", NULL, test_no_database_beside);
  ADD ("no-envelope", NULL, test_no_envelope);
  ADD ("envelope-too-large", NULL, test_envelope_too_large);
  ADD ("wrong-key", NULL, test_wrong_key);
  ADD ("image/parts", template_reader, test_image);
  ADD ("image/without-inodes", inodeless_reader, test_image_without_identities);
  ADD ("image/elsewhere", elsewhere_reader, test_image_without_identities);
  ADD ("image/restarted", restarted_reader, test_image_without_identities);
  ADD ("image/without-a-template", empty_reader, test_image_without_a_template);
  ADD ("image/envelope-alone", half_reader, test_image_with_an_envelope_alone);
  ADD ("image/large-envelope", large_reader, test_image_with_a_large_envelope);
  ADD ("image/failing", failing_reader, test_image_that_fails);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  make_parts ();
  spawner = vt_spawner_new (&error);
  g_assert_no_error (error);
  add_tests ();
  status = g_test_run ();
  vt_spawner_free (spawner);
  free_parts ();
  return status;
}
