// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-json-reader.h"

#include <string.h>

/* Digits in a row that fit into 64 bits with a sign, whatever they are. */
#define DIGITS_MAX 18

G_DEFINE_QUARK (vt_json_reader_error_quark, vt_json_reader_error)

static gboolean
fail (const char *what, gsize place, GError **error)
{
  g_set_error (error, VT_JSON_READER_ERROR, VT_JSON_READER_ERROR_MALFORMED, "JSON: %s at byte %zu",
               what, place);
  return FALSE;
}

/* PLACE is that of the opening quotation mark, and becomes that of the closing one. */
static gboolean
skip_string (const char *text, gsize size, gsize *place, GError **error)
{
  gsize start = *place;

  for (gsize i = start + 1; i < size; i++) {
    if (text[i] == '"') {
      *place = i;
      return TRUE;
    }
    if ((guchar)text[i] < 0x20)
      return fail ("a control character", i, error);
    if (text[i] != '\\')
      continue;
    i++;
    if (i == size || strchr ("\"\\/bfnrtu", text[i]) == NULL || text[i] == '\0')
      return fail ("an escape that is none", i, error);
    /* It would end the text for everybody who takes it for a string of C. */
    if (size - i > 4 && memcmp (text + i, "u0000", 5) == 0)
      return fail ("a NUL in a text", i, error);
  }
  return fail ("a text without an end", start, error);
}

/*
 * PLACE is that of the first digit of a row of them, and becomes that of the last one. json-glib
 * takes numbers that do not fit into 64 bits for others, of either sign, and zeros before a number
 * for another base.
 */
static gboolean
skip_digits (const char *text, gsize size, gsize *place, GError **error)
{
  gsize start = *place;
  gsize sign = start > 0 && strchr ("+-", text[start - 1]) != NULL;
  gboolean whole = start == sign || strchr (".eE", text[start - sign - 1]) == NULL;
  gsize n = 0;

  while (start + n < size && g_ascii_isdigit (text[start + n]))
    n++;
  if (n > DIGITS_MAX)
    return fail ("more than " G_STRINGIFY (DIGITS_MAX) " digits", start, error);
  if (whole && n > 1 && text[start] == '0')
    return fail ("a number that begins with 0", start, error);
  *place = start + n - 1;
  return TRUE;
}

/* What may stand outside of texts. No comment begins with any of it. */
static gboolean
is_known (char c)
{
  return c != '\0' && strchr ("{}[]:, \t\r\n+-.Eaeflnrstu", c) != NULL;
}

static gboolean
look_through (const char *text, gsize size, GError **error)
{
  guint depth = 0;

  for (gsize i = 0; i < size; i++) {
    if (text[i] == '"') {
      if (!skip_string (text, size, &i, error))
        return FALSE;
    } else if (g_ascii_isdigit (text[i])) {
      if (!skip_digits (text, size, &i, error))
        return FALSE;
    } else if (!is_known (text[i])) {
      return fail ("what is no JSON", i, error);
    } else if (text[i] == '{' || text[i] == '[') {
      if (++depth > VT_JSON_READER_DEPTH_MAX)
        return fail ("more than " G_STRINGIFY (VT_JSON_READER_DEPTH_MAX) " levels", i, error);
    } else if ((text[i] == '}' || text[i] == ']') && depth-- == 0) {
      return fail ("an end without a beginning", i, error);
    }
  }
  return TRUE;
}

JsonObject *
vt_json_read_object (GBytes *text, gsize max_size, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  g_autoptr (GError) failure = NULL;
  gsize size;
  const char *data = g_bytes_get_data (text, &size);
  JsonNode *root;

  if (size > max_size) {
    g_set_error (error, VT_JSON_READER_ERROR, VT_JSON_READER_ERROR_MALFORMED,
                 "JSON: %zu bytes, and at most %zu are read", size, max_size);
    return NULL;
  }
  if (!look_through (data, size, error))
    return NULL;
  if (size == 0 || !json_parser_load_from_data (parser, data, (gssize)size, &failure)) {
    g_set_error (error, VT_JSON_READER_ERROR, VT_JSON_READER_ERROR_MALFORMED, "JSON: %s",
                 failure != NULL ? failure->message : "nothing there");
    return NULL;
  }
  root = json_parser_get_root (parser);
  if (root != NULL && JSON_NODE_HOLDS_OBJECT (root))
    return json_object_ref (json_node_get_object (root));
  fail ("no object", 0, error);
  return NULL;
}

/* NULL: there is none, or it is of another type. */
static JsonNode *
get_value (JsonObject *object, const char *name, GType type)
{
  JsonNode *node = json_object_get_member (object, name);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == type
             ? node
             : NULL;
}

const char *
vt_json_get_text (JsonObject *object, const char *name, gsize max_size)
{
  JsonNode *node = get_value (object, name, G_TYPE_STRING);
  const char *text = node != NULL ? json_node_get_string (node) : NULL;

  /* An escape may stand for half a character (a surrogate). */
  return text != NULL && strlen (text) <= max_size && g_utf8_validate (text, -1, NULL) ? text
                                                                                       : NULL;
}

gboolean
vt_json_get_number (JsonObject *object, const char *name, guint64 max, guint64 *number)
{
  JsonNode *node = get_value (object, name, G_TYPE_INT64);
  gint64 value = node != NULL ? json_node_get_int (node) : -1;

  if (value < 0 || (guint64)value > MIN (max, VT_JSON_READER_NUMBER_MAX))
    return FALSE;
  *number = (guint64)value;
  return TRUE;
}

JsonObject *
vt_json_get_object (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

JsonArray *
vt_json_get_objects (JsonObject *object, const char *name, guint max_length)
{
  JsonNode *node = json_object_get_member (object, name);
  JsonArray *array =
      node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  if (array == NULL || json_array_get_length (array) > max_length)
    return NULL;
  for (guint i = 0; i < json_array_get_length (array); i++) {
    if (!JSON_NODE_HOLDS_OBJECT (json_array_get_element (array, i)))
      return NULL;
  }
  return array;
}

gboolean
vt_json_get_boolean (JsonObject *object, const char *name, gboolean *value)
{
  JsonNode *node = get_value (object, name, G_TYPE_BOOLEAN);

  if (node != NULL)
    *value = json_node_get_boolean (node);
  return node != NULL;
}

/* Bytes for each of which there may be four in a text that has U+FFFD for them, or in base64. */
#define EXPANSION 4

/* NULL: EXACT is not the base64 of what READABLE stands for. */
static char *
decode_bytes (const char *readable, const char *exact, gsize max_size)
{
  gsize size;
  g_autofree guchar *bytes = g_base64_decode (exact, &size);
  g_autofree char *text = g_strndup ((const char *)bytes, size);
  g_autofree char *again = g_base64_encode (bytes, size);
  g_autofree char *valid = g_utf8_make_valid (text, -1);

  return size <= max_size && strlen (text) == size && strcmp (again, exact) == 0 &&
                 strcmp (valid, readable) == 0
             ? g_steal_pointer (&text)
             : NULL;
}

char *
vt_json_get_bytes (JsonObject *object, const char *name, gsize max_size)
{
  g_autofree char *exact_name = g_strconcat (name, "_base64", NULL);
  const char *readable = vt_json_get_text (object, name, EXPANSION * max_size);
  const char *exact = vt_json_get_text (object, exact_name, EXPANSION * max_size);
  g_autofree char *bytes = NULL;

  if (readable == NULL)
    return NULL;
  if (!json_object_has_member (object, exact_name))
    return strlen (readable) <= max_size ? g_strdup (readable) : NULL;
  bytes = exact != NULL ? decode_bytes (readable, exact, max_size) : NULL;
  return bytes != NULL && !g_utf8_validate (bytes, -1, NULL) ? g_steal_pointer (&bytes) : NULL;
}

/* NULL: there is none, or too long, or something in it is no text. */
static JsonArray *
get_texts (JsonObject *object, const char *name, guint max_length)
{
  JsonNode *node = json_object_get_member (object, name);
  JsonArray *array =
      node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  if (array == NULL || json_array_get_length (array) > max_length)
    return NULL;
  for (guint i = 0; i < json_array_get_length (array); i++) {
    JsonNode *element = json_array_get_element (array, i);

    if (!JSON_NODE_HOLDS_VALUE (element) || json_node_get_value_type (element) != G_TYPE_STRING ||
        !g_utf8_validate (json_node_get_string (element), -1, NULL))
      return NULL;
  }
  return array;
}

GStrv
vt_json_get_bytes_array (JsonObject *object, const char *name, guint max_length, gsize max_size)
{
  g_autofree char *exact_name = g_strconcat (name, "_base64", NULL);
  JsonArray *texts = get_texts (object, name, max_length);
  JsonArray *exact = get_texts (object, exact_name, max_length);
  guint n = texts != NULL ? json_array_get_length (texts) : 0;
  g_auto (GStrv) list = NULL;

  if (texts == NULL || (json_object_has_member (object, exact_name) &&
                        (exact == NULL || json_array_get_length (exact) != n)))
    return NULL;
  list = g_new0 (char *, n + 1);
  for (guint i = 0; i < n; i++) {
    const char *text = json_array_get_string_element (texts, i);

    if (exact != NULL)
      list[i] = decode_bytes (text, json_array_get_string_element (exact, i), max_size);
    else if (strlen (text) <= max_size)
      list[i] = g_strdup (text);
    if (list[i] == NULL)
      return NULL;
  }
  return g_steal_pointer (&list);
}

gboolean
vt_json_is_null (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node != NULL && JSON_NODE_HOLDS_NULL (node);
}
