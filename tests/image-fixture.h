// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* An image that is read by a reader that the test makes up. */
#pragma once

#include "fake-reader.h"
#include "vt-accel-private.h"
#include "vt-image.h"
#include "vt-paths.h"

#define BUDGET_FILES     20
#define BUDGET_FILE_SIZE (VT_IMAGE_BUDGET / 4)

typedef struct {
  VtSpawner *spawner;
  VtImageOptions *options;
  GMainLoop *loop;
  VtScanResult *result;
  VtImage *image;
  GPtrArray *files;    /* of VtImageFile */
  GPtrArray *messages; /* of gchar */
  GString *phases;
  guint restarts;
  GError *error;
  gboolean finished;
  gboolean release; /* give each file's credit back at once */
} Fixture;

static inline void
on_message (GLogLevelFlags level, const char *text, gpointer user_data)
{
  g_ptr_array_add (((Fixture *)user_data)->messages, g_strdup (text));
}

static inline void
on_phase (const char *phase, gpointer user_data)
{
  g_string_append_printf (((Fixture *)user_data)->phases, "%s ", phase);
}

static inline void
on_file (VtImageFile *file, gpointer user_data)
{
  Fixture *fixture = user_data;

  g_ptr_array_add (fixture->files, file);
  if (fixture->release)
    vt_image_release (fixture->image, file);
}

static inline void
on_restarted (gpointer user_data)
{
  ((Fixture *)user_data)->restarts++;
}

static inline void
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
    .restarted = on_restarted,
    .file = on_file,
    .finished = on_finished,
};

static inline void
set_up (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (GError) error = NULL;

  fixture->spawner = vt_spawner_new (&error);
  g_assert_no_error (error);
  fixture->options = vt_image_options_new ("made-up");
  fixture->options->reader = (VtChildFunc)reader;
  fixture->result = vt_scan_result_new ("made-up");
  fixture->loop = g_main_loop_new (NULL, FALSE);
  fixture->files = g_ptr_array_new_with_free_func ((GDestroyNotify)vt_image_file_free);
  fixture->messages = g_ptr_array_new_with_free_func (g_free);
  fixture->phases = g_string_new (NULL);
  fixture->release = TRUE;
  /* Any file that may be used: the readers here start no appliance. */
  vt_accel_set_device ("/dev/null");
  vt_accel_remember_broken (FALSE);
}

static inline void
tear_down (Fixture *fixture, gconstpointer reader)
{
  g_clear_pointer (&fixture->image, vt_image_free);
  vt_scan_result_free (fixture->result);
  vt_spawner_free (fixture->spawner);
  vt_image_options_free (fixture->options);
  g_main_loop_unref (fixture->loop);
  g_ptr_array_unref (fixture->files);
  g_ptr_array_unref (fixture->messages);
  g_string_free (fixture->phases, TRUE);
  g_clear_error (&fixture->error);
}

static inline void
read_image (Fixture *fixture)
{
  fixture->image =
      vt_image_start (fixture->spawner, fixture->options, fixture->result, &events, fixture);
  g_main_loop_run (fixture->loop);
}

static inline gboolean
on_pause (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

static inline int
large_reader (int socket, GVariant *arguments)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);
  g_autofree char *text = g_strnfill (BUDGET_FILE_SIZE, 'x');

  send_filesystem (sink, "/dev/sda1");
  for (int i = 0; i < BUDGET_FILES; i++)
    send_file (sink, "/large", text, NULL);
  return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

#define ADD(name, reader, test)                                                                    \
  g_test_add ("/image/" name, Fixture, (gconstpointer)reader, set_up, test, tear_down)

/* Runs the tests that ADD_TESTS adds, with a cache directory of their own. */
static inline int
run_tests (int argc, char **argv, void (*add_tests) (void))
{
  g_autofree char *dir = g_dir_make_tmp ("vt-test-XXXXXX", NULL);
  int status;

  g_setenv ("XDG_CACHE_HOME", dir, TRUE);
  g_unsetenv ("LIBGUESTFS_BACKEND_SETTINGS");
  g_test_init (&argc, &argv, NULL);
  add_tests ();
  status = g_test_run ();
  vt_paths_remove_tree (dir);
  return status;
}
