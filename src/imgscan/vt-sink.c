// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-sink.h"

#include <string.h>

#define BUFFER_SIZE ((gsize)64 * 1024)

struct _VtSink {
  GOutputStream *stream;
  GError *error;
};

VtSink *
vt_sink_new (GOutputStream *stream)
{
  VtSink *self = g_new0 (VtSink, 1);

  self->stream = g_buffered_output_stream_new_sized (stream, BUFFER_SIZE);
  g_filter_output_stream_set_close_base_stream (G_FILTER_OUTPUT_STREAM (self->stream), FALSE);
  return self;
}

void
vt_sink_free (VtSink *self)
{
  g_object_unref (self->stream);
  g_clear_error (&self->error);
  g_free (self);
}

void
vt_sink_write (VtSink *self, const char *data, gsize size)
{
  if (self->error == NULL)
    g_output_stream_write_all (self->stream, data, size, NULL, NULL, &self->error);
}

void
vt_sink_puts (VtSink *self, const char *text)
{
  vt_sink_write (self, text, strlen (text));
}

void
vt_sink_printf (VtSink *self, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  vt_sink_puts (self, text);
}

gboolean
vt_sink_has_failed (const VtSink *self)
{
  return self->error != NULL;
}

gboolean
vt_sink_finish (VtSink *self, GError **error)
{
  if (self->error == NULL)
    g_output_stream_flush (self->stream, NULL, &self->error);
  if (self->error == NULL)
    return TRUE;
  g_propagate_error (error, g_error_copy (self->error));
  return FALSE;
}
