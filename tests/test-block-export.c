// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>

#include "connect.h"
#include "run-program.h"
#include "vt-block-export.h"
#include "vt-fd.h"
#include "vt-image.h"
#include "vt-paths.h"

typedef struct {
  char *dir;
  char *image;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->dir = g_dir_make_tmp ("vt-test-XXXXXX", NULL);
  fixture->image = g_build_filename (fixture->dir, "image,with:odd name.qcow2", NULL);
  run_program (NULL, (const char *[]){"qemu-img", "create", "-q", "-f", "qcow2", fixture->image,
                                      "3M", NULL});
  run_program (NULL, (const char *[]){"qemu-img", "snapshot", "-c", "first", fixture->image, NULL});
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  vt_paths_remove_tree (fixture->dir);
  g_free (fixture->dir);
  g_free (fixture->image);
}

static VtBlockChain *
open_chain (const char *path, const char *format, const char *snapshot, GError **error)
{
  g_autoptr (VtImageOptions) options = vt_image_options_new (path);

  options->format = g_strdup (format);
  options->snapshot = g_strdup (snapshot);
  return vt_block_chain_open (options, error);
}

static void
test_format (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtBlockChain) chain = open_chain (fixture->image, NULL, "first", &error);
  g_autoptr (VtBlockChain) forced = NULL;

  g_assert_no_error (error);
  g_assert_cmpstr (vt_block_chain_get_format (chain), ==, "qcow2");
  g_assert_cmpuint (vt_block_chain_get_virtual_size (chain), ==, 3 * 1024 * 1024);
  forced = open_chain (fixture->image, "raw", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (vt_block_chain_get_format (forced), ==, "raw");
}

static void
test_missing_snapshot (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (open_chain (fixture->image, NULL, "second", &error));
  g_assert_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_OPTION);
}

static void
test_broken_image (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtBlockChain) chain = open_chain (fixture->image, NULL, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpint (truncate (fixture->image, 100), ==, 0);
  g_assert_null (open_chain (fixture->image, NULL, NULL, &error));
  g_assert_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE);
  g_clear_error (&error);
  /* As if it had broken behind the check. */
  g_assert_null (vt_block_export_start (chain, 0, NULL, fixture->dir, &error));
  g_assert_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE);
  g_assert_null (strstr (error->message, "/proc/self/fd"));
}

static void
test_image_in_use (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *socket_path = g_build_filename (fixture->dir, "writer", NULL);
  const char *argv[] = {"qemu-nbd", "--persistent", "-f",           "qcow2",
                        "-k",       socket_path,    fixture->image, NULL};
  vt_autofd client = -1;
  char first;
  GPid pid;

  g_assert_true (g_spawn_async (NULL, (char **)argv, NULL,
                                G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid,
                                &error));
  g_assert_no_error (error);
  /* It listens before it opens the image, and answers after. */
  client = connect_to (socket_path);
  g_assert_cmpint (read (client, &first, 1), ==, 1);
  g_assert_null (open_chain (fixture->image, NULL, NULL, &error));
  g_assert_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE);
  g_assert_nonnull (strstr (error->message, "in use"));
  kill (pid, SIGTERM);
  g_spawn_close_pid (pid);
}

static void
test_export_is_read_only_and_ends (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtBlockChain) chain = open_chain (fixture->image, NULL, "first", &error);
  VtBlockExport *export = vt_block_export_start (chain, 0, "first", fixture->dir, &error);
  g_autofree char *uri = NULL;
  g_autofree char *output = NULL;
  const char *write[] = {"qemu-io", "-f", "raw", "-c", "write 0 1M", NULL, NULL};

  g_assert_no_error (error);
  uri = g_strdup_printf ("nbd+unix:///?socket=%s", vt_block_export_get_socket (export));
  write[5] = uri;
  run_program (NULL,
               (const char *[]){"qemu-io", "-f", "raw", "-r", "-c", "read -P 0 0 1M", uri, NULL});
  g_assert_true (g_spawn_sync (NULL, (char **)write, NULL,
                               G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                               &output, NULL, NULL, &error));
  g_assert_null (strstr (output, "wrote"));
  vt_block_export_free (export);
  g_assert_false (g_file_test (uri + strlen ("nbd+unix:///?socket="), G_FILE_TEST_EXISTS));
}

#define ADD(name, function)                                                                        \
  g_test_add ("/block-export/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("format", test_format);
  ADD ("missing-snapshot", test_missing_snapshot);
  ADD ("broken-image", test_broken_image);
  ADD ("image-in-use", test_image_in_use);
  ADD ("export-is-read-only-and-ends", test_export_is_read_only_and_ends);
  return g_test_run ();
}
