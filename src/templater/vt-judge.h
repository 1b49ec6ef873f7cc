// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What a scan's result comes to: the exit status, and what is said of it on standard error. */
#pragma once

#include "vt-scan-result.h"
#include "vt-verbs.h"

VtExit vt_judge_result (const VtScanResult *result, gboolean allow_incomplete);

/* Says why RESULT has failed, or is partial; nothing if it is neither. */
void vt_judge_print_failure (const VtScanResult *result);
