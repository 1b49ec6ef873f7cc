// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The process that takes wrappers apart. It gives up all rights before it has seen a byte of the
 * file, and has no more than that file, open for reading, and perhaps an empty one to fill.
 */
#include <stdlib.h>

#include "vt-fd.h"
#include "vt-image-records.h"
#include "vt-ipc.h"
#include "vt-sandbox.h"
#include "vt-wrapper-private.h"

/* For xz's and Zstandard's windows: those that their programs unpack without being asked to take
 * 65 and 128 MiB. */
#define ADDRESS_SPACE ((guint64)512 * 1024 * 1024)
#define OPEN_FILES    32

typedef struct {
  int socket;
  guchar task;
  guchar kind;
  guint64 offset;
  guint64 size;
  guint64 max_size;
  const char *dir;
  int in;
  int out; /* -1: none */
} Helper;

static gboolean
reply (const Helper *self, VtWrapperMsg kind, GVariant *value)
{
  return vt_ipc_send (self->socket, g_variant_new ("(yv)", (guchar)kind, value), NULL, 0, NULL);
}

static gboolean
reply_failed (const Helper *self, const GError *error)
{
  int code = error->domain == VT_WRAPPER_ERROR ? error->code : VT_WRAPPER_ERROR_HELPER;
  g_autofree char *text = vt_record_text (error->message);

  return reply (self, VT_WRAPPER_MSG_FAILED, g_variant_new ("(us)", (guint32)code, text));
}

static GVariant *
new_name (const char *name)
{
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, name, strlen (name), 1);
}

static gboolean
list (const Helper *self, GError **error)
{
  g_auto (VtWrapperContents) contents = {0};

  if (!vt_wrapper_list_ova (self->in, self->size, &contents, error))
    return FALSE;
  for (guint i = 0; i < contents.images->len; i++) {
    const VtWrapperPart *part = g_ptr_array_index (contents.images, i);

    if (!reply (self, VT_WRAPPER_MSG_IMAGE,
                g_variant_new ("(@aytt)", new_name (part->name), part->offset, part->size)))
      return FALSE;
  }
  for (guint i = 0; i < contents.ignored->len; i++)
    if (!reply (self, VT_WRAPPER_MSG_IGNORED, new_name (g_ptr_array_index (contents.ignored, i))))
      return FALSE;
  return TRUE;
}

static void
on_progress (guint64 packed, guint64 unpacked, gpointer user_data)
{
  /* Whoever is gone needs no progress; the end shows it. */
  (void)!reply (user_data, VT_WRAPPER_MSG_PROGRESS, g_variant_new ("(tt)", packed, unpacked));
}

static gboolean
unpack (Helper *self, GError **error)
{
  const VtWrapperUnpacking unpacking = {
      .in = self->in,
      .offset = self->offset,
      .size = self->size,
      .kind = self->kind,
      .out = self->out,
      .max_size = self->max_size,
      .dir = self->dir,
      .progress = on_progress,
      .user_data = self,
  };

  return vt_wrapper_unpack (&unpacking, error);
}

static gboolean
enter_sandbox (const Helper *self, GError **error)
{
  const int fds[] = {self->socket, self->in, self->out};
  const VtSandboxPolicy policy = {
      .address_space = ADDRESS_SPACE,
      .open_files = OPEN_FILES,
      .file_size = self->max_size,
      .fds = fds,
      .n_fds = self->out >= 0 ? 3 : 2,
  };
  char tmp_dir[PATH_MAX];
  VtSandboxLayers layers;

  return vt_sandbox_enter (&policy, tmp_dir, &layers, error);
}

int
vt_wrapper_helper_main (int socket, GVariant *arguments)
{
  g_auto (VtIpcFds) fds = VT_IPC_FDS_INIT;
  g_autoptr (GVariant) files = vt_ipc_receive (socket, VT_WRAPPER_FILES_TYPE, &fds, NULL);
  g_autoptr (GError) error = NULL;
  Helper self = {.socket = socket, .in = fds.fd[0], .out = fds.fd[1]};
  gboolean done;

  if (files == NULL)
    return EXIT_FAILURE;
  g_variant_get (arguments, "(yttyt^&ay)", &self.task, &self.offset, &self.size, &self.kind,
                 &self.max_size, &self.dir);
  done = enter_sandbox (&self, &error) &&
         (self.task == VT_WRAPPER_LIST ? list (&self, &error) : unpack (&self, &error));
  if (error != NULL)
    done = reply_failed (&self, error);
  else if (done)
    done = reply (&self, VT_WRAPPER_MSG_DONE, g_variant_new ("()"));
  return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
