// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The starter's side of image readers, with readers that the test makes up. Real images are read by
 * the end-to-end tests.
 */
#include "vt-image.h"

#include "fake-reader.h"
#include "vt-accel.h"
#include "vt-paths.h"

/* More than a socket takes messages before it is full. */
#define UNREAD_FILES     3000
#define BUDGET_FILES     20
#define BUDGET_FILE_SIZE (VT_IMAGE_BUDGET / 4)

typedef struct {
  VtSpawner *spawner;
  VtImageOptions *options;
  GMainLoop *loop;
  VtImage *image;
  GPtrArray *files;    /* of VtImageFile */
  GPtrArray *messages; /* of gchar */
  GString *phases;
  GError *error;
  gboolean finished;
  gboolean release; /* give each file's credit back at once */
} Fixture;

static void
on_message (GLogLevelFlags level, const char *text, gpointer user_data)
{
  g_ptr_array_add (((Fixture *)user_data)->messages, g_strdup (text));
}

static void
on_phase (const char *phase, gpointer user_data)
{
  g_string_append_printf (((Fixture *)user_data)->phases, "%s ", phase);
}

static void
on_described (const char *format, guint64 size, gpointer user_data)
{
}

static void
on_system (VtOperatingSystem *system, gpointer user_data)
{
  vt_operating_system_free (system);
}

static void
on_filesystem (VtFilesystem *filesystem, gpointer user_data)
{
  vt_filesystem_free (filesystem);
}

static void
on_expect (guint64 files, guint64 bytes, guint64 excluded, gpointer user_data)
{
}

static void
on_file (VtImageFile *file, gpointer user_data)
{
  Fixture *fixture = user_data;

  g_ptr_array_add (fixture->files, file);
  if (fixture->release)
    vt_image_release (fixture->image, file->cost);
}

static void
on_filesystem_end (guint index, VtReason reason, const char *detail, gpointer user_data)
{
}

static void
on_finished (const GError *error, gpointer user_data)
{
  Fixture *fixture = user_data;

  g_assert_false (fixture->finished);
  fixture->finished = TRUE;
  if (error != NULL)
    fixture->error = g_error_copy (error);
  g_main_loop_quit (fixture->loop);
}

static const VtImageEvents events = {
    .message = on_message,
    .phase = on_phase,
    .described = on_described,
    .system = on_system,
    .filesystem = on_filesystem,
    .expect = on_expect,
    .file = on_file,
    .filesystem_end = on_filesystem_end,
    .finished = on_finished,
};

static void
set_up (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (GError) error = NULL;

  fixture->spawner = vt_spawner_new (&error);
  g_assert_no_error (error);
  fixture->options = vt_image_options_new ("made-up");
  fixture->options->reader = (VtChildFunc)reader;
  fixture->loop = g_main_loop_new (NULL, FALSE);
  fixture->files = g_ptr_array_new_with_free_func ((GDestroyNotify)vt_image_file_free);
  fixture->messages = g_ptr_array_new_with_free_func (g_free);
  fixture->phases = g_string_new (NULL);
  fixture->release = TRUE;
  vt_accel_remember_broken (FALSE);
}

static void
tear_down (Fixture *fixture, gconstpointer reader)
{
  g_clear_pointer (&fixture->image, vt_image_free);
  vt_spawner_free (fixture->spawner);
  vt_image_options_free (fixture->options);
  g_main_loop_unref (fixture->loop);
  g_ptr_array_unref (fixture->files);
  g_ptr_array_unref (fixture->messages);
  g_string_free (fixture->phases, TRUE);
  g_clear_error (&fixture->error);
}

static void
read_image (Fixture *fixture)
{
  fixture->image = vt_image_start (fixture->spawner, fixture->options, &events, fixture);
  g_main_loop_run (fixture->loop);
}

static int
honest_reader (int socket, GVariant *arguments)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  must (vt_image_sink_phase (sink, "open", NULL));
  send_filesystem (sink, "/dev/sda1");
  must (vt_image_sink_phase (sink, "read", NULL));
  send_file (sink, "/a", "alpha", "/b");
  send_unread (sink, "/c\xff", VT_REASON_READ_ERROR);
  must (vt_image_sink_filesystem_end (sink, 0, VT_REASON_NONE, NULL, NULL));
  return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
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
  g_assert_cmpuint (file->links->len, ==, 1);
  g_assert_cmpstr (g_ptr_array_index (file->links, 0), ==, "/b");
  file = g_ptr_array_index (fixture->files, 1);
  g_assert_cmpstr (file->result->path, ==, "/c\xff");
  g_assert_cmpint (file->memfd, ==, -1);
  g_assert_cmpint (file->result->verdict.reason, ==, VT_REASON_READ_ERROR);
}

static int
large_reader (int socket, GVariant *arguments)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);
  g_autofree char *text = g_strnfill (BUDGET_FILE_SIZE, 'x');

  send_filesystem (sink, "/dev/sda1");
  for (int i = 0; i < BUDGET_FILES; i++)
    send_file (sink, "/large", text, NULL);
  return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
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

static gboolean
on_pause (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

static void
test_budget_holds_the_reader_back (Fixture *fixture, gconstpointer reader)
{
  fixture->release = FALSE;
  fixture->image = vt_image_start (fixture->spawner, fixture->options, &events, fixture);
  /* However long one waits, no more comes than the budget allows; the last one is held back until
   * the next message. */
  g_timeout_add (1500, on_pause, fixture->loop);
  g_main_loop_run (fixture->loop);
  g_assert_cmpuint (fixture->files->len, <=, VT_IMAGE_BUDGET / BUDGET_FILE_SIZE);
  g_assert_cmpuint (fixture->files->len, >, 0);
  g_assert_false (fixture->finished);
  fixture->release = TRUE;
  for (guint i = 0; i < fixture->files->len; i++)
    vt_image_release (fixture->image, ((VtImageFile *)g_ptr_array_index (fixture->files, i))->cost);
  g_main_loop_run (fixture->loop);
  g_assert_no_error (fixture->error);
  g_assert_cmpuint (fixture->files->len, ==, BUDGET_FILES);
}

static void
send_raw_file (int socket, guint filesystem, const char *path, guint64 size, int memfd)
{
  GVariant *value = g_variant_new (
      "(u@ayttxx@ayy)", filesystem,
      g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, path, strlen (path), 1), (guint64)1, size,
      (gint64)0, (gint64)0, g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, "", 0, 1), (guchar)0);

  must (vt_ipc_send (socket, g_variant_new ("(yv)", (guchar)VT_IMAGE_MSG_FILE, value), &memfd,
                     memfd >= 0, NULL));
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
HOSTILE_READER (dying_reader, _exit (EXIT_SUCCESS))

static void
test_hostile_reader_is_ended (Fixture *fixture, gconstpointer reader)
{
  read_image (fixture);
  g_assert_error (fixture->error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER);
  g_assert_cmpuint (fixture->files->len, ==, 0);
}

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
  fixture->image = vt_image_start (fixture->spawner, fixture->options, &events, fixture);
  g_timeout_add (6500, on_pause, fixture->loop);
  g_main_loop_run (fixture->loop);
  g_assert_no_error (fixture->error);
  g_assert_false (fixture->finished);
}

static void
test_second_try_without_kvm (Fixture *fixture, gconstpointer reader)
{
  if (!vt_accel_kvm_is_worth_trying ()) {
    g_test_skip ("no /dev/kvm that may be used");
    return;
  }
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

#define ADD(name, reader, test)                                                                    \
  g_test_add ("/image/" name, Fixture, (gconstpointer)reader, set_up, test, tear_down)
#define ADD_HOSTILE(name, reader) ADD ("hostile/" name, reader, test_hostile_reader_is_ended)

int
main (int argc, char **argv)
{
  g_autofree char *dir = g_dir_make_tmp ("vt-test-XXXXXX", NULL);
  int status;

  g_setenv ("XDG_CACHE_HOME", dir, TRUE);
  g_unsetenv ("LIBGUESTFS_BACKEND_SETTINGS");
  g_test_init (&argc, &argv, NULL);
  ADD ("records-arrive", honest_reader, test_records_arrive);
  ADD ("budget-holds-the-reader-back", large_reader, test_budget_holds_the_reader_back);
  ADD ("files-without-content-need-no-credit", unread_reader,
       test_files_without_content_need_no_credit);
  ADD_HOSTILE ("unsealed", unsealed_reader);
  ADD_HOSTILE ("other-size", other_size_reader);
  ADD_HOSTILE ("no-content", no_content_reader);
  ADD_HOSTILE ("other-file-system", other_fs_reader);
  ADD_HOSTILE ("relative-path", relative_reader);
  ADD_HOSTILE ("pipe", pipe_reader);
  ADD_HOSTILE ("lonely-link", lonely_link_reader);
  ADD_HOSTILE ("unknown-kind", unknown_kind_reader);
  ADD_HOSTILE ("other-type", other_type_reader);
  ADD_HOSTILE ("many-file-systems", many_filesystems_reader);
  ADD_HOSTILE ("dying", dying_reader);
  ADD ("kvm-dies", broken_kvm_reader, test_second_try_without_kvm);
  ADD ("kvm-hangs", hanging_kvm_reader, test_second_try_without_kvm);
  ADD ("slow-is-no-stall", slow_reader, test_slow_is_no_stall);
  ADD ("stall-has-an-end", stalling_reader, test_stall_has_an_end);
  ADD ("waiting-for-credit-is-no-stall", large_reader, test_waiting_for_credit_is_no_stall);
  ADD ("launch-has-an-end", always_hanging_reader, test_launch_has_an_end);
  status = g_test_run ();
  vt_paths_remove_tree (dir);
  return status;
}
