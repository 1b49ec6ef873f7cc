// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What can be asked for, and the small answers. docs/protocol.md is the contract. */
#include "vt-scand-service-private.h"

#include <string.h>

#define LOOKUP_MAX ((guint64)4096)
/* A certificate request, and a token. */
#define JOIN_MAX ((guint64)32 * 1024)
/* Of one answer. */
#define CHANGES_MAX 1000

const VtScandRoute vt_scand_routes[] = {
    {.method = "POST",
     .path = "/v1/lookup",
     .name = "lookup",
     .max_body = LOOKUP_MAX * VT_DIGEST_SIZE,
     .finish = vt_scand_lookup},
    {.method = "PUT",
     .path = "/v1/objects/",
     .name = "objects",
     .max_body = G_MAXUINT64,
     .streams = TRUE,
     .begin = vt_scand_object_begin,
     .take = vt_scand_object_take,
     .finish = vt_scand_object_finish},
    {.method = "GET", .path = "/v1/changes", .name = "changes", .finish = vt_scand_changes},
    {.method = "POST",
     .path = "/v1/join",
     .name = "join",
     .anonymous = TRUE,
     .max_body = JOIN_MAX,
     .finish = vt_scand_join},
};
const gsize vt_scand_n_routes = G_N_ELEMENTS (vt_scand_routes);

const VtScandRoute vt_scand_local_routes[] = {
    {.method = "GET", .path = "/healthz", .name = "healthz", .finish = vt_scand_health},
    {.method = "GET", .path = "/metrics", .name = "metrics", .finish = vt_scand_metrics},
};
const gsize vt_scand_n_local_routes = G_N_ELEMENTS (vt_scand_local_routes);

void
vt_scand_tell_epoch (VtScandService *self, VtScandRequest *request)
{
  g_autofree char *epoch =
      g_strdup_printf ("%" G_GUINT64_FORMAT, vt_scand_state_get_epoch (self->state));

  vt_scand_request_set_header (request, "VT-Epoch", epoch);
  vt_scand_request_set_header (request, "VT-Service", vt_scand_state_get_service (self->state));
}

void
vt_scand_lookup (VtScandRequest *request, gpointer service)
{
  VtScandService *self = service;
  g_autoptr (GBytes) body = vt_scand_request_get_body (request);
  gsize size;
  const guint8 *bytes = g_bytes_get_data (body, &size);
  gsize n = size / VT_DIGEST_SIZE;
  gint64 now = vt_scand_now ();
  guint8 *answer;

  if (n == 0 || size % VT_DIGEST_SIZE != 0) {
    vt_scand_request_refuse (request, 400, "%zu bytes are no whole number of SHA-256 digests",
                             size);
    return;
  }
  answer = g_malloc (n);
  for (gsize i = 0; i < n; i++) {
    VtDigest digest;

    memcpy (digest.bytes, bytes + i * VT_DIGEST_SIZE, VT_DIGEST_SIZE);
    answer[i] = (guint8)vt_scand_cache_lookup (self->cache, &digest, now);
    self->counters.lookups[answer[i]]++;
  }
  vt_scand_tell_epoch (self, request);
  vt_scand_request_answer (request, 200, "application/octet-stream", g_bytes_new_take (answer, n));
}

static void
write_change (VtJsonWriter *writer, const VtScandChange *change)
{
  char hex[VT_DIGEST_HEX_SIZE];

  vt_json_begin_object (writer, NULL);
  vt_json_string (writer, "sha256", vt_digest_to_hex (&change->digest, hex));
  vt_json_string (writer, "threat", change->threat);
  vt_json_uint (writer, "epoch", change->epoch);
  vt_json_time (writer, "time", change->time);
  vt_json_end_object (writer);
}

void
vt_scand_changes (VtScandRequest *request, gpointer service)
{
  VtScandService *self = service;
  const char *since_text = vt_scand_request_get_query (request, "since");
  g_autoptr (GPtrArray) changes = NULL;
  g_autoptr (GError) error = NULL;
  VtScandJson json;
  guint64 since;
  guint64 until;
  gboolean gap;

  if (since_text == NULL ||
      !g_ascii_string_to_unsigned (since_text, 10, 0, G_MAXINT64, &since, NULL)) {
    vt_scand_request_refuse (request, 400, "since=EPOCH must be given");
    return;
  }
  changes = vt_scand_state_get_changes (self->state, since, CHANGES_MAX, &until, &gap, &error);
  if (changes == NULL) {
    vt_scand_service_note_trouble (self, &self->counters.state_errors, error);
    vt_scand_request_refuse_for (request, 503, 5, "the state database cannot be read now");
    return;
  }
  vt_scand_tell_epoch (self, request);
  vt_scand_json_begin (&json);
  vt_json_string (json.writer, "service", vt_scand_state_get_service (self->state));
  vt_json_uint (json.writer, "epoch", vt_scand_state_get_epoch (self->state));
  vt_json_uint (json.writer, "until", until);
  vt_json_boolean (json.writer, "gap", gap);
  vt_json_begin_array (json.writer, "revoked");
  for (guint i = 0; i < changes->len; i++)
    write_change (json.writer, g_ptr_array_index (changes, i));
  vt_json_end_array (json.writer);
  vt_scand_json_answer (&json, request, 200);
}
