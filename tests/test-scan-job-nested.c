// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Images within the image, whose readers begin again or need an appliance each.
 */
#include "scan-job-fixture.h"

/* What a VHDX image begins with. The readers here do not look at the rest. */
#define NESTED "vhdxfile "

#define MAX_FILES    4U
#define LAUNCHES_MAX 32
#define N_IMAGES     (LAUNCHES_MAX + 3)

static gboolean
is_nested (const VtReaderArguments *arguments)
{
  return arguments->options->file != NULL;
}

static int
finish (VtImageSink *sink)
{
  return send_end (sink);
}

/* Has as many members as may be in one file, and begins again after it sent them. */
static int
restarting_reader (int socket, GVariant *value)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);
  g_auto (VtReaderArguments) arguments = {0};
  gboolean is_first;

  vt_reader_arguments_parse (&arguments, value);
  is_first = g_strv_length (arguments.refused) == 0;
  send_filesystem (sink, "/dev/sda1");
  if (!is_nested (&arguments)) {
    send_file (sink, "/disk", NESTED "one", NULL);
    return finish (sink);
  }
  must (vt_image_sink_direct (sink, "/dev/sda1", NULL));
  for (guint i = 1; i < MAX_FILES; i++) {
    g_autofree char *path = g_strdup_printf ("/%u", i);

    send_file (sink, path, path, NULL);
  }
  if (!is_first) {
    send_file (sink, "/last", "the last one", NULL);
    return finish (sink);
  }
  send_unread (sink, "/damaged", VT_REASON_READ_ERROR);
  return vt_image_sink_refused (sink, "/dev/sda1", "why not", NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void
test_restart_counts_no_member_twice (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (VtScanResult) result = NULL;

  fixture->base.options->max_files = MAX_FILES;
  result = run_job (fixture);
  g_assert_no_error (result->error);
  g_assert_cmpuint (result->stats.files, ==, 1);
  g_assert_cmpuint (result->incomplete->len, ==, 0);
}

/* Reads an image within the image only as long as it may start an appliance. */
static int
launching_reader (int socket, GVariant *value)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);
  g_auto (VtReaderArguments) arguments = {0};

  vt_reader_arguments_parse (&arguments, value);
  send_filesystem (sink, "/dev/sda1");
  if (!is_nested (&arguments)) {
    for (guint i = 0; i < N_IMAGES; i++) {
      g_autofree char *text = g_strdup_printf (NESTED "%u", i);

      send_file (sink, "/disk", text, NULL);
    }
  } else if (arguments.options->backend == VT_BACKEND_DIRECT) {
    send_unread (sink, "/file", VT_REASON_UNSUPPORTED);
  } else {
    must (vt_image_sink_phase (sink, "launch", NULL));
    send_file (sink, "/file", "its content", NULL);
  }
  return finish (sink);
}

/* An image with thousands in it must not take days. */
static void
test_appliances_are_bounded (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (VtScanResult) result = run_job (fixture);

  g_assert_no_error (result->error);
  g_assert_cmpuint (result->stats.files, ==, N_IMAGES);
  g_assert_cmpuint (result->incomplete->len, ==, N_IMAGES - LAUNCHES_MAX);
}

static void
add_tests (void)
{
  ADD ("nested-restart-counts-no-member-twice", restarting_reader,
       test_restart_counts_no_member_twice);
  ADD ("nested-appliances-are-bounded", launching_reader, test_appliances_are_bounded);
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
