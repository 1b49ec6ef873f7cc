// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-judge.h"

#include <stdio.h>

#include "vt-report.h"

VtExit
vt_judge_result (const VtScanResult *result, gboolean allow_incomplete)
{
  gboolean incomplete = result->stats.incomplete > 0;

  for (guint i = 0; i < result->filesystems->len; i++) {
    const VtFilesystem *filesystem = g_ptr_array_index (result->filesystems, i);
    incomplete = incomplete || filesystem->reason != VT_REASON_NONE;
  }
  if (result->stats.infected > 0)
    return VT_EXIT_INFECTED;
  if (result->error != NULL || result->partial)
    return VT_EXIT_FAILED;
  return incomplete && !allow_incomplete ? VT_EXIT_INCOMPLETE : VT_EXIT_CLEAN;
}

void
vt_judge_print_failure (const VtScanResult *result)
{
  g_autofree char *path = vt_report_escape (result->path);

  if (result->error != NULL) {
    g_autofree char *why = vt_report_escape (result->error->message);
    fprintf (stderr, "vtemplater: %s: %s\n", path, why);
  }
  if (result->partial)
    fprintf (stderr, "vtemplater: %s: stopped before the end: the result is partial\n", path);
}
