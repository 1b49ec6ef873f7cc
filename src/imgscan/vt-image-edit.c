// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-image-edit.h"

#include <string.h>

/* Bytes of a path, as the kernel has it, and names in it. */
#define PATH_SIZE_MAX  4095
#define PATH_DEPTH_MAX 64

static VtImageEdit *
new_edit (VtImageEditKind kind, const char *path, const char *source)
{
  VtImageEdit *self = g_new0 (VtImageEdit, 1);

  self->kind = kind;
  self->path = g_strdup (path);
  self->source = g_strdup (source);
  return self;
}

VtImageEdit *
vt_image_edit_new_mkdir (const char *path, guint32 mode)
{
  VtImageEdit *self = new_edit (VT_EDIT_MKDIR, path, "");

  self->mode = mode;
  return self;
}

VtImageEdit *
vt_image_edit_new_upload (const char *source, const char *path, guint32 mode)
{
  VtImageEdit *self = new_edit (VT_EDIT_UPLOAD, path, source);

  self->mode = mode;
  return self;
}

VtImageEdit *
vt_image_edit_new_symlink (const char *text, const char *path)
{
  return new_edit (VT_EDIT_SYMLINK, path, text);
}

VtImageEdit *
vt_image_edit_new_remove (const char *path, gboolean missing_ok)
{
  VtImageEdit *self = new_edit (VT_EDIT_REMOVE, path, "");

  self->missing_ok = missing_ok;
  return self;
}

VtImageEdit *
vt_image_edit_new_remove_tree (const char *path, gboolean missing_ok)
{
  VtImageEdit *self = new_edit (VT_EDIT_REMOVE_TREE, path, "");

  self->missing_ok = missing_ok;
  return self;
}

VtImageEdit *
vt_image_edit_new_chmod (const char *path, guint32 mode)
{
  VtImageEdit *self = new_edit (VT_EDIT_CHMOD, path, "");

  self->mode = mode;
  return self;
}

VtImageEdit *
vt_image_edit_new_remove_exact (const char *path, const VtDigest *digest)
{
  char hex[VT_DIGEST_HEX_SIZE];

  return new_edit (VT_EDIT_REMOVE, path, vt_digest_to_hex (digest, hex));
}

VtImageEdit *
vt_image_edit_new_create (const char *source, const char *path, const VtFileAttributes *attributes)
{
  VtImageEdit *self = new_edit (VT_EDIT_CREATE, path, source);

  self->mode = attributes->mode;
  self->uid = attributes->uid;
  self->gid = attributes->gid;
  if (attributes->label_size > 0)
    self->label = g_bytes_new (attributes->label, attributes->label_size);
  return self;
}

void
vt_image_edit_free (VtImageEdit *self)
{
  g_clear_pointer (&self->label, g_bytes_unref);
  g_free (self->path);
  g_free (self->source);
  g_free (self);
}

gboolean
vt_image_path_is_plain (const char *path)
{
  g_auto (GStrv) names = NULL;

  if (path[0] != '/' || path[1] == '\0' || strlen (path) > PATH_SIZE_MAX)
    return FALSE;
  names = g_strsplit (path + 1, "/", PATH_DEPTH_MAX + 1);
  for (guint i = 0; names[i] != NULL; i++)
    if (names[i][0] == '\0' || strcmp (names[i], ".") == 0 || strcmp (names[i], "..") == 0)
      return FALSE;
  return g_strv_length (names) <= PATH_DEPTH_MAX;
}

static gpointer
copy_edit (gconstpointer data, gpointer unused)
{
  const VtImageEdit *edit = data;
  VtImageEdit *copy = g_new (VtImageEdit, 1);

  *copy = *edit;
  copy->path = g_strdup (edit->path);
  copy->source = g_strdup (edit->source);
  copy->label = edit->label != NULL ? g_bytes_ref (edit->label) : NULL;
  return copy;
}

GPtrArray *
vt_image_edits_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify)vt_image_edit_free);
}

GPtrArray *
vt_image_edits_copy (GPtrArray *edits)
{
  return g_ptr_array_copy (edits, copy_edit, NULL);
}

/* Empty for none. */
static GVariant *
serialize_label (GBytes *label)
{
  gsize size = 0;
  const void *bytes = label != NULL ? g_bytes_get_data (label, &size) : NULL;

  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, bytes, size, 1);
}

static GBytes *
parse_label (GVariant *value)
{
  gsize size;
  const void *bytes = g_variant_get_fixed_array (value, &size, 1);

  return size > 0 ? g_bytes_new (bytes, size) : NULL;
}

GVariant *
vt_image_edits_serialize (GPtrArray *edits)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE (VT_IMAGE_EDITS_TYPE));
  for (guint i = 0; i < edits->len; i++) {
    const VtImageEdit *edit = g_ptr_array_index (edits, i);

    g_variant_builder_add (&builder, "(u^ay^ayuuub@ay)", (guint32)edit->kind, edit->path,
                           edit->source, edit->mode, edit->uid, edit->gid, edit->missing_ok,
                           serialize_label (edit->label));
  }
  return g_variant_builder_end (&builder);
}

GPtrArray *
vt_image_edits_parse (GVariant *value)
{
  GPtrArray *edits = vt_image_edits_new ();

  for (gsize i = 0; i < g_variant_n_children (value); i++) {
    VtImageEdit *edit = g_new0 (VtImageEdit, 1);
    g_autoptr (GVariant) label = NULL;
    guint32 kind;

    g_variant_get_child (value, i, "(u^ay^ayuuub@ay)", &kind, &edit->path, &edit->source,
                         &edit->mode, &edit->uid, &edit->gid, &edit->missing_ok, &label);
    edit->kind = kind;
    edit->label = parse_label (label);
    g_ptr_array_add (edits, edit);
  }
  return edits;
}
