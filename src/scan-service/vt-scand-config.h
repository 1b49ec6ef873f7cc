// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The configuration of the service: scand.conf(5).
 */
#pragma once

#include "vt-config.h"
#include "vt-engine-options.h"

typedef struct {
  /* [service] */
  char *state_dir;
  /* [listen] */
  GStrv addresses;
  char *local; /* address of the local listener; NULL: there is none */
  guint64 max_connections;
  guint64 max_connections_per_address;
  guint64 header_timeout_s;
  guint64 idle_timeout_s;
  guint64 min_rate; /* bytes a second of a body */
  /* [tls]; NULL: tls/service.pem, tls/service.key and ca/authority.pem in the state directory */
  char *certificate;
  char *key;
  char *authorities;
  /* [join] */
  gboolean join;
  guint64 certificate_lifetime_s;
  /* [objects] */
  guint64 max_object_size;
  guint64 upload_memory;
  guint64 max_uploads_per_agent;
  /* [cache] */
  guint64 cache_entries;
  guint64 grace_s;
  guint64 changes_kept_s;
  /* [engine] */
  char *database;
  guint64 workers; /* 0: one a processor */
  guint64 max_file_size;
  guint64 max_scan_size;
  guint64 max_scan_time_s;
  guint64 nested;
  guint64 max_signature_age_s;
} VtScandConfig;

/* FILE NULL: what holds without one. */
VtScandConfig *vt_scand_config_new (const char *file, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* All keys with their values, as such a file; free with g_free(). */
char *vt_scand_config_print (const VtScandConfig *self);
void vt_scand_config_free (VtScandConfig *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtScandConfig, vt_scand_config_free)

/* How contents are scanned. */
VtEngineOptions *vt_scand_config_make_engine_options (const VtScandConfig *self,
                                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* PATH, if that is set, or NAME in the state directory. Free with g_free(). */
char *vt_scand_config_get_path (const VtScandConfig *self, const char *path, const char *name);
