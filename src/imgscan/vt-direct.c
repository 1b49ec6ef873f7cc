// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-direct.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vt-direct-private.h"
#include "vt-fd.h"
#include "vt-ipc.h"
#include "vt-spawner.h"

/* Far more than any disk has; each costs memory here. */
#define VOLUMES_MAX 1000

struct _VtDirect {
  VtChild child;
  VtImageSink *sink;
};

void
vt_volume_free (VtVolume *self)
{
  g_clear_pointer (&self->filesystem, vt_filesystem_free);
  g_free (self->refusal);
  g_free (self);
}

static int
connect_disk (const char *path, GError **error)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  vt_autofd fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (g_strlcpy (address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path)
    errno = ENAMETOOLONG;
  else if (fd >= 0 && connect (fd, (struct sockaddr *)&address, sizeof address) == 0)
    return vt_fd_steal (&fd);
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER, "%s: %s", path, g_strerror (errno));
  return -1;
}

VtDirect *
vt_direct_start (const char *nbd_socket,
                 const VtDirectBelow *below,
                 const VtImageOptions *options,
                 VtImageSink *sink,
                 GError **error)
{
  g_autoptr (VtDirect) self = g_new0 (VtDirect, 1);
  g_autoptr (VtTemplateTable) table = NULL;
  vt_autofd disk = connect_disk (nbd_socket, error);
  vt_autofd map = -1;
  vt_autofd template_disk = -1;
  VtDirectTemplateStart template = {0};
  VtWalkerStart start = {options, sink, vt_image_sink_get_socket (sink), disk, NULL};

  self->child = (VtChild)VT_CHILD_INIT;
  self->sink = sink;
  if (disk >= 0 && below != NULL) {
    table = vt_template_table_read (options->template->files, error);
    if (table == NULL || (map = connect_disk (nbd_socket, error)) < 0 ||
        (template_disk = connect_disk (below->nbd_socket, error)) < 0)
      return NULL;
    template = (VtDirectTemplateStart){table, (const char *const *)options->template->filesystems,
                                       template_disk, map, below->layers};
    start.template = &template;
  }
  if (disk < 0 || !vt_child_fork (vt_direct_walker_run, &start, &self->child, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
vt_direct_free (VtDirect *self)
{
  pid_t pid = self->child.pid;

  vt_child_clear (&self->child);
  while (pid > 0 && waitpid (pid, NULL, 0) < 0 && errno == EINTR)
    ;
  g_free (self);
}

/* The walker has ended, or is about to: says how. */
static void
set_lost_error (VtDirect *self, GError **error)
{
  int status = 0;
  pid_t pid = self->child.pid;

  vt_pidfd_kill (self->child.pidfd);
  while (waitpid (pid, &status, 0) < 0 && errno == EINTR)
    ;
  self->child.pid = 0;
  vt_child_clear (&self->child);
  if (WIFSIGNALED (status) && WTERMSIG (status) != SIGKILL)
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER, "its reader crashed (%s)",
                 strsignal (WTERMSIG (status)));
  else
    g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER,
                         "its reader ended unexpectedly");
}

static gboolean
ask (VtDirect *self,
     VtWalkerRequest kind,
     guint volume,
     const VtReadPlan *plan,
     guint which,
     GError **error)
{
  const char *mountpoint = plan != NULL ? plan->filesystem->mountpoint : NULL;
  GVariant *request =
      g_variant_new ("(uuu^ayut)", kind, volume, plan != NULL ? plan->index : 0, mountpoint ?: "",
                     which, vt_image_sink_get_underway (self->sink));

  if (vt_ipc_send (self->child.socket, request, NULL, 0, NULL))
    return TRUE;
  set_lost_error (self, error);
  return FALSE;
}

static gboolean
fail_nonsense (GError **error)
{
  g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER, "its reader sent nonsense");
  return FALSE;
}

/* The next reply, whose type is its kind's. NULL: the walker is lost, or gave up. */
static GVariant *
receive (VtDirect *self, VtWalkerReply *kind, GError **error)
{
  g_autoptr (GVariant) reply =
      vt_ipc_receive (self->child.socket, VT_WALKER_REPLY_TYPE, NULL, NULL);
  g_autoptr (GVariant) value = NULL;
  guchar number;

  if (reply == NULL) {
    set_lost_error (self, error);
    return NULL;
  }
  g_variant_get (reply, "(yv)", &number, &value);
  if (number >= VT_WALKER_N_REPLIES ||
      !g_variant_is_of_type (value, G_VARIANT_TYPE (vt_walker_reply_types[number]))) {
    fail_nonsense (error);
    return NULL;
  }
  *kind = number;
  if (*kind != VT_WALKER_FAILED)
    return g_steal_pointer (&value);
  g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER,
                       g_variant_get_string (value, NULL));
  return NULL;
}

static char *
text_or_null (const char *text)
{
  return text[0] != '\0' ? g_strdup (text) : NULL;
}

static VtVolume *
parse_volume (GVariant *value, GError **error)
{
  g_autoptr (GVariant) record = NULL;
  VtVolume *volume;
  guchar kind;
  guchar reason;
  const char *detail;
  const char *refusal;

  g_variant_get (value, "(@" VT_FILESYSTEM_RECORD "yy&s&s)", &record, &kind, &reason, &detail,
                 &refusal);
  if (kind > VT_VOLUME_REFUSED || reason >= VT_REASON_N) {
    fail_nonsense (error);
    return NULL;
  }
  volume = g_new0 (VtVolume, 1);
  volume->filesystem = vt_filesystem_parse (record);
  volume->filesystem->reason = reason;
  volume->filesystem->detail = text_or_null (detail);
  volume->kind = kind;
  volume->refusal = text_or_null (refusal);
  return volume;
}

static gboolean
take_found (
    VtWalkerReply kind, GVariant *value, GPtrArray *volumes, GPtrArray *systems, GError **error)
{
  VtVolume *volume;

  if (volumes->len == VOLUMES_MAX || systems->len == VOLUMES_MAX) {
    g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER,
                         "more than " G_STRINGIFY (VOLUMES_MAX) " devices or systems");
    return FALSE;
  }
  if (kind == VT_WALKER_SYSTEM) {
    g_ptr_array_add (systems, vt_operating_system_parse (value));
    return TRUE;
  }
  volume = parse_volume (value, error);
  if (volume != NULL)
    g_ptr_array_add (volumes, volume);
  return volume != NULL;
}

gboolean
vt_direct_probe (
    VtDirect *self, GPtrArray **volumes, GPtrArray **systems, char **refusal, GError **error)
{
  g_autoptr (GPtrArray) found_volumes =
      g_ptr_array_new_with_free_func ((GDestroyNotify)vt_volume_free);
  g_autoptr (GPtrArray) found_systems =
      g_ptr_array_new_with_free_func ((GDestroyNotify)vt_operating_system_free);
  VtWalkerReply kind = VT_WALKER_N_REPLIES;

  if (!ask (self, VT_WALKER_PROBE, 0, NULL, 0, error))
    return FALSE;
  while (kind != VT_WALKER_PROBED) {
    g_autoptr (GVariant) value = receive (self, &kind, error);

    if (value == NULL)
      return FALSE;
    if (kind == VT_WALKER_PROBED)
      *refusal = text_or_null (g_variant_get_string (value, NULL));
    else if (kind != VT_WALKER_VOLUME && kind != VT_WALKER_SYSTEM)
      return fail_nonsense (error);
    else if (!take_found (kind, value, found_volumes, found_systems, error))
      return FALSE;
  }
  *volumes = g_steal_pointer (&found_volumes);
  *systems = g_steal_pointer (&found_systems);
  return TRUE;
}

/* What the walker says it has underway goes on from here. */
static gboolean
take_underway (VtDirect *self, const VtReadPlan *plan, guint64 underway, GError **error)
{
  if (underway > MAX (VT_IMAGE_BUDGET, plan->options->max_file_size))
    return fail_nonsense (error);
  vt_image_sink_set_underway (self->sink, underway);
  return TRUE;
}

gboolean
vt_direct_read (
    VtDirect *self, guint volume, const VtReadPlan *plan, char **refusal, GError **error)
{
  g_autoptr (GVariant) value = NULL;
  VtWalkerReply kind;
  const char *text;
  guint64 underway;

  if (!ask (self, VT_WALKER_READ, volume, plan, 0, error))
    return FALSE;
  value = receive (self, &kind, error);
  if (value == NULL)
    return FALSE;
  if (kind != VT_WALKER_DONE)
    return fail_nonsense (error);
  g_variant_get (value, "(&st)", &text, &underway);
  if (!take_underway (self, plan, underway, error))
    return FALSE;
  *refusal = text_or_null (text);
  return TRUE;
}

gboolean
vt_direct_fetch (VtDirect *self,
                 guint volume,
                 const VtReadPlan *plan,
                 guint which,
                 gboolean *found,
                 char **refusal,
                 GError **error)
{
  g_autoptr (GVariant) value = NULL;
  VtWalkerReply kind;
  const char *text;
  guint64 underway;

  if (!ask (self, VT_WALKER_FETCH, volume, plan, which, error))
    return FALSE;
  value = receive (self, &kind, error);
  if (value == NULL)
    return FALSE;
  if (kind != VT_WALKER_FETCHED)
    return fail_nonsense (error);
  g_variant_get (value, "(&sbt)", &text, found, &underway);
  if (!take_underway (self, plan, underway, error))
    return FALSE;
  *refusal = text_or_null (text);
  return TRUE;
}
