// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scand-server.h"

#include <string.h>

#include "vt-scand-connections.h"
#include "vt-scand-request-private.h"

/* How much of one body is read before others have their turn. */
#define YIELD_BYTES ((guint64)1024 * 1024)
/* Connections that wait to be accepted. */
#define BACKLOG 1024

#define DIGITS "0123456789"

struct _VtScandServer {
  VtScandServerSetup setup;
  VtScandConnectionSetup connection_setup;
  GSocketService *listener;
  SoupServer *soup;
  VtScandConnections *counts;
  GHashTable *connections;     /* set of VtScandConnection */
  VtScandConnection *incoming; /* of which a request is just being given to libsoup */
  guint16 port;
};

static gboolean
is_below (const char *path, const char *prefix)
{
  return g_str_has_suffix (prefix, "/") && g_str_has_prefix (path, prefix);
}

/* METHOD of another is told by WRONG_METHOD. */
static const VtScandRoute *
find_route (VtScandServer *self, const char *method, const char *path, gboolean *wrong_method)
{
  for (gsize i = 0; i < self->setup.n_routes; i++) {
    const VtScandRoute *route = &self->setup.routes[i];

    if (!g_str_equal (route->path, path) && !is_below (path, route->path))
      continue;
    if (g_str_equal (route->method, method))
      return route;
    *wrong_method = TRUE;
  }
  return NULL;
}

/* RFC 9112, 6.3: what is read in two ways by two readers is refused. */
static gboolean
is_ambiguous (SoupServerMessage *message)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);
  SoupMessageHeadersIter iter;
  const char *name;
  const char *value;
  guint lengths = 0;
  guint encodings = 0;

  soup_message_headers_iter_init (&iter, headers);
  while (soup_message_headers_iter_next (&iter, &name, &value)) {
    if (g_ascii_strcasecmp (name, "Content-Length") == 0 &&
        strspn (value, DIGITS) != strlen (value))
      return TRUE;
    lengths += g_ascii_strcasecmp (name, "Content-Length") == 0;
    encodings += g_ascii_strcasecmp (name, "Transfer-Encoding") == 0;
  }
  return lengths > 1 || encodings > 1 || (lengths > 0 && encodings > 0);
}

static gboolean
check_body (VtScandRequest *request, const VtScandRoute *route)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (request->message);
  guint64 length = vt_scand_request_get_length (request);

  if (soup_message_headers_get_encoding (headers) == SOUP_ENCODING_CHUNKED && route->max_body > 0)
    vt_scand_request_refuse (request, SOUP_STATUS_LENGTH_REQUIRED,
                             "the length of the body must be announced (Content-Length)");
  else if (length > route->max_body)
    vt_scand_request_refuse (request, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE,
                             "the body has %" G_GUINT64_FORMAT " bytes; at most %" G_GUINT64_FORMAT
                             " are taken",
                             length, route->max_body);
  else
    return TRUE;
  return FALSE;
}

static gboolean
check_peer (VtScandServer *self, VtScandRequest *request, const VtScandRoute *route)
{
  const VtScandPeer *peer = vt_scand_request_get_peer (request);

  if (route->anonymous || self->connection_setup.certificate == NULL)
    return TRUE;
  if (peer == NULL)
    vt_scand_request_refuse (request, SOUP_STATUS_UNAUTHORIZED,
                             "a client certificate of this network's authority is needed");
  else if (self->setup.admits != NULL && !self->setup.admits (peer, self->setup.user_data))
    vt_scand_request_refuse (request, SOUP_STATUS_FORBIDDEN, "the certificate has been revoked");
  else
    return TRUE;
  return FALSE;
}

static void
lead (VtScandServer *self, VtScandRequest *request, const char *path)
{
  const char *method = soup_server_message_get_method (request->message);
  gboolean wrong_method = FALSE;
  const VtScandRoute *route = find_route (self, method, path, &wrong_method);

  if (route == NULL) {
    vt_scand_request_refuse (request,
                             wrong_method ? SOUP_STATUS_METHOD_NOT_ALLOWED : SOUP_STATUS_NOT_FOUND,
                             wrong_method ? "not with this method" : "there is nothing here");
    return;
  }
  request->route = route;
  request->rest = path + strlen (route->path);
  if (check_peer (self, request, route) && check_body (request, route) && route->begin != NULL)
    route->begin (request, self->setup.user_data);
}

/* It is over: the connection comes back to us. */
static VtScandConnection *
take_back (VtScandServer *self, SoupServerMessage *message)
{
  VtScandRequest *request = vt_scand_request_of (message);

  if (self->setup.done != NULL)
    self->setup.done (request->route, soup_server_message_get_status (message),
                      self->setup.user_data);
  g_object_unref (soup_server_message_steal_connection (message));
  return g_steal_pointer (&request->connection);
}

static void
append_header (const char *name, const char *value, gpointer text)
{
  g_string_append_printf (text, "%s: %s\r\n", name, value);
}

/* For a refusal: libsoup would read the rest of the request first, however much that is. */
static void
answer_at_once (VtScandServer *self, SoupServerMessage *message)
{
  g_autoptr (GBytes) body =
      soup_message_body_flatten (soup_server_message_get_response_body (message));
  GString *text = g_string_new (NULL);
  g_autoptr (GBytes) words = NULL;
  gsize size;
  const char *data = g_bytes_get_data (body, &size);

  g_string_printf (text, "HTTP/1.1 %u %s\r\n", soup_server_message_get_status (message),
                   soup_server_message_get_reason_phrase (message));
  soup_message_headers_foreach (soup_server_message_get_response_headers (message), append_header,
                                text);
  g_string_append_printf (text, "Connection: close\r\nContent-Length: %zu\r\n\r\n", size);
  g_string_append_len (text, data, (gssize)size);
  words = g_string_free_to_bytes (text);
  vt_scand_connection_close (take_back (self, message), words);
}

static void
on_headers (SoupServer *soup,
            SoupServerMessage *message,
            const char *path,
            GHashTable *query,
            gpointer user_data)
{
  VtScandServer *self = user_data;
  VtScandRequest *request = vt_scand_request_of (message);
  guint64 length = vt_scand_request_get_length (request);

  /* libsoup would cut an answer into as many pieces as it is asked for. */
  soup_message_headers_remove (soup_server_message_get_request_headers (message), "Range");
  request->query = query != NULL ? g_hash_table_ref (query) : NULL;
  vt_scand_connection_set_deadline (request->connection,
                                    self->setup.header_timeout_s + length / self->setup.min_rate);
  if (is_ambiguous (message))
    vt_scand_request_refuse (request, SOUP_STATUS_BAD_REQUEST,
                             "the length of the body can be read in two ways");
  else
    lead (self, request, path);
  if (request->answered)
    answer_at_once (self, message);
  else if (request->route->streams)
    soup_message_body_set_accumulate (soup_server_message_get_request_body (message), FALSE);
}

static void
on_chunk (SoupServerMessage *message, GBytes *chunk, VtScandServer *self)
{
  VtScandRequest *request = vt_scand_request_of (message);
  gsize size;
  const void *data = g_bytes_get_data (chunk, &size);

  /* libsoup has refused it already, and only reads on. */
  if (request->route == NULL) {
    vt_scand_connection_cut (request->connection);
    return;
  }
  if (request->route->take != NULL &&
      !request->route->take (request, data, size, self->setup.user_data)) {
    answer_at_once (self, message);
    return;
  }
  request->since_pause += size;
  if (request->since_pause >= YIELD_BYTES) {
    request->since_pause = 0;
    vt_scand_request_yield (request);
  }
}

static void
on_body (SoupServer *soup,
         SoupServerMessage *message,
         const char *path,
         GHashTable *query,
         gpointer user_data)
{
  VtScandServer *self = user_data;
  VtScandRequest *request = vt_scand_request_of (message);

  vt_scand_connection_set_deadline (request->connection, 0);
  request->route->finish (request, self->setup.user_data);
}

static gboolean
says_close (SoupMessageHeaders *headers)
{
  return soup_message_headers_header_contains (headers, "Connection", "close");
}

static gboolean
stays_open (SoupServerMessage *message)
{
  return soup_server_message_get_http_version (message) == SOUP_HTTP_1_1 &&
         !says_close (soup_server_message_get_request_headers (message)) &&
         !says_close (soup_server_message_get_response_headers (message));
}

static void
on_written (SoupServerMessage *message, VtScandServer *self)
{
  gboolean open = stays_open (message);
  VtScandConnection *connection = take_back (self, message);

  if (open)
    vt_scand_connection_resume (connection);
  else
    vt_scand_connection_close (connection, NULL);
}

/* From within soup_server_accept_iostream(). */
static void
on_started (SoupServer *soup, SoupServerMessage *message, VtScandServer *self)
{
  vt_scand_request_new (message, g_steal_pointer (&self->incoming));
  g_signal_connect (message, "got-chunk", G_CALLBACK (on_chunk), self);
  g_signal_connect (message, "wrote-body", G_CALLBACK (on_written), self);
}

static void
on_request (VtScandConnection *connection, GIOStream *stream, gpointer user_data)
{
  VtScandServer *self = user_data;

  self->incoming = connection;
  /* It takes all streams. */
  if (!soup_server_accept_iostream (self->soup, stream,
                                    vt_scand_connection_get_local_address (connection),
                                    vt_scand_connection_get_remote_address (connection), NULL))
    vt_scand_connection_free (connection);
}

static void
on_gone (VtScandConnection *connection, gpointer user_data)
{
  VtScandServer *self = user_data;

  g_hash_table_remove (self->connections, connection);
}

static gboolean
on_incoming (GSocketService *listener,
             GSocketConnection *socket,
             GObject *source,
             gpointer user_data)
{
  VtScandServer *self = user_data;
  VtScandConnection *connection;

  /* It is closed then, without a word. */
  if (!vt_scand_connections_admit (self->counts, g_socket_connection_get_socket (socket)))
    return TRUE;
  connection = vt_scand_connection_new (&self->connection_setup, socket);
  vt_scand_connection_set_gone_func (connection, on_gone, self);
  g_hash_table_add (self->connections, connection);
  return TRUE;
}

VtScandServer *
vt_scand_server_new (const VtScandServerSetup *setup,
                     GTlsCertificate *certificate,
                     GTlsDatabase *authorities)
{
  VtScandServer *self = g_new0 (VtScandServer, 1);

  self->setup = *setup;
  self->connection_setup = (VtScandConnectionSetup){.header_timeout_s = setup->header_timeout_s,
                                                    .idle_timeout_s = setup->idle_timeout_s,
                                                    .request = on_request,
                                                    .user_data = self};
  vt_scand_server_set_certificate (self, certificate, authorities);
  self->counts =
      vt_scand_connections_new (setup->max_connections, setup->max_connections_per_address);
  self->connections = g_hash_table_new (NULL, NULL);
  self->listener = g_socket_service_new ();
  /* Many clones start at the same time. */
  g_socket_listener_set_backlog (G_SOCKET_LISTENER (self->listener), BACKLOG);
  g_signal_connect (self->listener, "incoming", G_CALLBACK (on_incoming), self);
  self->soup = soup_server_new ("server-header", "vt-scand", "raw-paths", TRUE, NULL);
  g_signal_connect (self->soup, "request-started", G_CALLBACK (on_started), self);
  soup_server_add_early_handler (self->soup, NULL, on_headers, self, NULL);
  soup_server_add_handler (self->soup, NULL, on_body, self, NULL);
  return self;
}

/* Those that libsoup has go with it. */
static void
free_connections (VtScandServer *self)
{
  g_autofree gpointer *all = NULL;
  guint n;

  soup_server_disconnect (self->soup);
  all = g_hash_table_get_keys_as_array (self->connections, &n);
  for (guint i = 0; i < n; i++)
    vt_scand_connection_free (all[i]);
}

void
vt_scand_server_free (VtScandServer *self)
{
  g_socket_service_stop (self->listener);
  g_socket_listener_close (G_SOCKET_LISTENER (self->listener));
  free_connections (self);
  g_signal_handlers_disconnect_by_data (self->soup, self);
  g_object_unref (self->soup);
  g_object_unref (self->listener);
  g_hash_table_unref (self->connections);
  vt_scand_connections_unref (self->counts);
  g_clear_object (&self->connection_setup.certificate);
  g_clear_object (&self->connection_setup.authorities);
  g_free (self);
}

void
vt_scand_server_set_certificate (VtScandServer *self,
                                 GTlsCertificate *certificate,
                                 GTlsDatabase *authorities)
{
  g_set_object (&self->connection_setup.certificate, certificate);
  g_set_object (&self->connection_setup.authorities, authorities);
}

static gboolean
listen_with (VtScandServer *self, GSocket *socket, GError **error)
{
  g_autoptr (GSocketAddress) address = g_socket_get_local_address (socket, NULL);

  if (self->port == 0 && G_IS_INET_SOCKET_ADDRESS (address))
    self->port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address));
  return g_socket_listener_add_socket (G_SOCKET_LISTENER (self->listener), socket, NULL, error);
}

static gboolean
listen_at (VtScandServer *self, GSocketAddress *address, GError **error)
{
  g_autoptr (GSocket) socket = g_socket_new (g_socket_address_get_family (address),
                                             G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);

  if (socket == NULL || !g_socket_bind (socket, address, TRUE, error))
    return FALSE;
  g_socket_set_listen_backlog (socket, BACKLOG);
  return g_socket_listen (socket, error) && listen_with (self, socket, error);
}

/* Of both families, if this host has both. */
static gboolean
listen_at_all (VtScandServer *self, guint16 port, GError **error)
{
  g_autoptr (GInetAddress) any6 = g_inet_address_new_any (G_SOCKET_FAMILY_IPV6);
  g_autoptr (GInetAddress) any4 = g_inet_address_new_any (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) address6 = g_inet_socket_address_new (any6, port);
  g_autoptr (GSocketAddress) address4 = g_inet_socket_address_new (any4, port);

  return listen_at (self, address6, NULL) || listen_at (self, address4, error);
}

static GSocketAddress *
parse_address (const char *text, const char *colon, guint16 port)
{
  gboolean bracketed = text[0] == '[' && colon > text && colon[-1] == ']';
  g_autofree char *host = g_strndup (text + bracketed, (gsize)(colon - text) - 2 * bracketed);

  return g_inet_socket_address_new_from_string (host, port);
}

gboolean
vt_scand_server_listen (VtScandServer *self, const char *text, GError **error)
{
  const char *colon = strrchr (text, ':');
  g_autoptr (GSocketAddress) address = NULL;
  guint64 port = 0;

  if (colon != NULL && g_ascii_string_to_unsigned (colon + 1, 10, 0, G_MAXUINT16, &port, NULL)) {
    if (g_str_has_prefix (text, "*:") && colon == text + 1) {
      if (listen_at_all (self, (guint16)port, error))
        return TRUE;
      g_prefix_error (error, "%s: ", text);
      return FALSE;
    }
    address = parse_address (text, colon, (guint16)port);
  }
  if (address == NULL) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 "'%s' is not an address such as 192.0.2.1:7633, [2001:db8::1]:7633 or *:7633",
                 text);
    return FALSE;
  }
  if (listen_at (self, address, error))
    return TRUE;
  g_prefix_error (error, "%s: ", text);
  return FALSE;
}

gboolean
vt_scand_server_listen_fd (VtScandServer *self, int fd, GError **error)
{
  g_autoptr (GSocket) socket = g_socket_new_from_fd (fd, error);

  return socket != NULL && listen_with (self, socket, error);
}

guint16
vt_scand_server_get_port (const VtScandServer *self)
{
  return self->port;
}

guint
vt_scand_server_get_connections (const VtScandServer *self)
{
  return g_hash_table_size (self->connections);
}
