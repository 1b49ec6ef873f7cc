// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The process that parses an image without an appliance. It gives up all rights before it has seen
 * a byte of the image but the disk's size, opens nothing afterwards, and has two ways out: to the
 * reader that forked it, and to the reader's own starter, who gets the files.
 */
#include <stdlib.h>
#include <string.h>

#include "vt-digest.h"
#include "vt-direct-fetch.h"
#include "vt-direct-private.h"
#include "vt-direct-probe.h"
#include "vt-direct-read.h"
#include "vt-disk.h"
#include "vt-fd.h"
#include "vt-ipc.h"
#include "vt-sandbox.h"

/* Beside what the contents take, which are not mapped: caches, lists, libraries' own memory. */
#define ADDRESS_SPACE ((guint64)2 * 1024 * 1024 * 1024)
/* VT_IMAGE_BUDGET allows for some 800 contents. With less, many of them on their way would make who
 * sends one more wait (vt_ipc_send_patiently()). */
#define OPEN_FILES 8192

typedef struct {
  const VtWalkerStart *start;
  int socket;
  VtDisk *disk;
  VtDirectTemplate *template; /* or NULL */
  gboolean template_was_tried;
  VtDirectProbe *probe; /* NULL before the disk was probed */
} Walker;

static void
walker_clear (Walker *self)
{
  g_clear_pointer (&self->probe, vt_direct_probe_free);
  g_clear_pointer (&self->template, vt_direct_template_free);
  g_clear_pointer (&self->disk, vt_disk_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Walker, walker_clear)

static gboolean
reply (const Walker *self, VtWalkerReply kind, GVariant *value)
{
  return vt_ipc_send (self->socket, g_variant_new ("(yv)", (guchar)kind, value), NULL, 0, NULL);
}

static gboolean
reply_failed (const Walker *self, const GError *error)
{
  g_autofree char *text = vt_record_text (error->message);

  return reply (self, VT_WALKER_FAILED, g_variant_new_string (text));
}

static guint64
find_largest_content (const Walker *self)
{
  const VtImageOptions *options = self->start->options;
  guint64 wanted = MAX (options->max_file_size, options->max_spool_size);

  return MAX (MIN (wanted, G_MAXINT64), vt_disk_get_size (self->disk));
}

static gboolean
enter_sandbox (const Walker *self, GError **error)
{
  const VtDirectTemplateStart *template = self->start->template;
  const int fds[] = {self->socket, self->start->sink_socket, self->start->disk_socket,
                     template != NULL ? template->disk_socket : -1,
                     template != NULL ? template->map_socket : -1};
  const VtSandboxPolicy policy = {
      .address_space = ADDRESS_SPACE,
      .open_files = vt_ipc_get_sender_files (OPEN_FILES),
      .memfd_size = find_largest_content (self),
      .fds = fds,
      .n_fds = template != NULL ? G_N_ELEMENTS (fds) : G_N_ELEMENTS (fds) - 2,
  };
  char tmp_dir[PATH_MAX];
  VtSandboxLayers layers;

  return vt_sandbox_enter (&policy, tmp_dir, &layers, error);
}

static gboolean
send_volume (const Walker *self, const VtVolume *volume)
{
  const VtFilesystem *filesystem = volume->filesystem;
  g_autofree char *detail = vt_record_text (filesystem->detail ?: "");
  g_autofree char *refusal = vt_record_text (volume->refusal ?: "");

  return reply (self, VT_WALKER_VOLUME,
                g_variant_new ("(@" VT_FILESYSTEM_RECORD "yyss)",
                               vt_filesystem_serialize (filesystem), (guchar)volume->kind,
                               (guchar)filesystem->reason, detail, refusal));
}

/* What cannot be told of the template costs time and no more: contents are read then.
 * Done first of all: QEMU's server gives up who has connected and says nothing for ten seconds, and
 * the appliance may read a file system before this does. */
static void
open_template (Walker *self)
{
  g_autoptr (GError) error = NULL;

  if (self->start->template == NULL || self->template_was_tried)
    return;
  self->template_was_tried = TRUE;
  self->template = vt_direct_template_new (self->start->template, &error);
  if (self->template == NULL)
    vt_image_sink_log (self->start->sink, G_LOG_LEVEL_WARNING,
                       "what was changed since the template cannot be told: %s", error->message);
}

static gboolean
serve_probe (Walker *self)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *refusal = NULL;
  GPtrArray *volumes;
  GPtrArray *systems;

  open_template (self);
  g_clear_pointer (&self->probe, vt_direct_probe_free);
  self->probe = vt_direct_probe_disk (self->disk, self->start->sink, &error);
  if (self->probe == NULL)
    return reply_failed (self, error);
  volumes = vt_direct_probe_get_volumes (self->probe);
  for (guint i = 0; i < volumes->len; i++)
    if (!send_volume (self, g_ptr_array_index (volumes, i)))
      return FALSE;
  systems = vt_direct_probe_get_systems (self->probe);
  for (guint i = 0; i < systems->len; i++)
    if (!reply (self, VT_WALKER_SYSTEM,
                vt_operating_system_serialize (g_ptr_array_index (systems, i))))
      return FALSE;
  refusal = vt_record_text (vt_direct_probe_get_refusal (self->probe) ?: "");
  return reply (self, VT_WALKER_PROBED, g_variant_new_string (refusal));
}

static gboolean
select_template (Walker *self, VtFs *fs, const VtFilesystem *filesystem, GError **error)
{
  g_autofree char *why = NULL;

  if (self->template == NULL)
    return TRUE;
  if (!vt_direct_template_select (self->template, fs, filesystem, &why, error))
    return FALSE;
  if (why != NULL)
    vt_image_sink_log (self->start->sink, G_LOG_LEVEL_INFO, "%s: all contents are read: %s",
                       filesystem->id, why);
  return TRUE;
}

static gboolean
read_volume (
    Walker *self, VtFs *fs, guint volume, const VtReadPlan *plan, char **refusal, GError **error)
{
  GPtrArray *volumes = vt_direct_probe_get_volumes (self->probe);
  const VtVolume *found = g_ptr_array_index (volumes, volume);

  return select_template (self, fs, found->filesystem, error) &&
         vt_direct_read_fs (fs, self->template, plan, refusal, error) &&
         vt_image_sink_flush (plan->sink, error);
}

/* A request for something of a volume. */
typedef struct {
  guint32 volume;
  guint32 index;
  const char *mountpoint;
  guint32 which;
  guint64 underway;
} Request;

/* FILESYSTEM gets what a plan needs of it. */
static VtFs *
open_volume (Walker *self, const Request *request, VtFilesystem *filesystem)
{
  VtFs *fs = vt_direct_probe_get_fs (self->probe, request->volume);
  GPtrArray *volumes = vt_direct_probe_get_volumes (self->probe);

  g_return_val_if_fail (fs != NULL, NULL);
  if (request->mountpoint[0] != '\0')
    filesystem->mountpoint = (char *)request->mountpoint;
  filesystem->type =
      ((const VtVolume *)g_ptr_array_index (volumes, request->volume))->filesystem->type;
  vt_image_sink_set_underway (self->start->sink, request->underway);
  return fs;
}

static gboolean
reply_lost (const Walker *self, const GError *error)
{
  return !g_error_matches (error, VT_IPC_ERROR, VT_IPC_ERROR_CLOSED) && reply_failed (self, error);
}

static gboolean
serve_read (Walker *self, const Request *request)
{
  VtFilesystem filesystem = {0};
  const VtReadPlan plan = {&filesystem, request->index, self->start->options, self->start->sink};
  VtFs *fs = open_volume (self, request, &filesystem);
  g_autofree char *refusal = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  if (fs == NULL)
    return FALSE;
  if (!read_volume (self, fs, request->volume, &plan, &refusal, &error) && refusal == NULL)
    return reply_lost (self, error);
  text = vt_record_text (refusal ?: "");
  return reply (self, VT_WALKER_DONE,
                g_variant_new ("(st)", text, vt_image_sink_get_underway (plan.sink)));
}

static gboolean
serve_fetch (Walker *self, const Request *request)
{
  const VtImageOptions *options = self->start->options;
  VtFilesystem filesystem = {0};
  const VtReadPlan plan = {&filesystem, request->index, options, self->start->sink};
  VtFs *fs = open_volume (self, request, &filesystem);
  const char *path = options->fetch[request->which];
  g_autofree char *refusal = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  gboolean found;

  if (fs == NULL)
    return FALSE;
  /* The path is below the mount point: the reader has seen to that. */
  if (filesystem.mountpoint != NULL && strcmp (filesystem.mountpoint, "/") != 0)
    path += strlen (filesystem.mountpoint);
  if (!(vt_direct_fetch_file (fs, &plan, path,
                              MIN (options->max_file_size, VT_IMAGE_FETCH_SIZE_MAX), &found,
                              &refusal, &error) &&
        vt_image_sink_flush (plan.sink, &error)) &&
      refusal == NULL)
    return reply_lost (self, error);
  text = vt_record_text (refusal ?: "");
  return reply (self, VT_WALKER_FETCHED,
                g_variant_new ("(sbt)", text, found, vt_image_sink_get_underway (plan.sink)));
}

static gboolean
serve (Walker *self)
{
  g_autoptr (GVariant) message = vt_ipc_receive (self->socket, VT_WALKER_REQUEST_TYPE, NULL, NULL);
  Request request;
  guint32 kind;

  if (message == NULL)
    return FALSE;
  g_variant_get (message, "(uuu^&ayut)", &kind, &request.volume, &request.index,
                 &request.mountpoint, &request.which, &request.underway);
  if (kind == VT_WALKER_PROBE)
    return serve_probe (self);
  return kind == VT_WALKER_READ ? serve_read (self, &request) : serve_fetch (self, &request);
}

int
vt_direct_walker_run (int socket, gpointer user_data)
{
  g_auto (Walker) self = {.start = user_data, .socket = socket};
  g_autoptr (GError) error = NULL;

  self.disk = vt_disk_new_nbd (self.start->disk_socket, &error);
  /* libcrypto reads its configuration when it is used for the first time. */
  vt_digest_of_data ("", 0);
  if (self.disk == NULL || !enter_sandbox (&self, &error)) {
    /* If this end were closed with a request in it, the answer would be lost. */
    g_autoptr (GVariant) request = vt_ipc_receive (socket, VT_WALKER_REQUEST_TYPE, NULL, NULL);

    (void)!reply_failed (&self, error);
    return EXIT_FAILURE;
  }
  while (serve (&self))
    ;
  return EXIT_SUCCESS;
}
