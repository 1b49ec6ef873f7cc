// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-clean-plan.h"

#include <string.h>

#include "vt-image.h"

void
vt_clean_item_free (VtCleanItem *self)
{
  g_free (self->display);
  g_free (self->why);
  g_free (self->id);
  g_free (self);
}

void
vt_clean_item_refuse (VtCleanItem *self, const char *format, ...)
{
  va_list arguments;

  if (self->why != NULL)
    return;
  va_start (arguments, format);
  self->why = g_strdup_vprintf (format, arguments);
  va_end (arguments);
}

static const VtFilesystem *
find_filesystem (const VtScanResult *image, const char *id)
{
  for (guint i = 0; i < image->filesystems->len; i++) {
    const VtFilesystem *filesystem = g_ptr_array_index (image->filesystems, i);

    if (strcmp (filesystem->id, id) == 0)
      return filesystem;
  }
  return NULL;
}

static void
judge_place (VtCleanItem *item, const VtScanResult *image, const VtFilesystem *filesystem)
{
  const VtFinding *finding = item->finding;

  if (filesystem == NULL)
    vt_clean_item_refuse (item, "there is no file system %s in the image", finding->fs);
  else if (image->systems->len == 0)
    vt_clean_item_refuse (item, "no operating system is known in the image, so that nothing is "
                                "written to it");
  else if (!filesystem->primary || filesystem->mountpoint == NULL)
    vt_clean_item_refuse (item, "%s is not of the image's first operating system", finding->fs);
}

static void
judge_file (VtCleanItem *item, gboolean containers)
{
  const VtFinding *finding = item->finding;

  if (finding->members != NULL && !containers)
    vt_clean_item_refuse (item, "it is in a container; --containers cleans the container as a "
                                "whole");
  if (!finding->has_digest)
    vt_clean_item_refuse (item, "its content is not known");
  if (!vt_image_path_is_plain (finding->path))
    vt_clean_item_refuse (item, "its path is not plain, too long, or too deep");
  if (finding->size > VT_IMAGE_FETCH_SIZE_MAX)
    vt_clean_item_refuse (
        item, "it has %" G_GUINT64_FORMAT " bytes; at most %" G_GUINT64_FORMAT " are taken out",
        finding->size, VT_IMAGE_FETCH_SIZE_MAX);
}

static VtCleanItem *
new_item (const VtFinding *finding, const VtScanResult *image, gboolean containers)
{
  const VtFilesystem *filesystem = find_filesystem (image, finding->fs);
  VtCleanItem *item = g_new0 (VtCleanItem, 1);
  g_autofree char *path = vt_members_join (finding->path, (const char *const *)finding->members);

  item->finding = finding;
  item->display = filesystem != NULL && filesystem->primary
                      ? g_steal_pointer (&path)
                      : g_strconcat (finding->fs, ":", path, NULL);
  judge_place (item, image, filesystem);
  judge_file (item, containers);
  return item;
}

GPtrArray *
vt_clean_plan_new (const VtFindings *findings, const VtScanResult *image, gboolean containers)
{
  GPtrArray *items = g_ptr_array_new_with_free_func ((GDestroyNotify)vt_clean_item_free);
  g_autoptr (GHashTable) names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < findings->findings->len; i++) {
    const VtFinding *finding = g_ptr_array_index (findings->findings, i);
    /* The guest chooses both, and must not make one of two. */
    char *name = g_strdup_printf ("%zu %s%s", strlen (finding->fs), finding->fs, finding->path);

    if (g_hash_table_add (names, name))
      g_ptr_array_add (items, new_item (finding, image, containers));
  }
  return items;
}

/* Free with g_free(). */
static char *
make_inode_key (const VtCleanItem *item)
{
  return g_strdup_printf ("%" G_GUINT64_FORMAT " %s", item->inode, item->finding->fs);
}

/* Of each file, how many of its names are to be cleaned. */
static GHashTable *
count_names (GPtrArray *items)
{
  GHashTable *names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < items->len; i++) {
    const VtCleanItem *item = g_ptr_array_index (items, i);
    g_autofree char *key = make_inode_key (item);
    guint n = GPOINTER_TO_UINT (g_hash_table_lookup (names, key));

    if (item->seen && item->why == NULL)
      g_hash_table_insert (names, g_steal_pointer (&key), GUINT_TO_POINTER (n + 1));
  }
  return names;
}

static void
judge_links (VtCleanItem *item, GHashTable *names)
{
  g_autofree char *key = make_inode_key (item);
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (names, key));

  if (item->links > 1 && item->inode != 0 && n < item->links)
    vt_clean_item_refuse (item, "%u of the file's %u names are to be cleaned: it would stay", n,
                          item->links);
}

void
vt_clean_plan_settle (GPtrArray *items)
{
  g_autoptr (GHashTable) names = NULL;

  for (guint i = 0; i < items->len; i++) {
    VtCleanItem *item = g_ptr_array_index (items, i);

    if (!item->seen)
      vt_clean_item_refuse (item, "it is not there any more, or behind a symbolic link");
  }
  names = count_names (items);
  for (guint i = 0; i < items->len; i++) {
    VtCleanItem *item = g_ptr_array_index (items, i);

    if (item->why == NULL)
      judge_links (item, names);
  }
}

guint
vt_clean_plan_count (GPtrArray *items)
{
  guint n = 0;

  for (guint i = 0; i < items->len; i++)
    n += ((const VtCleanItem *)g_ptr_array_index (items, i))->why == NULL ? 1 : 0;
  return n;
}
