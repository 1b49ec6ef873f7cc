// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Readers that fail in a way that another one may not, and readers that hang.
 */
#include "image-fixture.h"

/* As if the appliance died with KVM, and started without. */
static int
broken_kvm_reader (int socket, GVariant *value)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);
  g_auto (VtReaderArguments) arguments = {0};

  vt_reader_arguments_parse (&arguments, value);
  must (vt_image_sink_phase (sink, "launch", NULL));
  if (!arguments.force_tcg)
    return EXIT_FAILURE;
  must (vt_image_sink_phase (sink, "inspect", NULL));
  return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
hanging_kvm_reader (int socket, GVariant *value)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);
  g_auto (VtReaderArguments) arguments = {0};

  vt_reader_arguments_parse (&arguments, value);
  must (vt_image_sink_phase (sink, "launch", NULL));
  if (!arguments.force_tcg)
    pause ();
  must (vt_image_sink_phase (sink, "inspect", NULL));
  return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
always_hanging_reader (int socket, GVariant *value)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  must (vt_image_sink_phase (sink, "launch", NULL));
  pause ();
  return EXIT_SUCCESS;
}

/* Slow, but alive all the time, longer than it may be silent. */
static int
slow_reader (int socket, GVariant *value)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  must (vt_image_sink_phase (sink, "read", NULL));
  for (int i = 0; i < 60; i++) {
    g_usleep (100000);
    vt_image_sink_alive (sink);
  }
  return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
stalling_reader (int socket, GVariant *value)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  must (vt_image_sink_phase (sink, "read", NULL));
  pause ();
  return EXIT_SUCCESS;
}

static void
test_slow_is_no_stall (Fixture *fixture, gconstpointer reader)
{
  fixture->options->stall_timeout_s = 4;
  read_image (fixture);
  g_assert_no_error (fixture->error);
}

static void
test_stall_has_an_end (Fixture *fixture, gconstpointer reader)
{
  fixture->options->stall_timeout_s = 1;
  read_image (fixture);
  g_assert_error (fixture->error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_APPLIANCE);
  g_assert_nonnull (strstr (fixture->error->message, "\"read\""));
}

/* Who waits for credit is alive. */
static void
test_waiting_for_credit_is_no_stall (Fixture *fixture, gconstpointer reader)
{
  fixture->options->stall_timeout_s = 4;
  fixture->release = FALSE;
  fixture->image =
      vt_image_start (fixture->spawner, fixture->options, fixture->result, &events, fixture);
  g_timeout_add (6500, on_pause, fixture->loop);
  g_main_loop_run (fixture->loop);
  g_assert_no_error (fixture->error);
  g_assert_false (fixture->finished);
}

static void
test_second_try_without_kvm (Fixture *fixture, gconstpointer reader)
{
  fixture->options->launch_timeout_s = 1;
  read_image (fixture);
  g_assert_no_error (fixture->error);
  g_assert_cmpstr (fixture->phases->str, ==, "launch launch inspect ");
  g_assert_cmpuint (fixture->messages->len, ==, 1);
  g_assert_false (vt_accel_kvm_is_worth_trying ());
}

static void
test_launch_has_an_end (Fixture *fixture, gconstpointer reader)
{
  /* Remembered: there is no first try with KVM, only ten times the time without. */
  vt_accel_remember_broken (TRUE);
  fixture->options->launch_timeout_s = 1;
  read_image (fixture);
  g_assert_error (fixture->error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_APPLIANCE);
}

/* Reads a file, and then cannot go on directly; it does when it is told so. */
static int
refusing_reader (int socket, GVariant *value)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);
  g_auto (VtReaderArguments) arguments = {0};

  vt_reader_arguments_parse (&arguments, value);
  must (vt_image_sink_described (sink, "raw", 1000, NULL));
  send_filesystem (sink, "/dev/sda1");
  if (g_strv_length (arguments.refused) == 0) {
    must (vt_image_sink_direct (sink, "/dev/sda1", NULL));
    send_file (sink, "/early", "text", NULL);
    send_filesystem (sink, "/dev/sda2");
    must (vt_image_sink_refused (sink, "/dev/sda1", "something is wrong", NULL));
    return EXIT_SUCCESS;
  }
  must (g_str_equal (arguments.refused[0], "/dev/sda1"));
  must (g_str_equal (arguments.refused[1], "something is wrong"));
  send_file (sink, "/late", "text", NULL);
  return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void
test_refusal_begins_again (Fixture *fixture, gconstpointer reader)
{
  const VtImageFile *last;

  read_image (fixture);
  g_assert_no_error (fixture->error);
  g_assert_cmpuint (fixture->restarts, ==, 1);
  g_assert_cmpuint (fixture->messages->len, ==, 1);
  /* Nothing of the first reader's is left. */
  g_assert_cmpuint (fixture->result->filesystems->len, ==, 1);
  g_assert_cmpuint (fixture->files->len, ==, 2);
  last = g_ptr_array_index (fixture->files, 1);
  g_assert_cmpstr (last->result->path, ==, "/late");
}

/* One that refuses the same for ever must not be started for ever. */
static int
stubborn_reader (int socket, GVariant *value)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  must (vt_image_sink_refused (sink, "/dev/sda1", "something is wrong", NULL));
  return EXIT_SUCCESS;
}

static void
test_refusal_counts_once (Fixture *fixture, gconstpointer reader)
{
  read_image (fixture);
  g_assert_error (fixture->error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER);
  g_assert_cmpuint (fixture->restarts, ==, 1);
}

static int
hanging_direct_reader (int socket, GVariant *value)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);
  g_auto (VtReaderArguments) arguments = {0};

  vt_reader_arguments_parse (&arguments, value);
  if (g_strv_length (arguments.refused) == 0) {
    must (vt_image_sink_direct (sink, VT_REFUSED_ALL, NULL));
    pause ();
  }
  return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void
test_direct_reader_that_hangs (Fixture *fixture, gconstpointer reader)
{
  fixture->options->stall_timeout_s = 1;
  read_image (fixture);
  g_assert_no_error (fixture->error);
  g_assert_cmpuint (fixture->restarts, ==, 1);
}

/* What a reader sent that is gone counts for the next one. */
static int
greedy_reader (int socket, GVariant *value)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);
  g_auto (VtReaderArguments) arguments = {0};
  g_autofree char *text = g_strnfill (BUDGET_FILE_SIZE, 'x');

  vt_reader_arguments_parse (&arguments, value);
  vt_image_sink_set_underway (sink, arguments.underway);
  send_filesystem (sink, "/dev/sda1");
  for (int i = 0; i < (g_strv_length (arguments.refused) == 0 ? 3 : BUDGET_FILES); i++)
    send_file (sink, "/large", text, NULL);
  if (g_strv_length (arguments.refused) == 0)
    return vt_image_sink_refused (sink, "/dev/sda1", "why not", NULL) ? 0 : 1;
  return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void
test_what_is_underway_outlives_a_reader (Fixture *fixture, gconstpointer reader)
{
  guint held;

  fixture->release = FALSE;
  fixture->image =
      vt_image_start (fixture->spawner, fixture->options, fixture->result, &events, fixture);
  g_timeout_add (1500, on_pause, fixture->loop);
  g_main_loop_run (fixture->loop);
  g_assert_cmpuint (fixture->restarts, ==, 1);
  held = fixture->files->len;
  g_assert_cmpuint (held, <=, VT_IMAGE_BUDGET / BUDGET_FILE_SIZE);
  g_assert_cmpuint (held, >=, 3);
  fixture->release = TRUE;
  for (guint i = 0; i < held; i++)
    vt_image_release (fixture->image, g_ptr_array_index (fixture->files, i));
  g_main_loop_run (fixture->loop);
  g_assert_no_error (fixture->error);
  g_assert_cmpuint (fixture->files->len, ==, 3 + BUDGET_FILES);
}

/* A new file system each time: that, too, comes to an end. */
static int
inventive_reader (int socket, GVariant *value)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);
  g_auto (VtReaderArguments) arguments = {0};
  g_autofree char *id = NULL;

  vt_reader_arguments_parse (&arguments, value);
  if (g_strv_contains ((const char *const *)arguments.refused, VT_REFUSED_ALL))
    return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
  id = g_strdup_printf ("/dev/sda%u", g_strv_length (arguments.refused));
  must (vt_image_sink_refused (sink, id, "something is wrong", NULL));
  return EXIT_SUCCESS;
}

static void
test_many_refusals_are_one (Fixture *fixture, gconstpointer reader)
{
  read_image (fixture);
  g_assert_no_error (fixture->error);
  g_assert_cmpuint (fixture->restarts, ==, 5);
}

static void
add_tests (void)
{
  ADD ("kvm-dies", broken_kvm_reader, test_second_try_without_kvm);
  ADD ("kvm-hangs", hanging_kvm_reader, test_second_try_without_kvm);
  ADD ("slow-is-no-stall", slow_reader, test_slow_is_no_stall);
  ADD ("stall-has-an-end", stalling_reader, test_stall_has_an_end);
  ADD ("waiting-for-credit-is-no-stall", large_reader, test_waiting_for_credit_is_no_stall);
  ADD ("launch-has-an-end", always_hanging_reader, test_launch_has_an_end);
  ADD ("refusal-begins-again", refusing_reader, test_refusal_begins_again);
  ADD ("refusal-counts-once", stubborn_reader, test_refusal_counts_once);
  ADD ("direct-reader-that-hangs", hanging_direct_reader, test_direct_reader_that_hangs);
  ADD ("what-is-underway-outlives-a-reader", greedy_reader,
       test_what_is_underway_outlives_a_reader);
  ADD ("many-refusals-are-one", inventive_reader, test_many_refusals_are_one);
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
