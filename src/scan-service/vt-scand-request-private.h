// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What vt-scand-server.c, which leads requests, knows of them. */
#pragma once

#include "vt-scand-connection.h"
#include "vt-scand-request.h"

struct _VtScandRequest {
  SoupServerMessage *message;    /* whose this is */
  VtScandConnection *connection; /* NULL: it has been given back */
  const VtScandRoute *route;     /* NULL: there is none */
  GHashTable *query;
  const char *rest;
  guint64 since_pause; /* bytes of the body */
  GSource *resume;
  gboolean answered;
  gpointer data;
  GDestroyNotify free_data;
};

/* Makes that of MESSAGE, which comes over CONNECTION; frees the latter, unless it is given back
 * before. */
VtScandRequest *vt_scand_request_new (SoupServerMessage *message, VtScandConnection *connection);
VtScandRequest *vt_scand_request_of (SoupServerMessage *message);
/* Lets others have their turn before more of the body is read. */
void vt_scand_request_yield (VtScandRequest *self);
