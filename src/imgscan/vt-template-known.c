// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-template-known.h"

struct _VtTemplateKnown {
  GHashTable *contents; /* VtDigest, in the value, to VtKnownContent */
  char *engine_id;      /* of the engine that they are about; NULL: none yet */
};

static void
known_content_free (gpointer data)
{
  VtKnownContent *known = data;

  g_strfreev (known->members);
  g_free (known);
}

VtTemplateKnown *
vt_template_known_new (void)
{
  VtTemplateKnown *self = g_new0 (VtTemplateKnown, 1);

  self->contents =
      g_hash_table_new_full (vt_digest_hash, vt_digest_equal, NULL, known_content_free);
  return self;
}

void
vt_template_known_free (VtTemplateKnown *self)
{
  g_hash_table_unref (self->contents);
  g_free (self->engine_id);
  g_free (self);
}

void
vt_template_known_set_engine (VtTemplateKnown *self, const VtEngineId *engine)
{
  if (g_strcmp0 (self->engine_id, engine->id) == 0)
    return;
  g_hash_table_remove_all (self->contents);
  g_free (self->engine_id);
  self->engine_id = g_strdup (engine->id);
}

/* As vt_store_lookup(), and older verdicts as far as they are taken. */
static gboolean
look_up (const VtTemplateKnown *self,
         VtStore *store,
         const VtCleanFile *file,
         VtKnownContent *known,
         GError **error)
{
  GError *failure = NULL;

  if (vt_store_lookup (store, self->engine_id, &file->digest, file->size, &known->verdict,
                       &known->members, &failure))
    return TRUE;
  if (failure == NULL)
    return vt_store_lookup_older (store, &file->digest, file->size, &known->verdict, &known->age,
                                  error) &&
           known->verdict.kind == VT_VERDICT_CLEAN;
  g_propagate_error (error, failure);
  return FALSE;
}

gboolean
vt_template_known_ask (VtTemplateKnown *self,
                       VtStore *store,
                       const VtCleanFile *file,
                       gboolean *is_known,
                       GError **error)
{
  VtKnownContent found = {.digest = file->digest};
  GError *failure = NULL;
  VtKnownContent *known = g_hash_table_lookup (self->contents, &file->digest);

  /* Of what is known by an older verdict the store may know better now. */
  *is_known = known != NULL && known->age == 0;
  if (*is_known)
    return TRUE;
  *is_known = look_up (self, store, file, &found, &failure);
  if (!*is_known) {
    if (failure != NULL)
      g_propagate_error (error, failure);
    return failure == NULL;
  }
  known = g_memdup2 (&found, sizeof found);
  g_hash_table_replace (self->contents, &known->digest, known);
  return TRUE;
}

const VtKnownContent *
vt_template_known_find (const VtTemplateKnown *self, const VtDigest *digest)
{
  return g_hash_table_lookup (self->contents, digest);
}
