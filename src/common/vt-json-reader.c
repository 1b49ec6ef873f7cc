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
vt_json_is_null (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node != NULL && JSON_NODE_HOLDS_NULL (node);
}
