// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Templates for tests: a statement about a clean cache, and both together. */
#pragma once

#include "clean-cache-fixture.h"
#include "vt-template.h"

#define DAY G_GINT64_CONSTANT (86400)

#define SEED_ENGINE  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define OTHER_ENGINE "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"

/* When it was made, and the time of its newest signatures: seconds since 1970. */
#define CREATED    G_GINT64_CONSTANT (1795568523)
#define SIGNATURES (CREATED - 10 * DAY)

/* Of the cache SUBJECT, with the file systems of new_builder(), seeded under SEED_ENGINE. */
static inline VtStatement *
new_statement (const VtDigest *subject)
{
  VtStatement *self = vt_statement_new ();
  const VtDigest database = digest_of_number (1000000);

  self->subject = *subject;
  self->template_id = g_strdup (TEMPLATE);
  self->created = CREATED;
  self->scanner_uri = g_strdup ("https://vtemplater.org/");
  self->scanner_version = g_strdup ("0.1.0");
  self->engine_version = g_strdup ("1.4.6");
  self->engine_id = g_strdup (SEED_ENGINE);
  vt_statement_add_database (self, "main.cvd", 62, 1, SIGNATURES - 100 * DAY, &database);
  vt_statement_add_database (self, "daily.cvd", 27000, 1, SIGNATURES, &database);
  vt_statement_add_filesystem (self, "/dev/sda1", "ext4", "0b5c6a4e-1111-4a7c-9a57-0d1c2b3a4958");
  vt_statement_add_filesystem (self, "/dev/sda2", "vfat", "");
  return self;
}

/* Takes BUILDER. */
static inline VtTemplate *
new_template (VtCleanCacheBuilder *builder)
{
  g_autoptr (GError) error = NULL;
  g_auto (VtCleanDatabase) database = finish (builder);
  VtTemplate *template =
      vt_template_new (new_statement (&database.digest), open_cache (database.fd, &database.digest),
                       "golden.qcow2", &error);

  g_assert_no_error (error);
  return template;
}

static inline void
prepare_at (VtTemplate *template, const char *engine, gint64 max_age_s, gint64 now, VtStore *store)
{
  g_autoptr (GError) error = NULL;
  const VtEngineId id = {.id = (char *)engine};

  g_assert_true (vt_template_prepare (template, &id, max_age_s, now, store, &error));
  g_assert_no_error (error);
}

/* As on the day on which the template was made. */
static inline void
prepare (VtTemplate *template, const char *engine, VtStore *store)
{
  prepare_at (template, engine, 0, CREATED, store);
}

/* What FILE, of which the content is known, is in the store under ENGINE. */
static inline void
remember (VtStore *store,
          const char *engine,
          const VtDigest *digest,
          guint64 size,
          VtVerdict verdict,
          const char *const *members)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (vt_store_insert (store, engine, digest, size, &verdict, members, &error));
  g_assert_no_error (error);
}
