// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scand-config.h"

#define FIELD(group, key, type, member, fallback, min, max)                                        \
  {                                                                                                \
    group, key, VT_CONFIG_##type, G_STRUCT_OFFSET (VtScandConfig, member), fallback, min, max      \
  }

#define KIB ((guint64)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define DAY ((guint64)24 * 60 * 60)

static const VtConfigField fields[] = {
    FIELD ("service", "state-dir", TEXT, state_dir, "/var/lib/vt-scand", 0, 0),
    FIELD ("listen", "addresses", LIST, addresses, "*:7633", 0, 0),
    FIELD ("listen", "local", TEXT, local, "127.0.0.1:7634", 0, 0),
    FIELD ("listen", "max-connections", NUMBER, max_connections, "4096", 1, 1000000),
    FIELD ("listen",
           "max-connections-per-address",
           NUMBER,
           max_connections_per_address,
           "256",
           1,
           1000000),
    FIELD ("listen", "header-timeout", DURATION, header_timeout_s, "10s", 1, 3600),
    FIELD ("listen", "idle-timeout", DURATION, idle_timeout_s, "2m", 1, DAY),
    FIELD ("listen", "min-rate", SIZE, min_rate, "16K", 1, GIB),
    FIELD ("tls", "certificate", TEXT, certificate, NULL, 0, 0),
    FIELD ("tls", "key", TEXT, key, NULL, 0, 0),
    FIELD ("tls", "authorities", TEXT, authorities, NULL, 0, 0),
    FIELD ("join", "enabled", FLAG, join, "true", 0, 0),
    FIELD (
        "join", "certificate-lifetime", DURATION, certificate_lifetime_s, "365d", DAY, 36500 * DAY),
    FIELD ("objects", "max-size", SIZE, max_object_size, "256M", KIB, 2 * GIB - 1),
    FIELD ("objects", "memory", SIZE, upload_memory, "1G", MIB, 1024 * GIB),
    FIELD ("objects", "max-per-agent", NUMBER, max_uploads_per_agent, "16", 1, 10000),
    FIELD ("cache", "max-entries", NUMBER, cache_entries, "4000000", 1000, 100000000),
    FIELD ("cache", "grace", DURATION, grace_s, "1d", 0, 365 * DAY),
    FIELD ("cache", "changes-kept", DURATION, changes_kept_s, "30d", DAY, 3650 * DAY),
    FIELD ("engine", "database", TEXT, database, NULL, 0, 0),
    FIELD ("engine", "workers", NUMBER, workers, "0", 0, 1024),
    FIELD ("engine", "max-file-size", SIZE, max_file_size, "256M", KIB, 2 * GIB - 1),
    FIELD ("engine", "max-scan-size", SIZE, max_scan_size, "1G", KIB, VT_ENGINE_SCAN_SIZE_CEILING),
    FIELD (
        "engine", "max-scan-time", DURATION, max_scan_time_s, "2m", 1, VT_ENGINE_SCAN_TIME_CEILING),
    FIELD ("engine", "nested", NUMBER, nested, "1", 0, VT_ENGINE_NESTED_CEILING),
    FIELD ("engine", "max-signature-age", DURATION, max_signature_age_s, "3d", 60, 3650 * DAY),
};

VtScandConfig *
vt_scand_config_new (const char *file, GError **error)
{
  g_autoptr (VtScandConfig) self = g_new0 (VtScandConfig, 1);

  if (!vt_config_read (file, fields, G_N_ELEMENTS (fields), self, error))
    return NULL;
  return g_steal_pointer (&self);
}

char *
vt_scand_config_print (const VtScandConfig *self)
{
  return vt_config_print (fields, G_N_ELEMENTS (fields), self);
}

void
vt_scand_config_free (VtScandConfig *self)
{
  vt_config_clear (fields, G_N_ELEMENTS (fields), self);
  g_free (self);
}

VtEngineOptions *
vt_scand_config_make_engine_options (const VtScandConfig *self, GError **error)
{
  g_autoptr (VtEngineOptions) options = vt_engine_options_new ();

  if (self->database != NULL) {
    g_free (options->database_dir);
    options->database_dir = g_strdup (self->database);
  }
  options->max_file_size = self->max_file_size;
  options->max_scan_size = self->max_scan_size;
  options->max_scan_time_s = (guint32)self->max_scan_time_s;
  options->max_nested = (guint32)self->nested;
  if (!vt_engine_options_validate (options, error))
    return NULL;
  return g_steal_pointer (&options);
}

char *
vt_scand_config_get_path (const VtScandConfig *self, const char *path, const char *name)
{
  return path != NULL ? g_strdup (path) : g_build_filename (self->state_dir, name, NULL);
}
