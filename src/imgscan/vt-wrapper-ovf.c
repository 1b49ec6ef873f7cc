// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The descriptor of an OVA, as far as it tells where the disks are:
 *
 *   <References> <File ovf:id="file1" ovf:href="disk.vmdk"/> ...
 *   <DiskSection> <Disk ovf:fileRef="file1"/> ...
 *
 * A disk without a file is made when the machine is; a file may also be no disk's.
 */
#include <string.h>

#include "vt-wrapper-private.h"

/* Far more than any descriptor has. */
#define ENTRIES_MAX 1000

typedef struct {
  GHashTable *files; /* id to href */
  GPtrArray *disks;  /* of gchar: ids */
} Ovf;

/* Prefixes of namespaces are the author's choice. */
static const char *
local_name (const char *name)
{
  const char *colon = strrchr (name, ':');

  return colon != NULL ? colon + 1 : name;
}

static const char *
find_attribute (const char **names, const char **values, const char *wanted)
{
  for (gsize i = 0; names[i] != NULL; i++)
    if (g_str_equal (local_name (names[i]), wanted))
      return values[i];
  return NULL;
}

static void
on_element (GMarkupParseContext *context,
            const char *element,
            const char **names,
            const char **values,
            gpointer user_data,
            GError **error)
{
  Ovf *self = user_data;
  const char *id = find_attribute (names, values, "id");
  const char *href = find_attribute (names, values, "href");
  const char *file = find_attribute (names, values, "fileRef");

  if (g_hash_table_size (self->files) > ENTRIES_MAX || self->disks->len > ENTRIES_MAX)
    g_set_error (error, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT,
                 "more than %d files or disks", ENTRIES_MAX);
  else if (g_str_equal (local_name (element), "File") && id != NULL && href != NULL)
    g_hash_table_insert (self->files, g_strdup (id), g_strdup (href));
  else if (g_str_equal (local_name (element), "Disk") && file != NULL)
    g_ptr_array_add (self->disks, g_strdup (file));
}

static GStrv
resolve (const Ovf *self, GError **error)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; i < self->disks->len; i++) {
    const char *id = g_ptr_array_index (self->disks, i);
    const char *href = g_hash_table_lookup (self->files, id);

    if (href == NULL) {
      g_set_error (error, VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_BAD,
                   "its OVF has a disk in the file '%s', and does not tell which that is", id);
      return NULL;
    }
    g_strv_builder_add (builder, href);
  }
  return g_strv_builder_end (builder);
}

GStrv
vt_wrapper_parse_ovf (const char *text, gsize size, GError **error)
{
  static const GMarkupParser parser = {.start_element = on_element};
  static const char byte_order_mark[] = "\xef\xbb\xbf";
  g_autoptr (GHashTable) files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GPtrArray) disks = g_ptr_array_new_with_free_func (g_free);
  Ovf self = {files, disks};
  g_autoptr (GMarkupParseContext) context = g_markup_parse_context_new (&parser, 0, &self, NULL);
  g_autoptr (GError) failure = NULL;

  if (size >= 3 && memcmp (text, byte_order_mark, 3) == 0) {
    text += 3;
    size -= 3;
  }
  if (g_markup_parse_context_parse (context, text, (gssize)size, &failure) &&
      g_markup_parse_context_end_parse (context, &failure))
    return resolve (&self, error);
  g_set_error (error, VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_BAD, "its OVF cannot be understood: %s",
               failure->message);
  return NULL;
}
