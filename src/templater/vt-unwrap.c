// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-unwrap.h"

static void
on_message (GLogLevelFlags level, const char *text, gpointer user_data)
{
  const VtUnwrap *self = user_data;

  if (!self->quiet)
    vt_progress_say (self->image, text);
}

static void
on_progress (const char *name, guint64 packed, guint64 total, guint64 unpacked, gpointer user_data)
{
  VtUnwrap *self = user_data;

  if (self->progress == NULL) {
    self->unpacked = TRUE;
    if (self->make_room != NULL)
      self->make_room (self->user_data);
    self->progress = vt_progress_new_without_job (self->style, name);
  }
  vt_progress_show_unpacking (self->progress, packed, total, unpacked);
}

static const VtWrapperEvents events = {.message = on_message, .progress = on_progress};

gboolean
vt_unwrap_init (VtUnwrap *self, const VtCliOptions *cli, GError **error)
{
  *self = (VtUnwrap){.quiet = cli->quiet};
  return vt_cli_make_wrapper_options (cli, &self->options, error) &&
         vt_cli_get_progress_style (cli, &self->style, error);
}

VtWrapper *
vt_unwrap_open (VtUnwrap *self, const char *image, GCancellable *cancellable, GError **error)
{
  VtWrapper *wrapper;

  self->image = image;
  self->unpacked = FALSE;
  wrapper =
      vt_wrapper_open (self->spawner, image, &self->options, &events, self, cancellable, error);
  g_clear_pointer (&self->progress, vt_progress_free);
  return wrapper;
}

gboolean
vt_unwrap_prepare (VtUnwrap *self,
                   VtWrapper *wrapper,
                   guint index,
                   VtImageOptions *options,
                   GCancellable *cancellable,
                   GError **error)
{
  gboolean done = vt_wrapper_prepare (wrapper, index, options, cancellable, error);

  g_clear_pointer (&self->progress, vt_progress_free);
  return done;
}
