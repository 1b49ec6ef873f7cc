// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-image-reader.h"

G_DEFINE_QUARK (vt_image_error_quark, vt_image_error)

VtImageOptions *
vt_image_options_new (const char *path)
{
  VtImageOptions *self = g_new0 (VtImageOptions, 1);

  self->reader = vt_image_reader_main;
  self->path = g_strdup (path);
  self->edits = vt_image_edits_new ();
  self->fetch = g_new0 (char *, 1);
  self->backing = g_new0 (char *, 1);
  self->keys = g_new0 (char *, 1);
  self->include = g_new0 (char *, 1);
  self->exclude = g_new0 (char *, 1);
  self->max_file_size = G_MAXUINT64;
  self->max_spool_size = VT_IMAGE_MAX_SPOOL_SIZE;
  self->mode = VT_IMAGE_READ;
  self->launch_timeout_s = VT_IMAGE_LAUNCH_TIMEOUT_S;
  self->stall_timeout_s = VT_IMAGE_STALL_TIMEOUT_S;
  return self;
}

VtImageTemplate *
vt_image_template_new (void)
{
  VtImageTemplate *self = g_new0 (VtImageTemplate, 1);

  self->filesystems = g_new0 (char *, 1);
  return self;
}

/* Strings of each of VtImageTemplate.filesystems. */
enum { FS_ID, FS_TYPE, FS_UUID, FS_N };

gint
vt_image_template_find (const char *const *filesystems, const VtFilesystem *filesystem)
{
  for (gint i = 0; filesystems[FS_N * i] != NULL; i++) {
    const char *const *entry = filesystems + FS_N * i;

    if (g_str_equal (entry[FS_ID], filesystem->id) &&
        g_str_equal (entry[FS_TYPE], filesystem->type))
      return i;
  }
  return -1;
}

const char *
vt_image_template_get_uuid (const char *const *filesystems, guint number)
{
  return filesystems[FS_N * number + FS_UUID];
}

static VtImageTemplate *
copy_template (const VtImageTemplate *self)
{
  VtImageTemplate *copy = NULL;

  if (self == NULL)
    return NULL;
  copy = g_new0 (VtImageTemplate, 1);
  copy->image = g_strdup (self->image);
  copy->files = g_strdup (self->files);
  if (self->held != NULL)
    copy->held = g_rc_box_acquire (self->held);
  copy->filesystems = g_strdupv (self->filesystems);
  return copy;
}

void
vt_image_template_free (VtImageTemplate *self)
{
  g_free (self->image);
  g_free (self->files);
  g_clear_pointer (&self->held, vt_shared_fd_unref);
  g_strfreev (self->filesystems);
  g_free (self);
}

VtImageOptions *
vt_image_options_copy (const VtImageOptions *self)
{
  VtImageOptions *copy = g_new (VtImageOptions, 1);

  *copy = *self;
  copy->path = g_strdup (self->path);
  copy->file = g_strdup (self->file);
  copy->format = g_strdup (self->format);
  copy->snapshot = g_strdup (self->snapshot);
  copy->overlay = g_strdup (self->overlay);
  copy->edits = vt_image_edits_copy (self->edits);
  copy->fetch = g_strdupv (self->fetch);
  copy->backing = g_strdupv (self->backing);
  copy->keys = g_strdupv (self->keys);
  copy->include = g_strdupv (self->include);
  copy->exclude = g_strdupv (self->exclude);
  copy->template = copy_template (self->template);
  return copy;
}

void
vt_image_options_free (VtImageOptions *self)
{
  g_free (self->path);
  g_free (self->file);
  g_free (self->format);
  g_free (self->snapshot);
  g_free (self->overlay);
  g_ptr_array_unref (self->edits);
  g_strfreev (self->fetch);
  g_strfreev (self->backing);
  g_strfreev (self->keys);
  g_strfreev (self->include);
  g_strfreev (self->exclude);
  g_clear_pointer (&self->template, vt_image_template_free);
  g_free (self);
}

#define ARGUMENTS_FORMAT                                                                           \
  "(^aym^ayttmsmsm^ay@" VT_IMAGE_EDITS_TYPE "^aay^aay^aay^aay^aay@m" TEMPLATE_TYPE "ttuu^aybt^"    \
  "aay)"
/* Image, files, file systems. */
#define TEMPLATE_TYPE   "(mayayaay)"
#define TEMPLATE_FORMAT "(m^ay^ay^aay)"

static GVariant *
serialize_template (const VtImageTemplate *self)
{
  GVariant *value = NULL;

  if (self != NULL)
    value = g_variant_new (TEMPLATE_FORMAT, self->image, self->files, self->filesystems);
  return g_variant_new_maybe (G_VARIANT_TYPE (TEMPLATE_TYPE), value);
}

static VtImageTemplate *
parse_template (GVariant *maybe)
{
  g_autoptr (GVariant) value = g_variant_get_maybe (maybe);
  VtImageTemplate *self = NULL;

  if (value == NULL)
    return NULL;
  self = g_new0 (VtImageTemplate, 1);
  g_variant_get (value, TEMPLATE_FORMAT, &self->image, &self->files, &self->filesystems);
  return self;
}

GVariant *
vt_reader_arguments_serialize (const VtReaderArguments *self)
{
  const VtImageOptions *options = self->options;

  return g_variant_new (ARGUMENTS_FORMAT, options->path, options->file, options->offset,
                        options->size, options->format, options->snapshot, options->overlay,
                        vt_image_edits_serialize (options->edits), options->fetch, options->backing,
                        options->keys, options->include, options->exclude,
                        serialize_template (options->template), options->max_file_size,
                        options->max_spool_size, (guint32)options->mode, (guint32)options->backend,
                        self->run_dir, self->force_tcg, self->underway, self->refused);
}

void
vt_reader_arguments_parse (VtReaderArguments *self, GVariant *value)
{
  VtImageOptions *options = g_new0 (VtImageOptions, 1);
  g_autoptr (GVariant) template = NULL;
  g_autoptr (GVariant) edits = NULL;
  guint32 mode;
  guint32 backend;

  g_variant_get (value, ARGUMENTS_FORMAT, &options->path, &options->file, &options->offset,
                 &options->size, &options->format, &options->snapshot, &options->overlay, &edits,
                 &options->fetch, &options->backing, &options->keys, &options->include,
                 &options->exclude, &template, &options->max_file_size, &options->max_spool_size,
                 &mode, &backend, &self->run_dir, &self->force_tcg, &self->underway,
                 &self->refused);
  options->edits = vt_image_edits_parse (edits);
  options->mode = mode;
  options->backend = backend;
  options->template = parse_template (template);
  self->options = options;
}

void
vt_reader_arguments_clear (VtReaderArguments *self)
{
  g_clear_pointer (&self->options, vt_image_options_free);
  g_clear_pointer (&self->run_dir, g_free);
  g_clear_pointer (&self->refused, g_strfreev);
}
