// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-engine-audit.h"

#include "vt-engine-members.h"
#include "vt-engine-settings.h"

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

void
vt_engine_audit_see (VtEngineAudit *self, const char *type, const guint8 *data, gsize size)
{
  guint64 wide = size;
  VtReason reason;

  if (g_hash_table_size (self->digests) > 0) {
    VtDigest digest = vt_digest_of_data (data, size);

    g_hash_table_remove (self->digests, &digest);
  }
  g_hash_table_remove (self->sizes, &wide);
  if (!vt_engine_members_can_list (type))
    return;
  reason = vt_engine_members_list (type, data, size, &self->budget, expect, self);
  if (self->doubt == VT_REASON_NONE)
    self->doubt = reason;
}

VtReason
vt_engine_audit_finish (const VtEngineAudit *self)
{
  if (self->doubt != VT_REASON_NONE)
    return self->doubt;
  return g_hash_table_size (self->digests) + g_hash_table_size (self->sizes) > 0
             ? VT_REASON_ENGINE_ERROR
             : VT_REASON_NONE;
}
