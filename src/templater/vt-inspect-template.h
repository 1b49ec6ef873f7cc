// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What is told of the clean cache that an image has. */
#pragma once

#include "vt-template-source.h"

/* Sets RESULT's cache. Without KEY, what its statement says is shown without being checked. */
void
vt_inspect_template (const VtTemplateParts *parts, const VtPublicKey *key, VtScanResult *result);
