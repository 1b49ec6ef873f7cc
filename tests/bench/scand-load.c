// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Load for a scan service, over mutual TLS: agents that look digests up, one batch after the other
 * or so many a second, or that only keep a connection each.
 *
 * Usage: scand-load PORT AUTHORITY CERTIFICATE KEY AGENTS BATCH SECONDS RATE KNOWN
 *
 * AUTHORITY, CERTIFICATE, KEY   files in PEM, the same certificate for all agents
 * AGENTS   connections, each in a thread of its own
 * BATCH    digests in a request; 0: one request, then none
 * RATE     requests a second of each agent, spread evenly; 0: as fast as they are answered
 * KNOWN    digests are those of the numbers below this, which the service has to know as clean
 *
 * Prints one line of JSON. Time counts from a request's first byte, or, with a RATE, from when it
 * was due, to its answer's last. Any other answer than all clean ends the program.
 */
#include <arpa/inet.h>
#include <glib.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vt-digest.h"

#define ANSWER_MAX 16384
#define TRIES      20

static struct {
  guint16 port;
  guint agents;
  guint batch;
  guint seconds;
  gdouble rate;
  guint known;
  SSL_CTX *tls;
  gint64 start;
  gint64 end;
  gint failed; /* connections that were given up */
  GMutex lock;
  GCond all_ready;
  GCond start_now;
  guint ready;      /* agents that are connected */
  gboolean started; /* all are */
} load;

typedef struct {
  guint number;
  SSL *ssl;
  guint32 random;
  GArray *times; /* of gint64: microseconds */
  guint8 *request;
  gsize request_size;
  gsize head_size;
} Agent;

static void
fail (const char *what)
{
  fprintf (stderr, "scand-load: %s\n", what);
  exit (2);
}

/* Once; NULL: there was no answer in time. */
static SSL *
try_to_connect (void)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons (load.port)};
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int on = 1;
  SSL *ssl = SSL_new (load.tls);

  address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  if (fd < 0 || connect (fd, (const struct sockaddr *)&address, sizeof address) != 0)
    fail ("cannot connect");
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  SSL_set_fd (ssl, fd);
  if (SSL_connect (ssl) == 1)
    return ssl;
  close (fd);
  SSL_free (ssl);
  return NULL;
}

/* With a thousand at once, some have to try again. */
static SSL *
connect_agent (void)
{
  for (guint i = 0; i < TRIES; i++) {
    SSL *ssl = try_to_connect ();

    if (ssl != NULL)
      return ssl;
    g_atomic_int_inc (&load.failed);
    g_usleep (G_USEC_PER_SEC);
  }
  fail ("no TLS");
  return NULL;
}

/* Each digest is that of a number's text. */
static void
fill_batch (Agent *self)
{
  for (guint i = 0; i < load.batch; i++) {
    VtDigest digest;
    char text[16];

    self->random = self->random * 1664525 + 1013904223;
    g_snprintf (text, sizeof text, "%u", (guint)(((guint64)self->random * load.known) >> 32));
    digest = vt_digest_of_data (text, strlen (text));
    memcpy (self->request + self->head_size + i * VT_DIGEST_SIZE, digest.bytes, VT_DIGEST_SIZE);
  }
}

static void
write_all (SSL *ssl, const guint8 *data, gsize size)
{
  if (SSL_write (ssl, data, (int)size) != (int)size)
    fail ("cannot write");
}

static void
read_answer (Agent *self)
{
  char answer[ANSWER_MAX + 1];
  gsize have = 0;
  const char *body = NULL;

  while (body == NULL || have < (gsize)(body - answer) + load.batch) {
    int n = SSL_read (self->ssl, answer + have, (int)(ANSWER_MAX - have));

    if (n <= 0)
      fail ("cannot read");
    have += (gsize)n;
    answer[have] = '\0';
    body = strstr (answer, "\r\n\r\n");
    body = body != NULL ? body + 4 : NULL;
  }
  if (!g_str_has_prefix (answer, "HTTP/1.1 200 "))
    fail (answer);
  for (guint i = 0; i < load.batch; i++)
    if (body[i] != 1)
      fail ("something is not known as clean");
}

/* Batches are made before their time begins: to make digests is not the service's work. */
static void
ask (Agent *self, gint64 due)
{
  gint64 start;
  gint64 taken;

  fill_batch (self);
  start = g_get_monotonic_time ();
  if (due > start)
    g_usleep ((gulong)(due - start));
  start = due > 0 ? due : start;
  write_all (self->ssl, self->request, self->request_size);
  read_answer (self);
  taken = g_get_monotonic_time () - start;
  g_array_append_val (self->times, taken);
}

static void
make_request (Agent *self)
{
  g_autofree char *head =
      g_strdup_printf ("POST /v1/lookup HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                       "application/octet-stream\r\nContent-Length: %u\r\n\r\n",
                       load.batch * VT_DIGEST_SIZE);

  self->head_size = strlen (head);
  self->request_size = self->head_size + load.batch * VT_DIGEST_SIZE;
  self->request = g_malloc (self->request_size);
  memcpy (self->request, head, self->head_size);
}

static void
wait_for_all (void)
{
  g_mutex_lock (&load.lock);
  load.ready++;
  g_cond_signal (&load.all_ready);
  while (!load.started)
    g_cond_wait (&load.start_now, &load.lock);
  g_mutex_unlock (&load.lock);
}

static void
start_all (void)
{
  g_mutex_lock (&load.lock);
  while (load.ready < load.agents)
    g_cond_wait (&load.all_ready, &load.lock);
  load.start = g_get_monotonic_time ();
  load.end = load.start + load.seconds * G_USEC_PER_SEC;
  load.started = TRUE;
  g_cond_broadcast (&load.start_now);
  g_mutex_unlock (&load.lock);
}

static gpointer
run_agent (gpointer data)
{
  Agent *self = data;
  gint64 pause = load.rate > 0 ? (gint64)(G_USEC_PER_SEC / load.rate) : 0;
  gint64 due;

  self->ssl = connect_agent ();
  make_request (self);
  wait_for_all ();
  due = load.start + pause * self->number / load.agents;
  while (load.batch > 0 && g_get_monotonic_time () < load.end) {
    ask (self, pause > 0 ? due : 0);
    due += pause;
  }
  if (load.batch == 0)
    g_usleep (load.seconds * G_USEC_PER_SEC);
  close (SSL_get_fd (self->ssl));
  SSL_free (self->ssl);
  g_free (self->request);
  return NULL;
}

static gint
compare_times (gconstpointer a, gconstpointer b)
{
  gint64 first = *(const gint64 *)a;
  gint64 second = *(const gint64 *)b;

  return first < second ? -1 : first > second;
}

static gdouble
part_of (GArray *times, gdouble part)
{
  guint place = (guint)(part * (times->len - 1));

  return times->len > 0 ? (gdouble)g_array_index (times, gint64, place) / 1000 : 0;
}

static void
set_up (char **argv)
{
  load.port = (guint16)g_ascii_strtoull (argv[1], NULL, 10);
  load.agents = (guint)g_ascii_strtoull (argv[5], NULL, 10);
  load.batch = (guint)g_ascii_strtoull (argv[6], NULL, 10);
  load.seconds = (guint)g_ascii_strtoull (argv[7], NULL, 10);
  load.rate = g_ascii_strtod (argv[8], NULL);
  load.known = (guint)g_ascii_strtoull (argv[9], NULL, 10);
  load.tls = SSL_CTX_new (TLS_client_method ());
  SSL_CTX_set_verify (load.tls, SSL_VERIFY_PEER, NULL);
  if (SSL_CTX_load_verify_locations (load.tls, argv[2], NULL) != 1 ||
      SSL_CTX_use_certificate_chain_file (load.tls, argv[3]) != 1 ||
      SSL_CTX_use_PrivateKey_file (load.tls, argv[4], SSL_FILETYPE_PEM) != 1)
    fail ("certificates cannot be read");
}

int
main (int argc, char **argv)
{
  g_autoptr (GArray) times = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_autofree Agent *agents = NULL;
  g_autofree GThread **threads = NULL;
  gdouble seconds;

  if (argc != 10)
    fail ("usage: scand-load PORT AUTHORITY CERTIFICATE KEY AGENTS BATCH SECONDS RATE KNOWN");
  set_up (argv);
  agents = g_new0 (Agent, load.agents);
  threads = g_new (GThread *, load.agents);
  for (guint i = 0; i < load.agents; i++) {
    agents[i] = (Agent){.number = i,
                        .random = i * 2654435761u,
                        .times = g_array_new (FALSE, FALSE, sizeof (gint64))};
    threads[i] = g_thread_new ("agent", run_agent, &agents[i]);
  }
  start_all ();
  for (guint i = 0; i < load.agents; i++) {
    g_thread_join (threads[i]);
    g_array_append_vals (times, agents[i].times->data, agents[i].times->len);
    g_array_unref (agents[i].times);
  }
  seconds = (gdouble)(g_get_monotonic_time () - load.start) / G_USEC_PER_SEC;
  g_array_sort (times, compare_times);
  printf ("{\"requests\": %u, \"retries\": %d, \"hashes_per_second\": %.0f, \"p50_ms\": %.3f, "
          "\"p99_ms\": %.3f, "
          "\"max_ms\": %.3f}\n",
          times->len, load.failed, times->len * load.batch / seconds, part_of (times, 0.5),
          part_of (times, 0.99), part_of (times, 1));
  SSL_CTX_free (load.tls);
  return 0;
}
