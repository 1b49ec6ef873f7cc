// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Records what a good reader sends, for the fuzzer to start from. Usage: make-receive-corpus
 * DIRECTORY
 */
#include <glib/gstdio.h>
#include <sys/socket.h>

#include "../fake-reader.h"
#include "fuzz-receive.h"

static void
send_all (VtImageSink *sink)
{
  g_autoptr (VtOperatingSystem) system = vt_operating_system_new ();
  char **texts[] = {&system->root,           &system->type,           &system->distro,
                    &system->product,        &system->hostname,       &system->arch,
                    &system->package_format, &system->package_manager};

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_free (*texts[i]);
    *texts[i] = g_strdup ("text");
  }
  must (vt_image_sink_phase (sink, "open", NULL));
  must (vt_image_sink_described (sink, "qcow2", 1 << 30, NULL));
  must (vt_image_sink_direct (sink, "/dev/sda1", NULL));
  must (vt_image_sink_system (sink, system, NULL));
  send_filesystem (sink, "/dev/sda1");
  send_filesystem (sink, "/dev/sda2");
  must (vt_image_sink_expect (sink, 2, 14, 0, NULL));
  send_file (sink, "/first", FUZZ_TEXT, "/second");
  vt_image_sink_log (sink, G_LOG_LEVEL_WARNING, "something");
  send_file (sink, "/third", FUZZ_TEXT, NULL);
  must (vt_image_sink_filesystem_end (sink, 0, VT_REASON_NONE, NULL, NULL));
  must (vt_image_sink_filesystem_end (sink, 1, VT_REASON_READ_ERROR, "damaged", NULL));
}

/* A file that is larger than what is kept in memory. */
static void
send_spooled (VtImageSink *sink, int socket)
{
  GVariant *size = g_variant_new ("(tt)", (guint64)1000, (guint64)1000);
  g_autoptr (VtFileResult) file = vt_file_result_new ();

  must (vt_image_sink_phase (sink, "read", NULL));
  send_filesystem (sink, "/dev/sda1");
  must (vt_ipc_send (socket, g_variant_new ("(yv)", VT_IMAGE_MSG_SPOOL, size), NULL, 0, NULL));
  file->path = g_strdup ("/large");
  file->size = 1000;
  must (vt_image_sink_file (sink, file, NULL, -1, NULL));
}

static gboolean
record (int socket, GByteArray *bytes)
{
  guint8 data[4096];
  char control[256];
  struct iovec part = {data, sizeof data};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  gssize n = recvmsg (socket, &message, MSG_DONTWAIT);
  const guint8 head[] = {(guint8)n, (guint8)(n >> 8),
                         message.msg_controllen > 0 ? FUZZ_CONTENT : FUZZ_NOTHING};

  if (n <= 0)
    return FALSE;
  g_byte_array_append (bytes, head, sizeof head);
  g_byte_array_append (bytes, data, (guint)n);
  return TRUE;
}

static void
save (const char *directory, const char *name, int socket)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autofree char *path = g_build_filename (directory, name, NULL);

  while (record (socket, bytes))
    ;
  must (g_file_set_contents (path, (const char *)bytes->data, bytes->len, NULL));
}

int
main (int argc, char **argv)
{
  g_autoptr (VtImageSink) sink = NULL;
  int pair[2];

  must (argc == 2 && g_mkdir_with_parents (argv[1], 0755) == 0 && vt_ipc_pair (pair, NULL));
  sink = vt_image_sink_new (pair[0]);
  send_all (sink);
  must (vt_ipc_send (pair[0], g_variant_new ("(yv)", VT_IMAGE_MSG_DONE, g_variant_new ("()")), NULL,
                     0, NULL));
  save (argv[1], "whole", pair[1]);
  send_all (sink);
  must (vt_ipc_send (
      pair[0],
      g_variant_new ("(yv)", VT_IMAGE_MSG_REFUSED, g_variant_new ("(ss)", "/dev/sda1", "damaged")),
      NULL, 0, NULL));
  save (argv[1], "refused", pair[1]);
  send_spooled (sink, pair[0]);
  save (argv[1], "spooled", pair[1]);
  must (vt_image_sink_phase (sink, "launch", NULL));
  must (vt_ipc_send (pair[0],
                     g_variant_new ("(yv)", VT_IMAGE_MSG_ERROR, g_variant_new ("(us)", 3, "bad")),
                     NULL, 0, NULL));
  save (argv[1], "failed", pair[1]);
  return 0;
}
