// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What an unpacker process and its starter say to each other, as vt-ipc messages of type (yv): the
 * kind and a value of the kind's own type.
 */
#pragma once

#include <glib.h>

#define VT_UNPACK_MESSAGE_TYPE G_VARIANT_TYPE ("(yv)")

/* Arguments of the process: bytes of the largest container or member. */
#define VT_UNPACK_ARGUMENTS_TYPE G_VARIANT_TYPE ("t")

/* To the process. */
typedef enum {
  VT_UNPACK_OPEN, /* size, container kind, limits as in VtUnpackLimits, passwords; with the file */
  VT_UNPACK_CREDIT, /* cost given back */
  VT_UNPACK_N_REQUESTS
} VtUnpackRequest;

static const char *const vt_unpack_request_types[VT_UNPACK_N_REQUESTS] = {
    [VT_UNPACK_OPEN] = "(tuttttaay)",
    [VT_UNPACK_CREDIT] = "t",
};

/* From the process. */
typedef enum {
  VT_UNPACK_MEMBER, /* name, size, reason; with the content's memfd if reason is NONE */
  VT_UNPACK_WAIT,   /* the next member waits for credit */
  VT_UNPACK_DONE,   /* reason, detail ("" for none); it takes the next container */
  VT_UNPACK_FAILED, /* text: it cannot work; it ends */
  VT_UNPACK_N_REPLIES
} VtUnpackReply;

static const char *const vt_unpack_reply_types[VT_UNPACK_N_REPLIES] = {
    [VT_UNPACK_MEMBER] = "(ayty)",
    [VT_UNPACK_WAIT] = "()",
    [VT_UNPACK_DONE] = "(ys)",
    [VT_UNPACK_FAILED] = "s",
};

/* Cost of the members that may be underway at once; a single larger one goes alone. */
#define VT_UNPACK_BUDGET ((guint64)64 * 1024 * 1024)
