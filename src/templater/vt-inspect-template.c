// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-inspect-template.h"

#include "vt-dsse.h"

/* NULL, with a problem: it cannot be read. */
static VtStatement *
read_statement (const VtTemplateParts *parts, VtEmbeddedCache *cache)
{
  g_autoptr (GBytes) payload = NULL;
  g_autoptr (GError) error = NULL;
  VtStatement *statement = NULL;

  payload =
      vt_dsse_peek_unverified (parts->envelope, VT_STATEMENT_MEDIA_TYPE, &cache->keyids, &error);
  if (payload != NULL)
    statement = vt_statement_parse (payload, &error);
  if (statement == NULL)
    cache->problem = g_strdup (error->message);
  return statement;
}

static void
check (const VtTemplateParts *parts, const VtPublicKey *key, VtEmbeddedCache *cache)
{
  const VtStatementPolicy policy = {.now = g_get_real_time () / G_USEC_PER_SEC, .max_age_s = -1};
  g_autoptr (GError) error = NULL;
  g_autoptr (VtTemplate) template = vt_template_parts_open (parts, key, &policy, NULL, &error);

  cache->checked = TRUE;
  if (template == NULL)
    cache->problem = g_strdup (error->message);
}

void
vt_inspect_template (const VtTemplateParts *parts, const VtPublicKey *key, VtScanResult *result)
{
  g_autoptr (VtStatement) statement = NULL;
  VtEmbeddedCache *cache;

  if (parts->envelope == NULL)
    return;
  cache = g_new0 (VtEmbeddedCache, 1);
  cache->created = cache->expires = cache->signatures_time = G_MAXINT64;
  result->cache = cache;
  statement = read_statement (parts, cache);
  if (statement == NULL)
    return;
  cache->id = g_strdup (statement->template_id);
  cache->created = statement->created;
  cache->expires = statement->expires;
  cache->signatures_time = vt_statement_get_signature_time (statement);
  cache->engine = g_strdup (statement->engine_version);
  cache->clean = statement->clean;
  if (key != NULL)
    check (parts, key, cache);
}
