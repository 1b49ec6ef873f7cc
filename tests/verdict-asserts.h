// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#pragma once

#include "vt-verdict.h"

static inline void
assert_clean (VtVerdict verdict)
{
  g_assert_cmpstr (vt_reason_to_string (verdict.reason), ==, "none");
  g_assert_cmpstr (verdict.threat, ==, "");
  g_assert_cmpint (verdict.kind, ==, VT_VERDICT_CLEAN);
}

static inline void
assert_infected (VtVerdict verdict, const char *name)
{
  g_assert_cmpstr (vt_reason_to_string (verdict.reason), ==, "none");
  g_assert_cmpstr (verdict.threat, ==, name);
  g_assert_cmpint (verdict.kind, ==, VT_VERDICT_INFECTED);
}

static inline void
assert_incomplete (VtVerdict verdict, VtReason reason)
{
  g_assert_cmpstr (verdict.threat, ==, "");
  g_assert_cmpstr (vt_reason_to_string (verdict.reason), ==, vt_reason_to_string (reason));
  g_assert_cmpint (verdict.kind, ==, VT_VERDICT_INCOMPLETE);
}
