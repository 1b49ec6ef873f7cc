// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What was seen of one scan, and the rules by which it makes a verdict.
 *
 * libclamav answers "clean" for much that it did not scan. So its answer is one observation among
 * others, and a content is clean only when every one of them says so.
 */
#pragma once

#include <clamav.h>
#include <glib.h>

#include "vt-verdict.h"

typedef struct {
  guint64 size;        /* bytes of the content */
  cl_error_t result;   /* what the scan returned */
  gboolean has_threat; /* a real detection, with its name: */
  char threat[VT_THREAT_MAX + 1];
  VtReason alert;      /* the engine's own word for a limit or encryption, or NONE */
  VtReason member;     /* what the members' metadata tell beyond that, or NONE */
  gboolean read_whole; /* the engine had all bytes of the content itself */
  guint begun;         /* layers whose scan began */
  guint ended;         /* layers whose scan ended */
  VtReason layer;      /* why a layer's scan failed, or NONE */
  VtReason unseen;     /* why not all that is there came by the engine, or NONE */
  gboolean complained; /* the engine gave a warning or an error */
} VtScanObservation;

/* Takes an alert by the name the engine gives: a threat, or the reason of an incomplete scan. */
void vt_scan_observation_add_alert (VtScanObservation *self, const char *name);

/* The reason a return code of libclamav stands for; NONE for clean and for virus. */
VtReason vt_scan_observation_reason_of_result (cl_error_t result);

VtVerdict vt_scan_observation_to_verdict (const VtScanObservation *self);
