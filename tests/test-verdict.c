// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <string.h>

#include "vt-verdict.h"

static void
test_threat_is_bounded_utf8 (void)
{
  g_autofree char *long_name = g_strnfill (400, 'x');
  g_autofree char *split = g_strconcat (long_name + 400 - (VT_THREAT_MAX - 1), "\xc3\xa9", NULL);
  VtVerdict verdict = vt_verdict_infected (long_name);

  g_assert_cmpuint (strlen (verdict.threat), ==, VT_THREAT_MAX);
  /* A character that the bound would cut in two is left out whole. */
  verdict = vt_verdict_infected (split);
  g_assert_cmpuint (strlen (verdict.threat), ==, VT_THREAT_MAX - 1);
  g_assert_true (g_utf8_validate (verdict.threat, -1, NULL));
  verdict = vt_verdict_infected ("bad\xff");
  g_assert_cmpstr (verdict.threat, ==, "bad\xef\xbf\xbd");
  verdict = vt_verdict_infected ("");
  g_assert_cmpstr (verdict.threat, ==, "unnamed");
}

static void
test_only_repeatable_verdicts_are_kept (void)
{
  VtVerdict verdict = vt_verdict_clean ();

  g_assert_true (vt_verdict_is_repeatable (&verdict));
  verdict = vt_verdict_infected ("x");
  g_assert_true (vt_verdict_is_repeatable (&verdict));
  verdict = vt_verdict_incomplete (VT_REASON_ENCRYPTED);
  g_assert_true (vt_verdict_is_repeatable (&verdict));
  for (VtReason reason = VT_REASON_READ_ERROR; reason <= VT_REASON_ENGINE_CRASH; reason++) {
    verdict = vt_verdict_incomplete (reason);
    g_assert_false (vt_verdict_is_repeatable (&verdict));
  }
  verdict = vt_verdict_incomplete (VT_REASON_DAMAGED);
  g_assert_true (vt_verdict_is_repeatable (&verdict));
  verdict = vt_verdict_incomplete (VT_REASON_UNSUPPORTED);
  g_assert_true (vt_verdict_is_repeatable (&verdict));
  verdict = (VtVerdict){.kind = VT_VERDICT_UNKNOWN};
  g_assert_false (vt_verdict_is_repeatable (&verdict));
}

static void
test_foreign_numbers_are_checked (void)
{
  g_assert_true (vt_verdict_is_valid (VT_VERDICT_CLEAN, VT_REASON_NONE, ""));
  g_assert_true (vt_verdict_is_valid (VT_VERDICT_INFECTED, VT_REASON_NONE, "Eicar"));
  g_assert_true (vt_verdict_is_valid (VT_VERDICT_INCOMPLETE, VT_REASON_ENCRYPTED, ""));
  g_assert_false (vt_verdict_is_valid (VT_VERDICT_CLEAN, VT_REASON_ENCRYPTED, ""));
  g_assert_false (vt_verdict_is_valid (VT_VERDICT_CLEAN, VT_REASON_NONE, "Eicar"));
  g_assert_false (vt_verdict_is_valid (VT_VERDICT_INFECTED, VT_REASON_NONE, ""));
  g_assert_false (vt_verdict_is_valid (VT_VERDICT_INFECTED, VT_REASON_NONE, "\xff"));
  g_assert_false (vt_verdict_is_valid (VT_VERDICT_INCOMPLETE, VT_REASON_NONE, ""));
  g_assert_false (vt_verdict_is_valid (VT_VERDICT_INCOMPLETE, VT_REASON_N, ""));
  g_assert_false (vt_verdict_is_valid (VT_VERDICT_UNKNOWN, VT_REASON_NONE, ""));
  g_assert_false (vt_verdict_is_valid (99, VT_REASON_NONE, ""));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/verdict/threat-is-bounded-utf8", test_threat_is_bounded_utf8);
  g_test_add_func ("/verdict/only-repeatable-are-kept", test_only_repeatable_verdicts_are_kept);
  g_test_add_func ("/verdict/foreign-numbers-are-checked", test_foreign_numbers_are_checked);
  return g_test_run ();
}
