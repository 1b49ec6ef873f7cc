// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scand-request-private.h"

#include "vt-source.h"

#define DATA_KEY "vt-scand-request"

/* An answer is short: whoever does not take it by then is gone. */
#define ANSWER_TIMEOUT_S 30

static void
request_free (gpointer data)
{
  VtScandRequest *self = data;

  vt_source_clear (&self->resume);
  if (self->free_data != NULL)
    self->free_data (self->data);
  g_clear_pointer (&self->query, g_hash_table_unref);
  g_clear_pointer (&self->connection, vt_scand_connection_free);
  g_free (self);
}

VtScandRequest *
vt_scand_request_new (SoupServerMessage *message, VtScandConnection *connection)
{
  VtScandRequest *self = g_new0 (VtScandRequest, 1);

  self->message = message;
  self->connection = connection;
  g_object_set_data_full (G_OBJECT (message), DATA_KEY, self, request_free);
  return self;
}

VtScandRequest *
vt_scand_request_of (SoupServerMessage *message)
{
  return g_object_get_data (G_OBJECT (message), DATA_KEY);
}

static gboolean
on_resume (gpointer user_data)
{
  VtScandRequest *self = user_data;

  vt_source_clear (&self->resume);
  soup_server_message_unpause (self->message);
  return G_SOURCE_REMOVE;
}

void
vt_scand_request_yield (VtScandRequest *self)
{
  if (self->resume != NULL)
    return;
  soup_server_message_pause (self->message);
  self->resume = g_idle_source_new ();
  g_source_set_priority (self->resume, G_PRIORITY_DEFAULT);
  g_source_set_callback (self->resume, on_resume, self, NULL);
  g_source_attach (self->resume, g_main_context_get_thread_default ());
}

const VtScandPeer *
vt_scand_request_get_peer (const VtScandRequest *self)
{
  return self->connection != NULL ? vt_scand_connection_get_peer (self->connection) : NULL;
}

const char *
vt_scand_request_get_rest (const VtScandRequest *self)
{
  return self->rest;
}

const char *
vt_scand_request_get_query (const VtScandRequest *self, const char *name)
{
  return self->query != NULL ? g_hash_table_lookup (self->query, name) : NULL;
}

const char *
vt_scand_request_get_header (const VtScandRequest *self, const char *name)
{
  return soup_message_headers_get_one (soup_server_message_get_request_headers (self->message),
                                       name);
}

guint64
vt_scand_request_get_length (const VtScandRequest *self)
{
  goffset length = soup_message_headers_get_content_length (
      soup_server_message_get_request_headers (self->message));

  return length > 0 ? (guint64)length : 0;
}

GBytes *
vt_scand_request_get_body (const VtScandRequest *self)
{
  return soup_message_body_flatten (soup_server_message_get_request_body (self->message));
}

void
vt_scand_request_set_data (VtScandRequest *self, gpointer data, GDestroyNotify free)
{
  self->data = data;
  self->free_data = free;
}

gpointer
vt_scand_request_get_data (const VtScandRequest *self)
{
  return self->data;
}

void
vt_scand_request_hold (VtScandRequest *self)
{
  g_object_ref (self->message);
  soup_server_message_pause (self->message);
}

void
vt_scand_request_release (VtScandRequest *self)
{
  SoupServerMessage *message = self->message;

  soup_server_message_unpause (message);
  g_object_unref (message);
}

void
vt_scand_request_set_header (VtScandRequest *self, const char *name, const char *value)
{
  soup_message_headers_replace (soup_server_message_get_response_headers (self->message), name,
                                value);
}

void
vt_scand_request_answer (VtScandRequest *self, guint status, const char *type, GBytes *body)
{
  g_autoptr (GBytes) bytes = body != NULL ? body : g_bytes_new_static ("", 0);

  self->answered = TRUE;
  if (self->connection != NULL)
    vt_scand_connection_set_deadline (self->connection, ANSWER_TIMEOUT_S);
  soup_server_message_set_status (self->message, status, NULL);
  soup_message_headers_set_content_type (soup_server_message_get_response_headers (self->message),
                                         type, NULL);
  soup_message_body_append_bytes (soup_server_message_get_response_body (self->message), bytes);
}

void
vt_scand_json_begin (VtScandJson *self)
{
  self->stream = g_memory_output_stream_new_resizable ();
  self->sink = vt_sink_new (self->stream);
  self->writer = vt_json_writer_new (self->sink, FALSE);
  vt_json_begin_object (self->writer, NULL);
}

void
vt_scand_json_answer (VtScandJson *self, VtScandRequest *request, guint status)
{
  GBytes *body = NULL;

  vt_json_end_object (self->writer);
  g_clear_pointer (&self->writer, vt_json_writer_free);
  /* Memory takes all there is. */
  if (vt_sink_finish (self->sink, NULL) && g_output_stream_close (self->stream, NULL, NULL))
    body = g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (self->stream));
  g_clear_pointer (&self->sink, vt_sink_free);
  g_clear_object (&self->stream);
  vt_scand_request_answer (request, status, "application/json", body);
}

static void
answer_error (VtScandRequest *self, guint status, const char *text)
{
  VtScandJson json;

  vt_scand_json_begin (&json);
  vt_json_string (json.writer, "error", text);
  vt_scand_json_answer (&json, self, status);
}

void
vt_scand_request_refuse (VtScandRequest *self, guint status, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  answer_error (self, status, text);
}

void
vt_scand_request_refuse_for (VtScandRequest *self, guint status, guint seconds, const char *text)
{
  g_autofree char *value = g_strdup_printf ("%u", seconds);

  vt_scand_request_set_header (self, "Retry-After", value);
  answer_error (self, status, text);
}
