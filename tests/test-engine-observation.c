// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "verdict-asserts.h"
#include "vt-engine-observation.h"

static VtScanObservation
seen_clean (void)
{
  return (VtScanObservation){.size = 10, .read_whole = TRUE, .begun = 2, .ended = 2};
}

static void
test_rules (void)
{
  VtScanObservation seen = seen_clean ();

  assert_clean (vt_scan_observation_to_verdict (&seen));
  seen.result = CL_VIRUS;
  assert_infected (vt_scan_observation_to_verdict (&seen), "unnamed");
  seen = seen_clean ();
  seen.complained = TRUE;
  assert_incomplete (vt_scan_observation_to_verdict (&seen), VT_REASON_ENGINE_ERROR);
  seen = seen_clean ();
  seen.ended = 1;
  assert_incomplete (vt_scan_observation_to_verdict (&seen), VT_REASON_ENGINE_ERROR);
  seen = seen_clean ();
  seen.begun = seen.ended = 0;
  assert_incomplete (vt_scan_observation_to_verdict (&seen), VT_REASON_ENGINE_ERROR);
  seen = seen_clean ();
  seen.read_whole = FALSE;
  assert_incomplete (vt_scan_observation_to_verdict (&seen), VT_REASON_READ_ERROR);
  seen = seen_clean ();
  seen.layer = VT_REASON_ENGINE_ERROR;
  assert_incomplete (vt_scan_observation_to_verdict (&seen), VT_REASON_ENGINE_ERROR);
  seen = seen_clean ();
  seen.member = VT_REASON_SIZE_LIMIT;
  assert_incomplete (vt_scan_observation_to_verdict (&seen), VT_REASON_SIZE_LIMIT);
  seen = seen_clean ();
  seen.unseen = VT_REASON_READ_ERROR;
  assert_incomplete (vt_scan_observation_to_verdict (&seen), VT_REASON_READ_ERROR);
  for (cl_error_t result = CL_ENULLARG; result < CL_ELAST_ERROR; result++) {
    seen = seen_clean ();
    seen.result = result;
    g_assert_cmpint (vt_scan_observation_to_verdict (&seen).kind, ==, VT_VERDICT_INCOMPLETE);
  }
}

static void
test_alerts (void)
{
  static const struct {
    const char *name;
    VtReason reason;
  } alerts[] = {
      {"Heuristics.Limits.Exceeded.MaxFileSize", VT_REASON_SIZE_LIMIT},
      {"Heuristics.Limits.Exceeded.MaxScanSize", VT_REASON_SCAN_LIMIT},
      {"Heuristics.Limits.Exceeded.MaxFiles", VT_REASON_FILES_LIMIT},
      {"Heuristics.Limits.Exceeded.MaxRecursion", VT_REASON_RECURSION_LIMIT},
      {"Heuristics.Limits.Exceeded.MaxScanTime", VT_REASON_TIME_LIMIT},
      {"Heuristics.Limits.Exceeded.EmailHeaders", VT_REASON_SCAN_LIMIT},
      {"Heuristics.Encrypted.PDF", VT_REASON_ENCRYPTED},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (alerts); i++) {
    VtScanObservation seen = seen_clean ();

    seen.result = CL_VIRUS;
    vt_scan_observation_add_alert (&seen, alerts[i].name);
    assert_incomplete (vt_scan_observation_to_verdict (&seen), alerts[i].reason);
    vt_scan_observation_add_alert (&seen, "Heuristics.Phishing.Email");
    assert_infected (vt_scan_observation_to_verdict (&seen), "Heuristics.Phishing.Email");
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/engine-observation/rules", test_rules);
  g_test_add_func ("/engine-observation/alerts", test_alerts);
  return g_test_run ();
}
