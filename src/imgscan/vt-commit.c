// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* The starter's side: has the work done by a process, and waits for it. */
#include "vt-commit.h"

#include "vt-commit-private.h"
#include "vt-image-reader.h"
#include "vt-ipc.h"

/* FALSE: it was cancelled. */
static gboolean
wait_for_reply (const VtChild *child, GCancellable *cancellable, GError **error)
{
  GPollFD fds[2] = {{.fd = child->socket, .events = G_IO_IN}};
  guint n = 1;

  if (cancellable != NULL && g_cancellable_make_pollfd (cancellable, &fds[1]))
    n = 2;
  while (!g_cancellable_is_cancelled (cancellable) && fds[0].revents == 0)
    g_poll (fds, n, -1);
  if (n == 2)
    g_cancellable_release_fd (cancellable);
  return !g_cancellable_set_error_if_cancelled (cancellable, error);
}

static gboolean
take_reply (const VtChild *child, GError **error)
{
  g_autoptr (GError) lost = NULL;
  g_autoptr (GVariant) reply = vt_ipc_receive (child->socket, VT_COMMIT_REPLY_TYPE, NULL, &lost);
  gboolean done;
  guint32 code;
  const char *text;

  if (reply == NULL) {
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER,
                 "the process that writes the image ended unexpectedly: %s", lost->message);
    return FALSE;
  }
  g_variant_get (reply, "(bu&s)", &done, &code, &text);
  if (!done)
    g_set_error_literal (error, VT_IMAGE_ERROR, (gint)MIN (code, VT_IMAGE_ERROR_READER), text);
  return done;
}

static gboolean
run (VtSpawner *spawner,
     const VtImageOptions *options,
     const char *output,
     const char *format,
     const VtFileStamp *target,
     GCancellable *cancellable,
     GError **error)
{
  const VtReaderArguments reader = {
      .options = (VtImageOptions *)options, .run_dir = (char *)"", .refused = (char *[]){NULL}};
  GVariant *arguments = g_variant_new (VT_COMMIT_ARGUMENTS, vt_reader_arguments_serialize (&reader),
                                       output, format, target->device, target->inode, target->size,
                                       target->mtime_ns, target->ctime_ns);
  g_auto (VtChild) child = VT_CHILD_INIT;

  return vt_spawner_spawn (spawner, vt_commit_main, arguments, &child, error) &&
         wait_for_reply (&child, cancellable, error) && take_reply (&child, error);
}

gboolean
vt_commit_to_new_file (VtSpawner *spawner,
                       const VtImageOptions *options,
                       const char *output,
                       const char *format,
                       GCancellable *cancellable,
                       GError **error)
{
  const VtFileStamp none = {0};

  return run (spawner, options, output, format, &none, cancellable, error);
}

gboolean
vt_commit_in_place (VtSpawner *spawner,
                    const VtImageOptions *options,
                    const VtFileStamp *target,
                    GCancellable *cancellable,
                    GError **error)
{
  return run (spawner, options, "", "", target, cancellable, error);
}
