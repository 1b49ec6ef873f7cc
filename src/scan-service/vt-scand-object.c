// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* A content that is sent to be scanned: into memory as it comes, to the engine, and its verdict. */
#include "vt-scand-service-private.h"

#include <errno.h>

#include "vt-fd.h"
#include "vt-memfd.h"

/* Seconds until who is refused should ask again. */
#define RETRY_BUSY_S   1
#define RETRY_ENGINE_S 5

typedef struct {
  VtScandService *service;
  VtScandRequest *request;
  VtDigest named;
  VtScandRoom *room;
  int memfd; /* -1: the engine has it */
  guint64 size;
} Object;

static void
object_free (gpointer data)
{
  Object *self = data;

  vt_fd_clear (&self->memfd);
  g_clear_pointer (&self->room, vt_scand_room_free);
  g_free (self);
}

static gboolean
check_length (const VtScandService *self, VtScandRequest *request)
{
  guint64 length = vt_scand_request_get_length (request);

  if (vt_scand_request_get_header (request, "Content-Length") == NULL)
    vt_scand_request_refuse (request, 411, "the content's length must be announced");
  else if (length > self->config->max_object_size)
    vt_scand_request_refuse (request, 413,
                             "the content has %" G_GUINT64_FORMAT
                             " bytes; at most %" G_GUINT64_FORMAT " are taken",
                             length, self->config->max_object_size);
  else
    return TRUE;
  return FALSE;
}

static Object *
object_new (VtScandService *service, VtScandRequest *request, const VtDigest *named)
{
  guint64 length = vt_scand_request_get_length (request);
  VtScandRoom *room =
      vt_scand_uploads_take (service->uploads, vt_scand_request_get_peer (request)->name, length);
  Object *self;

  if (room == NULL) {
    vt_scand_request_refuse_for (request, 429, RETRY_BUSY_S,
                                 "as much is being scanned as may be at a time");
    return NULL;
  }
  self = g_new (Object, 1);
  *self = (Object){.service = service,
                   .request = request,
                   .named = *named,
                   .room = room,
                   .memfd = vt_memfd_new ("object")};
  if (self->memfd >= 0)
    return self;
  g_warning ("memory for a content: %s", g_strerror (errno));
  vt_scand_request_refuse_for (request, 503, RETRY_BUSY_S, "there is no memory for the content");
  object_free (self);
  return NULL;
}

void
vt_scand_object_begin (VtScandRequest *request, gpointer service)
{
  VtScandService *self = service;
  VtDigest named;
  Object *object;

  vt_scand_tell_epoch (self, request);
  if (!vt_digest_from_hex (vt_scand_request_get_rest (request), &named)) {
    vt_scand_request_refuse (request, 400,
                             "the name of a content is its SHA-256 in 64 hexadecimal digits");
    return;
  }
  if (!check_length (self, request))
    return;
  if (vt_scand_engine_get_id (self->engine) == NULL) {
    vt_scand_request_refuse_for (request, 503, RETRY_ENGINE_S, "no engine is loaded");
    return;
  }
  object = object_new (self, request, &named);
  if (object != NULL)
    vt_scand_request_set_data (request, object, object_free);
}

gboolean
vt_scand_object_take (VtScandRequest *request, const void *data, gsize size, gpointer service)
{
  Object *object = vt_scand_request_get_data (request);

  if (vt_fd_write_at (object->memfd, object->size, data, size)) {
    object->size += size;
    return TRUE;
  }
  g_warning ("memory for a content: %s", g_strerror (errno));
  vt_scand_request_refuse_for (request, 503, RETRY_BUSY_S, "there is no memory for the content");
  return FALSE;
}

static void
write_verdict (Object *object, const VtScanAnswer *answer)
{
  const VtVerdict *verdict = &answer->verdict;
  char hex[VT_DIGEST_HEX_SIZE];
  VtScandJson json;

  vt_scand_json_begin (&json);
  vt_json_string (json.writer, "sha256", vt_digest_to_hex (&answer->digest, hex));
  vt_json_string (json.writer, "verdict", vt_verdict_kind_to_string (verdict->kind));
  if (verdict->kind == VT_VERDICT_INFECTED)
    vt_json_string (json.writer, "threat", verdict->threat);
  if (verdict->kind == VT_VERDICT_INCOMPLETE)
    vt_json_string (json.writer, "reason", vt_reason_to_string (verdict->reason));
  vt_json_bytes_array (json.writer, "members", answer->members);
  vt_json_string (json.writer, "source", answer->source == VT_SOURCE_STORE ? "cache" : "engine");
  vt_scand_json_answer (&json, object->request, 200);
}

static void
on_scanned (const VtScanAnswer *answer, gpointer user_data)
{
  Object *object = user_data;
  VtScandService *service = object->service;
  char hex[VT_DIGEST_HEX_SIZE];

  vt_scand_tell_epoch (service, object->request);
  service->counters.scans[answer->verdict.kind]++;
  service->counters.scanned_bytes += object->size;
  if (!answer->has_digest)
    vt_scand_request_refuse_for (object->request, 503, RETRY_ENGINE_S,
                                 "the content could not be scanned");
  else if (!vt_digest_equal (&answer->digest, &object->named))
    vt_scand_request_refuse (object->request, 422, "the SHA-256 of what came is %s",
                             vt_digest_to_hex (&answer->digest, hex));
  else
    write_verdict (object, answer);
  vt_scand_request_release (object->request);
}

void
vt_scand_object_finish (VtScandRequest *request, gpointer service)
{
  VtScandService *self = service;
  Object *object = vt_scand_request_get_data (request);

  if (!vt_memfd_seal (object->memfd)) {
    vt_scand_request_refuse (request, 500, "the content could not be sealed");
    return;
  }
  /* It is answered from the main loop, and held until then. */
  vt_scand_request_hold (request);
  if (vt_scand_engine_scan (self->engine, object->memfd, object->size, on_scanned, object)) {
    object->memfd = -1;
    return;
  }
  vt_scand_request_refuse_for (request, 503, RETRY_ENGINE_S, "no engine is loaded");
  vt_scand_request_release (request);
}
