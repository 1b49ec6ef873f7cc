// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vt-fd.h"
#include "vt-paths.h"
#include "vt-wrapper-private.h"

G_DEFINE_QUARK (vt_wrapper_error_quark, vt_wrapper_error)

struct _VtWrapper {
  VtSpawner *spawner;
  VtWrapperOptions options;
  const VtWrapperEvents *events;
  gpointer user_data;
  char *path;
  int file;          /* what PATH is, or unpacked from it; -1: an image that is no wrapper */
  gboolean unpacked; /* FILE is */
  int image;         /* a compressed image of an OVA, unpacked, or -1 */
  GPtrArray *parts;  /* of VtWrapperPart: the images of an OVA; NULL: FILE is the image */
  GPtrArray *names;  /* of gchar: what the images are called */
};

void
vt_wrapper_free (VtWrapper *self)
{
  vt_fd_clear (&self->file);
  vt_fd_clear (&self->image);
  g_clear_pointer (&self->parts, g_ptr_array_unref);
  g_ptr_array_unref (self->names);
  g_free (self->path);
  g_free (self);
}

static gboolean
fail_nested (GError **error)
{
  g_set_error_literal (error, VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_BAD,
                       "it is packed more than once; unpack it until it is an image, a compressed "
                       "image, or an OVA");
  return FALSE;
}

/* Where to unpack to. */
static int
open_out (GError **error)
{
  g_autoptr (GError) local_error = NULL;
  int fd = vt_paths_open_unnamed (&local_error);

  if (fd < 0)
    g_set_error_literal (error, VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_FILE, local_error->message);
  return fd;
}

static gboolean
get_size (int fd, guint64 *size, GError **error)
{
  struct stat info;

  if (fstat (fd, &info) == 0) {
    *size = (guint64)info.st_size;
    return TRUE;
  }
  g_set_error (error, VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_FILE, "%s", g_strerror (errno));
  return FALSE;
}

/* Unpacks PART of the file into one without a name; -1 on error. */
static int
unpack (VtWrapper *self,
        const VtWrapperPart *part,
        VtWrapperKind kind,
        GCancellable *cancellable,
        GError **error)
{
  const char *dir = vt_paths_large_tmp_dir ();
  vt_autofd out = open_out (error);
  const VtWrapperRequest request = {
      .spawner = self->spawner,
      .events = self->events,
      .user_data = self->user_data,
      .stall_timeout_s = self->options.stall_timeout_s,
      .name = part->name,
      .in = self->file,
      .offset = part->offset,
      .size = part->size,
      .kind = kind,
      .out = out,
      .max_size = self->options.max_size,
      .dir = dir,
  };

  if (out < 0)
    return -1;
  if (self->events->progress != NULL)
    self->events->progress (part->name, 0, part->size, 0, self->user_data);
  return vt_wrapper_run (&request, NULL, cancellable, error) ? vt_fd_steal (&out) : -1;
}

static void
tell_ignored (VtWrapper *self, const VtWrapperContents *contents)
{
  for (guint i = 0; i < contents->ignored->len && self->events->message != NULL; i++) {
    const char *name = g_ptr_array_index (contents->ignored, i);
    g_autofree char *text = g_strdup_printf ("'%s' in it is no disk image: not read", name);

    self->events->message (G_LOG_LEVEL_WARNING, text, self->user_data);
  }
}

static gboolean
open_ova (VtWrapper *self, guint64 size, GCancellable *cancellable, GError **error)
{
  g_auto (VtWrapperContents) contents = {0};
  const VtWrapperRequest request = {
      .spawner = self->spawner,
      .events = self->events,
      .user_data = self->user_data,
      .stall_timeout_s = self->options.stall_timeout_s,
      .name = self->path,
      .in = self->file,
      .size = size,
      .kind = VT_WRAPPER_TAR,
      .out = -1,
      .dir = "",
  };

  if (!vt_wrapper_run (&request, &contents, cancellable, error))
    return FALSE;
  tell_ignored (self, &contents);
  self->parts = g_steal_pointer (&contents.images);
  for (guint i = 0; i < self->parts->len; i++) {
    const VtWrapperPart *part = g_ptr_array_index (self->parts, i);

    g_ptr_array_add (self->names, g_strconcat (self->path, "!", part->name, NULL));
  }
  return TRUE;
}

/* Replaces a compressed file by what it holds. */
static gboolean
open_compressed (VtWrapper *self, guint64 *size, GCancellable *cancellable, GError **error)
{
  VtWrapperKind kind = vt_wrapper_recognise (self->file, 0, *size);
  const VtWrapperPart whole = {self->path, 0, *size};
  vt_autofd out = -1;

  if (kind == VT_WRAPPER_NONE || kind == VT_WRAPPER_TAR)
    return TRUE;
  out = unpack (self, &whole, kind, cancellable, error);
  if (out < 0 || !get_size (out, size, error))
    return FALSE;
  vt_fd_clear (&self->file);
  self->file = vt_fd_steal (&out);
  self->unpacked = TRUE;
  kind = vt_wrapper_recognise (self->file, 0, *size);
  return kind == VT_WRAPPER_NONE || kind == VT_WRAPPER_TAR || fail_nested (error);
}

static gboolean
open_file (VtWrapper *self, GCancellable *cancellable, GError **error)
{
  struct stat info;
  guint64 size;

  self->file = open (self->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  /* What cannot be opened is told by whoever reads images; devices are never wrappers. */
  if (self->file < 0 || fstat (self->file, &info) < 0 || !S_ISREG (info.st_mode)) {
    vt_fd_clear (&self->file);
    return TRUE;
  }
  size = (guint64)info.st_size;
  if (!open_compressed (self, &size, cancellable, error))
    return FALSE;
  if (vt_wrapper_recognise (self->file, 0, size) == VT_WRAPPER_TAR)
    return open_ova (self, size, cancellable, error);
  if (!self->unpacked)
    vt_fd_clear (&self->file);
  return TRUE;
}

VtWrapper *
vt_wrapper_open (VtSpawner *spawner,
                 const char *path,
                 const VtWrapperOptions *options,
                 const VtWrapperEvents *events,
                 gpointer user_data,
                 GCancellable *cancellable,
                 GError **error)
{
  g_autoptr (VtWrapper) self = g_new0 (VtWrapper, 1);

  self->spawner = spawner;
  self->options = *options;
  self->events = events;
  self->user_data = user_data;
  self->path = g_strdup (path);
  self->file = -1;
  self->image = -1;
  self->names = g_ptr_array_new_with_free_func (g_free);
  if (!options->take_as_it_is && !open_file (self, cancellable, error))
    return NULL;
  if (self->parts == NULL)
    g_ptr_array_add (self->names, g_strdup (path));
  return g_steal_pointer (&self);
}

guint
vt_wrapper_get_n_images (const VtWrapper *self)
{
  return self->names->len;
}

const char *
vt_wrapper_get_name (const VtWrapper *self, guint index)
{
  return g_ptr_array_index (self->names, index);
}

/*
 * Files are named by our descriptors of them: so it is certain to be the same file, whatever stands
 * at its path by now. The processes that open it end with this one.
 */
static void
set_file (VtImageOptions *options, int fd, guint64 offset, guint64 size)
{
  g_free (options->file);
  options->file = g_strdup_printf ("/proc/%d/fd/%d", (int)getpid (), fd);
  options->offset = offset;
  options->size = size;
}

static gboolean
prepare_part (VtWrapper *self,
              const VtWrapperPart *part,
              VtImageOptions *options,
              GCancellable *cancellable,
              GError **error)
{
  VtWrapperKind kind = vt_wrapper_recognise (self->file, part->offset, part->size);
  guint64 size;

  if (kind == VT_WRAPPER_NONE) {
    set_file (options, self->file, part->offset, part->size);
    return TRUE;
  }
  if (self->unpacked || kind == VT_WRAPPER_TAR)
    return fail_nested (error);
  self->image = unpack (self, part, kind, cancellable, error);
  if (self->image < 0 || !get_size (self->image, &size, error))
    return FALSE;
  if (vt_wrapper_recognise (self->image, 0, size) != VT_WRAPPER_NONE)
    return fail_nested (error);
  set_file (options, self->image, 0, 0);
  return TRUE;
}

gboolean
vt_wrapper_prepare (VtWrapper *self,
                    guint index,
                    VtImageOptions *options,
                    GCancellable *cancellable,
                    GError **error)
{
  g_free (options->path);
  options->path = g_strdup (vt_wrapper_get_name (self, index));
  g_clear_pointer (&options->file, g_free);
  options->offset = 0;
  options->size = 0;
  vt_fd_clear (&self->image);
  if (self->parts != NULL)
    return prepare_part (self, g_ptr_array_index (self->parts, index), options, cancellable, error);
  if (self->file >= 0)
    set_file (options, self->file, 0, 0);
  return TRUE;
}

gboolean
vt_wrapper_hold (const VtWrapper *self, VtImageOptions *options, int *file, GError **error)
{
  *file = -1;
  if (options->file == NULL)
    return TRUE;
  *file = fcntl (self->image >= 0 ? self->image : self->file, F_DUPFD_CLOEXEC, 0);
  if (*file < 0) {
    g_set_error (error, VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_FILE, "%s", g_strerror (errno));
    return FALSE;
  }
  set_file (options, *file, options->offset, options->size);
  return TRUE;
}
