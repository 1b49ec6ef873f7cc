// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * How a clone gets an identity of its own: it makes a key, and exchanges the join token that its
 * template has for a certificate. The private key never leaves it.
 */
#include "vt-scand-service-private.h"

#include "vt-json-reader.h"

#define TEXT_MAX ((gsize)16 * 1024)
/* Of the name that was asked for; eight digits and a hyphen follow. */
#define ASKED_NAME_MAX (VT_CERTIFICATE_NAME_MAX - 9)

/* All clones of a template may ask for the same name. */
static char *
make_name (const char *request, GError **error)
{
  g_autofree char *wanted = vt_certificate_get_requested_name (request, error);

  return wanted != NULL
             ? g_strdup_printf ("%.*s-%08x", (int)ASKED_NAME_MAX, wanted, g_random_int ())
             : NULL;
}

static char *
issue (VtScandService *self, const char *request, const char *name, GError **error)
{
  const VtCertificateWish wish = {
      .name = name, .days = (guint)(self->config->certificate_lifetime_s / (24 * 60 * 60))};

  return vt_authority_issue (self->authority, request, &wish, error);
}

/* In this order: who has no token gets nothing, and no token is used up for a bad request. */
static gboolean
admit (VtScandService *self,
       const char *token,
       const char *name,
       const char *certificate,
       GError **error)
{
  VtScandCertificate row = {.name = (char *)name, .issued = vt_scand_now ()};
  g_autofree char *serial = vt_certificate_get_serial (certificate, error);
  g_autofree char *group = NULL;

  if (serial == NULL || !vt_scand_state_use_token (self->state, token, row.issued, &group, error))
    return FALSE;
  row.serial = serial;
  row.group = group;
  return vt_certificate_get_end (certificate, &row.expires, error) &&
         vt_scand_state_add_certificate (self->state, &row, error);
}

static void
answer (VtScandService *self, VtScandRequest *request, const char *name, const char *certificate)
{
  g_autofree char *authority = vt_authority_get_certificate (self->authority, NULL);
  VtScandJson json;

  g_message ("%s has joined", name);
  vt_scand_json_begin (&json);
  vt_json_string (json.writer, "name", name);
  vt_json_string (json.writer, "certificate", certificate);
  vt_json_string (json.writer, "authority", authority);
  vt_scand_json_answer (&json, request, 200);
}

static void
refuse (VtScandService *self, VtScandRequest *request, const GError *error)
{
  if (error->domain == VT_SCAND_STATE_ERROR &&
      !g_error_matches (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_REFUSED)) {
    vt_scand_service_note_trouble (self, &self->counters.state_errors, error);
    vt_scand_request_refuse_for (request, 503, 5, "the state database cannot be written now");
    return;
  }
  vt_scand_request_refuse (request, error->domain == VT_SCAND_STATE_ERROR ? 403 : 400, "%s",
                           error->message);
}

static void
join (VtScandService *self, VtScandRequest *request, const char *token, const char *csr)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = make_name (csr, &error);
  g_autofree char *certificate = name != NULL ? issue (self, csr, name, &error) : NULL;

  if (certificate != NULL && admit (self, token, name, certificate, &error))
    answer (self, request, name, certificate);
  else
    refuse (self, request, error);
}

void
vt_scand_join (VtScandRequest *request, gpointer service)
{
  VtScandService *self = service;
  g_autoptr (GBytes) body = vt_scand_request_get_body (request);
  g_autoptr (JsonObject) object = NULL;
  g_autoptr (GError) error = NULL;
  const char *token;
  const char *csr;

  if (self->authority == NULL) {
    vt_scand_request_refuse (request, 404, "nobody can join here");
    return;
  }
  object = vt_json_read_object (body, g_bytes_get_size (body), &error);
  if (object == NULL) {
    vt_scand_request_refuse (request, 400, "%s", error->message);
    return;
  }
  token = vt_json_get_text (object, "token", TEXT_MAX);
  csr = vt_json_get_text (object, "request", TEXT_MAX);
  if (token == NULL || csr == NULL)
    vt_scand_request_refuse (request, 400, "\"token\" and \"request\" must be given");
  else
    join (self, request, token, csr);
}
