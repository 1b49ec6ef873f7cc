// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scand-service-private.h"

#include "vt-scand-ca.h"
#include "vt-source.h"
#include "vt-unpack-worker.h"

/* How long the signatures have to be at rest: an update writes several files. */
#define REST_MS 2000
/* If they are never at rest, for so long, they are looked at all the same. */
#define RESTLESS_US ((gint64)20 * G_USEC_PER_SEC)
/* Without a word of the directory: network file systems tell nothing. */
#define LOOK_S   (10 * 60)
#define UPKEEP_S (10 * 60)
/* How long a list shows certificates that have expired. */
#define EXPIRED_KEPT_S ((gint64)30 * 24 * 60 * 60)
/* Between writes of verdicts that have come together. */
#define FLUSH_TICKS 2

gint64
vt_scand_now (void)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

void
vt_scand_service_note_trouble (VtScandService *self, guint64 *counter, const GError *error)
{
  (*counter)++;
  /* Once, not with each request. */
  if (g_strcmp0 (self->trouble, error->message) == 0)
    return;
  g_warning ("%s", error->message);
  g_free (self->trouble);
  self->trouble = g_strdup (error->message);
}

/* The engine. */

static void
note_engine (VtScandService *self, const char *id)
{
  g_autoptr (GError) cache_error = NULL;
  g_autoptr (GError) error = NULL;
  gint64 now = vt_scand_now ();

  if (!vt_scand_cache_set_engine (self->cache, id, now, &cache_error))
    vt_scand_service_note_trouble (self, &self->counters.store_errors, cache_error);
  if (!vt_scand_state_set_engine (self->state, id, now, &error))
    vt_scand_service_note_trouble (self, &self->counters.state_errors, error);
}

static void
on_in_force (VtScandEngine *engine, const VtEngineId *id, VtScandService *self)
{
  self->counters.engines_taken++;
  self->signatures_time = vt_engine_id_get_signature_time (id);
  g_clear_pointer (&self->refusal, g_free);
  note_engine (self, id->id);
  g_message ("engine %.12s in force: ClamAV %s, %u databases", id->id, id->version,
             id->databases->len);
  if (self->ready != NULL)
    self->ready (self->ready_data);
  self->ready = NULL;
}

static void
on_confirmed (VtScandEngine *engine, VtScandService *self)
{
  g_clear_pointer (&self->refusal, g_free);
}

static void
on_refused (VtScandEngine *engine, const GError *error, VtScandService *self)
{
  self->counters.engines_refused++;
  g_free (self->refusal);
  self->refusal = g_strdup_printf ("signatures refused: %s", error->message);
  g_warning ("%s%s", self->refusal,
             vt_scand_engine_get_id (engine) != NULL ? "; the engine in force stays" : "");
}

static void
on_lost (VtScandEngine *engine, const GError *error, VtScandService *self)
{
  self->counters.engines_lost++;
  g_warning ("the engine failed, and is loaded again: %s", error->message);
}

static void
on_message (VtScandEngine *engine, guint level, const char *text, VtScandService *self)
{
  g_log (G_LOG_DOMAIN, level, "%s", text);
}

/* What could not be written is tried again: agents are told of nothing that is not on the disk. */
static void
write_revoked (VtScandService *self)
{
  while (self->revoked->len > 0) {
    const VtScandChange *change = g_ptr_array_index (self->revoked, 0);
    g_autoptr (GError) error = NULL;

    if (!vt_scand_state_revoke (self->state, &change->digest, change->threat, change->time,
                                &error)) {
      vt_scand_service_note_trouble (self, &self->counters.state_errors, error);
      return;
    }
    g_ptr_array_remove_index (self->revoked, 0);
  }
}

static void
on_revoked (const VtDigest *digest, const char *threat, gpointer user_data)
{
  VtScandService *self = user_data;
  VtScandChange *change = g_new (VtScandChange, 1);
  char hex[VT_DIGEST_HEX_SIZE];

  *change =
      (VtScandChange){.digest = *digest, .threat = g_strdup (threat), .time = vt_scand_now ()};
  g_ptr_array_add (self->revoked, change);
  self->counters.revoked++;
  g_message ("%s was clean, and is infected: %s", vt_digest_to_hex (digest, hex), threat);
  write_revoked (self);
}

/* Signatures. */

static gboolean
on_rest (gpointer user_data)
{
  VtScandService *self = user_data;

  vt_source_clear (&self->look);
  vt_scand_engine_look (self->engine);
  return G_SOURCE_REMOVE;
}

static void
on_changed (
    GFileMonitor *monitor, GFile *file, GFile *other, GFileMonitorEvent event, VtScandService *self)
{
  gint64 now = g_get_monotonic_time ();

  if (self->look == NULL)
    self->changed_since = now;
  else if (now - self->changed_since > RESTLESS_US)
    return;
  vt_source_clear (&self->look);
  self->look = g_timeout_source_new (REST_MS);
  g_source_set_callback (self->look, on_rest, self, NULL);
  g_source_attach (self->look, g_main_context_get_thread_default ());
}

static void
watch_signatures (VtScandService *self)
{
  g_autoptr (GFile) directory = g_file_new_for_path (self->options->database_dir);
  g_autoptr (GError) error = NULL;

  self->monitor = g_file_monitor_directory (directory, G_FILE_MONITOR_WATCH_MOVES, NULL, &error);
  if (self->monitor != NULL)
    g_signal_connect (self->monitor, "changed", G_CALLBACK (on_changed), self);
  else
    g_warning ("%s is not watched, and looked at each ten minutes: %s", self->options->database_dir,
               error->message);
}

/* From time to time. */

static void
tick_databases (VtScandService *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) prune_error = NULL;
  g_autoptr (GError) state_error = NULL;

  if (self->ticks % FLUSH_TICKS == 0 && !vt_store_flush (self->store, &error))
    vt_scand_service_note_trouble (self, &self->counters.store_errors, error);
  vt_scand_cache_prune (self->cache, &prune_error);
  if (prune_error != NULL)
    vt_scand_service_note_trouble (self, &self->counters.store_errors, prune_error);
  if (!vt_scand_state_refresh (self->state, &state_error))
    vt_scand_service_note_trouble (self, &self->counters.state_errors, state_error);
  write_revoked (self);
  if (error == NULL && prune_error == NULL && state_error == NULL && self->revoked->len == 0)
    g_clear_pointer (&self->trouble, g_free);
}

static gboolean
on_tick (gpointer user_data)
{
  VtScandService *self = user_data;

  self->ticks++;
  tick_databases (self);
  if (self->ticks % LOOK_S == 0)
    vt_scand_engine_look (self->engine);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_upkeep (gpointer user_data)
{
  VtScandService *self = user_data;
  g_autoptr (GError) error = NULL;
  gint64 now = vt_scand_now ();

  vt_scand_engine_forget_failures (self->engine);
  if (!vt_scand_state_forget_changes (self->state, now - (gint64)self->config->changes_kept_s,
                                      &error) ||
      !vt_scand_state_forget_engines (self->state, now - (gint64)self->config->grace_s, &error) ||
      !vt_scand_state_forget_certificates (self->state, now - EXPIRED_KEPT_S, &error))
    vt_scand_service_note_trouble (self, &self->counters.state_errors, error);
  return G_SOURCE_CONTINUE;
}

static GSource *
every (guint seconds, GSourceFunc func, VtScandService *self)
{
  GSource *source = g_timeout_source_new_seconds (seconds);

  g_source_set_callback (source, func, self, NULL);
  g_source_attach (source, g_main_context_get_thread_default ());
  return source;
}

/* Setting up. */

static gboolean
open_databases (VtScandService *self, GError **error)
{
  g_autofree char *store = vt_scand_config_get_path (self->config, NULL, "verdicts.db");
  g_autofree char *state = vt_scand_config_get_path (self->config, NULL, "state.db");

  self->state = vt_scand_state_open (state, error);
  if (self->state == NULL)
    return FALSE;
  self->store = vt_store_open (store, error);
  return self->store != NULL;
}

static gboolean
load_changes (VtScandService *self, GError **error)
{
  g_autoptr (GPtrArray) changes = vt_scand_state_list_changes (self->state, error);

  for (guint i = 0; changes != NULL && i < changes->len; i++)
    vt_scand_cache_distrust (self->cache,
                             &((const VtScandChange *)g_ptr_array_index (changes, i))->digest);
  return changes != NULL;
}

static gboolean
load_cache (VtScandService *self, GError **error)
{
  const VtScandCacheLimits limits = {.max_entries = self->config->cache_entries,
                                     .grace_s = self->config->grace_s};
  g_autoptr (GPtrArray) engines = vt_scand_state_get_engines (self->state, error);

  if (engines == NULL)
    return FALSE;
  self->cache = vt_scand_cache_new (self->store, &limits, on_revoked, self);
  for (guint i = 0; i < engines->len; i++) {
    const VtScandPastEngine *engine = g_ptr_array_index (engines, i);

    if (!vt_scand_cache_load (self->cache, engine->id, engine->superseded, error))
      return FALSE;
  }
  return load_changes (self, error);
}

static void
set_up_engine (VtScandService *self)
{
  guint workers =
      self->config->workers > 0 ? (guint)self->config->workers : g_get_num_processors ();
  const VtUnpackPoolOptions unpack = {
      .worker = vt_unpack_worker_main,
      .max_file_size = self->options->max_file_size,
      .max_time_s = self->options->max_unpack_time_s,
      .jobs = workers,
  };

  self->unpack_pool = vt_unpack_pool_new (self->spawner, &unpack);
  self->image = vt_image_options_new ("content");
  self->image->max_file_size = self->options->max_file_size;
  self->engine = vt_scand_engine_new (&(VtScandEngineSetup){
      .spawner = self->spawner,
      .store = self->store,
      .unpack_pool = self->unpack_pool,
      .options = self->options,
      .image = self->image,
      .workers = workers,
  });
  g_signal_connect (self->engine, "in-force", G_CALLBACK (on_in_force), self);
  g_signal_connect (self->engine, "confirmed", G_CALLBACK (on_confirmed), self);
  g_signal_connect (self->engine, "refused", G_CALLBACK (on_refused), self);
  g_signal_connect (self->engine, "lost", G_CALLBACK (on_lost), self);
  g_signal_connect (self->engine, "message", G_CALLBACK (on_message), self);
}

static gboolean
read_certificates (VtScandService *self,
                   GTlsCertificate **certificate,
                   GTlsDatabase **authorities,
                   GError **error)
{
  const VtScandConfig *config = self->config;
  g_autofree char *own = vt_scand_config_get_path (config, config->certificate, "tls/service.pem");
  g_autofree char *key = vt_scand_config_get_path (config, config->key, "tls/service.key");
  g_autofree char *ca = vt_scand_config_get_path (config, config->authorities, "ca/authority.pem");

  *certificate = g_tls_certificate_new_from_files (own, key, error);
  if (*certificate == NULL) {
    g_prefix_error (error, "%s and %s: ", own, key);
    return FALSE;
  }
  *authorities = g_tls_file_database_new (ca, error);
  if (*authorities != NULL)
    return TRUE;
  g_prefix_error (error, "%s: ", ca);
  g_clear_object (certificate);
  return FALSE;
}

/* Without the authority's key here, which an operator's own never is, nobody can join. */
static gboolean
load_authority (VtScandService *self, GError **error)
{
  g_autofree char *dir = vt_scand_config_get_path (self->config, NULL, "ca");
  g_autofree char *key = g_build_filename (dir, "authority.key", NULL);

  if (!self->config->join || !g_file_test (key, G_FILE_TEST_EXISTS))
    return TRUE;
  self->authority = vt_scand_ca_load (dir, error);
  return self->authority != NULL;
}

static gboolean
admits (const VtScandPeer *peer, gpointer user_data)
{
  VtScandService *self = user_data;

  return !vt_scand_state_is_revoked (self->state, peer->serial);
}

static void
count_request (const VtScandRoute *route, guint status, gpointer user_data)
{
  VtScandService *self = user_data;

  vt_scand_counters_count_request (&self->counters, route != NULL ? route->name : "none", status);
}

static VtScandServerSetup
make_server_setup (VtScandService *self)
{
  return (VtScandServerSetup){
      .routes = vt_scand_routes,
      .n_routes = vt_scand_n_routes,
      .admits = admits,
      .done = count_request,
      .user_data = self,
      .max_connections = self->config->max_connections,
      .max_connections_per_address = self->config->max_connections_per_address,
      .header_timeout_s = self->config->header_timeout_s,
      .idle_timeout_s = self->config->idle_timeout_s,
      .min_rate = self->config->min_rate,
  };
}

static gboolean
listen_for_agents (VtScandService *self, const int *fds, gsize n, GError **error)
{
  const char *const *addresses = (const char *const *)self->config->addresses;

  for (gsize i = 0; i < n; i++)
    if (!vt_scand_server_listen_fd (self->server, fds[i], error))
      return FALSE;
  for (gsize i = 0; n == 0 && addresses[i] != NULL; i++)
    if (!vt_scand_server_listen (self->server, addresses[i], error))
      return FALSE;
  return TRUE;
}

static gboolean
listen_locally (VtScandService *self, GError **error)
{
  VtScandServerSetup setup = make_server_setup (self);

  if (self->config->local == NULL || g_str_equal (self->config->local, "none"))
    return TRUE;
  setup.routes = vt_scand_local_routes;
  setup.n_routes = vt_scand_n_local_routes;
  self->local = vt_scand_server_new (&setup, NULL, NULL);
  return vt_scand_server_listen (self->local, self->config->local, error);
}

static gboolean
set_up_servers (VtScandService *self, const int *fds, gsize n, GError **error)
{
  const VtScandServerSetup setup = make_server_setup (self);
  g_autoptr (GTlsCertificate) certificate = NULL;
  g_autoptr (GTlsDatabase) authorities = NULL;

  if (!read_certificates (self, &certificate, &authorities, error) || !load_authority (self, error))
    return FALSE;
  self->uploads =
      vt_scand_uploads_new (self->config->upload_memory, self->config->max_uploads_per_agent);
  self->server = vt_scand_server_new (&setup, certificate, authorities);
  return listen_for_agents (self, fds, n, error) && listen_locally (self, error);
}

VtScandService *
vt_scand_service_new (
    VtScandConfig *config, VtSpawner *spawner, const int *fds, gsize n, GError **error)
{
  g_autoptr (VtScandService) self = g_new0 (VtScandService, 1);

  self->config = config;
  self->spawner = spawner;
  self->revoked = g_ptr_array_new_with_free_func ((GDestroyNotify)vt_scand_change_free);
  self->options = vt_scand_config_make_engine_options (config, error);
  if (self->options == NULL || !open_databases (self, error) || !load_cache (self, error))
    return NULL;
  set_up_engine (self);
  if (!set_up_servers (self, fds, n, error))
    return NULL;
  watch_signatures (self);
  self->tick = every (1, on_tick, self);
  self->upkeep = every (UPKEEP_S, on_upkeep, self);
  vt_scand_engine_look (self->engine);
  return g_steal_pointer (&self);
}

/* Contents that are being scanned are answered while what they belong to is still there. */
static void
free_engine (VtScandService *self)
{
  if (self->engine == NULL)
    return;
  g_signal_handlers_disconnect_by_data (self->engine, self);
  vt_scand_engine_stop (self->engine);
  g_clear_object (&self->engine);
}

void
vt_scand_service_free (VtScandService *self)
{
  vt_source_clear (&self->look);
  vt_source_clear (&self->tick);
  vt_source_clear (&self->upkeep);
  g_clear_object (&self->monitor);
  free_engine (self);
  g_clear_pointer (&self->server, vt_scand_server_free);
  g_clear_pointer (&self->local, vt_scand_server_free);
  g_clear_pointer (&self->uploads, vt_scand_uploads_free);
  g_clear_pointer (&self->authority, vt_authority_free);
  g_clear_pointer (&self->unpack_pool, vt_unpack_pool_free);
  g_clear_pointer (&self->image, vt_image_options_free);
  g_clear_pointer (&self->cache, vt_scand_cache_free);
  g_clear_pointer (&self->store, vt_store_free);
  g_clear_pointer (&self->state, vt_scand_state_free);
  g_clear_pointer (&self->options, vt_engine_options_free);
  g_clear_pointer (&self->config, vt_scand_config_free);
  g_ptr_array_unref (self->revoked);
  g_free (self->refusal);
  g_free (self->trouble);
  g_free (self);
}

void
vt_scand_service_set_ready_func (VtScandService *self,
                                 void (*ready) (gpointer user_data),
                                 gpointer user_data)
{
  self->ready = ready;
  self->ready_data = user_data;
}

gboolean
vt_scand_service_reload (VtScandService *self, GError **error)
{
  g_autoptr (GTlsCertificate) certificate = NULL;
  g_autoptr (GTlsDatabase) authorities = NULL;

  vt_scand_engine_look (self->engine);
  if (!read_certificates (self, &certificate, &authorities, error))
    return FALSE;
  vt_scand_server_set_certificate (self->server, certificate, authorities);
  return TRUE;
}

guint16
vt_scand_service_get_port (VtScandService *self)
{
  return vt_scand_server_get_port (self->server);
}

guint16
vt_scand_service_get_local_port (VtScandService *self)
{
  return self->local != NULL ? vt_scand_server_get_port (self->local) : 0;
}
