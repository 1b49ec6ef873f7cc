// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scand-stream.h"

struct _VtScandStream {
  GIOStream parent_instance;

  GIOStream *base;
};

G_DEFINE_FINAL_TYPE (VtScandStream, vt_scand_stream, G_TYPE_IO_STREAM)

static GInputStream *
get_input_stream (GIOStream *stream)
{
  return g_io_stream_get_input_stream (VT_SCAND_STREAM (stream)->base);
}

static GOutputStream *
get_output_stream (GIOStream *stream)
{
  return g_io_stream_get_output_stream (VT_SCAND_STREAM (stream)->base);
}

static gboolean
close_nothing (GIOStream *stream, GCancellable *cancellable, GError **error)
{
  return TRUE;
}

static void
vt_scand_stream_finalize (GObject *object)
{
  g_object_unref (VT_SCAND_STREAM (object)->base);
  G_OBJECT_CLASS (vt_scand_stream_parent_class)->finalize (object);
}

static void
vt_scand_stream_class_init (VtScandStreamClass *klass)
{
  GIOStreamClass *stream_class = G_IO_STREAM_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = vt_scand_stream_finalize;
  stream_class->get_input_stream = get_input_stream;
  stream_class->get_output_stream = get_output_stream;
  stream_class->close_fn = close_nothing;
}

static void
vt_scand_stream_init (VtScandStream *self)
{
}

GIOStream *
vt_scand_stream_new (GIOStream *base)
{
  VtScandStream *self = g_object_new (VT_TYPE_SCAND_STREAM, NULL);

  self->base = g_object_ref (base);
  return G_IO_STREAM (self);
}
