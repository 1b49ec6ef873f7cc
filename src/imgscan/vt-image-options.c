// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-image-reader.h"

G_DEFINE_QUARK (vt_image_error_quark, vt_image_error)

VtImageOptions *
vt_image_options_new (const char *path)
{
  VtImageOptions *self = g_new0 (VtImageOptions, 1);

  self->reader = vt_image_reader_main;
  self->path = g_strdup (path);
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

VtImageOptions *
vt_image_options_copy (const VtImageOptions *self)
{
  VtImageOptions *copy = g_new (VtImageOptions, 1);

  *copy = *self;
  copy->path = g_strdup (self->path);
  copy->file = g_strdup (self->file);
  copy->format = g_strdup (self->format);
  copy->snapshot = g_strdup (self->snapshot);
  copy->backing = g_strdupv (self->backing);
  copy->keys = g_strdupv (self->keys);
  copy->include = g_strdupv (self->include);
  copy->exclude = g_strdupv (self->exclude);
  return copy;
}

void
vt_image_options_free (VtImageOptions *self)
{
  g_free (self->path);
  g_free (self->file);
  g_free (self->format);
  g_free (self->snapshot);
  g_strfreev (self->backing);
  g_strfreev (self->keys);
  g_strfreev (self->include);
  g_strfreev (self->exclude);
  g_free (self);
}

#define ARGUMENTS_FORMAT "(^aym^ayttmsms^aay^aay^aay^aayttuu^aybt^aay)"

GVariant *
vt_reader_arguments_serialize (const VtReaderArguments *self)
{
  const VtImageOptions *options = self->options;

  return g_variant_new (ARGUMENTS_FORMAT, options->path, options->file, options->offset,
                        options->size, options->format, options->snapshot, options->backing,
                        options->keys, options->include, options->exclude, options->max_file_size,
                        options->max_spool_size, (guint32)options->mode, (guint32)options->backend,
                        self->run_dir, self->force_tcg, self->underway, self->refused);
}

void
vt_reader_arguments_parse (VtReaderArguments *self, GVariant *value)
{
  VtImageOptions *options = g_new0 (VtImageOptions, 1);
  guint32 mode;
  guint32 backend;

  g_variant_get (value, ARGUMENTS_FORMAT, &options->path, &options->file, &options->offset,
                 &options->size, &options->format, &options->snapshot, &options->backing,
                 &options->keys, &options->include, &options->exclude, &options->max_file_size,
                 &options->max_spool_size, &mode, &backend, &self->run_dir, &self->force_tcg,
                 &self->underway, &self->refused);
  options->mode = mode;
  options->backend = backend;
  self->options = options;
}

void
vt_reader_arguments_clear (VtReaderArguments *self)
{
  g_clear_pointer (&self->options, vt_image_options_free);
  g_clear_pointer (&self->run_dir, g_free);
  g_clear_pointer (&self->refused, g_strfreev);
}
