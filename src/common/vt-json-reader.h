// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * JSON (RFC 8259) from hands that are not trusted. json-glib takes more than JSON, and calls itself
 * for each level that a text goes down; what it is given here was looked through before.
 */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

typedef enum {
  VT_JSON_READER_ERROR_MALFORMED, /* not JSON, not an object, too large, too deep */
} VtJsonReaderError;

#define VT_JSON_READER_ERROR (vt_json_reader_error_quark ())
GQuark vt_json_reader_error_quark (void);

/* Levels of objects and arrays within each other. */
#define VT_JSON_READER_DEPTH_MAX 16

/* The largest whole number that every reader of JSON takes exactly (RFC 7493, 2.2). */
#define VT_JSON_READER_NUMBER_MAX ((G_GUINT64_CONSTANT (1) << 53) - 1)

/*
 * Reads TEXT, UTF-8, of at most MAX_SIZE bytes: an object without comments and with no NUL in its
 * texts. Unref with json_object_unref().
 */
JsonObject *
vt_json_read_object (GBytes *text, gsize max_size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Members of an object. Each is FALSE or NULL if there is none of the name, or it is of another
 * type. What they give is the object's. */

/* A text of at most MAX_SIZE bytes, in valid UTF-8. */
const char *vt_json_get_text (JsonObject *object, const char *name, gsize max_size);
/* A whole number from 0 to MAX, which is at most VT_JSON_READER_NUMBER_MAX. */
gboolean vt_json_get_number (JsonObject *object, const char *name, guint64 max, guint64 *number);
JsonObject *vt_json_get_object (JsonObject *object, const char *name);
/* An array of at most MAX_LENGTH objects. */
JsonArray *vt_json_get_objects (JsonObject *object, const char *name, guint max_length);
/* Bytes as a name and, where they are not UTF-8, NAME_base64 beside it have them; the latter must
 * be needed, and agree with the former. At most MAX_SIZE, none of them NUL. Free with g_free(). */
char *vt_json_get_bytes (JsonObject *object, const char *name, gsize max_size);
/* The same of an array of at most MAX_LENGTH; NULL if it is none. Free with g_strfreev(). */
GStrv
vt_json_get_bytes_array (JsonObject *object, const char *name, guint max_length, gsize max_size);
gboolean vt_json_get_boolean (JsonObject *object, const char *name, gboolean *value);
/* Whether it is there and null. */
gboolean vt_json_is_null (JsonObject *object, const char *name);
