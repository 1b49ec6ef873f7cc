// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A stream that reads and writes by another one, and does nothing when it is closed. For libsoup,
 * which closes what it has been given when it gives a request up: to close TLS is to send a word,
 * and that would wait for as long as the client does not read.
 */
#pragma once

#include <gio/gio.h>

#define VT_TYPE_SCAND_STREAM (vt_scand_stream_get_type ())
G_DECLARE_FINAL_TYPE (VtScandStream, vt_scand_stream, VT, SCAND_STREAM, GIOStream)

GIOStream *vt_scand_stream_new (GIOStream *base);
