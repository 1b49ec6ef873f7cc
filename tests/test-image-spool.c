// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Contents that are too large for memory, from readers that keep to the rules and ones that do not.
 */
#include "image-fixture.h"

#define MEMORY_MAX ((guint64)1024)
#define SIZE       ((guint64)4096)

static void
set_up_spool (Fixture *fixture, gconstpointer reader)
{
  set_up (fixture, reader);
  fixture->options->max_file_size = MEMORY_MAX;
  fixture->options->max_spool_size = 2 * SIZE;
}

static void
send_spooled (VtImageSink *sink, const char *path, guint64 size)
{
  g_autoptr (VtFileResult) file = vt_file_result_new ();

  file->path = g_strdup (path);
  file->size = size;
  must (vt_image_sink_file (sink, file, NULL, -1, NULL));
}

static void
spool_file (VtImageSink *sink, const char *path)
{
  vt_autofd writer = vt_image_sink_open_spool (sink, SIZE, 5);

  must (writer >= 0 && pwrite (writer, "alpha", 5, 1000) == 5);
  vt_fd_clear (&writer);
  send_spooled (sink, path, SIZE);
}

static int
good_reader (int socket, GVariant *arguments)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  send_filesystem (sink, "/dev/sda1");
  for (guint i = 0; i < 5; i++)
    spool_file (sink, "/large");
  return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void
test_spooled_files_come (Fixture *fixture, gconstpointer reader)
{
  const VtImageFile *file;
  char text[6] = "";

  read_image (fixture);
  g_assert_no_error (fixture->error);
  g_assert_cmpuint (fixture->files->len, ==, 5);
  file = g_ptr_array_index (fixture->files, 4);
  g_assert_cmpuint (file->spooled, ==, SIZE);
  g_assert_cmpuint (file->cost, <, VT_IMAGE_BUDGET / 100);
  g_assert_false (file->result->has_digest);
  g_assert_cmpint (pread (file->memfd, text, 5, 1000), ==, 5);
  g_assert_cmpstr (text, ==, "alpha");
}

/* The third waits until one of the first two is done with. */
static void
test_the_bound_holds_the_reader_back (Fixture *fixture, gconstpointer reader)
{
  fixture->release = FALSE;
  fixture->image =
      vt_image_start (fixture->spawner, fixture->options, fixture->result, &events, fixture);
  g_timeout_add (1500, on_pause, fixture->loop);
  g_main_loop_run (fixture->loop);
  g_assert_cmpuint (fixture->files->len, ==, 2);
  g_assert_false (fixture->finished);
  fixture->release = TRUE;
  for (guint i = 0; i < 2; i++)
    vt_image_release (fixture->image, g_ptr_array_index (fixture->files, i));
  g_main_loop_run (fixture->loop);
  g_assert_no_error (fixture->error);
  g_assert_cmpuint (fixture->files->len, ==, 5);
}

static int
too_large_reader (int socket, GVariant *arguments)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  send_filesystem (sink, "/dev/sda1");
  must (vt_image_sink_open_spool (sink, 3 * SIZE, SIZE) < 0);
  send_unread (sink, "/too-large", VT_REASON_SIZE_LIMIT);
  /* One that it gave up, and another. */
  must (vt_image_sink_open_spool (sink, SIZE, SIZE) >= 0);
  send_unread (sink, "/damaged", VT_REASON_READ_ERROR);
  spool_file (sink, "/large");
  return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void
test_what_is_too_large_is_told (Fixture *fixture, gconstpointer reader)
{
  read_image (fixture);
  g_assert_no_error (fixture->error);
  g_assert_cmpuint (fixture->files->len, ==, 3);
  g_assert_nonnull (strstr (g_ptr_array_index (fixture->messages, 0), "--max-spool-size"));
}

#define BAD_READER(name, body)                                                                     \
  static int name (int socket, GVariant *arguments)                                                \
  {                                                                                                \
    g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);                                     \
    int writer = -1;                                                                               \
                                                                                                   \
    send_filesystem (sink, "/dev/sda1");                                                           \
    body;                                                                                          \
    (void)writer;                                                                                  \
    return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;                          \
  }

BAD_READER (unasked_reader, send_spooled (sink, "/large", SIZE))
BAD_READER (writing_reader, writer = vt_image_sink_open_spool (sink, SIZE, 5);
            send_spooled (sink, "/large", SIZE))
BAD_READER (lying_reader, writer = vt_image_sink_open_spool (sink, SIZE, 5); close (writer);
            send_spooled (sink, "/large", SIZE + 1))
BAD_READER (cutting_reader, writer = vt_image_sink_open_spool (sink, SIZE, 5);
            must (ftruncate (writer, 7) == 0);
            close (writer);
            send_spooled (sink, "/large", SIZE))
BAD_READER (small_reader, writer = vt_image_sink_open_spool (sink, MEMORY_MAX, 5))

static void
test_cheating_ends_the_reader (Fixture *fixture, gconstpointer reader)
{
  read_image (fixture);
  g_assert_error (fixture->error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER);
  g_assert_cmpuint (fixture->files->len, ==, 0);
}

#define ADD_SPOOL(name, reader, test)                                                              \
  g_test_add ("/image-spool/" name, Fixture, (gconstpointer)reader, set_up_spool, test, tear_down)

static void
add_tests (void)
{
  ADD_SPOOL ("spooled-files-come", good_reader, test_spooled_files_come);
  ADD_SPOOL ("the-bound-holds-the-reader-back", good_reader, test_the_bound_holds_the_reader_back);
  ADD_SPOOL ("what-is-too-large-is-told", too_large_reader, test_what_is_too_large_is_told);
  ADD_SPOOL ("cheating/not-asked-for", unasked_reader, test_cheating_ends_the_reader);
  ADD_SPOOL ("cheating/still-writing", writing_reader, test_cheating_ends_the_reader);
  ADD_SPOOL ("cheating/another-size", lying_reader, test_cheating_ends_the_reader);
  ADD_SPOOL ("cheating/cut", cutting_reader, test_cheating_ends_the_reader);
  ADD_SPOOL ("cheating/small", small_reader, test_cheating_ends_the_reader);
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
