// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Reads a statement. Its signature may not have been checked yet (when it is only shown), and what
 * is signed comes from an image's maker all the same: everything has its bounds.
 */
#include "vt-statement.h"

#include <string.h>

#include "vt-json-reader.h"

/* Bytes of a text. */
#define NAME_MAX_SIZE ((gsize)256)
#define URI_MAX_SIZE  ((gsize)1024)
#define PATH_MAX_SIZE ((gsize)4096) /* what a file system's id may hold */
/* Elements of a list. */
#define DATABASES_MAX   1000
#define NUMBERS_MAX     100
#define FILESYSTEMS_MAX 1000

/* "2026-11-25T01:02:03Z" */
#define TIME_SIZE 20

static gboolean
fail (const char *name, const char *what, GError **error)
{
  g_set_error (error, VT_STATEMENT_ERROR, VT_STATEMENT_ERROR_MALFORMED, "statement: \"%s\" is %s",
               name, what);
  return FALSE;
}

static gboolean
read_text (JsonObject *object, const char *name, gsize max_size, char **text, GError **error)
{
  g_free (*text);
  *text = g_strdup (vt_json_get_text (object, name, max_size));
  return *text != NULL || fail (name, "not a text, or too long", error);
}

/* The same, but it may be null, and has to be there. */
static gboolean
read_text_or_null (JsonObject *object, const char *name, char **text, GError **error)
{
  return vt_json_is_null (object, name) || read_text (object, name, NAME_MAX_SIZE, text, error);
}

static gboolean
read_number (JsonObject *object, const char *name, guint64 *number, GError **error)
{
  return vt_json_get_number (object, name, VT_JSON_READER_NUMBER_MAX, number) ||
         fail (name, "not a number from 0 to 2^53 - 1", error);
}

static gboolean
is_lower_hex (const char *text)
{
  return strspn (text, "0123456789abcdef") == 2 * VT_DIGEST_SIZE &&
         text[2 * VT_DIGEST_SIZE] == '\0';
}

static gboolean
read_hex (JsonObject *object, const char *name, char **hex, GError **error)
{
  if (!read_text (object, name, NAME_MAX_SIZE, hex, error))
    return FALSE;
  return is_lower_hex (*hex) || fail (name, "not 64 hexadecimal digits in lower case", error);
}

static gboolean
read_digest (JsonObject *object, const char *name, VtDigest *digest, GError **error)
{
  const char *hex = vt_json_get_text (object, name, NAME_MAX_SIZE);

  return (hex != NULL && is_lower_hex (hex) && vt_digest_from_hex (hex, digest)) ||
         fail (name, "not 64 hexadecimal digits in lower case", error);
}

static gboolean
has_form_of_time (const char *text)
{
  static const char form[] = "dddd-dd-ddTdd:dd:ddZ";

  if (strlen (text) != TIME_SIZE)
    return FALSE;
  for (gsize i = 0; i < TIME_SIZE; i++) {
    if (form[i] == 'd' ? !g_ascii_isdigit (text[i]) : text[i] != form[i])
      return FALSE;
  }
  return TRUE;
}

static int
digits (const char *text, gsize n)
{
  int number = 0;

  for (gsize i = 0; i < n; i++)
    number = 10 * number + g_ascii_digit_value (text[i]);
  return number;
}

static gboolean
read_time (JsonObject *object, const char *name, gint64 *time, GError **error)
{
  const char *text = vt_json_get_text (object, name, NAME_MAX_SIZE);
  g_autoptr (GDateTime) date = NULL;

  if (text != NULL && has_form_of_time (text))
    date =
        g_date_time_new_utc (digits (text, 4), digits (text + 5, 2), digits (text + 8, 2),
                             digits (text + 11, 2), digits (text + 14, 2), digits (text + 17, 2));
  if (date == NULL)
    return fail (name, "not a time as in 2026-11-25T01:02:03Z", error);
  *time = g_date_time_to_unix (date);
  return TRUE;
}

static JsonObject *
read_object (JsonObject *object, const char *name, GError **error)
{
  JsonObject *member = vt_json_get_object (object, name);

  if (member == NULL)
    fail (name, "not an object", error);
  return member;
}

static JsonArray *
read_objects (JsonObject *object, const char *name, guint max, GError **error)
{
  JsonArray *array = vt_json_get_objects (object, name, max);

  if (array == NULL)
    fail (name, "not a list of objects, or too long", error);
  return array;
}

/* Names that are words of ours, or a later version's. */
static gboolean
is_name (const char *text)
{
  gsize length = strlen (text);

  return length > 0 && length <= NAME_MAX_SIZE &&
         strspn (text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") ==
             length;
}

static gboolean
parse_numbers (JsonObject *parent,
               const char *name,
               VtStatement *self,
               void (*add) (VtStatement *self, const char *name, guint64 value),
               GError **error)
{
  JsonObject *object = read_object (parent, name, error);
  g_autoptr (GList) members = NULL;

  if (object == NULL)
    return FALSE;
  if (json_object_get_size (object) > NUMBERS_MAX)
    return fail (name, "too long", error);
  members = json_object_get_members (object);
  for (GList *member = members; member != NULL; member = member->next) {
    guint64 number;

    if (!is_name (member->data))
      return fail (name, "not an object with names that are words", error);
    if (!read_number (object, member->data, &number, error))
      return FALSE;
    add (self, member->data, number);
  }
  return TRUE;
}

static gboolean
parse_template (VtStatement *self, JsonObject *predicate, GError **error)
{
  JsonObject *object = read_object (predicate, "template", error);

  if (object == NULL || !read_text (object, "id", NAME_MAX_SIZE, &self->template_id, error) ||
      !read_time (object, "created", &self->created, error))
    return FALSE;
  if (!g_uuid_string_is_valid (self->template_id))
    return fail ("id", "not a UUID", error);
  if (!vt_json_is_null (object, "expires") && !read_time (object, "expires", &self->expires, error))
    return FALSE;
  return self->expires > self->created || fail ("expires", "not after \"created\"", error);
}

static gboolean
parse_database (VtStatement *self, JsonObject *object, GError **error)
{
  VtDigest digest;
  guint64 version;
  guint64 signatures;
  gint64 time;
  const char *name = vt_json_get_text (object, "name", NAME_MAX_SIZE);

  if (name == NULL)
    return fail ("name", "not a text, or too long", error);
  if (!read_number (object, "version", &version, error) ||
      !read_number (object, "signatures", &signatures, error) ||
      !read_time (object, "time", &time, error) || !read_digest (object, "sha256", &digest, error))
    return FALSE;
  vt_statement_add_database (self, name, version, signatures, time, &digest);
  return TRUE;
}

static gboolean
parse_engine (VtStatement *self, JsonObject *scanner, GError **error)
{
  JsonObject *object = read_object (scanner, "engine", error);
  JsonArray *databases = NULL;
  guint64 flevel;

  if (object == NULL ||
      !read_text (object, "version", NAME_MAX_SIZE, &self->engine_version, error) ||
      !read_hex (object, "id", &self->engine_id, error) ||
      (!vt_json_is_null (object, "settings") &&
       !read_hex (object, "settings", &self->settings, error)))
    return FALSE;
  if (!vt_json_get_number (object, "flevel", G_MAXUINT32, &flevel))
    return fail ("flevel", "not a number from 0 to 2^32 - 1", error);
  self->flevel = (guint32)flevel;
  databases = read_objects (object, "databases", DATABASES_MAX, error);
  if (databases == NULL)
    return FALSE;
  for (guint i = 0; i < json_array_get_length (databases); i++) {
    if (!parse_database (self, json_array_get_object_element (databases, i), error))
      return FALSE;
  }
  return self->databases->len > 0 || fail ("databases", "empty", error);
}

static gboolean
parse_scanner (VtStatement *self, JsonObject *predicate, GError **error)
{
  JsonObject *object = read_object (predicate, "scanner", error);

  return object != NULL && read_text (object, "uri", URI_MAX_SIZE, &self->scanner_uri, error) &&
         read_text (object, "version", NAME_MAX_SIZE, &self->scanner_version, error) &&
         parse_engine (self, object, error);
}

static gboolean
parse_counts (VtStatement *self, JsonObject *predicate, GError **error)
{
  JsonObject *object = read_object (predicate, "counts", error);

  if (object == NULL || !read_number (object, "files", &self->files, error) ||
      !read_number (object, "bytes", &self->bytes, error) ||
      !read_number (object, "clean", &self->clean, error) ||
      !read_number (object, "incomplete", &self->incomplete, error) ||
      !parse_numbers (object, "reasons", self, vt_statement_add_reason, error))
    return FALSE;
  return (self->clean <= self->files && self->incomplete <= self->files - self->clean) ||
         fail ("files", "less than what is clean and incomplete", error);
}

static gboolean
parse_filesystems (VtStatement *self, JsonObject *predicate, GError **error)
{
  JsonArray *array = read_objects (predicate, "filesystems", FILESYSTEMS_MAX, error);

  if (array == NULL)
    return FALSE;
  for (guint i = 0; i < json_array_get_length (array); i++) {
    JsonObject *object = json_array_get_object_element (array, i);
    const char *id = vt_json_get_text (object, "id", PATH_MAX_SIZE);
    const char *type = vt_json_get_text (object, "type", NAME_MAX_SIZE);
    const char *uuid = vt_json_get_text (object, "uuid", NAME_MAX_SIZE);

    if (id == NULL || type == NULL || uuid == NULL)
      return fail ("filesystems", "a list in which texts are missing, or too long", error);
    vt_statement_add_filesystem (self, id, type, uuid);
  }
  return TRUE;
}

static gboolean
parse_system (VtStatement *self, JsonObject *predicate, GError **error)
{
  JsonObject *object;

  if (vt_json_is_null (predicate, "system"))
    return TRUE;
  object = read_object (predicate, "system", error);
  return object != NULL && read_text_or_null (object, "product", &self->product, error) &&
         read_text_or_null (object, "arch", &self->arch, error);
}

static gboolean
parse_subject (VtStatement *self, JsonObject *root, GError **error)
{
  JsonArray *array = read_objects (root, "subject", 1, error);
  JsonObject *digest;

  if (array == NULL)
    return FALSE;
  if (json_array_get_length (array) != 1 ||
      g_strcmp0 (vt_json_get_text (json_array_get_object_element (array, 0), "name", NAME_MAX_SIZE),
                 VT_STATEMENT_SUBJECT) != 0)
    return fail ("subject", "not " VT_STATEMENT_SUBJECT " alone", error);
  digest = read_object (json_array_get_object_element (array, 0), "digest", error);
  return digest != NULL && read_digest (digest, "sha256", &self->subject, error);
}

static gboolean
check_type (JsonObject *root, const char *name, const char *expected, GError **error)
{
  const char *type = vt_json_get_text (root, name, URI_MAX_SIZE);
  g_autofree char *shown = NULL;

  if (type == NULL)
    return fail (name, "not a text, or too long", error);
  if (g_str_equal (type, expected))
    return TRUE;
  shown = g_strescape (type, NULL);
  g_set_error (error, VT_STATEMENT_ERROR, VT_STATEMENT_ERROR_TYPE,
               "statement: \"%s\" is %s, and must be %s", name, shown, expected);
  return FALSE;
}

VtStatement *
vt_statement_parse (GBytes *json, GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_autoptr (JsonObject) root = vt_json_read_object (json, VT_STATEMENT_SIZE_MAX, &failure);
  g_autoptr (VtStatement) self = vt_statement_new ();
  JsonObject *predicate;

  if (root == NULL) {
    g_set_error (error, VT_STATEMENT_ERROR, VT_STATEMENT_ERROR_MALFORMED, "statement: %s",
                 failure->message);
    return NULL;
  }
  if (!check_type (root, "_type", VT_STATEMENT_TYPE, error) ||
      !check_type (root, "predicateType", VT_STATEMENT_PREDICATE_TYPE, error) ||
      !parse_subject (self, root, error))
    return NULL;
  predicate = read_object (root, "predicate", error);
  if (predicate == NULL || !parse_template (self, predicate, error) ||
      !parse_scanner (self, predicate, error) ||
      !parse_numbers (predicate, "options", self, vt_statement_add_option, error) ||
      !parse_counts (self, predicate, error) || !parse_filesystems (self, predicate, error) ||
      !parse_system (self, predicate, error))
    return NULL;
  return g_steal_pointer (&self);
}
