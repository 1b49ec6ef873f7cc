// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-members.h"

#include <string.h>

/* Bytes of a name that are kept however long the others are. */
#define NAME_KEPT_MIN ((gsize)64)

/* Bytes of one more name. A name is kept in every result and in the store, and whoever made the
 * container chose it. */
static gsize
find_room (const char *const *members)
{
  gsize used = 0;

  for (guint i = 0; members != NULL && members[i] != NULL; i++)
    used += strlen (members[i]);
  return MAX (VT_MEMBERS_BYTES_MAX - MIN (used, VT_MEMBERS_BYTES_MAX), NAME_KEPT_MIN);
}

GStrv
vt_members_prepend (const char *name, const char *const *members)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autofree char *kept = g_strndup (name, find_room (members));

  g_strv_builder_add (builder, kept);
  if (members != NULL)
    g_strv_builder_addv (builder, (const char **)members);
  return g_strv_builder_end (builder);
}

char *
vt_members_join (const char *path, const char *const *members)
{
  GString *text = g_string_new (path);

  for (guint i = 0; members != NULL && members[i] != NULL; i++) {
    g_string_append_c (text, '!');
    g_string_append (text, members[i]);
  }
  return g_string_free (text, FALSE);
}

GBytes *
vt_members_pack (const char *const *members)
{
  GByteArray *packed = g_byte_array_new ();

  for (guint i = 0; members != NULL && members[i] != NULL; i++)
    g_byte_array_append (packed, (const guint8 *)members[i], (guint)strlen (members[i]) + 1);
  return g_byte_array_free_to_bytes (packed);
}

gboolean
vt_members_unpack (const void *data, gsize size, GStrv *members)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *bytes = data;
  gsize start = 0;

  *members = NULL;
  if (size == 0)
    return TRUE;
  if (bytes[size - 1] != '\0')
    return FALSE;
  while (start < size) {
    gsize length = strlen (bytes + start);

    if (length == 0 || length > VT_MEMBER_NAME_MAX || names->len == VT_MEMBERS_MAX)
      return FALSE;
    g_ptr_array_add (names, g_strdup (bytes + start));
    start += length + 1;
  }
  g_ptr_array_add (names, NULL);
  *members = (GStrv)g_ptr_array_steal (names, NULL);
  return TRUE;
}
