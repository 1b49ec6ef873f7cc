// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The starter's side of an image reader: its process, the watch over the appliance's launch, and
 * the credit it is given. What its messages say is checked in vt-image-receive.c.
 */
#include "vt-image-private.h"

#include <glib-unix.h>
#include <poll.h>

#include "vt-accel.h"
#include "vt-image-protocol.h"
#include "vt-image-reader.h"
#include "vt-ipc.h"
#include "vt-source.h"

/* Emulated, the appliance takes up to ten times as long to start. */
#define TCG_FACTOR 10
/* Credit goes back in few large pieces, so that it never fills the socket. */
#define CREDIT_PIECE (VT_IMAGE_BUDGET / 8)
/* File systems that are given up one by one, before nothing is read directly any more. */
#define REFUSED_MAX 4
/* Bytes of a refusal's reason that are handed on. */
#define REASON_MAX 500
/* A direct reader tells every second that it goes on. */
#define DIRECT_STALL_TIMEOUT_S 30
/* Messages handled before other sources of the main loop get their turn. */
#define MESSAGES_A_TURN 64

static void start_reader (VtImage *self, gboolean force_tcg);

void
vt_image_file_free (VtImageFile *self)
{
  g_clear_pointer (&self->result, vt_file_result_free);
  g_clear_pointer (&self->links, g_ptr_array_unref);
  vt_fd_clear (&self->memfd);
  g_free (self->attributes);
  g_free (self);
}

static GSource *
attach (GSource *source, GSourceFunc func, VtImage *self)
{
  g_source_set_callback (source, func, self, NULL);
  g_source_attach (source, g_main_context_get_thread_default ());
  return source;
}

static void
stop_reader (VtImage *self)
{
  vt_source_clear (&self->launch_timer);
  vt_source_clear (&self->ticker);
  vt_source_clear (&self->messages);
  vt_child_clear (&self->child);
  vt_image_drop_spool (self);
  g_clear_pointer (&self->last_file, vt_image_file_free);
  g_clear_pointer (&self->direct, g_free);
}

void
vt_image_say (VtImage *self, GLogLevelFlags level, const char *text)
{
  if (self->events->message != NULL)
    self->events->message (level, text, self->user_data);
}

void
vt_image_finish (VtImage *self, const GError *error)
{
  stop_reader (self);
  self->events->finished (error, self->user_data);
}

static gboolean
is_launching_with_kvm (VtImage *self)
{
  return self->launching && !self->force_tcg && !self->editing;
}

static void
restart (VtImage *self, gboolean force_tcg)
{
  stop_reader (self);
  /* What the reader before had underway counts for the next one, who is told when it is done. */
  self->credit = 0;
  vt_scan_result_reset (self->result);
  if (self->events->restarted != NULL)
    self->events->restarted (self->user_data);
  start_reader (self, force_tcg);
}

static void
try_without_kvm (VtImage *self, const char *why)
{
  g_autofree char *text = g_strdup_printf (
      "the appliance does not start with KVM (%s): starting it again without (TCG, slower)", why);

  vt_image_say (self, G_LOG_LEVEL_WARNING, text);
  self->kvm_failed = TRUE;
  restart (self, TRUE);
}

void
vt_image_set_direct (VtImage *self, const char *id)
{
  g_free (self->direct);
  self->direct = id[0] != '\0' ? g_strdup (id) : NULL;
}

static gboolean
is_refused (const VtImage *self, const char *id)
{
  for (guint i = 0; i < self->refused->len; i += 2)
    if (g_str_equal (g_ptr_array_index (self->refused, i), id))
      return TRUE;
  return FALSE;
}

gboolean
vt_image_refuse_direct (VtImage *self, const char *id, const char *why)
{
  gboolean is_all = g_str_equal (id, VT_REFUSED_ALL);
  g_autofree char *text =
      g_strdup_printf ("%s cannot be read directly: %s", is_all ? "the image" : id, why);

  /* Who edits reads nothing directly. */
  if (self->options->mode == VT_IMAGE_EDIT || is_refused (self, id) ||
      is_refused (self, VT_REFUSED_ALL))
    return FALSE;
  /* Each costs another start: many at once are left to the appliance together. */
  if (self->refused->len >= 2 * REFUSED_MAX)
    id = VT_REFUSED_ALL;
  g_ptr_array_add (self->refused, g_strdup (id));
  g_ptr_array_add (self->refused,
                   g_utf8_substring (why, 0, MIN (g_utf8_strlen (why, -1), REASON_MAX)));
  vt_image_say (self, G_LOG_LEVEL_WARNING, text);
  restart (self, self->force_tcg);
  return TRUE;
}

void
vt_image_fail (VtImage *self, const GError *error)
{
  if (is_launching_with_kvm (self) &&
      (g_error_matches (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_APPLIANCE) ||
       g_error_matches (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER)))
    try_without_kvm (self, error->message);
  else
    vt_image_finish (self, error);
}

/* A reader that does not take its credit must not hold up this process: it is tried again. */
static gboolean
can_send (const VtImage *self)
{
  struct pollfd writable = {.fd = self->child.socket, .events = POLLOUT};

  return self->child.socket >= 0 && poll (&writable, 1, 0) == 1 &&
         (writable.revents & POLLOUT) != 0;
}

static void
give_credit (VtImage *self)
{
  g_autoptr (GError) error = NULL;
  GVariant *order;

  if (self->credit == 0 || (self->credit < CREDIT_PIECE && self->underway > 0) || !can_send (self))
    return;
  order = g_variant_new ("(yt)", (guchar)VT_IMAGE_ORDER_CREDIT, self->credit);
  /* A reader that is gone shows at its socket's end. */
  if (!vt_ipc_send (self->child.socket, order, NULL, 0, &error))
    g_debug ("image: %s", error->message);
  self->credit = 0;
}

static guint
get_silence_limit (const VtImage *self)
{
  guint limit = self->options->stall_timeout_s;

  return self->direct != NULL ? MIN (limit, DIRECT_STALL_TIMEOUT_S) : limit;
}

/*
 * Ticks are counted and not seconds: when this process was stopped for a while, only one tick comes
 * for it, and the messages that wait come before the next.
 */
static gboolean
on_tick (gpointer user_data)
{
  VtImage *self = user_data;
  g_autoptr (GError) error = NULL;

  give_credit (self);
  if (self->launching || ++self->silent_ticks <= get_silence_limit (self))
    return G_SOURCE_CONTINUE;
  if (self->direct != NULL) {
    g_autofree char *id = g_strdup (self->direct);

    if (vt_image_refuse_direct (self, id, "its reader hangs"))
      return G_SOURCE_REMOVE;
  }
  error = g_error_new (VT_IMAGE_ERROR, VT_IMAGE_ERROR_APPLIANCE,
                       "no sign of life for %u s from what reads the image (phase \"%s\", "
                       "--stall-timeout)",
                       self->options->stall_timeout_s, self->waiting);
  vt_image_finish (self, error);
  return G_SOURCE_REMOVE;
}

static gboolean
on_launch_timeout (gpointer user_data)
{
  VtImage *self = user_data;
  g_autofree char *why = g_strdup_printf ("not up after %u s", self->launch_limit_s);
  g_autoptr (GError) error =
      g_error_new (VT_IMAGE_ERROR, VT_IMAGE_ERROR_APPLIANCE, "libguestfs's appliance is %s", why);

  if (is_launching_with_kvm (self))
    try_without_kvm (self, why);
  else
    vt_image_finish (self, error);
  return G_SOURCE_REMOVE;
}

static void
watch_launch (VtImage *self)
{
  self->launching = TRUE;
  self->launch_limit_s = self->options->launch_timeout_s * (self->force_tcg ? TCG_FACTOR : 1);
  self->launch_timer =
      attach (g_timeout_source_new_seconds (self->launch_limit_s), on_launch_timeout, self);
}

void
vt_image_enter_phase (VtImage *self, const char *phase)
{
  if (self->launching) {
    /* What fails without KVM too is no fault of KVM's. */
    if (!self->force_tcg || self->kvm_failed)
      vt_accel_remember_broken (self->kvm_failed);
    self->launching = FALSE;
    vt_source_clear (&self->launch_timer);
  }
  self->editing = self->editing || g_str_equal (phase, "edit");
  g_free (self->waiting);
  self->waiting = g_strdup (phase);
  if (g_str_equal (phase, "launch"))
    watch_launch (self);
  if (self->events->phase != NULL)
    self->events->phase (phase, self->user_data);
}

static gboolean
receive_one (VtImage *self)
{
  g_auto (VtIpcFds) fds = VT_IPC_FDS_INIT;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) message =
      vt_ipc_receive (self->child.socket, VT_IMAGE_MESSAGE_TYPE, &fds, &error);
  g_autoptr (GError) failure = NULL;

  self->silent_ticks = 0;
  if (message != NULL)
    return vt_image_receive (self, message, &fds);
  failure = g_error_new (VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER,
                         "the process that reads the image ended unexpectedly: %s", error->message);
  vt_image_fail (self, failure);
  return FALSE;
}

static gboolean
on_readable (int fd, GIOCondition condition, gpointer user_data)
{
  VtImage *self = user_data;

  for (int i = 0; i < MESSAGES_A_TURN; i++) {
    GPollFD poll_fd = {.fd = fd, .events = G_IO_IN};

    if (g_poll (&poll_fd, 1, 0) <= 0)
      break;
    /* The source may be gone, and another reader started, by what was received. */
    if (!receive_one (self))
      return G_SOURCE_CONTINUE;
  }
  return G_SOURCE_CONTINUE;
}

static gboolean
on_start_failed (gpointer user_data)
{
  VtImage *self = user_data;
  g_autoptr (GError) error = g_steal_pointer (&self->start_error);

  vt_image_finish (self, error);
  return G_SOURCE_REMOVE;
}

/* The strings stay the image's. */
static GStrv
get_refused (const VtImage *self)
{
  GStrv refused = g_new0 (char *, self->refused->len + 1);

  for (guint i = 0; i < self->refused->len; i++)
    refused[i] = g_ptr_array_index (self->refused, i);
  return refused;
}

static void
start_reader (VtImage *self, gboolean force_tcg)
{
  g_autofree GStrv refused = get_refused (self);
  const VtReaderArguments arguments = {self->options, (char *)vt_run_dir_get_path (self->run_dir),
                                       force_tcg, self->underway, refused};

  self->force_tcg = force_tcg;
  self->launching = FALSE;
  self->silent_ticks = 0;
  g_free (self->waiting);
  self->waiting = g_strdup ("open");
  self->ticker = attach (g_timeout_source_new_seconds (1), on_tick, self);
  if (vt_spawner_spawn (self->spawner, self->options->reader,
                        vt_reader_arguments_serialize (&arguments), &self->child,
                        &self->start_error))
    self->messages = attach (g_unix_fd_source_new (self->child.socket, G_IO_IN | G_IO_HUP),
                             G_SOURCE_FUNC (on_readable), self);
  else
    self->messages = attach (g_idle_source_new (), on_start_failed, self);
}

VtImage *
vt_image_start (VtSpawner *spawner,
                const VtImageOptions *options,
                VtScanResult *result,
                const VtImageEvents *events,
                gpointer user_data)
{
  VtImage *self = g_new0 (VtImage, 1);

  self->spawner = spawner;
  self->options = vt_image_options_copy (options);
  self->result = result;
  self->events = events;
  self->user_data = user_data;
  self->child = (VtChild)VT_CHILD_INIT;
  self->refused = g_ptr_array_new_with_free_func (g_free);
  self->run_dir = vt_run_dir_new (&self->start_error);
  if (self->run_dir != NULL)
    start_reader (self, !vt_accel_kvm_is_worth_trying ());
  else
    self->messages = attach (g_idle_source_new (), on_start_failed, self);
  return self;
}

void
vt_image_free (VtImage *self)
{
  /* What it has on disk goes with its contents. */
  self->spool_held = 0;
  stop_reader (self);
  g_free (self->waiting);
  g_clear_error (&self->start_error);
  g_clear_pointer (&self->run_dir, vt_run_dir_free);
  g_ptr_array_unref (self->refused);
  vt_image_options_free (self->options);
  g_free (self);
}

void
vt_image_release (VtImage *self, const VtImageFile *file)
{
  vt_image_release_spooled (self, file);
  /* A reader asks for credit only when it needs some: a message for nothing would fill the socket.
   */
  if (file->cost == 0)
    return;
  self->underway -= MIN (self->underway, file->cost);
  self->credit += file->cost;
  give_credit (self);
}
