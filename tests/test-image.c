// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The starter's side of image readers, with readers that the test makes up. Real images are read by
 * the end-to-end tests.
 */
#include "image-fixture.h"

/* More than a socket takes messages before it is full. */
#define UNREAD_FILES 3000

static int
honest_reader (int socket, GVariant *arguments)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  must (vt_image_sink_phase (sink, "open", NULL));
  send_filesystem (sink, "/dev/sda1");
  must (vt_image_sink_phase (sink, "read", NULL));
  send_file (sink, "/a", "alpha", "/b");
  send_unread (sink, "/c\xff", VT_REASON_READ_ERROR);
  return send_end (sink);
}

static void
test_records_arrive (Fixture *fixture, gconstpointer reader)
{
  const VtImageFile *file;
  char text[8] = "";

  read_image (fixture);
  g_assert_no_error (fixture->error);
  g_assert_cmpstr (fixture->phases->str, ==, "open read ");
  g_assert_cmpuint (fixture->files->len, ==, 2);
  file = g_ptr_array_index (fixture->files, 0);
  g_assert_cmpint (pread (file->memfd, text, sizeof text, 0), ==, 5);
  g_assert_cmpstr (text, ==, "alpha");
  g_assert_cmpuint (file->result->inode, ==, 2);
  g_assert_cmpuint (file->result->generation, ==, 6);
  g_assert_cmpuint (file->links->len, ==, 1);
  g_assert_cmpstr (g_ptr_array_index (file->links, 0), ==, "/b");
  file = g_ptr_array_index (fixture->files, 1);
  g_assert_cmpstr (file->result->path, ==, "/c\xff");
  g_assert_cmpint (file->memfd, ==, -1);
  g_assert_cmpint (file->result->verdict.reason, ==, VT_REASON_READ_ERROR);
}

static int
unread_reader (int socket, GVariant *arguments)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  send_filesystem (sink, "/dev/sda1");
  for (int i = 0; i < UNREAD_FILES; i++)
    send_unread (sink, "/unread", VT_REASON_READ_ERROR);
  return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* They cost nothing; told of each one's nothing, the reader and its starter would wait for each
 * other. */
static void
test_files_without_content_need_no_credit (Fixture *fixture, gconstpointer reader)
{
  read_image (fixture);
  g_assert_no_error (fixture->error);
  g_assert_cmpuint (fixture->files->len, ==, UNREAD_FILES);
}

static void
test_budget_holds_the_reader_back (Fixture *fixture, gconstpointer reader)
{
  fixture->release = FALSE;
  fixture->image =
      vt_image_start (fixture->spawner, fixture->options, fixture->result, &events, fixture);
  /* However long one waits, no more comes than the budget allows; the last one is held back until
   * the next message. */
  g_timeout_add (1500, on_pause, fixture->loop);
  g_main_loop_run (fixture->loop);
  g_assert_cmpuint (fixture->files->len, <=, VT_IMAGE_BUDGET / BUDGET_FILE_SIZE);
  g_assert_cmpuint (fixture->files->len, >, 0);
  g_assert_false (fixture->finished);
  fixture->release = TRUE;
  for (guint i = 0; i < fixture->files->len; i++)
    vt_image_release (fixture->image, g_ptr_array_index (fixture->files, i));
  g_main_loop_run (fixture->loop);
  g_assert_no_error (fixture->error);
  g_assert_cmpuint (fixture->files->len, ==, BUDGET_FILES);
}

/* Past the sink, which would wait or refuse. */
static void
send_raw (int socket, const VtFileResult *file, int memfd)
{
  g_autoptr (VtImageBatch) batch = vt_image_batch_new ();

  vt_image_batch_add (batch, file);
  must (vt_ipc_send (socket,
                     g_variant_new ("(yv)", (guchar)VT_IMAGE_MSG_FILE, vt_image_batch_take (batch)),
                     &memfd, memfd >= 0, NULL));
}

static void
send_raw_file (int socket, guint filesystem, const char *path, guint64 size, int memfd)
{
  g_autoptr (VtFileResult) file = vt_file_result_new ();

  file->filesystem = filesystem;
  file->path = g_strdup (path);
  file->inode = 1;
  file->size = size;
  send_raw (socket, file, memfd);
}

/* As a file of a template that is as it was, but that there is no template. */
static void
send_unchanged (int socket, int memfd)
{
  g_autoptr (VtFileResult) file = vt_file_result_new ();

  file->path = g_strdup ("/a");
  file->inode = 1;
  file->size = 4;
  file->has_digest = TRUE;
  file->digest = vt_digest_of_data ("text", 4);
  send_raw (socket, file, memfd);
}

static int
greedy_reader (int socket, GVariant *arguments)
{
  vt_autofd content = -1;
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);
  g_autofree char *text = g_strnfill (BUDGET_FILE_SIZE, 'x');

  send_filesystem (sink, "/dev/sda1");
  content = make_memfd (text, TRUE);
  for (int i = 0; i < BUDGET_FILES; i++)
    send_raw_file (socket, 0, "/a", BUDGET_FILE_SIZE, content);
  return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void
test_reader_that_does_not_wait_is_ended (Fixture *fixture, gconstpointer reader)
{
  fixture->release = FALSE;
  read_image (fixture);
  g_assert_error (fixture->error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER);
  g_assert_cmpuint (fixture->files->len, ==, VT_IMAGE_BUDGET / BUDGET_FILE_SIZE);
}

/* What each sends must not be believed; a reader that is believed ends in order. */
#define HOSTILE_READER(name, action)                                                               \
  static int name (int socket, GVariant *arguments)                                                \
  {                                                                                                \
    g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);                                     \
                                                                                                   \
    send_filesystem (sink, "/dev/sda1");                                                           \
    action;                                                                                        \
    return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;                          \
  }

HOSTILE_READER (unsealed_reader, send_raw_file (socket, 0, "/a", 4, make_memfd ("text", FALSE)))
HOSTILE_READER (other_size_reader, send_raw_file (socket, 0, "/a", 5, make_memfd ("text", TRUE)))
/* With one message for a single file. */
static void
send_two_files (int socket)
{
  g_autoptr (VtImageBatch) batch = vt_image_batch_new ();
  g_autoptr (VtFileResult) file = vt_file_result_new ();

  file->path = g_strdup ("/a");
  file->verdict = vt_verdict_incomplete (VT_REASON_SIZE_LIMIT);
  vt_image_batch_add (batch, file);
  vt_image_batch_add (batch, file);
  must (vt_ipc_send (socket,
                     g_variant_new ("(yv)", (guchar)VT_IMAGE_MSG_FILE, vt_image_batch_take (batch)),
                     NULL, 0, NULL));
}

HOSTILE_READER (two_files_reader, send_two_files (socket))
HOSTILE_READER (no_file_reader,
                must (vt_ipc_send (
                    socket,
                    g_variant_new ("(yv)",
                                   (guchar)VT_IMAGE_MSG_FILE,
                                   g_variant_new_parsed ("(@au [], @ay [], @at [], @au [], @at [], "
                                                         "@ax [], @ax [], @ay [], @ay [])")),
                    NULL,
                    0,
                    NULL)))
HOSTILE_READER (no_content_reader, send_raw_file (socket, 0, "/a", 4, -1))
HOSTILE_READER (other_fs_reader, send_raw_file (socket, 1, "/a", 4, make_memfd ("text", TRUE)))
HOSTILE_READER (relative_reader, send_raw_file (socket, 0, "a", 4, make_memfd ("text", TRUE)))
HOSTILE_READER (pipe_reader, {
  int fds[2];
  must (pipe (fds) == 0);
  send_raw_file (socket, 0, "/a", 0, fds[0]);
})
HOSTILE_READER (lonely_link_reader,
                must (vt_ipc_send (socket,
                                   g_variant_new ("(yv)",
                                                  (guchar)VT_IMAGE_MSG_LINK,
                                                  g_variant_new_bytestring ("/x")),
                                   NULL,
                                   0,
                                   NULL)))

static void
send_attributes (VtImageSink *sink, guint32 mode, gsize label_size)
{
  VtFileAttributes attributes = {.mode = mode, .uid = 5, .gid = 6, .links = 2};

  attributes.label_size = label_size;
  memset (attributes.label, 'l', label_size);
  must (vt_image_sink_attributes (sink, &attributes, NULL));
}

HOSTILE_READER (lonely_attributes_reader, send_attributes (sink, 0644, 0))
HOSTILE_READER (wide_attributes_reader, {
  send_raw_file (socket, 0, "/a", 4, make_memfd ("text", TRUE));
  send_attributes (sink, 010644, 0);
})
HOSTILE_READER (two_attributes_reader, {
  send_raw_file (socket, 0, "/a", 4, make_memfd ("text", TRUE));
  send_attributes (sink, 0644, 0);
  send_attributes (sink, 0644, 0);
})
HOSTILE_READER (attributes_reader, {
  send_raw_file (socket, 0, "/a", 4, make_memfd ("text", TRUE));
  send_attributes (sink, 04755, VT_FILE_LABEL_MAX);
})
HOSTILE_READER (unknown_kind_reader,
                must (vt_ipc_send (socket,
                                   g_variant_new ("(yv)", (guchar)99, g_variant_new_uint32 (1)),
                                   NULL,
                                   0,
                                   NULL)))
HOSTILE_READER (other_type_reader,
                must (vt_ipc_send (socket,
                                   g_variant_new ("(yv)",
                                                  (guchar)VT_IMAGE_MSG_EXPECT,
                                                  g_variant_new_string ("many")),
                                   NULL,
                                   0,
                                   NULL)))
HOSTILE_READER (many_filesystems_reader,
                for (int i = 0; i < 1000; i++) send_filesystem (sink, "/dev/sda1"))
HOSTILE_READER (unchanged_reader, send_unchanged (socket, -1))
HOSTILE_READER (unchanged_content_reader, send_unchanged (socket, make_memfd ("text", TRUE)))
HOSTILE_READER (dying_reader, _exit (EXIT_SUCCESS))

static void
test_hostile_reader_is_ended (Fixture *fixture, gconstpointer reader)
{
  read_image (fixture);
  g_assert_error (fixture->error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER);
  g_assert_cmpuint (fixture->files->len, ==, 0);
}

static void
test_unchanged_files_of_a_template (Fixture *fixture, gconstpointer reader)
{
  const VtDigest digest = vt_digest_of_data ("text", 4);
  const VtImageFile *file;

  fixture->options->template = vt_image_template_new ();
  fixture->options->template->files = g_strdup ("/dev/null");
  read_image (fixture);
  g_assert_no_error (fixture->error);
  g_assert_cmpuint (fixture->files->len, ==, 1);
  file = g_ptr_array_index (fixture->files, 0);
  g_assert_true (file->unchanged);
  g_assert_true (file->result->has_digest);
  g_assert_true (vt_digest_equal (&file->result->digest, &digest));
  g_assert_cmpint (file->memfd, ==, -1);
  g_assert_cmpuint (file->cost, ==, 0);
}

/* One that is as it was has no content to go with it. */
static void
test_unchanged_files_have_no_content (Fixture *fixture, gconstpointer reader)
{
  fixture->options->template = vt_image_template_new ();
  fixture->options->template->files = g_strdup ("/dev/null");
  read_image (fixture);
  g_assert_error (fixture->error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER);
  g_assert_cmpuint (fixture->files->len, ==, 0);
}

static void
test_hostile_fetcher_is_ended (Fixture *fixture, gconstpointer reader)
{
  fixture->options->mode = VT_IMAGE_FETCH;
  test_hostile_reader_is_ended (fixture, reader);
}

static void
test_attributes_arrive (Fixture *fixture, gconstpointer reader)
{
  const VtFileAttributes *attributes;

  fixture->options->mode = VT_IMAGE_FETCH;
  read_image (fixture);
  g_assert_no_error (fixture->error);
  g_assert_cmpuint (fixture->files->len, ==, 1);
  attributes = ((const VtImageFile *)g_ptr_array_index (fixture->files, 0))->attributes;
  g_assert_nonnull (attributes);
  g_assert_cmpuint (attributes->mode, ==, 04755);
  g_assert_cmpuint (attributes->uid, ==, 5);
  g_assert_cmpuint (attributes->gid, ==, 6);
  g_assert_cmpuint (attributes->links, ==, 2);
  g_assert_cmpuint (attributes->label_size, ==, VT_FILE_LABEL_MAX);
  g_assert_cmpuint (attributes->label[VT_FILE_LABEL_MAX - 1], ==, 'l');
}

#define ADD_HOSTILE(name, reader) ADD ("hostile/" name, reader, test_hostile_reader_is_ended)

static void
add_tests (void)
{
  ADD ("records-arrive", honest_reader, test_records_arrive);
  ADD ("budget-holds-the-reader-back", large_reader, test_budget_holds_the_reader_back);
  ADD ("files-without-content-need-no-credit", unread_reader,
       test_files_without_content_need_no_credit);
  ADD ("reader-that-does-not-wait-is-ended", greedy_reader,
       test_reader_that_does_not_wait_is_ended);
  ADD_HOSTILE ("unsealed", unsealed_reader);
  ADD_HOSTILE ("other-size", other_size_reader);
  ADD_HOSTILE ("two-files-at-once", two_files_reader);
  ADD_HOSTILE ("no-file", no_file_reader);
  ADD_HOSTILE ("no-content", no_content_reader);
  ADD_HOSTILE ("other-file-system", other_fs_reader);
  ADD_HOSTILE ("relative-path", relative_reader);
  ADD_HOSTILE ("pipe", pipe_reader);
  ADD_HOSTILE ("lonely-link", lonely_link_reader);
  ADD_HOSTILE ("attributes-of-what-is-read", attributes_reader);
  ADD ("attributes-arrive", attributes_reader, test_attributes_arrive);
  ADD ("hostile/lonely-attributes", lonely_attributes_reader, test_hostile_fetcher_is_ended);
  ADD ("hostile/wide-attributes", wide_attributes_reader, test_hostile_fetcher_is_ended);
  ADD ("hostile/two-attributes", two_attributes_reader, test_hostile_fetcher_is_ended);
  ADD_HOSTILE ("unknown-kind", unknown_kind_reader);
  ADD_HOSTILE ("other-type", other_type_reader);
  ADD_HOSTILE ("many-file-systems", many_filesystems_reader);
  ADD ("unchanged-files-of-a-template", unchanged_reader, test_unchanged_files_of_a_template);
  ADD ("unchanged-files-have-no-content", unchanged_content_reader,
       test_unchanged_files_have_no_content);
  ADD_HOSTILE ("unchanged-without-a-template", unchanged_reader);
  ADD_HOSTILE ("dying", dying_reader);
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
