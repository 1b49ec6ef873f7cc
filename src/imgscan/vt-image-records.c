// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-image-records.h"

/* Longest text, in bytes: the longest path there is, and all of a record stay clear of
 * VT_IPC_MESSAGE_MAX. */
#define TEXT_MAX ((gsize)4096)

char *
vt_record_text (const char *text)
{
  g_autofree char *cut = g_strndup (text, TEXT_MAX);

  return g_utf8_make_valid (cut, -1);
}

GVariant *
vt_operating_system_serialize (const VtOperatingSystem *self)
{
  const char *const texts[] = {self->root,           self->type,           self->distro,
                               self->product,        self->hostname,       self->arch,
                               self->package_format, self->package_manager};
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE (VT_SYSTEM_RECORD));
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autofree char *text = vt_record_text (texts[i]);
    g_variant_builder_add (&builder, "s", text);
  }
  g_variant_builder_add (&builder, "i", self->major);
  g_variant_builder_add (&builder, "i", self->minor);
  return g_variant_builder_end (&builder);
}

VtOperatingSystem *
vt_operating_system_parse (GVariant *value)
{
  VtOperatingSystem *self = vt_operating_system_new ();

  g_variant_get (value, VT_SYSTEM_RECORD, &self->root, &self->type, &self->distro, &self->product,
                 &self->hostname, &self->arch, &self->package_format, &self->package_manager,
                 &self->major, &self->minor);
  return self;
}

GVariant *
vt_filesystem_serialize (const VtFilesystem *self)
{
  g_autofree char *id = vt_record_text (self->id);
  g_autofree char *type = vt_record_text (self->type);
  g_autofree char *uuid = vt_record_text (self->uuid);
  g_autofree char *label = vt_record_text (self->label);
  g_autofree char *mountpoint = vt_record_text (self->mountpoint ?: "");
  g_autofree char *os = vt_record_text (self->os ?: "");

  return g_variant_new (VT_FILESYSTEM_RECORD, id, type, uuid, label, self->size, mountpoint, os,
                        self->primary);
}

static void
clear_if_empty (char **text)
{
  if ((*text)[0] == '\0')
    g_clear_pointer (text, g_free);
}

VtFilesystem *
vt_filesystem_parse (GVariant *value)
{
  VtFilesystem *self = vt_filesystem_new ();

  g_variant_get (value, VT_FILESYSTEM_RECORD, &self->id, &self->type, &self->uuid, &self->label,
                 &self->size, &self->mountpoint, &self->os, &self->primary);
  clear_if_empty (&self->mountpoint);
  clear_if_empty (&self->os);
  return self;
}
