// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Writes JSON (RFC 8259) piece by piece, so that a long list never stands in memory as a tree, and
 * with the whole range of unsigned 64-bit numbers, which json-glib's nodes do not have.
 *
 * NAME is the member's name inside an object, NULL inside an array and at the top. Strings may be
 * any bytes: what is not UTF-8 becomes U+FFFD, and control characters are escaped, so that the
 * output is safe on a terminal.
 */
#pragma once

#include "vt-sink.h"

typedef struct _VtJsonWriter VtJsonWriter;

/* PRETTY: indented, one member a line; else all in one line. SINK must outlive the writer. */
VtJsonWriter *vt_json_writer_new (VtSink *sink, gboolean pretty);
void vt_json_writer_free (VtJsonWriter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtJsonWriter, vt_json_writer_free)

void vt_json_begin_object (VtJsonWriter *self, const char *name);
void vt_json_end_object (VtJsonWriter *self);
void vt_json_begin_array (VtJsonWriter *self, const char *name);
void vt_json_end_array (VtJsonWriter *self);

/* VALUE may be NULL, which is written as null. */
void vt_json_string (VtJsonWriter *self, const char *name, const char *value);
/* BYTES under NAME; when they are not UTF-8, exactly as well, under NAME_base64. */
void vt_json_bytes (VtJsonWriter *self, const char *name, const char *bytes);
/* An array of what vt_json_bytes() writes; NAME_base64 has all of them. STRINGS may be NULL. */
void vt_json_bytes_array (VtJsonWriter *self, const char *name, const char *const *strings);
void vt_json_uint (VtJsonWriter *self, const char *name, guint64 value);
void vt_json_int (VtJsonWriter *self, const char *name, gint64 value);
/* Seconds, to the millisecond. */
void vt_json_seconds (VtJsonWriter *self, const char *name, gdouble value);
/* Seconds since 1970 as a date and time in UTC (RFC 3339); null for a time without a date. */
void vt_json_time (VtJsonWriter *self, const char *name, gint64 value);
void vt_json_boolean (VtJsonWriter *self, const char *name, gboolean value);
void vt_json_null (VtJsonWriter *self, const char *name);

/* "1.234" whatever the locale; what is no duration is "0.000". */
const char *vt_json_format_seconds (gdouble value, char buffer[G_ASCII_DTOSTR_BUF_SIZE]);
