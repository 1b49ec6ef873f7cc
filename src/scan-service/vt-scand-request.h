// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A request on its way: who asks, for what, within which bounds; and its answer.
 *
 * It lives as long as its message. Who answers later holds it until then.
 */
#pragma once

#include <libsoup/soup.h>

#include "vt-json-writer.h"
#include "vt-scand-peer.h"

typedef struct _VtScandRequest VtScandRequest;

typedef void (*VtScandHandler) (VtScandRequest *request, gpointer user_data);

/* What can be asked for. */
typedef struct {
  const char *method;
  const char *path;   /* one that ends with a slash stands for all below it */
  const char *name;   /* in metrics */
  gboolean anonymous; /* no certificate is needed */
  guint64 max_body;   /* bytes */
  gboolean streams;   /* the body is taken by TAKE as it comes, and is not kept */
  /* The headers are here. If it answers, the body does not count. May be NULL. */
  VtScandHandler begin;
  gboolean (*take) (VtScandRequest *request, const void *data, gsize size, gpointer user_data);
  /* The whole body is here. */
  VtScandHandler finish;
} VtScandRoute;

const VtScandPeer *vt_scand_request_get_peer (const VtScandRequest *self); /* NULL: nobody known */
/* What follows the path of its route. */
const char *vt_scand_request_get_rest (const VtScandRequest *self);
/* Value of NAME in the URL's query; NULL if there is none. Valid until the request is gone. */
const char *vt_scand_request_get_query (const VtScandRequest *self, const char *name);
const char *vt_scand_request_get_header (const VtScandRequest *self, const char *name);
guint64 vt_scand_request_get_length (const VtScandRequest *self); /* of the body, as announced */
/* The body, of a route that does not stream; unref with g_bytes_unref(). */
GBytes *vt_scand_request_get_body (const VtScandRequest *self);

/* For a handler's own use; FREE is called when the request is gone. */
void vt_scand_request_set_data (VtScandRequest *self, gpointer data, GDestroyNotify free);
gpointer vt_scand_request_get_data (const VtScandRequest *self);

/* The answer comes later. Each of these is followed by one vt_scand_request_release(). */
void vt_scand_request_hold (VtScandRequest *self);
void vt_scand_request_release (VtScandRequest *self);

void vt_scand_request_set_header (VtScandRequest *self, const char *name, const char *value);
/* Takes BODY (may be NULL). */
void vt_scand_request_answer (VtScandRequest *self, guint status, const char *type, GBytes *body);
/* An object with the member "error". */
void vt_scand_request_refuse (VtScandRequest *self, guint status, const char *format, ...)
    G_GNUC_PRINTF (3, 4);
/* Likewise, for a while. */
void
vt_scand_request_refuse_for (VtScandRequest *self, guint status, guint seconds, const char *text);

/* JSON in memory. */
typedef struct {
  GOutputStream *stream;
  VtSink *sink;
  VtJsonWriter *writer;
} VtScandJson;

void vt_scand_json_begin (VtScandJson *self);
/* Ends it, and answers REQUEST with it. */
void vt_scand_json_answer (VtScandJson *self, VtScandRequest *request, guint status);
