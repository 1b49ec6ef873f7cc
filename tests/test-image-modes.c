// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What the starter of a reader does otherwise when something is changed or taken out. */
#include "image-fixture.h"

static int
dying_editor (int socket, GVariant *arguments)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  must (vt_image_sink_phase (sink, "launch", NULL));
  must (vt_image_sink_phase (sink, "edit", NULL));
  /* As one that has been taken over may say, to be started once more. */
  must (vt_image_sink_phase (sink, "launch", NULL));
  return EXIT_FAILURE;
}

static int
refused_editor (int socket, GVariant *arguments)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  return vt_image_sink_refused (sink, "/dev/sda1", "why", NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* What was changed already must not be changed by a second reader. */
static void
test_nothing_is_changed_twice (Fixture *fixture, gconstpointer reader)
{
  fixture->options->mode = VT_IMAGE_EDIT;
  read_image (fixture);
  g_assert_error (fixture->error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER);
  g_assert_cmpuint (fixture->restarts, ==, 0);
}

static int
limited_reader (int socket, GVariant *arguments)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  send_filesystem (sink, "/dev/sda1");
  send_unread (sink, "/large", VT_REASON_SIZE_LIMIT);
  return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* In a scan it would be one incomplete file of many. */
static void
test_file_that_is_not_fetched_is_an_error (Fixture *fixture, gconstpointer reader)
{
  fixture->options->mode = VT_IMAGE_FETCH;
  read_image (fixture);
  g_assert_error (fixture->error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE);
  g_assert_nonnull (strstr (fixture->error->message, "/large"));
  g_assert_cmpuint (fixture->files->len, ==, 0);
}

static void
add_tests (void)
{
  ADD ("modes/nothing-is-changed-twice/died", dying_editor, test_nothing_is_changed_twice);
  ADD ("modes/nothing-is-changed-twice/refused", refused_editor, test_nothing_is_changed_twice);
  ADD ("modes/file-that-is-not-fetched-is-an-error", limited_reader,
       test_file_that_is_not_fetched_is_an_error);
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
