// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Messages between the scan pool, the engine's host and its workers (vt-ipc.h).
 *
 *   pool -> host     HOST_REQUEST: start a worker; with its socket
 *   host -> pool     HOST_REPLY: the engine is loaded, or not; a worker was started, or not
 *   pool -> worker   SCAN_REQUEST: with the content's memfd
 *   worker -> pool   WORKER_REPLY: ready, not ready, or a verdict
 */
#pragma once

#include <gio/gio.h>

#include "vt-engine-options.h"

/* Arguments of the host: the options, the engine id, and a directory for its workers'. */
#define VT_HOST_ARGUMENTS_TYPE G_VARIANT_TYPE ("(ayttuuuttuusay)")

/* Serial number of the worker. */
#define VT_HOST_REQUEST_TYPE G_VARIANT_TYPE ("(t)")

typedef enum {
  VT_HOST_LOADED = 1,         /* number: signatures */
  VT_HOST_FAILED = 2,         /* number: VtEngineError; text: message. The host ends. */
  VT_HOST_WORKER_STARTED = 3, /* number: serial; with the worker's pidfd */
  VT_HOST_WORKER_FAILED = 4,  /* number: serial; text: message */
} VtHostReplyKind;

/* Kind, number, text. */
#define VT_HOST_REPLY_TYPE G_VARIANT_TYPE ("(uts)")

/* Serial number and size in bytes of the content. */
#define VT_SCAN_REQUEST_TYPE G_VARIANT_TYPE ("(tt)")

typedef enum {
  VT_WORKER_READY = 1,   /* text: "", or what is weak about its sandbox */
  VT_WORKER_FAILED = 2,  /* text: message. The worker ends. */
  VT_WORKER_VERDICT = 3, /* serial of the content, VtVerdictKind, VtReason; text: threat */
} VtWorkerReplyKind;

/* Kind, serial, verdict kind, reason, text. */
#define VT_WORKER_REPLY_TYPE G_VARIANT_TYPE ("(utuus)")

/* Floating. */
GVariant *
vt_host_arguments_new (const VtEngineOptions *options, const char *engine_id, const char *run_dir);
/* Free the options with vt_engine_options_free(), the strings with g_free(). */
VtEngineOptions *vt_host_arguments_parse (GVariant *arguments, char **engine_id, char **run_dir);
