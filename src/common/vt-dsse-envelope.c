// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Takes envelopes apart that anybody may have written. */
#include <json-glib/json-glib.h>
#include <string.h>

#include "vt-dsse-private.h"

/* Levels of an envelope's JSON, which needs three; others may have added something. json-glib calls
 * itself for each, so that a million of them would overrun the stack. */
#define DEPTH_MAX 16
/* Bytes of a payload type. */
#define TYPE_MAX ((gsize)256)
/* Bytes of a key id, and of one signature in base64, of whatever algorithm. */
#define KEYID_MAX     ((gsize)1024)
#define SIGNATURE_MAX ((gsize)16 * 1024)
/* Of a type or a key id, in messages. */
#define SHOWN_MAX 16

static void
signature_free (VtDsseSignature *self)
{
  g_free (self->keyid);
  g_clear_pointer (&self->bytes, g_bytes_unref);
  g_free (self);
}

void
vt_dsse_envelope_free (VtDsseEnvelope *self)
{
  g_free (self->type);
  g_clear_pointer (&self->payload, g_bytes_unref);
  g_clear_pointer (&self->signatures, g_ptr_array_unref);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtDsseSignature, signature_free)

gboolean
vt_dsse_fail (GError **error, const char *format, ...)
{
  va_list arguments;
  g_autofree char *message = NULL;

  va_start (arguments, format);
  message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, VT_DSSE_ERROR, VT_DSSE_ERROR_MALFORMED, "envelope: %s", message);
  return FALSE;
}

char *
vt_dsse_show (const char *text)
{
  gsize length = strlen (text);
  GString *shown = g_string_new (NULL);

  for (gsize i = 0; i < MIN (length, SHOWN_MAX); i++)
    g_string_append_c (shown, g_ascii_isgraph (text[i]) ? text[i] : '?');
  if (length > SHOWN_MAX)
    g_string_append (shown, "...");
  return g_string_free (shown, FALSE);
}

gboolean
vt_dsse_check_type (const char *type, GError **error)
{
  gsize length = strlen (type);

  if (length > 0 && length <= TYPE_MAX && g_utf8_validate (type, (gssize)length, NULL))
    return TRUE;
  return vt_dsse_fail (error, "a payload type of %zu bytes; it takes 1 to %zu of UTF-8", length,
                       TYPE_MAX);
}

/* Of either alphabet (RFC 4648, 4 and 5), not of both, padded, and written in the one way in which
 * an encoder writes it: encoding again must give the same text. NULL if it is none. */
static GBytes *
decode_base64 (const char *text)
{
  g_autofree char *standard = g_strdup (text);
  g_autofree char *again = NULL;
  g_autofree guint8 *bytes = NULL;
  gsize size = 0;

  if (strpbrk (text, "-_") != NULL) {
    if (strpbrk (text, "+/") != NULL)
      return NULL;
    g_strdelimit (standard, "-", '+');
    g_strdelimit (standard, "_", '/');
  }
  bytes = g_base64_decode (standard, &size);
  again = g_base64_encode (bytes, size);
  return g_str_equal (standard, again) ? g_bytes_new_take (g_steal_pointer (&bytes), size) : NULL;
}

/* NULL if OBJECT has no such member, or it is no string. */
static const char *
get_string (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node != NULL && json_node_get_value_type (node) == G_TYPE_STRING
             ? json_node_get_string (node)
             : NULL;
}

static gboolean
take_signature (JsonNode *node, GPtrArray *signatures, GError **error)
{
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  const char *text = object != NULL ? get_string (object, "sig") : NULL;
  const char *keyid = object != NULL ? get_string (object, "keyid") : NULL;
  g_autoptr (VtDsseSignature) signature = g_new0 (VtDsseSignature, 1);

  if (text == NULL)
    return vt_dsse_fail (error, "a signature without 'sig'");
  /* No key id, and null, which some write for none, are the same. */
  if (keyid == NULL && json_object_has_member (object, "keyid") &&
      !json_object_get_null_member (object, "keyid"))
    return vt_dsse_fail (error, "a 'keyid' that is no string");
  if (strlen (text) > SIGNATURE_MAX || strlen (keyid ?: "") > KEYID_MAX)
    return vt_dsse_fail (error, "a signature or a key id of more than %zu or %zu bytes",
                         SIGNATURE_MAX, KEYID_MAX);
  signature->keyid = g_strdup (keyid ?: "");
  signature->bytes = decode_base64 (text);
  if (signature->bytes == NULL)
    return vt_dsse_fail (error, "a signature that is no base64");
  g_ptr_array_add (signatures, g_steal_pointer (&signature));
  return TRUE;
}

static gboolean
take_signatures (VtDsseEnvelope *self, JsonObject *object, GError **error)
{
  JsonNode *node = json_object_get_member (object, "signatures");
  JsonArray *array =
      node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  guint count = array != NULL ? json_array_get_length (array) : 0;

  if (count == 0 || count > VT_DSSE_SIGNATURES_MAX)
    return vt_dsse_fail (error, "has %u signatures; it takes 1 to %d", count,
                         VT_DSSE_SIGNATURES_MAX);
  self->signatures = g_ptr_array_new_with_free_func ((GDestroyNotify)signature_free);
  for (guint i = 0; i < count; i++)
    if (!take_signature (json_array_get_element (array, i), self->signatures, error))
      return FALSE;
  return TRUE;
}

/* What may stand outside of strings. json-glib takes more: comments, other quotes, a name before
 * the object. */
static gboolean
is_json (char c)
{
  return g_ascii_isalnum (c) || (c != '\0' && strchr (" \t\r\n{}[]:,+-.", c) != NULL);
}

/* The end of the object with which TEXT begins, which json-glib would read on behind; 0 and an
 * error if it has none, or one that is not to be parsed. */
static gsize
find_end (const char *text, gsize size, GError **error)
{
  gboolean in_string = FALSE;
  guint depth = 0;

  for (gsize i = 0; i < size; i++) {
    char c = text[i];

    if (c == '"')
      in_string = !in_string;
    else if (in_string)
      i += c == '\\' ? 1 : 0;
    else if (!is_json (c))
      return vt_dsse_fail (error, "is no JSON: byte %zu", i);
    else if (c == '{' || c == '[')
      depth++;
    else if (c == '}' || c == ']')
      depth--;
    if (depth > DEPTH_MAX)
      return vt_dsse_fail (error, "is nested more than %d levels deep", DEPTH_MAX);
    if (depth == 0)
      return i + 1;
  }
  return vt_dsse_fail (error, "is cut off");
}

static gboolean
check_text (const char *text, gsize size, GError **error)
{
  gsize end;

  if (size > VT_DSSE_ENVELOPE_MAX)
    return vt_dsse_fail (error, "has %zu bytes, the limit is %zu", size, VT_DSSE_ENVELOPE_MAX);
  if (!g_utf8_validate_len (text, size, NULL))
    return vt_dsse_fail (error, "is no UTF-8 text");
  while (size > 0 && g_ascii_isspace (text[0])) {
    text++;
    size--;
  }
  if (size == 0 || text[0] != '{')
    return vt_dsse_fail (error, "is no JSON object");
  end = find_end (text, size, error);
  if (end == 0)
    return FALSE;
  for (gsize i = end; i < size; i++)
    if (!g_ascii_isspace (text[i]))
      return vt_dsse_fail (error, "has something behind its end");
  return TRUE;
}

static gboolean
take_members (VtDsseEnvelope *self, JsonObject *object, GError **error)
{
  const char *payload = get_string (object, "payload");
  const char *type = get_string (object, "payloadType");

  if (payload == NULL || type == NULL)
    return vt_dsse_fail (error, "has no 'payload' or no 'payloadType'");
  if (!vt_dsse_check_type (type, error))
    return FALSE;
  self->type = g_strdup (type);
  self->payload = decode_base64 (payload);
  if (self->payload == NULL)
    return vt_dsse_fail (error, "the payload is no base64");
  return take_signatures (self, object, error);
}

static gboolean
check_same_type (const VtDsseEnvelope *self, const char *wanted, GError **error)
{
  g_autofree char *shown = NULL;

  if (g_str_equal (self->type, wanted))
    return TRUE;
  shown = vt_dsse_show (self->type);
  g_set_error (error, VT_DSSE_ERROR, VT_DSSE_ERROR_TYPE,
               "envelope: of the payload type '%s', not '%s'", shown, wanted);
  return FALSE;
}

VtDsseEnvelope *
vt_dsse_envelope_parse (GBytes *bytes, const char *wanted, GError **error)
{
  g_autoptr (VtDsseEnvelope) self = g_new0 (VtDsseEnvelope, 1);
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  g_autoptr (GError) local_error = NULL;
  gsize size;
  const char *text = g_bytes_get_data (bytes, &size);
  JsonNode *root;

  if (!check_text (text, size, error))
    return NULL;
  if (!json_parser_load_from_data (parser, text, (gssize)size, &local_error)) {
    vt_dsse_fail (error, "is no JSON: %s", local_error->message);
    return NULL;
  }
  root = json_parser_get_root (parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root)) {
    vt_dsse_fail (error, "is no JSON object");
    return NULL;
  }
  if (!take_members (self, json_node_get_object (root), error) ||
      !check_same_type (self, wanted, error))
    return NULL;
  return g_steal_pointer (&self);
}
