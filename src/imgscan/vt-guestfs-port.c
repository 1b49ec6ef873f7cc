// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-guestfs-port.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BUFFER_SIZE ((gsize)256 * 1024)
/* Silence after which it is asked whether the command still runs. */
#define SILENCE_MS 10000
/* Bytes of the command's messages that are passed on. */
#define MESSAGES_MAX "2000"
/* The trailer: a line end, 32 random digits, a space, the status, a line end. */
#define TRAILER_MAX 48

struct _VtPortStream {
  VtAppliance *appliance;
  char *nonce;
  char *pid; /* of the shell that runs the command, in the appliance */
  guint8 *buffer;
  char tail[TRAILER_MAX]; /* the last bytes that came */
  gsize tail_size;
};

static char *
run_in_appliance (VtAppliance *appliance, const char *line, GError **error)
{
  const char *argv[] = {line, NULL};
  char *output = guestfs_debug (appliance->g, "sh", (char **)argv);

  if (output == NULL)
    vt_guestfs_set_error (appliance->g, VT_IMAGE_ERROR_APPLIANCE, "command in the appliance",
                          error);
  return output;
}

static char *
make_nonce (void)
{
  return g_strdup_printf ("%08x%08x%08x%08x", g_random_int (), g_random_int (), g_random_int (),
                          g_random_int ());
}

VtPortStream *
vt_port_stream_start (VtAppliance *appliance, const char *command, GError **error)
{
  g_autoptr (VtPortStream) self = g_new0 (VtPortStream, 1);
  g_autofree char *line = NULL;

  self->appliance = appliance;
  self->nonce = make_nonce ();
  self->buffer = g_malloc (BUFFER_SIZE);
  /*
   * In the background, with none of the call's own streams, so that the call returns. The trailer
   * comes from outside the file system: when it is here, nobody keeps that from being unmounted.
   */
  line = g_strdup_printf (
      "{ ( cd \"$root\" && LC_ALL=C %s >" VT_APPLIANCE_PORT " 2>/tmp/vt.messages ); "
      "printf '\\n%s %%d\\n' $? >" VT_APPLIANCE_PORT "; } </dev/null >/dev/null 2>&1 & echo $!",
      command, self->nonce);
  self->pid = run_in_appliance (appliance, line, error);
  if (self->pid == NULL)
    return NULL;
  g_strchomp (self->pid);
  return g_steal_pointer (&self);
}

void
vt_port_stream_free (VtPortStream *self)
{
  g_free (self->nonce);
  g_free (self->pid);
  g_free (self->buffer);
  g_free (self);
}

static gboolean
still_runs (VtPortStream *self, GError **error)
{
  g_autofree char *line =
      g_strdup_printf ("if kill -0 %s 2>/dev/null; then echo runs; fi", self->pid);
  g_autofree char *answer = run_in_appliance (self->appliance, line, error);

  return answer != NULL && g_str_has_prefix (answer, "runs");
}

static void
keep_tail (VtPortStream *self, gsize n)
{
  gsize kept;

  if (n >= TRAILER_MAX) {
    memcpy (self->tail, self->buffer + n - TRAILER_MAX, TRAILER_MAX);
    self->tail_size = TRAILER_MAX;
    return;
  }
  kept = MIN (self->tail_size, TRAILER_MAX - n);
  memmove (self->tail, self->tail + self->tail_size - kept, kept);
  memcpy (self->tail + kept, self->buffer, n);
  self->tail_size = kept + n;
}

/* 1: there are bytes; 0: the command has ended and none came; -1: error. */
static int
wait_for_bytes (VtPortStream *self, GError **error)
{
  struct pollfd readable = {.fd = self->appliance->port, .events = POLLIN};
  g_autoptr (GError) local_error = NULL;
  gboolean ended = FALSE;

  while (poll (&readable, 1, SILENCE_MS) == 0) {
    /* What was on its way when it ended has had its time. */
    if (ended)
      return 0;
    ended = !still_runs (self, &local_error);
    if (local_error != NULL) {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return -1;
    }
  }
  return 1;
}

gssize
vt_port_stream_read (VtPortStream *self, const guint8 **data, GError **error)
{
  gssize n = wait_for_bytes (self, error);

  if (n <= 0)
    return n;
  do
    n = recv (self->appliance->port, self->buffer, BUFFER_SIZE, 0);
  while (n < 0 && errno == EINTR);
  if (n <= 0) {
    g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_APPLIANCE,
                         "the appliance ended while it was read from");
    return -1;
  }
  vt_image_sink_alive (self->appliance->sink);
  keep_tail (self, (gsize)n);
  *data = self->buffer;
  return n;
}

static gboolean
trailer_is_there (VtPortStream *self, int *status)
{
  char tail[TRAILER_MAX + 1];
  const char *found;

  if (self->tail_size == 0 || self->tail[self->tail_size - 1] != '\n')
    return FALSE;
  /* What comes before the trailer may have NULs. */
  for (gsize i = 0; i < self->tail_size; i++)
    tail[i] = self->tail[i] != '\0' ? self->tail[i] : ' ';
  tail[self->tail_size] = '\0';
  found = strstr (tail, self->nonce);
  if (found == NULL)
    return FALSE;
  *status = (int)strtol (found + strlen (self->nonce), NULL, 10);
  return TRUE;
}

gboolean
vt_port_stream_is_complete (VtPortStream *self)
{
  int status;

  return trailer_is_there (self, &status);
}

gboolean
vt_port_stream_finish (VtPortStream *self, int *status, char **messages, GError **error)
{
  const guint8 *data;

  while (!trailer_is_there (self, status)) {
    gssize n = vt_port_stream_read (self, &data, error);

    if (n < 0)
      return FALSE;
    if (n == 0) {
      g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_APPLIANCE,
                           "a command in the appliance ended without a trailer");
      return FALSE;
    }
  }
  *messages =
      run_in_appliance (self->appliance, "head -c " MESSAGES_MAX " /tmp/vt.messages", error);
  return *messages != NULL;
}
