// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What vt-direct.c and the walker that it forks say to each other, as vt-ipc messages. The walker
 * parses a hostile image: what it says is checked.
 */
#pragma once

#include "vt-direct-template.h"
#include "vt-direct.h"
#include "vt-image-records.h"

/* What the walker is forked with. Its fork has all of it in its memory. */
typedef struct {
  const VtImageOptions *options;
  VtImageSink *sink;
  int sink_socket;
  int disk_socket;                       /* to the NBD server */
  const VtDirectTemplateStart *template; /* NULL: there is none */
} VtWalkerStart;

/* A VtForkFunc; USER_DATA is a VtWalkerStart. */
int vt_direct_walker_run (int socket, gpointer user_data);

/* To the walker: kind, volume, index of the file system, its mount point (bytes) or "", which
 * of the paths that are fetched, cost underway. */
#define VT_WALKER_REQUEST_TYPE G_VARIANT_TYPE ("(uuuayut)")

typedef enum {
  VT_WALKER_PROBE,
  VT_WALKER_READ,
  VT_WALKER_FETCH,
} VtWalkerRequest;

/* From the walker: kind and a value of the kind's own type. */
#define VT_WALKER_REPLY_TYPE G_VARIANT_TYPE ("(yv)")

typedef enum {
  VT_WALKER_VOLUME, /* file system, kind (VtVolumeKind), reason, its detail or "", refusal or "" */
  VT_WALKER_SYSTEM,
  VT_WALKER_PROBED,  /* refusal or "" */
  VT_WALKER_DONE,    /* refusal or "", cost underway */
  VT_WALKER_FETCHED, /* refusal or "", whether there is such a file, cost underway */
  VT_WALKER_FAILED,  /* why */
  VT_WALKER_N_REPLIES
} VtWalkerReply;

static const char *const vt_walker_reply_types[VT_WALKER_N_REPLIES] = {
    [VT_WALKER_VOLUME] = "(" VT_FILESYSTEM_RECORD "yyss)",
    [VT_WALKER_SYSTEM] = VT_SYSTEM_RECORD,
    [VT_WALKER_PROBED] = "s",
    [VT_WALKER_DONE] = "(st)",
    [VT_WALKER_FETCHED] = "(sbt)",
    [VT_WALKER_FAILED] = "s",
};
