// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What leads contents (vt-scan-flow.c, vt-scan-opening.c) knows of their scope. */
#pragma once

#include "vt-nested-image.h"
#include "vt-scan-scope.h"

struct _VtScanScope {
  grefcount references;
  VtScanContext context;
  const VtScanScopeEvents *events;
  gpointer user_data;
  GMainContext *main_context;
  GThreadPool *hashers;
  VtNestedReader *nested;
  GHashTable *failures; /* VtDigest to VtKnownVerdict: found here, not for the store */
  GHashTable *openings; /* set of containers that are open */
  guint hashing;        /* contents that a hasher thread has */
  gboolean ended;       /* nothing that comes now counts */
};

typedef struct {
  VtVerdict verdict;
  GStrv members;
  gboolean passing; /* it is not for a reason that always passes */
} VtKnownVerdict;
