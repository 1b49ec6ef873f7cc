// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-template-open.h"

#include "vt-dsse.h"

G_DEFINE_QUARK (vt_template_error_quark, vt_template_error)

static VtStatement *
open_statement (GBytes *envelope,
                const VtPublicKey *key,
                const VtStatementPolicy *policy,
                GError **error)
{
  g_autoptr (GBytes) payload = vt_dsse_verify (envelope, VT_STATEMENT_MEDIA_TYPE, key, error);
  g_autoptr (VtStatement) statement = NULL;

  if (payload == NULL)
    return NULL;
  statement = vt_statement_parse (payload, error);
  if (statement == NULL || !vt_statement_check (statement, policy, error))
    return NULL;
  return g_steal_pointer (&statement);
}

static gboolean
has_same_filesystems (const VtStatement *statement, const VtCleanCache *cache)
{
  GPtrArray *uuids = vt_clean_cache_get_fs_uuids (cache);

  if (uuids->len != statement->filesystems->len)
    return FALSE;
  for (guint i = 0; i < uuids->len; i++) {
    const VtStatementFilesystem *filesystem = g_ptr_array_index (statement->filesystems, i);

    if (!g_str_equal (filesystem->uuid, g_ptr_array_index (uuids, i)))
      return FALSE;
  }
  return TRUE;
}

static gboolean
belong_together (const VtStatement *statement, const VtCleanCache *cache, GError **error)
{
  if (g_ascii_strcasecmp (statement->template_id, vt_clean_cache_get_template (cache)) == 0 &&
      has_same_filesystems (statement, cache))
    return TRUE;
  g_set_error_literal (error, VT_TEMPLATE_ERROR, VT_TEMPLATE_ERROR_OTHER,
                       "the signed statement and the clean cache are of different templates");
  return FALSE;
}

VtTemplate *
vt_template_open (GBytes *envelope,
                  int database,
                  const VtPublicKey *key,
                  const VtStatementPolicy *policy,
                  const char *image,
                  GError **error)
{
  g_autoptr (VtStatement) statement = open_statement (envelope, key, policy, error);
  g_autoptr (VtCleanCache) cache = NULL;
  VtTemplate *template;
  VtDigest digest;

  if (statement == NULL)
    return NULL;
  cache = vt_clean_cache_open (database, &statement->subject, error);
  if (cache == NULL || !belong_together (statement, cache, error))
    return NULL;
  template = vt_template_new (g_steal_pointer (&statement), g_steal_pointer (&cache), image, error);
  if (template == NULL)
    return NULL;
  /* Both were scanned before they were embedded, and can be no part of what the cache lists. */
  digest = vt_digest_of_data (g_bytes_get_data (envelope, NULL), g_bytes_get_size (envelope));
  vt_template_add_content (template, &digest);
  vt_template_add_content (template, &vt_template_get_statement (template)->subject);
  return template;
}
