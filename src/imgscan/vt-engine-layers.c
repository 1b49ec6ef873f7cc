// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-engine-layers.h"

#include <string.h>

/* A few megabytes in each worker. When they are all taken, all are given up: what is common comes
 * again soon. */
#define KEYS_MAX 65536

struct _VtEngineLayers {
  GHashTable *keys; /* set of VtDigest */
};

VtEngineLayers *
vt_engine_layers_new (void)
{
  VtEngineLayers *self = g_new (VtEngineLayers, 1);

  self->keys = g_hash_table_new_full (vt_digest_hash, vt_digest_equal, g_free, NULL);
  return self;
}

void
vt_engine_layers_free (VtEngineLayers *self)
{
  g_hash_table_unref (self->keys);
  g_free (self);
}

VtDigest
vt_engine_layers_place (const VtDigest *outer, const char *type, guint32 attributes)
{
  g_autoptr (VtHasher) hasher = vt_hasher_new ();

  if (outer != NULL)
    vt_hasher_update (hasher, outer, sizeof *outer);
  vt_hasher_update (hasher, &attributes, sizeof attributes);
  vt_hasher_update (hasher, type, strlen (type));
  return vt_hasher_finish (hasher);
}

VtDigest
vt_engine_layers_key (const VtDigest *place, const VtDigest *content)
{
  const VtDigest both[2] = {*place, *content};

  return vt_digest_of_data (both, sizeof both);
}

gboolean
vt_engine_layers_know (const VtEngineLayers *self, const VtDigest *key)
{
  return g_hash_table_contains (self->keys, key);
}

void
vt_engine_layers_add (VtEngineLayers *self, const VtDigest *keys, guint n)
{
  for (guint i = 0; i < n; i++) {
    if (g_hash_table_size (self->keys) >= KEYS_MAX)
      g_hash_table_remove_all (self->keys);
    g_hash_table_add (self->keys, g_memdup2 (&keys[i], sizeof keys[i]));
  }
}
