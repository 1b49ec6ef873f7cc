// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-block-explain.h"

#include <string.h>

/* The end of the node that QEMU describes at TEXT as "json:{...}", or NULL. */
static const char *
find_node_end (const char *text)
{
  gboolean in_string = FALSE;
  guint depth = 0;

  for (const char *at = text; *at != '\0'; at++) {
    if (*at == '"')
      in_string = !in_string;
    else if (in_string && *at == '\\' && at[1] != '\0')
      at++;
    else if (!in_string && *at == '{')
      depth++;
    else if (!in_string && *at == '}' && --depth == 0)
      return at + 1;
  }
  return NULL;
}

/* The topmost file of a node: they are opened from the top down. NULL if there is none. */
static const VtBlockFile *
find_in_node (VtBlockFiles *files, const char *node)
{
  const VtBlockFile *file;

  for (guint i = 0; (file = vt_block_files_get (files, i)) != NULL; i++) {
    g_autofree char *link = vt_block_files_link (file);
    g_autofree char *quoted = g_strdup_printf ("\"%s\"", link);

    if (strstr (node, quoted) != NULL)
      return file;
  }
  return NULL;
}

/* QEMU tells of a node in an order of its own. */
static GString *
replace_nodes (VtBlockFiles *files, const char *text)
{
  GString *result = g_string_new (NULL);
  const char *node;

  while ((node = strstr (text, "json:{")) != NULL) {
    const char *end = find_node_end (node);
    g_autofree char *copy = end != NULL ? g_strndup (node, (gsize)(end - node)) : NULL;
    const VtBlockFile *file = copy != NULL ? find_in_node (files, copy) : NULL;

    if (file == NULL)
      break;
    g_string_append_len (result, text, node - text);
    g_string_append (result, vt_block_files_get_path (files, file));
    text = end;
  }
  return g_string_append (result, text);
}

char *
vt_block_explain (VtBlockFiles *files, const char *text)
{
  GString *explained = replace_nodes (files, text);
  guint n = 0;

  while (vt_block_files_get (files, n) != NULL)
    n++;
  /* From the highest: a lower one's name may be the beginning of a higher one's. */
  for (; n > 0; n--) {
    const VtBlockFile *file = vt_block_files_get (files, n - 1);
    g_autofree char *link = vt_block_files_link (file);

    g_string_replace (explained, link, vt_block_files_get_path (files, file), 0);
  }
  return g_string_free (explained, FALSE);
}
