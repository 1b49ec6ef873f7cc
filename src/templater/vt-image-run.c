// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-image-run.h"

typedef struct {
  const VtImageRun *run;
  VtImage *image;
  GMainContext *context;
  GError *error;
  gboolean done;
} Running;

static void
on_message (GLogLevelFlags level, const char *text, gpointer user_data)
{
  const Running *self = user_data;

  if (self->run->message != NULL)
    self->run->message (level, text, self->run->user_data);
}

static void
on_restarted (gpointer user_data)
{
  const Running *self = user_data;

  if (self->run->restarted != NULL)
    self->run->restarted (self->run->user_data);
}

static void
on_file (VtImageFile *file, gpointer user_data)
{
  const Running *self = user_data;

  vt_image_release (self->image, file);
  if (self->run->file != NULL)
    self->run->file (file, self->run->user_data);
  else
    vt_image_file_free (file);
}

static void
on_finished (const GError *error, gpointer user_data)
{
  Running *self = user_data;

  if (error != NULL)
    self->error = g_error_copy (error);
  self->done = TRUE;
}

static const VtImageEvents events = {
    .message = on_message,
    .restarted = on_restarted,
    .file = on_file,
    .finished = on_finished,
};

static void
on_cancelled (GCancellable *cancellable, GMainContext *context)
{
  g_main_context_wakeup (context);
}

gboolean
vt_image_run (VtSpawner *spawner,
              const VtImageOptions *options,
              VtScanResult *result,
              const VtImageRun *run,
              GCancellable *cancellable,
              GError **error)
{
  Running self = {.run = run, .context = g_main_context_ref_thread_default ()};
  gulong handler = 0;

  if (cancellable != NULL)
    handler = g_cancellable_connect (cancellable, G_CALLBACK (on_cancelled), self.context, NULL);
  self.image = vt_image_start (spawner, options, result, &events, &self);
  while (!self.done && !g_cancellable_is_cancelled (cancellable))
    g_main_context_iteration (self.context, TRUE);
  g_cancellable_disconnect (cancellable, handler);
  vt_image_free (self.image);
  g_main_context_unref (self.context);
  if (self.error == NULL && !self.done)
    g_cancellable_set_error_if_cancelled (cancellable, &self.error);
  if (self.error == NULL)
    return TRUE;
  g_propagate_error (error, self.error);
  return FALSE;
}
