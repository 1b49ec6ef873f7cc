// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Buffered writing to a stream, with one check at the end instead of one for every piece: after the
 * first error nothing more is written, and vt_sink_finish() reports it.
 */
#pragma once

#include <gio/gio.h>

typedef struct _VtSink VtSink;

/* STREAM stays open, and must outlive the sink. */
VtSink *vt_sink_new (GOutputStream *stream);
/* What was not finished may be lost. */
void vt_sink_free (VtSink *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtSink, vt_sink_free)

void vt_sink_write (VtSink *self, const char *data, gsize size);
void vt_sink_puts (VtSink *self, const char *text);
/* Not for floating-point numbers: their decimal point depends on the locale. */
void vt_sink_printf (VtSink *self, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Whether something went wrong already, so that a long loop may end early. */
gboolean vt_sink_has_failed (const VtSink *self);

/* Writes what is buffered to the stream and flushes that too. */
gboolean vt_sink_finish (VtSink *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
