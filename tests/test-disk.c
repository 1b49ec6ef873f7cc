// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A disk's bytes out of a file, and through a real qemu-nbd.
 */
#include "vt-disk.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "connect.h"
#include "vt-block-export.h"
#include "vt-disk-private.h"
#include "vt-fd.h"
#include "vt-paths.h"

/* Larger than one request may be, and no multiple of anything. */
#define DISK_SIZE ((gsize)48 * 1024 * 1024 + 1000)
#define ZERO_FROM ((gsize)8 * 1024 * 1024)
#define ZERO_SIZE ((gsize)1024 * 1024)
/* How long a stopped server is waited for, in milliseconds. */
#define SILENCE_MS 300
#define MANY       200
#define PIECE      70001

typedef struct {
  char *dir;
  char *image;
  guint8 *bytes;
  VtBlockExport *export;
  VtDisk *disk;
  GPid server; /* one that is no export's, or 0 */
} Fixture;

static guint8 *
make_bytes (gsize size)
{
  guint8 *bytes = g_malloc (size);
  guint32 state = 1;

  for (gsize i = 0; i < size; i++) {
    state = state * 1664525 + 1013904223;
    bytes[i] = (guint8)(state >> 24);
  }
  if (size > ZERO_FROM + ZERO_SIZE)
    memset (bytes + ZERO_FROM, 0, ZERO_SIZE);
  return bytes;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->dir = g_dir_make_tmp ("vt-test-XXXXXX", NULL);
  fixture->image = g_build_filename (fixture->dir, "image", NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_clear_pointer (&fixture->disk, vt_disk_free);
  g_clear_pointer (&fixture->export, vt_block_export_free);
  if (fixture->server != 0) {
    kill (fixture->server, SIGKILL);
    waitpid (fixture->server, NULL, 0);
  }
  vt_paths_remove_tree (fixture->dir);
  g_free (fixture->dir);
  g_free (fixture->image);
  g_free (fixture->bytes);
}

static void
export_bytes (Fixture *fixture, gsize size)
{
  g_autoptr (VtImageOptions) options = vt_image_options_new (fixture->image);
  g_autoptr (VtBlockChain) chain = NULL;
  g_autoptr (GError) error = NULL;

  options->format = g_strdup ("raw");
  fixture->bytes = make_bytes (size);
  g_assert_true (
      g_file_set_contents (fixture->image, (const char *)fixture->bytes, (gssize)size, &error));
  chain = vt_block_chain_open (options, &error);
  g_assert_no_error (error);
  fixture->export = vt_block_export_start (chain, 0, NULL, fixture->dir, &error);
  g_assert_no_error (error);
  fixture->disk =
      vt_disk_new_nbd (connect_to (vt_block_export_get_socket (fixture->export)), &error);
  g_assert_no_error (error);
}

/* A server must not outlive a test that fails. */
static void
die_with_test (gpointer user_data)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
}

static void
start_server (Fixture *fixture, const char *const *argv)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (g_spawn_async (NULL, (char **)argv, NULL,
                                G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, die_with_test,
                                NULL, &fixture->server, &error));
  g_assert_no_error (error);
}

static void
test_content (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree guint8 *bytes = g_malloc (DISK_SIZE);
  guint64 size;

  export_bytes (fixture, DISK_SIZE);
  size = vt_disk_get_size (fixture->disk);
  /* QEMU counts in sectors; what it adds are zeros. */
  g_assert_cmpuint (size, >=, DISK_SIZE);
  g_assert_cmpuint (size, <, DISK_SIZE + 512);
  g_assert_true (vt_disk_read (fixture->disk, 0, bytes, DISK_SIZE, &error));
  g_assert_no_error (error);
  g_assert_true (memcmp (bytes, fixture->bytes, DISK_SIZE) == 0);
  g_assert_true (vt_disk_read (fixture->disk, 12345, bytes, 678, &error));
  g_assert_cmpmem (bytes, 678, fixture->bytes + 12345, 678);
  for (guint64 at = DISK_SIZE - 3; at < size; at++) {
    g_assert_true (vt_disk_read (fixture->disk, at, bytes, 1, &error));
    g_assert_cmpuint (bytes[0], ==, at < DISK_SIZE ? fixture->bytes[at] : 0);
  }
}

static void
assert_out_of_range (VtDisk *disk, guint64 offset, gsize size)
{
  g_autoptr (GError) error = NULL;
  guint8 bytes[16];

  g_assert_false (vt_disk_read (disk, offset, bytes, size, &error));
  g_assert_error (error, VT_DISK_ERROR, VT_DISK_ERROR_RANGE);
}

static void
test_range (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  guint8 bytes[16];

  export_bytes (fixture, 1024);
  g_assert_cmpuint (vt_disk_get_size (fixture->disk), ==, 1024);
  assert_out_of_range (fixture->disk, 1024, 1);
  assert_out_of_range (fixture->disk, 1020, 5);
  assert_out_of_range (fixture->disk, G_MAXUINT64, 2);
  assert_out_of_range (fixture->disk, 2, G_MAXSIZE);
  g_assert_true (vt_disk_read (fixture->disk, 1024, bytes, 0, &error));
  g_assert_true (vt_disk_read (fixture->disk, 1020, bytes, 4, &error));
  g_assert_no_error (error);
}

static void
test_empty (Fixture *fixture, gconstpointer data)
{
  export_bytes (fixture, 0);
  g_assert_cmpuint (vt_disk_get_size (fixture->disk), ==, 0);
  assert_out_of_range (fixture->disk, 0, 1);
}

typedef struct {
  VtDisk *disk;
  const guint8 *expected;
  guint8 *buffer;
  guint64 offset;
  guint *n_done;
  GError *error;
  guint more; /* reads to submit from within DONE */
} Piece;

static void on_piece (const GError *error, gpointer user_data);

static void
submit (Piece *piece)
{
  g_autoptr (GError) error = NULL;
  gboolean submitted =
      vt_disk_submit (piece->disk, piece->offset, piece->buffer, PIECE, on_piece, piece, &error);

  g_assert_no_error (error);
  g_assert_true (submitted);
}

static void
on_piece (const GError *error, gpointer user_data)
{
  Piece *piece = user_data;

  (*piece->n_done)++;
  if (error != NULL) {
    piece->error = g_error_copy (error);
    return;
  }
  g_assert_true (memcmp (piece->buffer, piece->expected + piece->offset, PIECE) == 0);
  memset (piece->buffer, 0xa5, PIECE);
  if (piece->more == 0)
    return;
  piece->more--;
  piece->offset += PIECE;
  submit (piece);
}

static void
submit_pieces (Fixture *fixture, Piece *pieces, guint n, guint *n_done, guint more)
{
  for (guint i = 0; i < n; i++) {
    pieces[i] = (Piece){.disk = fixture->disk,
                        .expected = fixture->bytes,
                        .buffer = g_malloc (PIECE),
                        .offset = (guint64)(i * 7919 % MANY) * PIECE,
                        .n_done = n_done,
                        .more = more};
    submit (&pieces[i]);
  }
}

static void
clear_pieces (Piece *pieces, guint n)
{
  for (guint i = 0; i < n; i++) {
    g_free (pieces[i].buffer);
    g_clear_error (&pieces[i].error);
  }
}

static void
test_many_in_flight (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  Piece pieces[MANY];
  guint n_done = 0;
  guint8 byte;

  export_bytes (fixture, DISK_SIZE);
  submit_pieces (fixture, pieces, MANY, &n_done, 2);
  g_assert_cmpuint (n_done, ==, 0);
  /* A read of its own in between. */
  g_assert_true (vt_disk_read (fixture->disk, DISK_SIZE - 1, &byte, 1, &error));
  g_assert_cmpuint (byte, ==, fixture->bytes[DISK_SIZE - 1]);
  g_assert_true (vt_disk_wait (fixture->disk, MANY / 2, &error));
  g_assert_cmpuint (n_done, >=, MANY / 2);
  g_assert_true (vt_disk_wait (fixture->disk, 0, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (n_done, ==, 3 * MANY);
  clear_pieces (pieces, MANY);
}

/* The disk goes while reads are under way: their buffers must not be touched after that. */
static void
test_freed_in_flight (Fixture *fixture, gconstpointer data)
{
  Piece pieces[MANY];
  guint n_done = 0;

  export_bytes (fixture, DISK_SIZE);
  submit_pieces (fixture, pieces, MANY, &n_done, 0);
  g_clear_pointer (&fixture->disk, vt_disk_free);
  g_assert_cmpuint (n_done, ==, 0);
  clear_pieces (pieces, MANY);
}

static void
assert_all_lost (Fixture *fixture, Piece *pieces, guint *n_done)
{
  g_autoptr (GError) error = NULL;
  guint8 byte;

  g_assert_false (vt_disk_wait (fixture->disk, 0, &error));
  g_assert_error (error, VT_DISK_ERROR, VT_DISK_ERROR_LOST);
  g_assert_cmpuint (*n_done, ==, MANY);
  for (guint i = 0; i < MANY; i++)
    if (pieces[i].error != NULL)
      g_assert_error (pieces[i].error, VT_DISK_ERROR, VT_DISK_ERROR_LOST);
  g_assert_nonnull (pieces[MANY - 1].error);
  clear_pieces (pieces, MANY);
  for (guint i = 0; i < 2; i++) {
    g_clear_error (&error);
    g_assert_false (vt_disk_read (fixture->disk, 0, &byte, 1, &error));
    g_assert_error (error, VT_DISK_ERROR, VT_DISK_ERROR_LOST);
  }
  g_clear_error (&error);
  g_assert_false (vt_disk_wait (fixture->disk, 1, &error));
  g_assert_error (error, VT_DISK_ERROR, VT_DISK_ERROR_LOST);
}

static void
test_server_killed (Fixture *fixture, gconstpointer data)
{
  Piece pieces[MANY];
  guint n_done = 0;

  export_bytes (fixture, DISK_SIZE);
  submit_pieces (fixture, pieces, MANY, &n_done, 0);
  g_clear_pointer (&fixture->export, vt_block_export_free);
  assert_all_lost (fixture, pieces, &n_done);
}

static void
start_plain_server (Fixture *fixture, int silence_ms, GError **error)
{
  g_autofree char *path = g_build_filename (fixture->dir, "nbd", NULL);
  const char *const argv[] = {"qemu-nbd", "--read-only", "--persistent", "-f", "raw",
                              "-k",       path,          fixture->image, NULL};

  fixture->bytes = make_bytes (DISK_SIZE);
  g_assert_true (
      g_file_set_contents (fixture->image, (const char *)fixture->bytes, (gssize)DISK_SIZE, NULL));
  start_server (fixture, argv);
  fixture->disk = vt_disk_new_nbd_with_limit (connect_to (path), silence_ms, error);
}

static void
test_server_silent (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  Piece pieces[MANY];
  guint n_done = 0;

  start_plain_server (fixture, SILENCE_MS, &error);
  g_assert_no_error (error);
  kill (fixture->server, SIGSTOP);
  submit_pieces (fixture, pieces, MANY, &n_done, 0);
  assert_all_lost (fixture, pieces, &n_done);
}

static void
test_no_server (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  int sockets[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), ==, 0);
  g_assert_null (vt_disk_new_nbd_with_limit (sockets[0], SILENCE_MS, &error));
  g_assert_error (error, VT_DISK_ERROR, VT_DISK_ERROR_LOST);
  g_clear_error (&error);
  close (sockets[1]);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), ==, 0);
  close (sockets[1]);
  g_assert_null (vt_disk_new_nbd (sockets[0], &error));
  g_assert_error (error, VT_DISK_ERROR, VT_DISK_ERROR_LOST);
}

/* The medium fails in one sector; all others can still be read. */
static void
test_bad_sector (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (fixture->dir, "nbd", NULL);
  g_autofree char *rules = g_build_filename (fixture->dir, "rules", NULL);
  g_autofree char *options = g_strdup_printf ("driver=raw,file.driver=blkdebug,file.config=%s,file."
                                              "image.driver=file,file.image.filename=%s",
                                              rules, fixture->image);
  const char *const argv[] = {"qemu-nbd", "--read-only", "--persistent", "--image-opts",
                              "-k",       path,          options,        NULL};
  guint8 bytes[4096];

  fixture->bytes = make_bytes (1024 * 1024);
  g_assert_true (
      g_file_set_contents (fixture->image, (const char *)fixture->bytes, 1024 * 1024, &error));
  g_assert_true (g_file_set_contents (
      rules, "[inject-error]\nevent = \"none\"\nsector = \"64\"\nerrno = \"5\"\n", -1, &error));
  start_server (fixture, argv);
  fixture->disk = vt_disk_new_nbd (connect_to (path), &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 2; i++) {
    g_assert_false (vt_disk_read (fixture->disk, 64 * 512, bytes, sizeof bytes, &error));
    g_assert_error (error, VT_DISK_ERROR, VT_DISK_ERROR_READ);
    g_clear_error (&error);
    g_assert_true (vt_disk_read (fixture->disk, 128 * 512, bytes, sizeof bytes, &error));
    g_assert_no_error (error);
    g_assert_cmpmem (bytes, sizeof bytes, fixture->bytes + 128 * 512, sizeof bytes);
  }
}

static void
test_file (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  vt_autofd fd = -1;
  Piece pieces[MANY];
  guint n_done = 0;

  fixture->bytes = make_bytes (DISK_SIZE);
  g_assert_true (g_file_set_contents (fixture->image, (const char *)fixture->bytes,
                                      (gssize)DISK_SIZE, &error));
  fd = open (fixture->image, O_RDWR | O_CLOEXEC);
  fixture->disk = vt_disk_new_file (fd, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (vt_disk_get_size (fixture->disk), ==, DISK_SIZE);
  submit_pieces (fixture, pieces, MANY, &n_done, 2);
  g_assert_cmpuint (n_done, ==, 0);
  g_assert_true (vt_disk_wait (fixture->disk, 0, &error));
  g_assert_cmpuint (n_done, ==, 3 * MANY);
  clear_pieces (pieces, MANY);
  assert_out_of_range (fixture->disk, DISK_SIZE, 1);
  g_assert_cmpint (ftruncate (fd, 100), ==, 0);
  g_assert_false (vt_disk_read (fixture->disk, 90, fixture->bytes, 20, &error));
  g_assert_error (error, VT_DISK_ERROR, VT_DISK_ERROR_READ);
}

#define ADD(name, function) g_test_add ("/disk/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("content", test_content);
  ADD ("range", test_range);
  ADD ("empty", test_empty);
  ADD ("many-in-flight", test_many_in_flight);
  ADD ("freed-in-flight", test_freed_in_flight);
  ADD ("server-killed", test_server_killed);
  ADD ("server-silent", test_server_silent);
  ADD ("no-server", test_no_server);
  ADD ("bad-sector", test_bad_sector);
  ADD ("file", test_file);
  return g_test_run ();
}
