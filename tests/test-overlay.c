// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "overlay-fixture.h"
#include "vt-block-chain.h"
#include "vt-block-export.h"

/* How long the overlay stays in use after another process was told to go. */
#define HOLD_US 200000

static gboolean
run_qemu_io (VtBlockExport *export, const char *command, gboolean read_only)
{
  g_autofree char *uri =
      g_strdup_printf ("nbd+unix:///?socket=%s", vt_block_export_get_socket (export));
  const char *argv[] = {"qemu-io", "-f", "raw", "-c", command, uri, read_only ? "-r" : NULL, NULL};
  int status;

  g_assert_true (
      g_spawn_sync (NULL, (char **)argv, NULL,
                    G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
                    NULL, NULL, NULL, NULL, &status, NULL));
  return status == 0;
}

static VtBlockExport *
start_export (Fixture *fixture, VtImageMode mode)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtBlockChain) chain = NULL;
  VtBlockExport *export;

  fixture->options->mode = mode;
  chain = vt_block_chain_open (fixture->options, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (vt_block_chain_get_virtual_size (chain), ==, IMAGE_SIZE);
  export = vt_block_export_start (chain, 0, NULL, fixture->dir, &error);
  g_assert_no_error (error);
  return export;
}

static void
test_has_no_name (Fixture *fixture, gconstpointer data)
{
  struct stat info;

  g_assert_cmpint (fstat (vt_overlay_get_fd (fixture->overlay), &info), ==, 0);
  g_assert_cmpuint (info.st_nlink, ==, 0);
  g_assert_cmpint (info.st_size, >, 0);
  g_assert_cmpuint (info.st_mode & 077, ==, 0);
}

static void
test_size_that_cannot_be (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (vt_overlay_new (G_MAXUINT64, &error));
  g_assert_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_EDIT);
}

static void
test_writes_go_to_the_overlay_only (Fixture *fixture, gconstpointer data)
{
  g_autofree char *below = g_build_filename (fixture->dir, "below.qcow2", NULL);
  const VtDigest before = digest_file (fixture->image);
  const VtDigest below_before = digest_file (below);
  g_autoptr (VtBlockExport) export = start_export (fixture, VT_IMAGE_EDIT);
  g_autoptr (GError) error = NULL;

  g_assert_true (run_qemu_io (export, "read -P 1 2M 1M", TRUE));
  g_assert_true (run_qemu_io (export, "write -P 7 2M 1M", FALSE));
  /* Where the image itself has something. */
  g_assert_true (run_qemu_io (export, "write -P 9 4M 4k", FALSE));
  g_assert_true (vt_block_export_finish (export, &error));
  g_assert_no_error (error);
  g_clear_pointer (&export, vt_block_export_free);
  assert_unchanged (fixture->image, &before);
  assert_unchanged (below, &below_before);
  export = start_export (fixture, VT_IMAGE_READ);
  g_assert_true (run_qemu_io (export, "read -P 7 2M 1M", TRUE));
  g_assert_true (run_qemu_io (export, "read -P 9 4M 4k", TRUE));
  g_assert_true (run_qemu_io (export, "read -P 5 4100k 60k", TRUE));
  g_assert_true (run_qemu_io (export, "read -P 1 0 2M", TRUE));
}

static void
test_is_written_to_by_editors_only (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtBlockExport) export = start_export (fixture, VT_IMAGE_READ);

  g_assert_false (run_qemu_io (export, "write -P 7 2M 1M", FALSE));
  g_assert_true (run_qemu_io (export, "read -P 1 2M 1M", TRUE));
}

/* What a server that was killed had been told to write is lost, and that must not be missed. */
static void
test_lost_server_is_an_error (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtBlockExport) export = start_export (fixture, VT_IMAGE_EDIT);
  g_autofree char *command =
      g_strdup_printf ("for pid in $(cat /proc/%d/task/*/children); do "
                       "if grep -qx qemu-nbd /proc/$pid/comm; then kill -KILL $pid; fi; done",
                       (int)getpid ());
  g_autoptr (GError) error = NULL;

  run_script (fixture->dir, command);
  g_assert_false (vt_block_export_finish (export, &error));
  g_assert_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_EDIT);
}

static gpointer
let_go (gpointer export)
{
  g_usleep (HOLD_US);
  vt_block_export_free (export);
  return NULL;
}

/* A reader begins again while what the one before started is on its way out. */
static void
test_waits_for_who_was_killed (Fixture *fixture, gconstpointer data)
{
  GThread *thread = g_thread_new ("holder", let_go, start_export (fixture, VT_IMAGE_EDIT));
  g_autoptr (GError) error = NULL;
  g_autoptr (VtBlockChain) chain = vt_block_chain_open (fixture->options, &error);

  g_assert_no_error (error);
  g_assert_nonnull (chain);
  g_thread_join (thread);
}

static void
assert_refused (Fixture *fixture, VtImageError code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (vt_block_chain_open (fixture->options, &error));
  g_assert_error (error, VT_IMAGE_ERROR, (gint)code);
}

static void
test_refusals (Fixture *fixture, gconstpointer data)
{
  fixture->options->snapshot = g_strdup ("first");
  assert_refused (fixture, VT_IMAGE_ERROR_BAD_OPTION);
  g_clear_pointer (&fixture->options->snapshot, g_free);

  /* A descriptor that nobody has. */
  g_clear_pointer (&fixture->overlay, vt_overlay_free);
  g_free (fixture->options->overlay);
  fixture->options->overlay = g_strdup_printf ("/proc/%d/fd/%d", (int)getpid (), G_MAXINT);
  assert_refused (fixture, VT_IMAGE_ERROR_BAD_OPTION);

  fixture->overlay = vt_overlay_new (IMAGE_SIZE / 2, NULL);
  g_free (fixture->options->overlay);
  fixture->options->overlay = g_strdup (vt_overlay_get_path (fixture->overlay));
  assert_refused (fixture, VT_IMAGE_ERROR_BAD_OPTION);

  /* One that names a file itself. */
  g_free (fixture->options->overlay);
  fixture->options->overlay = g_strdup (fixture->image);
  assert_refused (fixture, VT_IMAGE_ERROR_BAD_IMAGE);

  g_clear_pointer (&fixture->options->overlay, g_free);
  fixture->options->mode = VT_IMAGE_EDIT;
  assert_refused (fixture, VT_IMAGE_ERROR_BAD_OPTION);
}

#define ADD(name, function)                                                                        \
  g_test_add ("/overlay/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("has-no-name", test_has_no_name);
  ADD ("size-that-cannot-be", test_size_that_cannot_be);
  ADD ("writes-go-to-the-overlay-only", test_writes_go_to_the_overlay_only);
  ADD ("is-written-to-by-editors-only", test_is_written_to_by_editors_only);
  ADD ("lost-server-is-an-error", test_lost_server_is_an_error);
  ADD ("waits-for-who-was-killed", test_waits_for_who_was_killed);
  ADD ("refusals", test_refusals);
  return g_test_run ();
}
