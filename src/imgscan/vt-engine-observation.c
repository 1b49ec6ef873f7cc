// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-engine-observation.h"

#include <string.h>

#define LIMIT_PREFIX     "Heuristics.Limits.Exceeded"
#define ENCRYPTED_PREFIX "Heuristics.Encrypted."

/* Where several names fit, the first one counts; the rest of the prefix's names, limits of mail
 * messages, are scan-limit. */
static const struct {
  const char *name;
  VtReason reason;
} alerts[] = {
    {LIMIT_PREFIX ".MaxFileSize", VT_REASON_SIZE_LIMIT},
    {LIMIT_PREFIX ".MaxScanSize", VT_REASON_SCAN_LIMIT},
    {LIMIT_PREFIX ".MaxFiles", VT_REASON_FILES_LIMIT},
    {LIMIT_PREFIX ".MaxRecursion", VT_REASON_RECURSION_LIMIT},
    {LIMIT_PREFIX ".MaxScanTime", VT_REASON_TIME_LIMIT},
    {LIMIT_PREFIX, VT_REASON_SCAN_LIMIT},
    {ENCRYPTED_PREFIX, VT_REASON_ENCRYPTED},
};

void
vt_scan_observation_add_alert (VtScanObservation *self, const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (alerts); i++) {
    if (!g_str_has_prefix (name, alerts[i].name))
      continue;
    if (self->alert == VT_REASON_NONE)
      self->alert = alerts[i].reason;
    return;
  }
  self->has_threat = TRUE;
  g_strlcpy (self->threat, name, sizeof self->threat);
}

VtReason
vt_scan_observation_reason_of_result (cl_error_t result)
{
  switch ((int)result) {
  case CL_CLEAN:
  case CL_VIRUS:
    return VT_REASON_NONE;
  case CL_ETIMEOUT:
    return VT_REASON_TIME_LIMIT;
  case CL_EMAXREC:
    return VT_REASON_RECURSION_LIMIT;
  case CL_EMAXSIZE:
    return VT_REASON_SCAN_LIMIT;
  case CL_EMAXFILES:
    return VT_REASON_FILES_LIMIT;
  default:
    return VT_REASON_ENGINE_ERROR;
  }
}

VtVerdict
vt_scan_observation_to_verdict (const VtScanObservation *self)
{
  VtReason reason = vt_scan_observation_reason_of_result (self->result);

  if (self->has_threat)
    return vt_verdict_infected (self->threat);
  if (self->alert != VT_REASON_NONE)
    return vt_verdict_incomplete (self->alert);
  if (self->result == CL_VIRUS)
    return vt_verdict_infected ("");
  if (self->member != VT_REASON_NONE)
    return vt_verdict_incomplete (self->member);
  if (reason != VT_REASON_NONE)
    return vt_verdict_incomplete (reason);
  /* Not even begun is the engine's fault; begun with fewer bytes than there are is the reader's. */
  if (self->begun > 0 && !self->read_whole)
    return vt_verdict_incomplete (VT_REASON_READ_ERROR);
  if (self->layer != VT_REASON_NONE)
    return vt_verdict_incomplete (self->layer);
  if (self->complained || self->begun == 0 || self->begun != self->ended)
    return vt_verdict_incomplete (VT_REASON_ENGINE_ERROR);
  if (self->unseen != VT_REASON_NONE)
    return vt_verdict_incomplete (self->unseen);
  return vt_verdict_clean ();
}
