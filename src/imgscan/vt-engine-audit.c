// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-engine-audit.h"

#include <string.h>

#include "vt-engine-attached.h"
#include "vt-engine-documents.h"
#include "vt-engine-members.h"
#include "vt-engine-settings.h"

/* Archives attached to one program; one is what there is. */
#define ATTACHED_MAX 8

struct _VtEngineAudit {
  VtEngineMembersBudget budget;
  VtReason doubt;      /* the first, or NONE */
  GHashTable *digests; /* of members that have not come by yet: set of VtDigest */
  GHashTable *sizes;   /* likewise, of which only the size is known: set of guint64 */
};

VtEngineAudit *
vt_engine_audit_new (const VtEngineOptions *options)
{
  VtEngineAudit *self = g_new0 (VtEngineAudit, 1);

  self->budget.member_size = vt_engine_settings_get_max_file_size (options);
  self->budget.size = options->max_scan_size;
  self->budget.members = options->max_files;
  self->digests = g_hash_table_new_full (vt_digest_hash, vt_digest_equal, g_free, NULL);
  self->sizes = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  return self;
}

void
vt_engine_audit_free (VtEngineAudit *self)
{
  g_hash_table_unref (self->digests);
  g_hash_table_unref (self->sizes);
  g_free (self);
}

static void
expect (const VtEngineMember *member, gpointer audit)
{
  VtEngineAudit *self = audit;

  if (member->size <= VT_ENGINE_TINY_MAX)
    return;
  if (member->has_digest)
    g_hash_table_add (self->digests, g_memdup2 (&member->digest, sizeof member->digest));
  else
    g_hash_table_add (self->sizes, g_memdup2 (&member->size, sizeof member->size));
}

static void
doubt (VtEngineAudit *self, VtReason reason)
{
  if (self->doubt == VT_REASON_NONE)
    self->doubt = reason;
}

static void
list (VtEngineAudit *self, const char *type, const guint8 *data, gsize size)
{
  doubt (self, vt_engine_members_list (type, data, size, &self->budget, expect, self));
}

/* The engine takes these apart where they are: they are no layers. */
static void
list_attached (VtEngineAudit *self, const guint8 *data, gsize size)
{
  const char *type = NULL;
  gsize at = 0;

  for (guint n = 0; n < ATTACHED_MAX; n++) {
    at = vt_engine_attached_find (data, size, at, &type);
    if (at == size)
      return;
    list (self, type, data + at, size - at);
    at++;
  }
  doubt (self, VT_REASON_FILES_LIMIT);
}

void
vt_engine_audit_pass (VtEngineAudit *self, const VtEngineLayer *layer)
{
  guint64 size = layer->size;

  g_hash_table_remove (self->digests, &layer->digest);
  g_hash_table_remove (self->sizes, &size);
}

/* From a program in a compound file the engine goes on to the end of that, through sectors that are
 * in no order: an archive among them is not whole. It comes by again as what it is. */
static gboolean
may_have_attached (const VtEngineLayer *layer)
{
  return !layer->in_compound &&
         (strcmp (layer->type, "CL_TYPE_MSEXE") == 0 || strcmp (layer->type, "CL_TYPE_ELF") == 0);
}

void
vt_engine_audit_see (VtEngineAudit *self, const VtEngineLayer *layer)
{
  vt_engine_audit_pass (self, layer);
  if (vt_engine_members_can_list (layer->type)) {
    list (self, layer->type, layer->data, layer->size);
    return;
  }
  doubt (self, vt_engine_documents_check (layer->type, layer->data, layer->size));
  if (layer->has_zip)
    list (self, "CL_TYPE_ZIP", layer->data, layer->size);
  if (may_have_attached (layer))
    list_attached (self, layer->data, layer->size);
}

VtReason
vt_engine_audit_finish (const VtEngineAudit *self)
{
  if (self->doubt != VT_REASON_NONE)
    return self->doubt;
  return g_hash_table_size (self->digests) + g_hash_table_size (self->sizes) > 0
             ? VT_REASON_UNSUPPORTED
             : VT_REASON_NONE;
}
