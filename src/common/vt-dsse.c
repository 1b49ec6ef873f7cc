// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-dsse-private.h"

#include <json-glib/json-glib.h>
#include <string.h>

/* Key ids in messages. */
#define SHOWN_KEYS_MAX 3

G_DEFINE_QUARK (vt_dsse_error_quark, vt_dsse_error)

/* What is signed: "DSSEv1", and type and payload, each after its length in bytes. */
static GBytes *
encode (const char *type, GBytes *payload)
{
  gsize size;
  const guint8 *bytes = g_bytes_get_data (payload, &size);
  GByteArray *encoded = g_byte_array_new ();
  g_autofree char *head = g_strdup_printf ("DSSEv1 %zu %s %zu ", strlen (type), type, size);

  g_byte_array_append (encoded, (const guint8 *)head, (guint)strlen (head));
  if (size > 0)
    g_byte_array_append (encoded, bytes, (guint)size);
  return g_byte_array_free_to_bytes (encoded);
}

static JsonNode *
make_json (const char *type, GBytes *payload, GBytes *signature, const char *keyid)
{
  g_autofree char *payload_text =
      g_base64_encode (g_bytes_get_data (payload, NULL), g_bytes_get_size (payload));
  g_autofree char *signature_text =
      g_base64_encode (g_bytes_get_data (signature, NULL), g_bytes_get_size (signature));
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "payloadType");
  json_builder_add_string_value (builder, type);
  json_builder_set_member_name (builder, "payload");
  json_builder_add_string_value (builder, payload_text);
  json_builder_set_member_name (builder, "signatures");
  json_builder_begin_array (builder);
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "keyid");
  json_builder_add_string_value (builder, keyid);
  json_builder_set_member_name (builder, "sig");
  json_builder_add_string_value (builder, signature_text);
  json_builder_end_object (builder);
  json_builder_end_array (builder);
  json_builder_end_object (builder);
  return json_builder_get_root (builder);
}

GBytes *
vt_dsse_sign (const char *payload_type, GBytes *payload, const VtPrivateKey *key, GError **error)
{
  const VtPublicKey *public = vt_private_key_get_public (key);
  g_autoptr (GBytes) encoded = NULL;
  g_autoptr (GBytes) signature = NULL;
  g_autoptr (JsonNode) node = NULL;
  g_autofree char *text = NULL;
  gsize size;

  /* Looked at before: the whole would be held in memory several times. */
  if (g_bytes_get_size (payload) > VT_DSSE_ENVELOPE_MAX) {
    vt_dsse_fail (error, "a payload of %zu bytes; the whole may have %zu",
                  g_bytes_get_size (payload), VT_DSSE_ENVELOPE_MAX);
    return NULL;
  }
  if (!vt_dsse_check_type (payload_type, error))
    return NULL;
  encoded = encode (payload_type, payload);
  signature = vt_private_key_sign (key, encoded, error);
  if (signature == NULL)
    return NULL;
  node = make_json (payload_type, payload, signature, vt_public_key_get_id (public));
  text = json_to_string (node, FALSE);
  size = strlen (text);
  if (size <= VT_DSSE_ENVELOPE_MAX)
    return g_bytes_new_take (g_steal_pointer (&text), size);
  vt_dsse_fail (error, "has %zu bytes, the limit is %zu", size, VT_DSSE_ENVELOPE_MAX);
  return NULL;
}

static void
set_not_signed (const VtDsseEnvelope *self, const VtPublicKey *key, GError **error)
{
  const char *ours = vt_public_key_get_id (key);
  g_autofree char *shown_ours = vt_dsse_show (ours);
  GString *others = g_string_new (NULL);

  for (guint i = 0; i < self->signatures->len; i++) {
    const VtDsseSignature *signature = g_ptr_array_index (self->signatures, i);
    g_autofree char *shown = vt_dsse_show (signature->keyid);

    if (g_str_equal (signature->keyid, ours)) {
      g_string_free (others, TRUE);
      g_set_error (error, VT_DSSE_ERROR, VT_DSSE_ERROR_BAD_SIGNATURE,
                   "envelope: the signature by the key %s does not match: it was changed",
                   shown_ours);
      return;
    }
    if (i < SHOWN_KEYS_MAX)
      g_string_append_printf (others, "%s%s", i > 0 ? ", " : "",
                              shown[0] != '\0' ? shown : "without a name");
    else if (i == SHOWN_KEYS_MAX)
      g_string_append (others, ", and more");
  }
  g_set_error (error, VT_DSSE_ERROR, VT_DSSE_ERROR_OTHER_KEY,
               "envelope: signed by other keys (%s), not by %s", others->str, shown_ours);
  g_string_free (others, TRUE);
}

GBytes *
vt_dsse_verify (GBytes *envelope, const char *payload_type, const VtPublicKey *key, GError **error)
{
  g_autoptr (VtDsseEnvelope) parsed = vt_dsse_envelope_parse (envelope, payload_type, error);
  g_autoptr (GBytes) encoded = NULL;

  if (parsed == NULL)
    return NULL;
  encoded = encode (parsed->type, parsed->payload);
  for (guint i = 0; i < parsed->signatures->len; i++) {
    const VtDsseSignature *signature = g_ptr_array_index (parsed->signatures, i);

    if (vt_public_key_verify (key, encoded, signature->bytes))
      return g_bytes_ref (parsed->payload);
  }
  set_not_signed (parsed, key, error);
  return NULL;
}

GBytes *
vt_dsse_peek_unverified (GBytes *envelope, const char *payload_type, GStrv *keyids, GError **error)
{
  g_autoptr (VtDsseEnvelope) parsed = vt_dsse_envelope_parse (envelope, payload_type, error);
  g_autoptr (GStrvBuilder) builder = NULL;

  if (keyids != NULL)
    *keyids = NULL;
  if (parsed == NULL)
    return NULL;
  builder = g_strv_builder_new ();
  for (guint i = 0; i < parsed->signatures->len; i++)
    g_strv_builder_add (builder,
                        ((VtDsseSignature *)g_ptr_array_index (parsed->signatures, i))->keyid);
  if (keyids != NULL)
    *keyids = g_strv_builder_end (builder);
  return g_bytes_ref (parsed->payload);
}
