// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What a reader may send that is in somebody else's hands. A real reader process replays it, so
 * that all there is between the two is met: the socket, the messages, restarts, credit, the end.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../fake-reader.h"
#include "fuzz-receive.h"
#include "fuzz.h"
#include "vt-bytes.h"
#include "vt-image-private.h"

/* Bytes of an input: it travels to the reader as text, in a message of its own. */
#define INPUT_MAX 8000

typedef struct {
  GMainLoop *loop;
  VtImage *image;
} Run;

static void
send_raw (int socket, const guint8 *bytes, gsize size, guint along)
{
  int fds[VT_IPC_FDS_MAX];
  gsize n = along == FUZZ_NOTHING ? 0 : along == FUZZ_MANY ? VT_IPC_FDS_MAX : 1;
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE (sizeof fds)];
  } control = {0};
  struct iovec part = {(void *)bytes, size};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

  for (gsize i = 0; i < n; i++)
    fds[i] = make_memfd (FUZZ_TEXT, along != FUZZ_UNSEALED);
  if (n > 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE (n * sizeof (int));
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN (n * sizeof (int));
    memcpy (CMSG_DATA (&control.header), fds, n * sizeof (int));
  }
  if (sendmsg (socket, &message, MSG_NOSIGNAL) < 0)
    _exit (EXIT_FAILURE);
  for (gsize i = 0; i < n; i++)
    close (fds[i]);
}

static int
replay (int socket, GVariant *value)
{
  g_auto (VtReaderArguments) arguments = {0};
  g_autofree guint8 *data = NULL;
  gsize size;

  vt_reader_arguments_parse (&arguments, value);
  data = g_base64_decode (arguments.options->path, &size);
  for (gsize at = 0; size - at >= 3;) {
    gsize length = vt_le16 (data + at);
    guint along = data[at + 2] % FUZZ_KINDS;

    at += 3;
    length = MIN (length, size - at);
    if (length > 0)
      send_raw (socket, data + at, length, along);
    at += length;
  }
  return EXIT_SUCCESS;
}

static void
on_file (VtImageFile *file, gpointer user_data)
{
  Run *run = user_data;

  g_assert_cmpint (file->result->path[0], ==, '/');
  for (guint i = 0; file->links != NULL && i < file->links->len; i++)
    g_assert_cmpint (*(const char *)g_ptr_array_index (file->links, i), ==, '/');
  if (file->spooled > 0)
    g_assert_cmpint (lseek (file->memfd, 0, SEEK_END), ==, (off_t)file->result->size);
  else if (file->memfd >= 0)
    g_assert_true (vt_content_is_sealed (file->memfd, file->result->size));
  else
    g_assert_cmpint (file->result->verdict.kind, ==, VT_VERDICT_INCOMPLETE);
  vt_image_release (run->image, file);
  vt_image_file_free (file);
}

static void
on_finished (const GError *error, gpointer user_data)
{
  g_main_loop_quit (((Run *)user_data)->loop);
}

static const VtImageEvents events = {.file = on_file, .finished = on_finished};

/* One for all inputs; it ends with this process. */
static VtSpawner *
get_spawner (void)
{
  static VtSpawner *spawner;

  if (spawner == NULL) {
    g_setenv ("XDG_CACHE_HOME", "/nonexistent", TRUE);
    spawner = vt_spawner_new (NULL);
    g_assert_nonnull (spawner);
  }
  return spawner;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_base64_encode (data, MIN (size, INPUT_MAX));
  g_autoptr (VtImageOptions) options = vt_image_options_new (text);
  g_autoptr (VtScanResult) result = vt_scan_result_new ("image");
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  Run run = {.loop = loop};

  options->reader = replay;
  options->max_file_size = sizeof FUZZ_TEXT;
  options->max_spool_size = 1024 * 1024;
  run.image = vt_image_start (get_spawner (), options, result, &events, &run);
  g_main_loop_run (loop);
  vt_image_free (run.image);
  return 0;
}
