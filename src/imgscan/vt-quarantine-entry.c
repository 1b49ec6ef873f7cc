// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <string.h>

#include "vt-json-reader.h"
#include "vt-json-writer.h"
#include "vt-members.h"
#include "vt-quarantine.h"
#include "vt-verdict.h"

/* Raised when a reader of the entry before would misread the new one. */
#define SCHEMA_VERSION 1
#define TOOL           "vtemplater"
#define ENCODING       "xor-a5"

/* Bytes of an entry, and of the texts in it. */
#define ENTRY_SIZE_MAX ((gsize)4 * 1024 * 1024)
#define PATH_SIZE_MAX  ((gsize)4096)
#define TEXT_SIZE_MAX  ((gsize)4096)

VtQuarantineEntry *
vt_quarantine_entry_new (void)
{
  VtQuarantineEntry *self = g_new0 (VtQuarantineEntry, 1);

  self->id = g_uuid_string_random ();
  self->time = g_get_real_time () / G_USEC_PER_SEC;
  return self;
}

void
vt_quarantine_entry_free (VtQuarantineEntry *self)
{
  g_free (self->id);
  g_free (self->image);
  g_free (self->path);
  g_free (self->fs);
  g_free (self->threat);
  g_strfreev (self->members);
  g_free (self);
}

/* The label as text: all but the NUL at its end. NULL: it is none. */
static char *
get_label (const VtFileAttributes *attributes)
{
  gsize size = attributes->label_size;

  if (size > 0 && attributes->label[size - 1] == '\0')
    size--;
  if (size == 0 || memchr (attributes->label, '\0', size) != NULL)
    return NULL;
  return g_strndup ((const char *)attributes->label, size);
}

static void
write_attributes (VtJsonWriter *json, const VtQuarantineEntry *self)
{
  const VtFileAttributes *attributes = &self->attributes;
  g_autofree char *mode = g_strdup_printf ("%04o", attributes->mode);
  g_autofree char *label = get_label (attributes);

  if (self->has_attributes) {
    vt_json_string (json, "mode", mode);
    vt_json_uint (json, "uid", attributes->uid);
    vt_json_uint (json, "gid", attributes->gid);
  } else {
    vt_json_null (json, "mode");
    vt_json_null (json, "uid");
    vt_json_null (json, "gid");
  }
  if (self->has_attributes && label != NULL)
    vt_json_bytes (json, "selinux", label);
  else
    vt_json_null (json, "selinux");
  if (self->has_mtime)
    vt_json_time (json, "mtime", self->mtime);
  else
    vt_json_null (json, "mtime");
}

GBytes *
vt_quarantine_entry_format (const VtQuarantineEntry *self, GError **error)
{
  g_autoptr (GOutputStream) stream = g_memory_output_stream_new_resizable ();
  g_autoptr (VtSink) sink = vt_sink_new (stream);
  g_autoptr (VtJsonWriter) json = vt_json_writer_new (sink, TRUE);
  char hex[VT_DIGEST_HEX_SIZE];

  vt_json_begin_object (json, NULL);
  vt_json_uint (json, "schema", SCHEMA_VERSION);
  vt_json_begin_object (json, "tool");
  vt_json_string (json, "name", TOOL);
  vt_json_string (json, "version", VT_VERSION);
  vt_json_end_object (json);
  vt_json_string (json, "id", self->id);
  vt_json_string (json, "encoding", ENCODING);
  vt_json_time (json, "time", self->time);
  vt_json_bytes (json, "image", self->image);
  vt_json_bytes (json, "path", self->path);
  vt_json_string (json, "fs", self->fs);
  vt_json_string (json, "threat", self->threat);
  vt_json_bytes_array (json, "members", (const char *const *)self->members);
  vt_json_uint (json, "size", self->size);
  vt_json_string (json, "sha256", vt_digest_to_hex (&self->digest, hex));
  write_attributes (json, self);
  vt_json_end_object (json);
  if (!vt_sink_finish (sink, error) || !g_output_stream_close (stream, NULL, error))
    return NULL;
  return g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (stream));
}

static gboolean
fail (const char *name, const char *what, GError **error)
{
  g_set_error (error, VT_QUARANTINE_ERROR, VT_QUARANTINE_ERROR_DAMAGED, "\"%s\" is %s", name, what);
  return FALSE;
}

static gboolean
check_head (JsonObject *object, GError **error)
{
  guint64 schema;

  if (!vt_json_get_number (object, "schema", VT_JSON_READER_NUMBER_MAX, &schema) ||
      schema != SCHEMA_VERSION)
    return fail ("schema", "not " G_STRINGIFY (SCHEMA_VERSION), error);
  return g_strcmp0 (vt_json_get_text (object, "encoding", TEXT_SIZE_MAX), ENCODING) == 0 ||
         fail ("encoding", "not " ENCODING, error);
}

static gboolean
parse_text (JsonObject *object, const char *name, gsize max_size, char **text, GError **error)
{
  *text = g_strdup (vt_json_get_text (object, name, max_size));
  return *text != NULL || fail (name, "not a text, or too long", error);
}

static gboolean
parse_where (VtQuarantineEntry *self, JsonObject *object, GError **error)
{
  self->image = vt_json_get_bytes (object, "image", PATH_SIZE_MAX);
  if (self->image == NULL)
    return fail ("image", "not a path, or too long", error);
  self->path = vt_json_get_bytes (object, "path", PATH_SIZE_MAX);
  if (self->path == NULL || self->path[0] != '/')
    return fail ("path", "not an absolute path, or too long", error);
  self->members = vt_json_get_bytes_array (object, "members", VT_MEMBERS_MAX, VT_MEMBER_NAME_MAX);
  if (self->members == NULL)
    return fail ("members", "not a list of names, or too long", error);
  if (self->members[0] == NULL)
    g_clear_pointer (&self->members, g_strfreev);
  return parse_text (object, "fs", PATH_SIZE_MAX, &self->fs, error) &&
         parse_text (object, "threat", VT_THREAT_MAX, &self->threat, error);
}

static gboolean
parse_content (VtQuarantineEntry *self, JsonObject *object, GError **error)
{
  const char *hex = vt_json_get_text (object, "sha256", VT_DIGEST_HEX_SIZE);

  if (!vt_json_get_number (object, "size", VT_JSON_READER_NUMBER_MAX, &self->size))
    return fail ("size", "not a number from 0 to 2^53 - 1", error);
  return (hex != NULL && vt_digest_from_hex (hex, &self->digest)) ||
         fail ("sha256", "not 64 hexadecimal digits", error);
}

static gboolean
parse_mode (const char *text, guint32 *mode)
{
  guint64 value;

  if (text == NULL || !g_ascii_string_to_unsigned (text, 8, 0, VT_FILE_MODE_MAX, &value, NULL))
    return FALSE;
  *mode = (guint32)value;
  return TRUE;
}

static gboolean
parse_label (VtFileAttributes *attributes, JsonObject *object, GError **error)
{
  g_autofree char *label = NULL;

  if (vt_json_is_null (object, "selinux"))
    return TRUE;
  label = vt_json_get_bytes (object, "selinux", VT_FILE_LABEL_MAX - 1);
  if (label == NULL)
    return fail ("selinux", "not a label, or too long", error);
  attributes->label_size = strlen (label) + 1;
  memcpy (attributes->label, label, attributes->label_size);
  return TRUE;
}

static gboolean
parse_attributes (VtQuarantineEntry *self, JsonObject *object, GError **error)
{
  VtFileAttributes *attributes = &self->attributes;
  guint64 uid;
  guint64 gid;

  if (vt_json_is_null (object, "mode"))
    return TRUE;
  if (!parse_mode (vt_json_get_text (object, "mode", TEXT_SIZE_MAX), &attributes->mode))
    return fail ("mode", "not an octal number up to 7777", error);
  if (!vt_json_get_number (object, "uid", G_MAXUINT32, &uid) ||
      !vt_json_get_number (object, "gid", G_MAXUINT32, &gid))
    return fail ("uid", "or \"gid\" is not a number from 0 to 2^32 - 1", error);
  attributes->uid = (guint32)uid;
  attributes->gid = (guint32)gid;
  self->has_attributes = TRUE;
  return parse_label (attributes, object, error);
}

VtQuarantineEntry *
vt_quarantine_entry_parse (GBytes *json, GError **error)
{
  g_autoptr (JsonObject) object = vt_json_read_object (json, ENTRY_SIZE_MAX, error);
  g_autoptr (VtQuarantineEntry) self = g_new0 (VtQuarantineEntry, 1);

  if (object == NULL || !check_head (object, error) ||
      !parse_text (object, "id", TEXT_SIZE_MAX, &self->id, error) ||
      !parse_where (self, object, error) || !parse_content (self, object, error) ||
      !parse_attributes (self, object, error))
    return NULL;
  return g_steal_pointer (&self);
}
