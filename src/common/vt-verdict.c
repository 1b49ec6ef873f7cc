// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-verdict.h"

#include <string.h>

static const char *const reason_names[] = {
    [VT_REASON_NONE] = "none",
    [VT_REASON_SIZE_LIMIT] = "size-limit",
    [VT_REASON_SCAN_LIMIT] = "scan-limit",
    [VT_REASON_RECURSION_LIMIT] = "recursion-limit",
    [VT_REASON_FILES_LIMIT] = "files-limit",
    [VT_REASON_TIME_LIMIT] = "time-limit",
    [VT_REASON_ENCRYPTED] = "encrypted",
    [VT_REASON_READ_ERROR] = "read-error",
    [VT_REASON_ENGINE_ERROR] = "engine-error",
    [VT_REASON_ENGINE_CRASH] = "engine-crash",
    [VT_REASON_DAMAGED] = "damaged",
    [VT_REASON_UNSUPPORTED] = "unsupported",
};

static const char *const kind_names[] = {
    [VT_VERDICT_UNKNOWN] = "unknown",
    [VT_VERDICT_CLEAN] = "clean",
    [VT_VERDICT_INFECTED] = "infected",
    [VT_VERDICT_INCOMPLETE] = "incomplete",
};

VtVerdict
vt_verdict_clean (void)
{
  return (VtVerdict){.kind = VT_VERDICT_CLEAN};
}

VtVerdict
vt_verdict_infected (const char *name)
{
  VtVerdict verdict = {.kind = VT_VERDICT_INFECTED};
  g_autofree char *valid = g_utf8_make_valid (name, -1);
  const char *end;

  if (strlen (valid) > VT_THREAT_MAX) {
    valid[VT_THREAT_MAX] = '\0';
    g_utf8_validate (valid, -1, &end);
    valid[end - valid] = '\0';
  }
  g_strlcpy (verdict.threat, valid[0] != '\0' ? valid : "unnamed", sizeof verdict.threat);
  return verdict;
}

VtVerdict
vt_verdict_incomplete (VtReason reason)
{
  return (VtVerdict){.kind = VT_VERDICT_INCOMPLETE, .reason = reason};
}

const char *
vt_verdict_kind_to_string (VtVerdictKind kind)
{
  g_return_val_if_fail ((gsize)kind < G_N_ELEMENTS (kind_names), "unknown");
  return kind_names[kind];
}

const char *
vt_reason_to_string (VtReason reason)
{
  g_return_val_if_fail ((gsize)reason < G_N_ELEMENTS (reason_names), "none");
  return reason_names[reason];
}

gboolean
vt_verdict_is_repeatable (const VtVerdict *verdict)
{
  switch (verdict->kind) {
  case VT_VERDICT_CLEAN:
  case VT_VERDICT_INFECTED:
    return TRUE;
  case VT_VERDICT_INCOMPLETE:
    return verdict->reason != VT_REASON_TIME_LIMIT && verdict->reason != VT_REASON_READ_ERROR &&
           verdict->reason != VT_REASON_ENGINE_ERROR && verdict->reason != VT_REASON_ENGINE_CRASH;
  case VT_VERDICT_UNKNOWN:
  default:
    return FALSE;
  }
}

gboolean
vt_verdict_is_valid (guint kind, guint reason, const char *threat)
{
  gboolean has_threat = threat[0] != '\0';

  switch (kind) {
  case VT_VERDICT_CLEAN:
    return reason == VT_REASON_NONE && !has_threat;
  case VT_VERDICT_INFECTED:
    return reason == VT_REASON_NONE && has_threat && strlen (threat) <= VT_THREAT_MAX &&
           g_utf8_validate (threat, -1, NULL);
  case VT_VERDICT_INCOMPLETE:
    return reason > VT_REASON_NONE && reason < VT_REASON_N && !has_threat;
  default:
    return FALSE;
  }
}
