// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scand-connection.h"

#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "vt-scand-stream.h"
#include "vt-source.h"

/* The header of a TLS record (RFC 8446, 5.1): type, version, length; and what a record may have. */
#define RECORD_HEADER  5
#define RECORD_MAX     16384
#define TYPE_HANDSHAKE 22
/* Of a ClientHello: a longer one comes while the handshake goes on. */
#define HELLO_WAITED_FOR 4096
/* How long a client may take to close, after the last answer. */
#define LINGER_S 5

struct _VtScandConnection {
  const VtScandConnectionSetup *setup;
  GSocketConnection *base;
  GIOStream *stream; /* what requests go over: TLS, or BASE */
  GTlsConnection *tls;
  VtScandPeer *peer; /* as the first handshake told: TLS 1.2 can have more */
  GSocketAddress *local;
  GSocketAddress *remote;
  GSource *deadline;
  GSource *wait;
  int awaited;               /* bytes that have to be here before a wait for a hello ends */
  GCancellable *cancellable; /* of the handshake */
  gboolean handshaking;
  gboolean freed; /* while that goes on */
  void (*gone) (VtScandConnection *connection, gpointer user_data);
  gpointer gone_data;
};

static GSocket *
get_socket (const VtScandConnection *self)
{
  return g_socket_connection_get_socket (self->base);
}

static void
finish_free (VtScandConnection *self)
{
  g_clear_object (&self->tls);
  g_clear_object (&self->stream);
  g_clear_object (&self->base);
  g_clear_object (&self->local);
  g_clear_object (&self->remote);
  g_clear_object (&self->cancellable);
  g_clear_pointer (&self->peer, vt_scand_peer_free);
  g_free (self);
}

void
vt_scand_connection_free (VtScandConnection *self)
{
  vt_source_clear (&self->deadline);
  vt_source_clear (&self->wait);
  if (self->gone != NULL)
    self->gone (self, self->gone_data);
  /* Without a word: to send one could block. */
  g_socket_shutdown (get_socket (self), TRUE, TRUE, NULL);
  self->freed = TRUE;
  if (self->handshaking)
    g_cancellable_cancel (self->cancellable);
  else
    finish_free (self);
}

void
vt_scand_connection_cut (VtScandConnection *self)
{
  g_socket_shutdown (get_socket (self), TRUE, TRUE, NULL);
}

static gboolean
on_deadline (gpointer user_data)
{
  VtScandConnection *self = user_data;

  vt_source_clear (&self->deadline);
  vt_scand_connection_cut (self);
  return G_SOURCE_REMOVE;
}

static void
attach (GSource **place, GSource *source, GSourceFunc func, VtScandConnection *self)
{
  vt_source_clear (place);
  *place = source;
  g_source_set_callback (source, func, self, NULL);
  g_source_attach (source, g_main_context_get_thread_default ());
}

void
vt_scand_connection_set_deadline (VtScandConnection *self, guint64 seconds)
{
  vt_source_clear (&self->deadline);
  if (seconds > 0)
    attach (&self->deadline, g_timeout_source_new_seconds ((guint)MIN (seconds, G_MAXUINT)),
            on_deadline, self);
}

static gboolean
on_request (GObject *stream, gpointer user_data)
{
  VtScandConnection *self = user_data;

  vt_source_clear (&self->wait);
  vt_scand_connection_set_deadline (self, self->setup->header_timeout_s);
  self->setup->request (self, self->stream, self->setup->user_data);
  return G_SOURCE_REMOVE;
}

static void
wait_for_request (VtScandConnection *self)
{
  GPollableInputStream *input =
      G_POLLABLE_INPUT_STREAM (g_io_stream_get_input_stream (self->stream));

  attach (&self->wait, g_pollable_input_stream_create_source (input, NULL),
          G_SOURCE_FUNC (on_request), self);
}

void
vt_scand_connection_resume (VtScandConnection *self)
{
  vt_scand_connection_set_deadline (self, self->setup->idle_timeout_s);
  wait_for_request (self);
}

static gboolean
on_linger (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  VtScandConnection *self = user_data;
  char rest[65536];

  if (g_socket_receive_with_blocking (socket, rest, sizeof rest, FALSE, NULL, NULL) > 0)
    return G_SOURCE_CONTINUE;
  vt_scand_connection_free (self);
  return G_SOURCE_REMOVE;
}

/* Nothing of this request was written before: the socket has room for it. */
static void
write_words (VtScandConnection *self, GBytes *words)
{
  GPollableOutputStream *output =
      G_POLLABLE_OUTPUT_STREAM (g_io_stream_get_output_stream (self->stream));
  gsize size;
  const void *data = g_bytes_get_data (words, &size);

  (void)g_pollable_output_stream_write_nonblocking (output, data, size, NULL, NULL);
}

void
vt_scand_connection_close (VtScandConnection *self, GBytes *words)
{
  if (words != NULL)
    write_words (self, words);
  /* With a part unread, the kernel would reset the connection, and the answer could be lost. */
  g_socket_shutdown (get_socket (self), FALSE, TRUE, NULL);
  vt_scand_connection_set_deadline (self, LINGER_S);
  attach (&self->wait, g_socket_create_source (get_socket (self), G_IO_IN | G_IO_HUP, NULL),
          G_SOURCE_FUNC (on_linger), self);
}

/* GTlsConnection leaves it to its user, of a server also where it has found no fault. */
static gboolean
on_certificate (GTlsConnection *tls,
                GTlsCertificate *certificate,
                GTlsCertificateFlags faults,
                gpointer user_data)
{
  return faults == 0;
}

static void
on_handshake (GObject *source, GAsyncResult *result, gpointer user_data)
{
  VtScandConnection *self = user_data;
  gboolean done = g_tls_connection_handshake_finish (self->tls, result, NULL);
  GTlsCertificate *certificate = g_tls_connection_get_peer_certificate (self->tls);

  self->handshaking = FALSE;
  if (self->freed) {
    finish_free (self);
  } else if (!done) {
    vt_scand_connection_free (self);
  } else {
    self->peer = certificate != NULL ? vt_scand_peer_new (certificate) : NULL;
    wait_for_request (self);
  }
}

static gboolean
start_tls (VtScandConnection *self)
{
  static const char *const protocols[] = {"http/1.1", NULL};

  self->tls = g_initable_new (
      g_tls_backend_get_server_connection_type (g_tls_backend_get_default ()), NULL, NULL,
      "base-io-stream", self->base, "certificate", self->setup->certificate, "database",
      self->setup->authorities, "authentication-mode", G_TLS_AUTHENTICATION_REQUESTED,
      "require-close-notify", FALSE, "advertised-protocols", protocols, NULL);
  if (self->tls == NULL)
    return FALSE;
  g_clear_object (&self->stream);
  self->stream = vt_scand_stream_new (G_IO_STREAM (self->tls));
  self->cancellable = g_cancellable_new ();
  self->handshaking = TRUE;
  g_signal_connect (self->tls, "accept-certificate", G_CALLBACK (on_certificate), NULL);
  g_tls_connection_handshake_async (self->tls, G_PRIORITY_DEFAULT, self->cancellable, on_handshake,
                                    self);
  return TRUE;
}

/* How many bytes have to be here before a wait ends. */
static void
wait_for_bytes (VtScandConnection *self, int n)
{
  self->awaited = n;
  g_socket_set_option (get_socket (self), SOL_SOCKET, SO_RCVLOWAT, n, NULL);
}

/* Bytes of the record that begins with HEADER; 0: it is no handshake. */
static int
get_record_size (const guint8 header[RECORD_HEADER])
{
  int length = header[3] << 8 | header[4];

  return header[0] == TYPE_HANDSHAKE && header[1] == 3 && length > 0 && length <= RECORD_MAX
             ? RECORD_HEADER + length
             : 0;
}

static gboolean
on_hello (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  VtScandConnection *self = user_data;
  guint8 buffer[HELLO_WAITED_FOR];
  gssize n = recv (g_socket_get_fd (socket), buffer, sizeof buffer, MSG_PEEK | MSG_DONTWAIT);
  int size = n >= RECORD_HEADER ? get_record_size (buffer) : 0;

  /* With fewer bytes than were waited for, no more will come. */
  if (size > n && n < HELLO_WAITED_FOR && n >= self->awaited) {
    wait_for_bytes (self, MIN (size, HELLO_WAITED_FOR));
    return G_SOURCE_CONTINUE;
  }
  vt_source_clear (&self->wait);
  wait_for_bytes (self, 1);
  if (size == 0 || !start_tls (self))
    vt_scand_connection_free (self);
  return G_SOURCE_REMOVE;
}

VtScandConnection *
vt_scand_connection_new (const VtScandConnectionSetup *setup, GSocketConnection *base)
{
  VtScandConnection *self = g_new0 (VtScandConnection, 1);
  GSocket *socket;

  self->setup = setup;
  self->base = g_object_ref (base);
  self->stream = vt_scand_stream_new (G_IO_STREAM (base));
  self->local = g_socket_connection_get_local_address (base, NULL);
  self->remote = g_socket_connection_get_remote_address (base, NULL);
  socket = get_socket (self);
  g_socket_set_option (socket, IPPROTO_TCP, TCP_NODELAY, TRUE, NULL);
  vt_scand_connection_set_deadline (self, setup->header_timeout_s);
  if (setup->certificate == NULL) {
    wait_for_request (self);
    return self;
  }
  wait_for_bytes (self, RECORD_HEADER);
  attach (&self->wait, g_socket_create_source (socket, G_IO_IN | G_IO_HUP, NULL),
          G_SOURCE_FUNC (on_hello), self);
  return self;
}

const VtScandPeer *
vt_scand_connection_get_peer (const VtScandConnection *self)
{
  return self->peer;
}

GSocketAddress *
vt_scand_connection_get_local_address (const VtScandConnection *self)
{
  return self->local;
}

GSocketAddress *
vt_scand_connection_get_remote_address (const VtScandConnection *self)
{
  return self->remote;
}

void
vt_scand_connection_set_gone_func (VtScandConnection *self,
                                   void (*gone) (VtScandConnection *connection, gpointer user_data),
                                   gpointer user_data)
{
  self->gone = gone;
  self->gone_data = user_data;
}
