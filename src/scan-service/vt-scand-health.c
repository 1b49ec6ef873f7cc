// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What the operator's monitoring asks, at the local listener. */
#include "vt-scand-service-private.h"

gint64
vt_scand_service_get_signatures_age (const VtScandService *self)
{
  if (vt_scand_engine_get_id (self->engine) == NULL)
    return -1;
  return MAX (vt_scand_now () - self->signatures_time, 0);
}

static gboolean
are_too_old (const VtScandService *self)
{
  gint64 age = vt_scand_service_get_signatures_age (self);

  return age > 0 && (guint64)age > self->config->max_signature_age_s;
}

static void
write_problems (VtScandService *self, VtJsonWriter *writer)
{
  vt_json_begin_array (writer, "problems");
  if (vt_scand_engine_get_id (self->engine) == NULL)
    vt_json_string (writer, NULL, "no engine is loaded");
  if (self->refusal != NULL)
    vt_json_string (writer, NULL, self->refusal);
  if (are_too_old (self))
    vt_json_string (writer, NULL, "the signatures are older than they may be");
  if (self->trouble != NULL)
    vt_json_string (writer, NULL, self->trouble);
  vt_json_end_array (writer);
}

/* 503 when nothing can be scanned; whatever else is wrong is a problem, and no reason to be taken
 * down for. */
void
vt_scand_health (VtScandRequest *request, gpointer service)
{
  VtScandService *self = service;
  const VtEngineId *id = vt_scand_engine_get_id (self->engine);
  gboolean degraded = self->refusal != NULL || self->trouble != NULL || are_too_old (self);
  VtScandJson json;

  vt_scand_json_begin (&json);
  vt_json_string (json.writer, "status", id == NULL ? "down" : degraded ? "degraded" : "ok");
  vt_json_string (json.writer, "version", VT_VERSION);
  vt_json_string (json.writer, "engine", id != NULL ? id->id : NULL);
  if (id != NULL)
    vt_json_time (json.writer, "signatures", self->signatures_time);
  else
    vt_json_null (json.writer, "signatures");
  write_problems (self, json.writer);
  vt_scand_json_answer (&json, request, id != NULL ? 200 : 503);
}

void
vt_scand_metrics (VtScandRequest *request, gpointer service)
{
  VtScandService *self = service;
  const VtScandGauges gauges = {
      .connections = vt_scand_server_get_connections (self->server),
      .cache_entries = vt_scand_cache_get_length (self->cache),
      .upload_bytes = vt_scand_uploads_get_bytes (self->uploads),
      .epoch = vt_scand_state_get_epoch (self->state),
      .engine_in_force = vt_scand_engine_get_id (self->engine) != NULL,
      .signatures_age_s = vt_scand_service_get_signatures_age (self),
      .signatures_too_old = are_too_old (self),
  };

  vt_scand_request_answer (request, 200, "text/plain; version=0.0.4",
                           vt_scand_metrics_write (&self->counters, &gauges));
}
