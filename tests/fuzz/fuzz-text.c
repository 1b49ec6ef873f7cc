// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Any bytes as a name: escaped for people, written as JSON, and held against a filter. */
#include <json-glib/json-glib.h>
#include <string.h>

#include "fuzz.h"
#include "vt-json-writer.h"
#include "vt-path-filter.h"
#include "vt-report.h"

static gboolean
is_safe (gunichar c)
{
  return !g_unichar_iscntrl (c) && g_unichar_type (c) != G_UNICODE_FORMAT &&
         g_unichar_type (c) != G_UNICODE_LINE_SEPARATOR &&
         g_unichar_type (c) != G_UNICODE_PARAGRAPH_SEPARATOR;
}

static void
assert_safe (const char *text, const char *allowed)
{
  g_assert_true (g_utf8_validate (text, -1, NULL));
  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    g_assert_true (strchr (allowed, *p) != NULL || is_safe (g_utf8_get_char (p)));
}

static void
use_escape (const char *name)
{
  g_autofree char *escaped = vt_report_escape (name);
  g_autofree char *back = g_strcompress (escaped);

  assert_safe (escaped, "");
  g_assert_cmpstr (back, ==, name);
}

static char *
write_json (const char *name)
{
  g_autoptr (GOutputStream) stream = g_memory_output_stream_new_resizable ();
  g_autoptr (VtSink) sink = vt_sink_new (stream);
  g_autoptr (VtJsonWriter) json = vt_json_writer_new (sink, FALSE);
  GMemoryOutputStream *memory = G_MEMORY_OUTPUT_STREAM (stream);

  vt_json_begin_object (json, NULL);
  vt_json_bytes (json, "name", name);
  vt_json_end_object (json);
  g_assert_true (vt_sink_finish (sink, NULL));
  return g_strndup (g_memory_output_stream_get_data (memory),
                    g_memory_output_stream_get_data_size (memory));
}

static void
use_json (const char *name)
{
  g_autofree char *text = write_json (name);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  JsonObject *object;
  g_autofree guchar *exact = NULL;
  gsize size = strlen (name);

  assert_safe (text, "\n");
  json_parser_load_from_data (parser, text, -1, &error);
  g_assert_no_error (error);
  object = json_node_get_object (json_parser_get_root (parser));
  if (g_utf8_validate (name, -1, NULL)) {
    g_assert_cmpstr (json_object_get_string_member (object, "name"), ==, name);
    return;
  }
  exact = g_base64_decode (json_object_get_string_member (object, "name_base64"), &size);
  g_assert_cmpmem (exact, size, name, strlen (name));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *name = g_strndup ((const char *)data, size);
  g_autofree char *path = g_strconcat ("/", name, NULL);
  const char *const globs[] = {name, "*a*[!b-c]*?*\\**", NULL};
  const char *const all[] = {"*", NULL};

  use_escape (name);
  use_json (name);
  (void)!vt_path_filter_accepts (globs, NULL, path);
  g_assert_true (vt_path_filter_accepts (all, NULL, path));
  g_assert_false (vt_path_filter_accepts (globs, all, path));
  return 0;
}
