// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Reports of scans, as "vtemplater clean" reads them: what is taken is within all bounds. */
#include <string.h>

#include "fuzz.h"
#include "vt-findings.h"
#include "vt-members.h"

static void
check_finding (const VtFinding *finding)
{
  g_assert_true (finding->path[0] == '/');
  g_assert_cmpuint (strlen (finding->path), <=, VT_FINDINGS_PATH_MAX);
  g_assert_true (finding->fs[0] != '\0' && g_utf8_validate (finding->fs, -1, NULL));
  g_assert_true (finding->threat[0] != '\0' && g_utf8_validate (finding->threat, -1, NULL));
  g_assert_cmpuint (strlen (finding->threat), <=, VT_THREAT_MAX);
  if (finding->members == NULL)
    return;
  g_assert_cmpuint (g_strv_length (finding->members), >, 0);
  g_assert_cmpuint (g_strv_length (finding->members), <=, VT_MEMBERS_MAX);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) report = g_bytes_new (data, size);
  g_autoptr (VtFindings) findings = vt_findings_parse (report, "disk.qcow2", &error);

  g_assert_true ((findings == NULL) == (error != NULL));
  for (guint i = 0; findings != NULL && i < findings->findings->len; i++)
    check_finding (g_ptr_array_index (findings->findings, i));
  return 0;
}
