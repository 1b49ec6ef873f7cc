// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Checks what a reader sends. It parsed a hostile image, so it is not trusted: types, counts, sizes
 * and seals must be right, or it is ended.
 */
#include "vt-image-private.h"

#include <string.h>

#include "vt-content.h"
#include "vt-image-protocol.h"
#include "vt-image-records.h"

/* Far more than any image has; each costs memory here. */
#define FILESYSTEMS_MAX 1000
#define SYSTEMS_MAX     1000
/* Bytes of one file's names. */
#define NAMES_MAX ((gsize)256 * 1024 * 1024)

static gboolean
fail_malformed (VtImage *self, const char *what)
{
  g_autoptr (GError) error = g_error_new (VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER,
                                          "the process that reads the image sent %s", what);

  vt_image_finish (self, error);
  return FALSE;
}

static gboolean
receive_log (VtImage *self, GVariant *value)
{
  guint32 level;
  const char *text;

  g_variant_get (value, "(u&s)", &level, &text);
  vt_image_say (self, level & G_LOG_LEVEL_MASK, text);
  return TRUE;
}

static gboolean
receive_described (VtImage *self, GVariant *value)
{
  const char *format;
  guint64 size;

  g_variant_get (value, "(&st)", &format, &size);
  g_free (self->result->format);
  self->result->format = g_strdup (format);
  self->result->virtual_size = size;
  return TRUE;
}

static gboolean
receive_system (VtImage *self, GVariant *value)
{
  if (self->result->systems->len == SYSTEMS_MAX)
    return fail_malformed (self, "more than " G_STRINGIFY (SYSTEMS_MAX) " operating systems");
  g_ptr_array_add (self->result->systems, vt_operating_system_parse (value));
  return TRUE;
}

static gboolean
receive_filesystem (VtImage *self, GVariant *value)
{
  if (self->result->filesystems->len == FILESYSTEMS_MAX)
    return fail_malformed (self, "more than " G_STRINGIFY (FILESYSTEMS_MAX) " file systems");
  g_ptr_array_add (self->result->filesystems, vt_filesystem_parse (value));
  return TRUE;
}

static gboolean
receive_expect (VtImage *self, GVariant *value)
{
  guint64 files;
  guint64 bytes;
  guint64 excluded;

  g_variant_get (value, "(ttt)", &files, &bytes, &excluded);
  if (self->events->expect != NULL)
    self->events->expect (files, bytes, excluded, self->user_data);
  return TRUE;
}

/* NULL: not a path. */
static char *
take_path (GVariant *value)
{
  gsize length;
  const char *bytes = g_variant_get_fixed_array (value, &length, 1);

  if (length == 0 || bytes[0] != '/' || memchr (bytes, '\0', length) != NULL)
    return NULL;
  return g_strndup (bytes, length);
}

/* Whether a file's parts go together: a content, or a digest or the reason why there is none. */
static gboolean
file_is_sound (VtImage *self, VtImageFile *file)
{
  const VtFileResult *result = file->result;

  if (result->filesystem >= self->result->filesystems->len)
    return FALSE;
  if (self->options->mode == VT_IMAGE_LIST)
    return file->memfd < 0 && result->verdict.reason == VT_REASON_NONE && !result->has_digest;
  if (result->verdict.reason != VT_REASON_NONE)
    return file->memfd < 0;
  if (result->has_digest) {
    file->unchanged = TRUE;
    return file->memfd < 0 && self->options->template != NULL;
  }
  if (file->memfd < 0)
    return vt_image_take_spool (self, file);
  return result->size <= self->options->max_file_size &&
         vt_content_is_sealed (file->memfd, result->size);
}

/* A reader that counts right never comes here: it knows of no file's release before this process
 * does. */
static gboolean
has_room (const VtImage *self, const VtImageFile *file)
{
  return vt_budget_has_room (VT_IMAGE_BUDGET, self->underway, file->cost);
}

/* Who asked for a file by its name is to have it whole, or to know why not. */
static gboolean
fail_to_fetch (VtImage *self, const VtFileResult *result, VtReason reason)
{
  g_autoptr (GError) error = g_error_new (
      VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE,
      reason == VT_REASON_SIZE_LIMIT
          ? "%s has %" G_GUINT64_FORMAT " bytes or more; it may have %" G_GUINT64_FORMAT
          : "%s, of %" G_GUINT64_FORMAT " bytes, cannot be read; it may have %" G_GUINT64_FORMAT,
      result->path, result->size, MIN (self->options->max_file_size, VT_IMAGE_FETCH_SIZE_MAX));

  vt_image_finish (self, error);
  return FALSE;
}

/* RESULT and MEMFD are taken. */
static gboolean
take_file (VtImage *self, VtFileResult *result, int memfd)
{
  g_autoptr (VtImageFile) file = g_new0 (VtImageFile, 1);
  VtReason reason = result->verdict.reason;

  file->result = result;
  file->memfd = memfd;
  if (!file_is_sound (self, file))
    return fail_malformed (self, "a file that is not what it must be");
  if (reason != VT_REASON_NONE && self->options->mode == VT_IMAGE_FETCH)
    return fail_to_fetch (self, result, reason);
  if (reason == VT_REASON_NONE && !file->unchanged && self->options->mode != VT_IMAGE_LIST)
    file->cost = vt_content_cost (file->spooled > 0 ? 0 : result->size);
  if (!has_room (self, file))
    return fail_malformed (self, "more at a time than it may");
  self->last_file = g_steal_pointer (&file);
  self->last_file_names = 0;
  return TRUE;
}

/* Names of a file follow it: it is whole when something else comes. */
static void
hand_on_last_file (VtImage *self)
{
  VtImageFile *file = g_steal_pointer (&self->last_file);

  if (file == NULL)
    return;
  if (self->events->file == NULL) {
    vt_image_file_free (file);
    return;
  }
  self->underway += file->cost;
  self->spool_held += file->spooled;
  self->events->file (file, self->user_data);
}

static gboolean
receive_file (VtImage *self, GVariant *value, VtIpcFds *fds)
{
  g_autoptr (GPtrArray) files = vt_image_batch_parse (value);

  if (files == NULL || files->len != 1)
    return fail_malformed (self, "a file that is none");
  return take_file (self, g_steal_pointer (&g_ptr_array_index (files, 0)),
                    vt_fd_steal (&fds->fd[0]));
}

static gboolean
receive_files (VtImage *self, GVariant *value)
{
  g_autoptr (GPtrArray) files = vt_image_batch_parse (value);

  if (files == NULL)
    return fail_malformed (self, "files that are none");
  for (guint i = 0; i < files->len; i++) {
    hand_on_last_file (self);
    if (!take_file (self, g_steal_pointer (&g_ptr_array_index (files, i)), -1))
      return FALSE;
    if (self->last_file->cost > 0)
      return fail_malformed (self, "a file without its content");
  }
  return TRUE;
}

static gboolean
receive_spool (VtImage *self, GVariant *value)
{
  guint64 size;
  guint64 data;

  g_variant_get (value, "(tt)", &size, &data);
  return vt_image_want_spool (self, size, data) ||
         fail_malformed (self, "a wish for a file that it may not have");
}

static gboolean
receive_link (VtImage *self, GVariant *value)
{
  char *path = take_path (value);

  self->last_file_names += g_variant_get_size (value);
  if (path == NULL || self->last_file == NULL || self->last_file_names > NAMES_MAX) {
    g_free (path);
    return fail_malformed (self, "a link that is not what it must be");
  }
  if (self->last_file->links == NULL)
    self->last_file->links = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (self->last_file->links, path);
  return TRUE;
}

static gboolean
receive_attributes (VtImage *self, GVariant *value)
{
  g_autofree VtFileAttributes *attributes = g_new0 (VtFileAttributes, 1);
  g_autoptr (GVariant) label = NULL;
  const void *bytes;

  g_variant_get (value, "(uuuu@ay)", &attributes->mode, &attributes->uid, &attributes->gid,
                 &attributes->links, &label);
  bytes = g_variant_get_fixed_array (label, &attributes->label_size, 1);
  if (self->options->mode != VT_IMAGE_FETCH || self->last_file == NULL ||
      self->last_file->attributes != NULL || attributes->mode > VT_FILE_MODE_MAX ||
      attributes->label_size > VT_FILE_LABEL_MAX)
    return fail_malformed (self, "attributes that are not what they must be");
  if (attributes->label_size > 0)
    memcpy (attributes->label, bytes, attributes->label_size);
  self->last_file->attributes = g_steal_pointer (&attributes);
  return TRUE;
}

static gboolean
receive_filesystem_end (VtImage *self, GVariant *value)
{
  VtFilesystem *filesystem;
  guint32 index;
  guchar reason;
  const char *detail;

  g_variant_get (value, "(uy&s)", &index, &reason, &detail);
  if (index >= self->result->filesystems->len || reason >= VT_REASON_N)
    return fail_malformed (self, "the end of a file system that there is not");
  filesystem = g_ptr_array_index (self->result->filesystems, index);
  filesystem->reason = reason;
  g_free (filesystem->detail);
  filesystem->detail = detail[0] != '\0' ? g_strdup (detail) : NULL;
  return TRUE;
}

static gboolean
receive_refused (VtImage *self, GVariant *value)
{
  const char *id;
  const char *why;

  g_variant_get (value, "(&s&s)", &id, &why);
  if (!vt_image_refuse_direct (self, id, why))
    return fail_malformed (self, "a refusal that makes no sense");
  return FALSE;
}

static gboolean
receive_error (VtImage *self, GVariant *value)
{
  g_autoptr (GError) error = NULL;
  guint32 code;
  const char *text;

  g_variant_get (value, "(u&s)", &code, &text);
  error = g_error_new_literal (VT_IMAGE_ERROR, (gint)MIN (code, VT_IMAGE_ERROR_READER), text);
  vt_image_fail (self, error);
  return FALSE;
}

gboolean
vt_image_receive (VtImage *self, GVariant *message, VtIpcFds *fds)
{
  g_autoptr (GVariant) value = NULL;
  guchar kind;

  g_variant_get (message, "(yv)", &kind, &value);
  if (kind >= VT_IMAGE_MSG_N_KINDS ||
      !g_variant_is_of_type (value, G_VARIANT_TYPE (vt_image_msg_types[kind])))
    return fail_malformed (self, "a message of no known kind");
  if (kind != VT_IMAGE_MSG_LINK && kind != VT_IMAGE_MSG_ATTRIBUTES)
    hand_on_last_file (self);
  switch ((VtImageMsgKind)kind) {
  case VT_IMAGE_MSG_LOG:
    return receive_log (self, value);
  case VT_IMAGE_MSG_PHASE:
    vt_image_enter_phase (self, g_variant_get_string (value, NULL));
    return TRUE;
  case VT_IMAGE_MSG_DESCRIBED:
    return receive_described (self, value);
  case VT_IMAGE_MSG_SYSTEM:
    return receive_system (self, value);
  case VT_IMAGE_MSG_FILESYSTEM:
    return receive_filesystem (self, value);
  case VT_IMAGE_MSG_EXPECT:
    return receive_expect (self, value);
  case VT_IMAGE_MSG_FILE:
    return receive_file (self, value, fds);
  case VT_IMAGE_MSG_FILES:
    return receive_files (self, value);
  case VT_IMAGE_MSG_SPOOL:
    return receive_spool (self, value);
  case VT_IMAGE_MSG_LINK:
    return receive_link (self, value);
  case VT_IMAGE_MSG_ATTRIBUTES:
    return receive_attributes (self, value);
  case VT_IMAGE_MSG_FILESYSTEM_END:
    return receive_filesystem_end (self, value);
  case VT_IMAGE_MSG_DIRECT:
    vt_image_set_direct (self, g_variant_get_string (value, NULL));
    return TRUE;
  case VT_IMAGE_MSG_REFUSED:
    return receive_refused (self, value);
  case VT_IMAGE_MSG_ALIVE:
    return TRUE;
  case VT_IMAGE_MSG_DONE:
    vt_image_finish (self, NULL);
    return FALSE;
  case VT_IMAGE_MSG_ERROR:
    return receive_error (self, value);
  case VT_IMAGE_MSG_N_KINDS:
  default:
    return fail_malformed (self, "a message of no known kind");
  }
}
