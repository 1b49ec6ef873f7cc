// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Engines for tests of what they leave to those that come after them. */
#pragma once

#include "vt-store.h"

#define DAY_S ((gint64)86400)

/* Names ENGINE_ID, which has one published database of the time SIGNATURES, and a plain file that
 * no other engine has, at NOW. */
static inline void
set_engine_with (VtStore *store,
                 const char *engine_id,
                 const char *settings,
                 const char *database_name,
                 gint64 signatures,
                 gint64 now,
                 gint64 max_age)
{
  VtEngineDatabase plain = {.name = (char *)engine_id, .time = signatures - DAY_S};
  VtEngineDatabase database = {.name = (char *)database_name, .version = 27000, .time = signatures};
  g_autoptr (GPtrArray) databases = g_ptr_array_new ();
  const VtEngineId engine = {
      .databases = databases, .settings = (char *)settings, .id = (char *)engine_id};

  g_ptr_array_add (databases, &database);
  g_ptr_array_add (databases, &plain);
  vt_store_set_engine (store, &engine, now, max_age);
}

static inline void
set_engine (VtStore *store, const char *engine_id, gint64 signatures, gint64 now, gint64 max_age)
{
  set_engine_with (store, engine_id, "settings", "daily.cvd", signatures, now, max_age);
}
