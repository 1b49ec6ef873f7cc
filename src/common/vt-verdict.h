// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What is known of one content: clean, infected, or incomplete with the reason.
 *
 * "Clean" means that the engine looked at every byte, all the way in. Whatever falls short of that
 * is incomplete, and is never kept as clean.
 */
#pragma once

#include <glib.h>

/* The numbers are stored in databases and sent between processes: never renumber. */
typedef enum {
  VT_VERDICT_UNKNOWN = 0,
  VT_VERDICT_CLEAN = 1,
  VT_VERDICT_INFECTED = 2,
  VT_VERDICT_INCOMPLETE = 3,
} VtVerdictKind;

typedef enum {
  VT_REASON_NONE = 0,
  VT_REASON_SIZE_LIMIT = 1,
  VT_REASON_SCAN_LIMIT = 2,
  VT_REASON_RECURSION_LIMIT = 3,
  VT_REASON_FILES_LIMIT = 4,
  VT_REASON_TIME_LIMIT = 5,
  VT_REASON_ENCRYPTED = 6,
  VT_REASON_READ_ERROR = 7,
  VT_REASON_ENGINE_ERROR = 8,
  VT_REASON_ENGINE_CRASH = 9,
  VT_REASON_DAMAGED = 10,     /* a container that cannot be unpacked whole */
  VT_REASON_UNSUPPORTED = 11, /* a container that can be told, and that nothing here can open */
  VT_REASON_N
} VtReason;

/* Longest threat name that is kept, in bytes; the engine's own names are far shorter. */
#define VT_THREAT_MAX 255

typedef struct {
  VtVerdictKind kind;
  VtReason reason;                /* NONE unless kind is INCOMPLETE */
  char threat[VT_THREAT_MAX + 1]; /* empty unless kind is INFECTED; valid UTF-8 */
} VtVerdict;

VtVerdict vt_verdict_clean (void);
/* NAME is the engine's; bytes that are not UTF-8 are replaced, what is too long is cut. */
VtVerdict vt_verdict_infected (const char *name);
VtVerdict vt_verdict_incomplete (VtReason reason);

/* "clean", "infected", "incomplete" or "unknown"; static. */
const char *vt_verdict_kind_to_string (VtVerdictKind kind);

/* "size-limit" and so on, as reports name it; "none" for NONE; static. */
const char *vt_reason_to_string (VtReason reason);

/*
 * Whether scanning the same content again with the same engine must give the same verdict, so that
 * it may be kept: a crash, a time limit and an error of reading or of the engine may pass.
 */
gboolean vt_verdict_is_repeatable (const VtVerdict *verdict);

/* Whether the numbers, as read from a database or a process that is not trusted, make a verdict. */
gboolean vt_verdict_is_valid (guint kind, guint reason, const char *threat);
