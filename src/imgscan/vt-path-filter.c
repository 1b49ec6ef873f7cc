// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-path-filter.h"

#include <fnmatch.h>

static gboolean
matches_any (const char *const *globs, const char *path)
{
  for (; globs != NULL && *globs != NULL; globs++)
    if (fnmatch (*globs, path, 0) == 0)
      return TRUE;
  return FALSE;
}

gboolean
vt_path_filter_accepts (const char *const *include, const char *const *exclude, const char *path)
{
  if (include != NULL && include[0] != NULL && !matches_any (include, path))
    return FALSE;
  return !matches_any (exclude, path);
}
