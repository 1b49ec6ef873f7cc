// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-vmdk.h"

#include <string.h>

#include "vt-image.h"

/* Longest name of an extent that QEMU takes, in bytes. */
#define NAME_MAX_BYTES 511
/* More than a disk may have files (vt-block-files.c): whatever comes behind is refused there. */
#define EXTENTS_MAX 1000
#define SECTOR      512

static const char *const create_types[] = {
    "monolithicSparse", "monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat", "vmfs",
    "vmfsSparse",       "seSparse",       "streamOptimized"};

static const char *const extent_types[] = {"FLAT", "SPARSE", "VMFS", "VMFSSPARSE", "SESPARSE"};

static void
extent_free (VtVmdkExtent *extent)
{
  g_free (extent->type);
  g_free (extent->name);
  g_free (extent);
}

void
vt_vmdk_free (VtVmdk *self)
{
  g_ptr_array_unref (self->extents);
  g_free (self->parent);
  g_free (self);
}

gboolean
vt_vmdk_extent_is_flat (const VtVmdkExtent *extent)
{
  return g_str_equal (extent->type, "FLAT") || g_str_equal (extent->type, "VMFS");
}

static gboolean
fail (GError **error, const char *what)
{
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE, "its VMDK descriptor %s", what);
  return FALSE;
}

static const char *
find_in (const char *const *known, gsize n, const char *value)
{
  for (gsize i = 0; i < n; i++)
    if (g_str_equal (known[i], value))
      return known[i];
  return NULL;
}

static gboolean
take_number (char **at, guint64 *number)
{
  char *start = *at + strspn (*at, " \t");

  if (!g_ascii_isdigit (*start))
    return FALSE;
  *number = g_ascii_strtoull (start, at, 10);
  return *number <= G_MAXINT64 / SECTOR;
}

static char *
take_word (char **at)
{
  char *start = *at + strspn (*at, " \t");

  *at = start + strcspn (start, " \t");
  return g_strndup (start, (gsize)(*at - start));
}

/* NULL if there is none. */
static char *
take_quoted (char **at)
{
  char *start = *at + strspn (*at, " \t");
  char *end = *start == '"' ? strchr (start + 1, '"') : NULL;

  if (end == NULL)
    return NULL;
  *at = end + 1;
  return g_strndup (start + 1, (gsize)(end - start - 1));
}

/* RW SECTORS TYPE "NAME" [OFFSET] */
static gboolean
parse_extent (VtVmdk *self, char *at, GError **error)
{
  VtVmdkExtent *extent = g_new0 (VtVmdkExtent, 1);
  gboolean numbers;

  g_ptr_array_add (self->extents, extent);
  numbers = take_number (&at, &extent->sectors);
  extent->type = take_word (&at);
  extent->name = take_quoted (&at);
  if (!numbers || extent->sectors == 0 || extent->name == NULL || extent->name[0] == '\0' ||
      strlen (extent->name) > NAME_MAX_BYTES)
    return fail (error, "has an extent that makes no sense");
  if (find_in (extent_types, G_N_ELEMENTS (extent_types), extent->type) == NULL)
    return fail (error, "has an extent of a type that is not read");
  if (g_str_equal (extent->type, "FLAT") && !take_number (&at, &extent->offset))
    return fail (error, "has a flat extent without an offset");
  return self->extents->len <= EXTENTS_MAX || fail (error, "has too many extents");
}

static gboolean
parse_value (VtVmdk *self, const char *key, char *value, GError **error)
{
  g_autofree char *text = NULL;

  if (g_ascii_strcasecmp (key, "CID") == 0) {
    self->cid = (guint32)g_ascii_strtoull (value, NULL, 16);
  } else if (g_ascii_strcasecmp (key, "parentCID") == 0) {
    self->parent_cid = (guint32)g_ascii_strtoull (value, NULL, 16);
  } else if (g_ascii_strcasecmp (key, "createType") == 0) {
    text = take_quoted (&value);
    self->create_type =
        text != NULL ? find_in (create_types, G_N_ELEMENTS (create_types), text) : NULL;
    return self->create_type != NULL || fail (error, "is of a type that is not read");
  } else if (g_ascii_strcasecmp (key, "parentFileNameHint") == 0) {
    g_free (self->parent);
    self->parent = take_quoted (&value);
    return (self->parent != NULL && self->parent[0] != '\0') ||
           fail (error, "has a parent without a name");
  }
  return TRUE;
}

static gboolean
parse_line (VtVmdk *self, char *line, GError **error)
{
  char *at = line;
  g_autofree char *word = take_word (&at);
  char *value = strchr (line, '=');

  if (line[0] == '#' || line[0] == '\0')
    return TRUE;
  if (g_str_equal (word, "RW"))
    return parse_extent (self, at, error);
  /* QEMU would leave it out, and what is behind it would be where it does not belong. */
  if (g_str_equal (word, "RDONLY") || g_str_equal (word, "NOACCESS"))
    return fail (error, "has an extent that is not read: only RW is");
  if (value == NULL)
    return TRUE;
  *value++ = '\0';
  return parse_value (self, g_strstrip (line), value, error);
}

VtVmdk *
vt_vmdk_parse (const char *text, gsize size, GError **error)
{
  g_autoptr (VtVmdk) self = g_new0 (VtVmdk, 1);
  g_autofree char *copy = g_strndup (text, MIN (size, VT_VMDK_DESCRIPTOR_MAX));
  g_auto (GStrv) lines = g_strsplit (copy, "\n", -1);

  self->extents = g_ptr_array_new_with_free_func ((GDestroyNotify)extent_free);
  self->parent_cid = G_MAXUINT32;
  for (char **line = lines; *line != NULL; line++)
    if (!parse_line (self, g_strstrip (*line), error))
      return NULL;
  if (size <= VT_VMDK_DESCRIPTOR_MAX && self->create_type != NULL && self->extents->len > 0)
    return g_steal_pointer (&self);
  fail (error, "is not whole");
  return NULL;
}

char *
vt_vmdk_render (const VtVmdk *self, const char *const *names)
{
  GString *text = g_string_new ("# Disk DescriptorFile\nversion=1\n");

  g_string_append_printf (text, "CID=%08x\nparentCID=%08x\ncreateType=\"%s\"\n", self->cid,
                          self->parent_cid, self->create_type);
  if (self->parent != NULL)
    g_string_append_printf (text, "parentFileNameHint=\"%s\"\n", self->parent);
  for (guint i = 0; i < self->extents->len; i++) {
    const VtVmdkExtent *extent = g_ptr_array_index (self->extents, i);

    g_string_append_printf (text, "RW %" G_GUINT64_FORMAT " %s \"%s\"", extent->sectors,
                            extent->type, names[i]);
    if (g_str_equal (extent->type, "FLAT"))
      g_string_append_printf (text, " %" G_GUINT64_FORMAT, extent->offset);
    g_string_append_c (text, '\n');
  }
  return g_string_free (text, FALSE);
}
