// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Runs a helper process to its end, and checks what it says.
 */
#include <glib-unix.h>
#include <string.h>

#include "vt-ipc.h"
#include "vt-source.h"
#include "vt-wrapper-private.h"

/* As many names of what is no image are told; the rest only shows in their number. */
#define IGNORED_MAX 1000

typedef struct {
  const VtWrapperRequest *request;
  VtWrapperContents *contents;
  VtChild child;
  guint silent_ticks;
  gboolean done;
  GError *error;
} Run;

static void
end (Run *self, GError *error)
{
  if (self->done)
    g_error_free (error);
  else
    self->error = error;
  self->done = TRUE;
}

static void
end_malformed (Run *self)
{
  end (self, g_error_new_literal (VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_HELPER,
                                  "the process that unpacks it sent nonsense"));
}

/* NULL: not a name. */
static char *
take_name (GVariant *value)
{
  gsize length;
  const char *bytes = g_variant_get_fixed_array (value, &length, 1);

  return length > 0 && memchr (bytes, '\0', length) == NULL ? g_strndup (bytes, length) : NULL;
}

static gboolean
receive_image (Run *self, GVariant *value)
{
  g_autoptr (VtWrapperPart) part = g_new0 (VtWrapperPart, 1);
  g_autoptr (GVariant) name = NULL;
  guint64 size = self->request->size;

  if (self->contents == NULL || self->contents->images->len == VT_WRAPPER_IMAGES_MAX)
    return FALSE;
  g_variant_get (value, "(@aytt)", &name, &part->offset, &part->size);
  part->name = take_name (name);
  if (part->name == NULL || part->offset > size || part->size > size - part->offset)
    return FALSE;
  g_ptr_array_add (self->contents->images, g_steal_pointer (&part));
  return TRUE;
}

static gboolean
receive_ignored (Run *self, GVariant *value)
{
  char *name = take_name (value);

  if (name == NULL || self->contents == NULL || self->contents->ignored->len == IGNORED_MAX) {
    g_free (name);
    return FALSE;
  }
  g_ptr_array_add (self->contents->ignored, name);
  return TRUE;
}

static gboolean
receive_progress (Run *self, GVariant *value)
{
  const VtWrapperRequest *request = self->request;
  guint64 packed;
  guint64 unpacked;

  g_variant_get (value, "(tt)", &packed, &unpacked);
  if (request->events->progress != NULL)
    request->events->progress (request->name, MIN (packed, request->size), request->size, unpacked,
                               request->user_data);
  return TRUE;
}

static gboolean
receive_failed (Run *self, GVariant *value)
{
  guint32 code;
  const char *text;

  g_variant_get (value, "(u&s)", &code, &text);
  end (self,
       g_error_new_literal (VT_WRAPPER_ERROR, (gint)MIN (code, VT_WRAPPER_ERROR_HELPER), text));
  return TRUE;
}

static gboolean
receive (Run *self, GVariant *message)
{
  g_autoptr (GVariant) value = NULL;
  guchar kind;

  g_variant_get (message, "(yv)", &kind, &value);
  if (kind >= VT_WRAPPER_N_MSGS ||
      !g_variant_is_of_type (value, G_VARIANT_TYPE (vt_wrapper_msg_types[kind])))
    return FALSE;
  switch ((VtWrapperMsg)kind) {
  case VT_WRAPPER_MSG_PROGRESS:
    return receive_progress (self, value);
  case VT_WRAPPER_MSG_IMAGE:
    return receive_image (self, value);
  case VT_WRAPPER_MSG_IGNORED:
    return receive_ignored (self, value);
  case VT_WRAPPER_MSG_DONE:
    self->done = TRUE;
    return self->contents == NULL || self->contents->images->len > 0;
  case VT_WRAPPER_MSG_FAILED:
    return receive_failed (self, value);
  case VT_WRAPPER_N_MSGS:
  default:
    return FALSE;
  }
}

static gboolean
on_readable (int fd, GIOCondition condition, gpointer user_data)
{
  Run *self = user_data;
  g_autoptr (GVariant) message = vt_ipc_receive (fd, VT_WRAPPER_REPLY_TYPE, NULL, NULL);

  self->silent_ticks = 0;
  if (message == NULL)
    end (self, g_error_new_literal (VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_HELPER,
                                    "the process that unpacks it ended unexpectedly"));
  else if (!receive (self, message)) {
    self->done = FALSE;
    end_malformed (self);
  }
  return self->done ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static gboolean
on_tick (gpointer user_data)
{
  Run *self = user_data;

  if (++self->silent_ticks > self->request->stall_timeout_s)
    end (self, g_error_new (VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_HELPER,
                            "no sign of life for %u s from what unpacks it (--stall-timeout)",
                            self->request->stall_timeout_s));
  return self->done ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static void
on_cancelled (GCancellable *cancellable, GMainContext *context)
{
  g_main_context_wakeup (context);
}

static GSource *
attach (GSource *source, GSourceFunc func, Run *self, GMainContext *context)
{
  g_source_set_callback (source, func, self, NULL);
  g_source_attach (source, context);
  return source;
}

static void
iterate (Run *self, GCancellable *cancellable)
{
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();
  GSource *messages = attach (g_unix_fd_source_new (self->child.socket, G_IO_IN | G_IO_HUP),
                              G_SOURCE_FUNC (on_readable), self, context);
  GSource *ticker = attach (g_timeout_source_new_seconds (1), on_tick, self, context);
  gulong handler = 0;

  if (cancellable != NULL)
    handler = g_cancellable_connect (cancellable, G_CALLBACK (on_cancelled), context, NULL);
  while (!self->done && !g_cancellable_is_cancelled (cancellable))
    g_main_context_iteration (context, TRUE);
  if (cancellable != NULL)
    g_cancellable_disconnect (cancellable, handler);
  vt_source_clear (&messages);
  vt_source_clear (&ticker);
}

static gboolean
start (Run *self, GError **error)
{
  const VtWrapperRequest *request = self->request;
  const int fds[] = {request->in, request->out};
  GVariant *arguments = g_variant_new (
      VT_WRAPPER_ARGUMENTS, (guchar)(request->out < 0 ? VT_WRAPPER_LIST : VT_WRAPPER_UNPACK),
      request->offset, request->size, (guchar)request->kind, request->max_size, request->dir);

  return vt_spawner_spawn (request->spawner, vt_wrapper_helper_main, arguments, &self->child,
                           error) &&
         vt_ipc_send (self->child.socket, g_variant_new ("()"), fds, request->out < 0 ? 1 : 2,
                      error);
}

gboolean
vt_wrapper_run (const VtWrapperRequest *request,
                VtWrapperContents *contents,
                GCancellable *cancellable,
                GError **error)
{
  Run self = {.request = request, .contents = contents, .child = VT_CHILD_INIT};

  if (contents != NULL) {
    contents->images = g_ptr_array_new_with_free_func ((GDestroyNotify)vt_wrapper_part_free);
    contents->ignored = g_ptr_array_new_with_free_func (g_free);
  }
  if (start (&self, error))
    iterate (&self, cancellable);
  else
    self.done = TRUE;
  vt_child_clear (&self.child);
  if (!self.done) {
    g_cancellable_set_error_if_cancelled (cancellable, error);
    return FALSE;
  }
  if (self.error != NULL)
    g_propagate_error (error, self.error);
  return self.error == NULL && (error == NULL || *error == NULL);
}
