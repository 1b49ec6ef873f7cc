// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What an image reader and its starter say to each other, as vt-ipc messages of type (yv): the kind
 * and a value of the kind's own type. Paths are bytes (ay, no NUL inside).
 */
#pragma once

#include <glib.h>

#include "vt-image-batch.h"
#include "vt-image-records.h"

#define VT_IMAGE_MESSAGE_TYPE G_VARIANT_TYPE ("(yv)")

/* To the reader: kind, number. */
#define VT_IMAGE_ORDER_TYPE G_VARIANT_TYPE ("(yt)")

typedef enum {
  VT_IMAGE_ORDER_CREDIT, /* cost given back */
  VT_IMAGE_ORDER_SPOOL,  /* the answer to MSG_SPOOL; with a file to write to, or none */
} VtImageOrder;

typedef enum {
  VT_IMAGE_MSG_LOG,        /* level (GLogLevelFlags), text */
  VT_IMAGE_MSG_PHASE,      /* name */
  VT_IMAGE_MSG_DESCRIBED,  /* format, virtual size */
  VT_IMAGE_MSG_SYSTEM,     /* as in vt-image-records.h */
  VT_IMAGE_MSG_FILESYSTEM, /* as in vt-image-records.h */
  VT_IMAGE_MSG_EXPECT,     /* files, bytes, excluded */
  VT_IMAGE_MSG_FILE,       /* a batch of one (vt-image-batch.h); a content, when there is one, is
                              attached, or else in the spool, or, with a digest and no reason,
                              the template's */
  VT_IMAGE_MSG_FILES,      /* a batch of such files, none of them with a content */
  VT_IMAGE_MSG_SPOOL,      /* size, bytes of data: asks for a file for the next content */
  VT_IMAGE_MSG_LINK,       /* another name of the file sent last */
  VT_IMAGE_MSG_ATTRIBUTES, /* of a fetched file sent last: mode, uid, gid, links, label */
  VT_IMAGE_MSG_FILESYSTEM_END, /* file system, reason, detail ("" for none) */
  VT_IMAGE_MSG_DIRECT,         /* id of the file system that is now read directly, "" for none */
  VT_IMAGE_MSG_REFUSED,        /* id, why: begin again, and do not read this one directly */
  VT_IMAGE_MSG_ALIVE,          /* work goes on, and nothing else is to say */
  VT_IMAGE_MSG_DONE,           /* nothing follows */
  VT_IMAGE_MSG_ERROR,          /* code (VtImageError), message; nothing follows */
  VT_IMAGE_MSG_N_KINDS
} VtImageMsgKind;

/* Value type of each kind. */
static const char *const vt_image_msg_types[VT_IMAGE_MSG_N_KINDS] = {
    [VT_IMAGE_MSG_LOG] = "(us)",
    [VT_IMAGE_MSG_PHASE] = "s",
    [VT_IMAGE_MSG_DESCRIBED] = "(st)",
    [VT_IMAGE_MSG_SYSTEM] = VT_SYSTEM_RECORD,
    [VT_IMAGE_MSG_FILESYSTEM] = VT_FILESYSTEM_RECORD,
    [VT_IMAGE_MSG_EXPECT] = "(ttt)",
    [VT_IMAGE_MSG_FILE] = VT_IMAGE_BATCH_TYPE,
    [VT_IMAGE_MSG_FILES] = VT_IMAGE_BATCH_TYPE,
    [VT_IMAGE_MSG_SPOOL] = "(tt)",
    [VT_IMAGE_MSG_LINK] = "ay",
    [VT_IMAGE_MSG_ATTRIBUTES] = "(uuuuay)",
    [VT_IMAGE_MSG_FILESYSTEM_END] = "(uys)",
    [VT_IMAGE_MSG_DIRECT] = "s",
    [VT_IMAGE_MSG_REFUSED] = "(ss)",
    [VT_IMAGE_MSG_ALIVE] = "()",
    [VT_IMAGE_MSG_DONE] = "()",
    [VT_IMAGE_MSG_ERROR] = "(us)",
};
